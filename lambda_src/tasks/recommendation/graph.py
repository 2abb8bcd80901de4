"""A fitted recommender as an ONNX graph: histories in, a score for every item out."""

from collections.abc import Mapping

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tasks.framework.training.graphs import serialized
from tasks.recommendation.learners import (
    FOLD_IN_STEPS,
    Dense,
    Factors,
    Fitted,
    Popularity,
    Sparse,
)

_node = helper.make_node


def export(fitted: Fitted) -> bytes:
    """The graph from x to scores, both float32 of shape (n_users, n_items)."""
    match fitted:
        case Dense():
            nodes, constants = _dense(fitted)
        case Sparse():
            nodes, constants = _sparse(fitted)
        case Factors():
            nodes, constants = _factors(fitted)
        case Popularity():
            nodes, constants = _popularity(fitted)
    graph = helper.make_graph(
        nodes,
        "recommendation",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["users", "items"])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["users", "items"])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return serialized(graph)


type _Parts = tuple[list[onnx.NodeProto], Mapping[str, np.ndarray]]


def _dense(fitted: Dense) -> _Parts:
    nodes = [_node("MatMul", ["x", "weights"], ["scores"])]
    return nodes, {"weights": np.ascontiguousarray(fitted.weights)}


def _sparse(fitted: Sparse) -> _Parts:
    n_items, count = fitted.sources.shape
    nodes = [
        _node("Gather", ["x", "sources"], ["flat"], axis=1),
        _node("Reshape", ["flat", "shape"], ["taken"]),
        _node("Mul", ["taken", "weights"], ["shares"]),
        _node("ReduceSum", ["shares", "last"], ["scores"], keepdims=0),
    ]
    return nodes, {
        "sources": fitted.sources.ravel(),
        "weights": fitted.weights,
        "shape": np.array([-1, n_items, count], np.int64),
        "last": np.array([-1], np.int64),
    }


def _popularity(fitted: Popularity) -> _Parts:
    nodes = [_node("Mul", ["x", "zero"], ["nothing"]), _node("Add", ["nothing", "p"], ["scores"])]
    return nodes, {"zero": np.zeros(1, np.float32), "p": fitted.popularity}


def _factors(fitted: Factors) -> _Parts:
    """The conjugate gradients of learners.solve, step by step, from zero."""
    items = fitted.items
    unobserved = np.float32(fitted.unobserved)
    constants = {
        "items": items,
        "items_t": np.ascontiguousarray(items.T),
        "gram": unobserved * (items.T @ items),
        "regularization": np.array([fitted.regularization], np.float32),
        "absent": np.array([fitted.unobserved * len(items)], np.float32),
        "tiny": np.array([1e-12], np.float32),
        "last": np.array([-1], np.int64),
    }
    nodes = [
        _node("Sign", ["x"], ["present"]),
        _node("ReduceSum", ["present", "last"], ["count"], keepdims=1),
        _node("Add", ["count", "absent"], ["total"]),
        _node("Mul", ["total", "regularization"], ["penalty"]),
        _node("MatMul", ["x", "items"], ["residual0"]),
        _node("Identity", ["residual0"], ["direction0"]),
        _node("Sub", ["residual0", "residual0"], ["solution0"]),
        *_squares("residual0", "norm0"),
    ]
    for step in range(FOLD_IN_STEPS):
        nodes += _step(step)
    nodes.append(_node("MatMul", [f"solution{FOLD_IN_STEPS}", "items_t"], ["scores"]))
    return nodes, constants


def _step(step: int) -> list[onnx.NodeProto]:
    now, then = str(step), str(step + 1)
    return [
        _node("MatMul", [f"direction{now}", "items_t"], [f"reached{now}"]),
        _node("Mul", ["x", f"reached{now}"], [f"weighted{now}"]),
        _node("MatMul", [f"weighted{now}", "items"], [f"observed{now}"]),
        _node("MatMul", [f"direction{now}", "gram"], [f"everything{now}"]),
        _node("Mul", ["penalty", f"direction{now}"], [f"penalised{now}"]),
        _node("Sum", [f"observed{now}", f"everything{now}", f"penalised{now}"], [f"moved{now}"]),
        _node("Mul", [f"direction{now}", f"moved{now}"], [f"curved{now}"]),
        _node("ReduceSum", [f"curved{now}", "last"], [f"curvature{now}"], keepdims=1),
        _node("Add", [f"curvature{now}", "tiny"], [f"divisor{now}"]),
        _node("Div", [f"norm{now}", f"divisor{now}"], [f"length{now}"]),
        _node("Mul", [f"length{now}", f"direction{now}"], [f"stride{now}"]),
        _node("Add", [f"solution{now}", f"stride{now}"], [f"solution{then}"]),
        _node("Mul", [f"length{now}", f"moved{now}"], [f"gone{now}"]),
        _node("Sub", [f"residual{now}", f"gone{now}"], [f"residual{then}"]),
        *_squares(f"residual{then}", f"norm{then}"),
        _node("Add", [f"norm{now}", "tiny"], [f"before{now}"]),
        _node("Div", [f"norm{then}", f"before{now}"], [f"ratio{now}"]),
        _node("Mul", [f"ratio{now}", f"direction{now}"], [f"kept{now}"]),
        _node("Add", [f"residual{then}", f"kept{now}"], [f"direction{then}"]),
    ]


def _squares(of: str, name: str) -> list[onnx.NodeProto]:
    return [
        _node("Mul", [of, of], [f"squared_{name}"]),
        _node("ReduceSum", [f"squared_{name}", "last"], [name], keepdims=1),
    ]
