"""Forests and boosted trees as ONNX graphs that onnxruntime loads quickly, into little memory.

skl2onnx makes one operator of all trees. onnxruntime copies an operator's attributes several
times before it lays out the trees, one operator after the other: a graph of many operators with
a few trees each needs that room for one of them only.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.pipeline import Pipeline

from tasks.framework.training.graphs import serialized

TREES_PER_OPERATOR = 10
"""Fewer save no memory, and every operator costs a request about half a microsecond."""

BOOSTED_TREES_PER_OPERATOR = 50
"""The same for trees of at most 31 leaves each."""

_BOOSTED = (HistGradientBoostingClassifier, HistGradientBoostingRegressor)
_SUM, _AS_IT_IS, _LESS_OR_EQUAL = 1, 0, 0

type _Ending = tuple[list[onnx.NodeProto], dict[str, np.ndarray]]
"""What makes an answer of the sums of trees: nodes and their constants."""


@dataclass(frozen=True)
class _Tree:
    """A tree's nodes: an array per property, shape (n_nodes,); left and right are places in them.

    value is what a leaf says of the target, which is a class or the only one.
    """

    is_leaf: np.ndarray
    left: np.ndarray
    right: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    missing_left: np.ndarray
    value: np.ndarray
    target: int = 0


def suits(fitted: Any) -> bool:
    """Whether export takes it: boosted trees, or an imputed forest with one value per leaf.

    That is what the operator has room for: a number, or the share of the second of two classes.
    """
    *imputer, model = _steps(fitted)
    if isinstance(model, _BOOSTED):
        return model.is_categorical_ is None and model.loss in ("log_loss", "squared_error")
    if isinstance(model, RandomForestClassifier):
        return bool(imputer) and len(model.classes_) == 2
    return bool(imputer) and isinstance(model, RandomForestRegressor)


def export(fitted: Any, columns: int) -> bytes:
    """The graph from float32 X, shape (n_samples, columns), to probabilities, or to variable.

    Thresholds must be float32 values.
    """
    *imputer, model = _steps(fitted)
    classes = len(getattr(model, "classes_", ()))
    matrix = "filled" if imputer else "X"
    boosted = isinstance(model, _BOOSTED)
    size = BOOSTED_TREES_PER_OPERATOR if boosted else TREES_PER_OPERATOR
    trees = list(_trees(model))
    parts = [
        _operator(
            trees[at : at + size],
            matrix,
            f"sum_{at}",
            n_targets=classes if classes > 2 else 1,
            missing=not imputer,
        )
        for at in range(0, len(trees), size)
    ]
    sums = [part.output[0] for part in parts]
    answer = {0: "variable", 2: "positive"}.get(classes, "probabilities")
    ending, constants = (_boosted if boosted else _mean)(model, sums, answer)
    if answer == "positive":
        constants["one"] = np.array(1, np.float32)
        ending += [
            helper.make_node("Sub", ["one", answer], ["negative"]),
            helper.make_node("Concat", ["negative", answer], ["probabilities"], axis=1),
        ]
    output = "probabilities" if classes else "variable"
    graph = helper.make_graph(
        [*(_filled(step, matrix) for step in imputer), *parts, *ending],
        "forest",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, columns])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, [None, max(1, classes)])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return serialized(graph)


def _steps(fitted: Any) -> list[Any]:
    """A pipeline's imputer and model, or the model alone."""
    return [step for _, step in fitted.steps] if isinstance(fitted, Pipeline) else [fitted]


def _trees(model: Any) -> Iterator[_Tree]:
    if isinstance(model, _BOOSTED):
        for iteration in model._predictors:
            for target, predictor in enumerate(iteration):
                nodes = predictor.nodes
                yield _Tree(
                    is_leaf=nodes["is_leaf"] == 1,
                    left=nodes["left"],
                    right=nodes["right"],
                    feature=nodes["feature_idx"],
                    threshold=nodes["num_threshold"],
                    missing_left=nodes["missing_go_to_left"],
                    value=nodes["value"],
                    target=target,
                )
    else:
        for tree in (estimator.tree_ for estimator in model.estimators_):
            yield _Tree(
                is_leaf=tree.children_left < 0,
                left=tree.children_left,
                right=tree.children_right,
                feature=tree.feature,
                threshold=tree.threshold,
                missing_left=tree.missing_go_to_left,
                value=tree.value[:, 0, -1],
            )


def _mean(model: Any, sums: Sequence[str], answer: str) -> _Ending:
    """A division makes the mean, so that trees that all say 1 say exactly 1."""
    nodes = [
        helper.make_node("Sum", sums, ["sum"]),
        helper.make_node("Div", ["sum", "trees"], [answer]),
    ]
    return nodes, {"trees": np.array(len(model.estimators_), np.float32)}


def _boosted(model: Any, sums: Sequence[str], answer: str) -> _Ending:
    """The sum begins where boosting did, at raw values, which the loss links to answers."""
    link = {"variable": "Identity", "positive": "Sigmoid", "probabilities": "Softmax"}[answer]
    nodes = [
        helper.make_node("Sum", ["start", *sums], ["raw"]),
        helper.make_node(link, ["raw"], [answer]),
    ]
    return nodes, {"start": np.reshape(model._baseline_prediction, (1, -1)).astype(np.float32)}


def _filled(imputer: Any, output: str) -> onnx.NodeProto:
    return helper.make_node(
        "Imputer",
        ["X"],
        [output],
        domain="ai.onnx.ml",
        imputed_value_floats=imputer.statistics_.astype(np.float32),
        replaced_value_float=np.nan,
    )


def _operator(
    trees: Sequence[_Tree],
    matrix: str,
    output: str,
    *,
    n_targets: int,
    missing: bool,
) -> onnx.NodeProto:
    """The sum of some trees. Leaves are kept apart from branches, and equal ones once.

    https://onnx.ai/onnx/operators/onnx_aionnxml_TreeEnsemble.html
    """
    sizes = [len(tree.is_leaf) for tree in trees]
    roots = np.cumsum([0, *sizes[:-1]])
    shift = np.repeat(roots, sizes)
    is_leaf = _of(trees, "is_leaf")
    itself = np.arange(len(is_leaf))
    left, right = (
        np.where(is_leaf, itself, _of(trees, side) + shift) for side in ("left", "right")
    )
    targets = np.repeat([tree.target for tree in trees], sizes)
    said = np.stack([targets, _of(trees, "value").astype(np.float32)])[:, is_leaf]
    leaves, leaf_at = np.unique(said, axis=1, return_inverse=True)
    # A tree that is one leaf becomes a branch which leads there either way.
    branches = np.flatnonzero(~is_leaf | np.isin(itself, roots))
    place = np.empty(len(is_leaf), np.int64)
    place[branches] = np.arange(len(branches))
    starts = place[roots]
    place[is_leaf] = leaf_at
    missing_left = _of(trees, "missing_left")[branches].astype(int) if missing else None
    return helper.make_node(
        "TreeEnsemble",
        [matrix],
        [output],
        domain="ai.onnx.ml",
        n_targets=n_targets,
        aggregate_function=_SUM,
        post_transform=_AS_IT_IS,
        tree_roots=starts,
        nodes_modes=_tensor(np.full(len(branches), _LESS_OR_EQUAL, np.uint8)),
        nodes_featureids=_of(trees, "feature")[branches].clip(0),
        nodes_splits=_tensor(_of(trees, "threshold")[branches].astype(np.float32)),
        nodes_truenodeids=place[left[branches]],
        nodes_trueleafs=is_leaf[left[branches]].astype(int),
        nodes_falsenodeids=place[right[branches]],
        nodes_falseleafs=is_leaf[right[branches]].astype(int),
        leaf_targetids=leaves[0].astype(int),
        leaf_weights=_tensor(leaves[1].astype(np.float32)),
        nodes_missing_value_tracks_true=missing_left,
    )


def _of(trees: Sequence[_Tree], name: str) -> np.ndarray:
    """A property of every node, one tree after the other."""
    return np.concatenate([getattr(tree, name) for tree in trees])


def _tensor(values: np.ndarray) -> onnx.TensorProto:
    return numpy_helper.from_array(values)
