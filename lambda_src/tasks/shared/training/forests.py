"""A forest as an ONNX graph that onnxruntime loads quickly and that takes little memory.

skl2onnx makes one operator of all trees. onnxruntime copies an operator's attributes several
times before it lays out the trees, one operator after the other: a graph of many operators with
a few trees each needs that room for one of them only.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.pipeline import Pipeline
from sklearn.tree._tree import Tree

from tasks.shared.training.graphs import serialized

TREES_PER_OPERATOR = 10
"""Fewer save no memory, and every operator costs a request about half a microsecond."""

_SUM, _AS_IT_IS, _LESS_OR_EQUAL = 1, 0, 0


def suits(fitted: Any) -> bool:
    """Whether export takes it: an imputed forest with one value per leaf.

    That is what the operator has room for: a number, or the share of the second of two classes.
    """
    if not isinstance(fitted, Pipeline):
        return False
    forest = fitted.steps[-1][1]
    if isinstance(forest, RandomForestClassifier):
        return len(forest.classes_) == 2
    return isinstance(forest, RandomForestRegressor)


def export(fitted: Pipeline, columns: int) -> bytes:
    """The graph from float32 X, shape (n_samples, columns), to probabilities, or to variable.

    The operators add up what the trees say, and a division makes the mean of it, so that
    trees that all say 1 say exactly 1. Thresholds must be float32 values.
    """
    imputer, forest = (step for _, step in fitted.steps)
    trees = [tree.tree_ for tree in forest.estimators_]
    parts = [
        _operator(trees[at : at + TREES_PER_OPERATOR], f"sum_{at}")
        for at in range(0, len(trees), TREES_PER_OPERATOR)
    ]
    classifier = isinstance(forest, RandomForestClassifier)
    mean = "positive" if classifier else "variable"
    nodes = [
        helper.make_node(
            "Imputer",
            ["X"],
            ["filled"],
            domain="ai.onnx.ml",
            imputed_value_floats=imputer.statistics_.astype(np.float32),
            replaced_value_float=np.nan,
        ),
        *parts,
        helper.make_node("Sum", [part.output[0] for part in parts], ["sum"]),
        helper.make_node("Div", ["sum", "trees"], [mean]),
    ]
    constants = {"trees": np.array(len(trees), np.float32)}
    if classifier:
        constants["one"] = np.array(1, np.float32)
        nodes += [
            helper.make_node("Sub", ["one", "positive"], ["negative"]),
            helper.make_node("Concat", ["negative", "positive"], ["probabilities"], axis=1),
        ]
    output = "probabilities" if classifier else "variable"
    graph = helper.make_graph(
        nodes,
        "forest",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, columns])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, [None, 2 if classifier else 1])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return serialized(graph)


def _operator(trees: Sequence[Tree], name: str) -> onnx.NodeProto:
    """The sum of some trees. Leaves are kept apart from branches, and equal ones once.

    https://onnx.ai/onnx/operators/onnx_aionnxml_TreeEnsemble.html
    """
    sizes = [tree.node_count for tree in trees]
    roots = np.cumsum([0, *sizes[:-1]])
    shift = np.repeat(roots, sizes)
    left, right = _of(trees, "children_left"), _of(trees, "children_right")
    is_leaf, itself = left < 0, np.arange(len(left))
    left, right = (np.where(is_leaf, itself, side + shift) for side in (left, right))
    values = _of(trees, "value")[:, 0, -1].astype(np.float32)
    weights, leaf_at = np.unique(values[is_leaf], return_inverse=True)
    # A tree that is one leaf becomes a branch which leads there either way.
    branches = np.flatnonzero(~is_leaf | np.isin(itself, roots))
    place = np.empty(len(left), np.int64)
    place[branches] = np.arange(len(branches))
    starts = place[roots]
    place[is_leaf] = leaf_at
    return helper.make_node(
        "TreeEnsemble",
        ["filled"],
        [name],
        domain="ai.onnx.ml",
        n_targets=1,
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
        leaf_targetids=np.zeros(len(weights), int),
        leaf_weights=_tensor(weights),
    )


def _of(trees: Sequence[Tree], name: str) -> np.ndarray:
    """A value of every node, one tree after the other."""
    return np.concatenate([getattr(tree, name) for tree in trees])


def _tensor(values: np.ndarray) -> onnx.TensorProto:
    return numpy_helper.from_array(values)
