"""A fitted model as one ONNX graph: from X to score, p_value and shares of columns."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tasks.anomaly_detection.training.curves import Curve
from tasks.anomaly_detection.training.detectors import (
    NEAR,
    Components,
    Detector,
    Forest,
    Neighbours,
    Tails,
)
from tasks.anomaly_detection.training.model import TINY, Fitted, owners
from tasks.anomaly_detection.training.space import BOUND, Space
from tasks.framework.training.graphs import serialized

OPSETS = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
"""From version 5 on, a leaf of a tree has one number; here it has one for each column."""


class _Graph:
    """Nodes and constants, with names of their own."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, np.ndarray] = {}

    def add(self, operator: str, *inputs: str | np.ndarray, **attributes: Any) -> str:
        """A node of one output, whose name it returns; arrays become constants."""
        names = [one if isinstance(one, str) else self._constant(one) for one in inputs]
        output = f"{operator}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, names, [output], **attributes))
        return output

    def top(self, values: str, count: int) -> str:
        """The least values of the last axis, in ascending order."""
        self.add("TopK", values, np.array([count]), axis=-1, largest=0)
        node = self.nodes[-1]
        node.output.append(f"{node.output[0]}_at")
        return str(node.output[0])

    def double(self, values: str) -> str:
        return self.add("Cast", values, to=TensorProto.DOUBLE)

    def sum(self, values: str) -> str:
        """The sum of each row, shape (n_rows, 1)."""
        return self.add("ReduceSum", values, np.array([1]), keepdims=1)

    def part(self, values: str, start: int, end: int) -> str:
        """Some columns of a matrix."""
        return self.add("Slice", values, np.array([start]), np.array([end]), np.array([1]))

    def mean(self, values: Sequence[str]) -> str:
        """The mean of several arrays; onnxruntime has none of doubles."""
        return self.add("Div", self.add("Sum", *values), np.array(float(len(values))))

    def square(self, values: str) -> str:
        return self.add("Mul", values, values)

    def named(self, values: str, name: str) -> None:
        self.nodes.append(helper.make_node("Identity", [values], [name]))

    def _constant(self, values: np.ndarray) -> str:
        name = f"constant_{len(self.constants)}"
        self.constants[name] = values
        return name


def export(fitted: Fitted, columns: int) -> bytes:
    """The graph from float32 X, shape (n_samples, columns).

    Its outputs are doubles: score and p_value of shape (n_samples,), and shares of shape
    (n_samples, n_features).
    """
    graph = _Graph()
    values = _values(graph, fitted.space)
    z = _standardised(graph, values, fitted.space)
    owner = owners(fitted.space, fitted.features)
    scores, shares = [], []
    for name, detector in fitted.detectors.items():
        score, contributions = _detector(graph, detector, values, z)
        curve = fitted.curves.get(name)
        scores.append(score if curve is None else _curve(graph, score, curve))
        by_feature = graph.add("MatMul", contributions, owner)
        total = graph.add("Max", graph.sum(by_feature), np.array(TINY))
        shares.append(graph.add("Div", by_feature, total))
    score = graph.mean(scores)
    graph.named(graph.add("Squeeze", score, np.array([1])), "score")
    surprise = _curve(graph, score, fitted.calibration)
    p_value = graph.add("Exp", graph.add("Neg", surprise))
    graph.named(graph.add("Squeeze", p_value, np.array([1])), "p_value")
    graph.named(graph.mean(shares), "shares")
    shapes: dict[str, list[int | None]] = {
        "score": [None],
        "p_value": [None],
        "shares": [None, fitted.features],
    }
    return serialized(
        helper.make_graph(
            graph.nodes,
            "anomalies",
            [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, columns])],
            [
                helper.make_tensor_value_info(name, TensorProto.DOUBLE, shape)
                for name, shape in shapes.items()
            ],
            [numpy_helper.from_array(value, name) for name, value in graph.constants.items()],
        ),
        opsets=OPSETS,
    )


def _values(graph: _Graph, space: Space) -> str:
    """The float32 values of the space."""
    parts = []
    if len(space.numbers):
        numbers = graph.add("Gather", "X", space.numbers.astype(np.int64), axis=1)
        missing = graph.add("IsNaN", numbers)
        parts.append(graph.add("Where", missing, space.fill, numbers))
    if len(space.flags):
        flags = graph.add("Gather", "X", space.flags.astype(np.int64), axis=1)
        missing = graph.add("IsNaN", flags)
        parts.append(graph.add("Cast", missing, to=TensorProto.FLOAT))
    if len(space.codes):
        floats = graph.add("Gather", "X", space.codes.astype(np.int64), axis=1)
        codes = graph.add("Cast", floats, to=TensorProto.INT64)
        parts.append(graph.add("Gather", space.rarity, graph.add("Add", codes, space.offsets)))
    if len(space.shown):
        floats = graph.add("Gather", "X", space.shown[:, 0], axis=1)
        equal = graph.add("Equal", floats, space.shown[:, 1].astype(np.float32))
        parts.append(graph.add("Cast", equal, to=TensorProto.FLOAT))
    return graph.add("Concat", *parts, axis=1)


def _standardised(graph: _Graph, values: str, space: Space) -> str:
    centred = graph.add("Sub", graph.double(values), space.centre)
    scaled = graph.add("Div", centred, space.scale)
    return graph.add("Clip", scaled, np.array(-BOUND), np.array(BOUND))


def _curve(graph: _Graph, scores: str, curve: Curve) -> str:
    """The values of a curve, as sums of what scores are above its knots."""
    inside = graph.add("Clip", scores, np.array(curve.knots[0]), np.array(curve.knots[-1]))
    above = graph.add("Relu", graph.add("Sub", inside, curve.knots[:-1]))
    rise = graph.add("MatMul", above, curve.bends[:-1, np.newaxis])
    return graph.add("Add", rise, np.array(curve.values[0]))


def _detector(graph: _Graph, detector: Detector, values: str, z: str) -> tuple[str, str]:
    """Scores, shape (n_samples, 1), and contributions, (n_samples, n_values), both doubles."""
    match detector:
        case Forest():
            return _forest(graph, detector, values)
        case Tails():
            return _tails(graph, detector, values)
        case Components():
            return _components(graph, detector, z)
        case Neighbours():
            return _neighbours(graph, detector, z)
    raise TypeError(f"{type(detector).__name__} has no graph")


def _components(graph: _Graph, detector: Components, z: str) -> tuple[str, str]:
    centred = graph.add("Sub", z, detector.middle)
    along = graph.add("MatMul", centred, detector.components)
    back = np.ascontiguousarray(detector.components.T)
    left = graph.add("Sub", centred, graph.add("MatMul", along, back))
    least = np.array(detector.least)
    squared = graph.add(
        "Add",
        graph.sum(graph.add("Div", graph.square(left), least)),
        graph.sum(graph.add("Div", graph.square(along), detector.variances)),
    )
    steps = graph.add(
        "Add",
        graph.add("Div", left, least),
        graph.add("MatMul", graph.add("Div", along, detector.variances), back),
    )
    score = graph.add("Sqrt", graph.add("Add", squared, np.array(NEAR)))
    return score, graph.add("Relu", graph.add("Mul", centred, steps))


def _neighbours(graph: _Graph, detector: Neighbours, z: str) -> tuple[str, str]:
    """Squared distances lack the row's own square until the nearest are found."""
    samples, rows, width = detector.samples.shape
    flat = detector.samples.reshape(-1, width)
    lengths = (flat * flat).sum(axis=1)
    one = graph.add("Pad", z, np.array([0, 0, 0, 1]), np.array(1.0))
    relative = graph.add("MatMul", one, np.vstack([-2 * flat.T, lengths]))
    parted = graph.add("Reshape", relative, np.array([-1, samples, rows]))
    nearest = graph.top(parted, detector.nearest)
    own = graph.add("Unsqueeze", graph.sum(graph.square(z)), np.array([2]))
    squared = graph.add("Relu", graph.add("Add", nearest, own))
    distances = graph.add("Sqrt", graph.add("Add", squared, np.array(NEAR)))
    mean = graph.add("ReduceMean", distances, np.array([1, 2]), keepdims=0)
    furthest = graph.add("Gather", nearest, np.array([detector.nearest - 1]), axis=2)
    near = graph.add("LessOrEqual", parted, furthest)
    weights = graph.add("Reshape", graph.double(near), np.array([-1, samples * rows]))
    moments = np.hstack([np.ones((len(flat), 1)), -2 * flat, flat * flat])
    sums = graph.add("MatMul", weights, moments)
    parts = graph.add("Div", sums, graph.part(sums, 0, 1))
    cross = graph.add("Mul", z, graph.part(parts, 1, 1 + width))
    squares = graph.part(parts, 1 + width, 1 + 2 * width)
    found = graph.add("Sum", graph.square(z), cross, squares)
    return graph.add("Unsqueeze", mean, np.array([1])), graph.add("Relu", found)


def _forest(graph: _Graph, detector: Forest, values: str) -> tuple[str, str]:
    """Of all leaves what each value has added, and the depth as one number more."""
    width, trees = detector.parts.shape[1], len(detector.model.estimators_)
    ensemble = _Trees()
    parts = detector.parts
    for number, (estimator, start) in enumerate(
        zip(detector.model.estimators_, detector.starts, strict=True)
    ):
        tree = estimator.tree_
        ensemble.nodes(
            number, tree.feature, tree.threshold, tree.children_left, tree.children_right
        )
        for leaf in np.flatnonzero(tree.children_left < 0).tolist():
            row = slice(parts.indptr[start + leaf], parts.indptr[start + leaf + 1])
            weights = [*parts.data[row], detector.depths[start + leaf]]
            ensemble.leaf(number, leaf, [*parts.indices[row], width], weights)
    sums = graph.double(ensemble.operator(graph, values, width + 1))
    depth = graph.add("Gather", sums, np.array([width]), axis=1)
    exponent = graph.add("Div", depth, np.array(-trees * detector.usual))
    score = graph.add("Pow", np.array(2.0), exponent)
    return score, graph.add("Relu", graph.part(sums, 0, width))


def _tails(graph: _Graph, detector: Tails, values: str) -> tuple[str, str]:
    """A tree of halves for each value; values that are no amounts have none."""
    ensemble = _Trees()
    for number, (cuts, surprises) in enumerate(
        zip(detector.thresholds, detector.surprises, strict=True)
    ):
        ensemble.halves(number, cuts, surprises)
    sums = graph.double(ensemble.operator(graph, values, detector.width))
    return graph.sum(sums), sums


class _Trees:
    """The attributes of one operator of trees."""

    def __init__(self) -> None:
        self._tree: list[int] = []
        self._node: list[int] = []
        self._feature: list[int] = []
        self._threshold: list[float] = []
        self._left: list[int] = []
        self._right: list[int] = []
        self._leaf: list[bool] = []
        self._leaves: list[tuple[int, int, int, float]] = []

    def nodes(
        self,
        tree: int,
        feature: Sequence[int] | np.ndarray,
        threshold: Sequence[float] | np.ndarray,
        left: Sequence[int] | np.ndarray,
        right: Sequence[int] | np.ndarray,
    ) -> None:
        """A tree by its nodes, leaves among them, whose left is below 0."""
        self._tree += [tree] * len(left)
        self._node += range(len(left))
        self._feature += [max(0, int(one)) for one in feature]
        self._threshold += [float(one) for one in threshold]
        self._left += [max(0, int(one)) for one in left]
        self._right += [max(0, int(one)) for one in right]
        self._leaf += [int(one) < 0 for one in left]

    def leaf(self, tree: int, node: int, targets: Sequence[int], weights: Sequence[float]) -> None:
        self._leaves += [
            (tree, int(node), int(target), float(weight))
            for target, weight in zip(targets, weights, strict=True)
        ]

    def halves(self, number: int, cuts: np.ndarray, answers: np.ndarray) -> None:
        """A tree that finds where a value is among cuts; it adds the answer to the value's own."""
        rows: list[tuple[float, int, int]] = []

        def grow(first: int, last: int) -> int:
            at = len(rows)
            rows.append((0.0, -1, -1))
            if first == last:
                self.leaf(number, at, [number], [float(answers[first])])
            else:
                middle = (first + last) // 2
                left, right = grow(first, middle), grow(middle + 1, last)
                rows[at] = (float(cuts[middle]), left, right)
            return at

        grow(0, len(cuts))
        thresholds, left, right = zip(*rows, strict=True)
        self.nodes(number, [number] * len(rows), thresholds, left, right)

    def operator(self, graph: _Graph, values: str, targets: int) -> str:
        """The sums of the leaves that rows end in, float32, shape (n_samples, targets)."""
        leaves = sorted(self._leaves)
        return graph.add(
            "TreeEnsembleRegressor",
            values,
            domain="ai.onnx.ml",
            n_targets=targets,
            aggregate_function="SUM",
            post_transform="NONE",
            nodes_treeids=self._tree,
            nodes_nodeids=self._node,
            nodes_featureids=self._feature,
            nodes_values=self._threshold,
            nodes_modes=["LEAF" if leaf else "BRANCH_LEQ" for leaf in self._leaf],
            nodes_truenodeids=self._left,
            nodes_falsenodeids=self._right,
            target_treeids=[one[0] for one in leaves],
            target_nodeids=[one[1] for one in leaves],
            target_ids=[one[2] for one in leaves],
            target_weights=[one[3] for one in leaves],
        )
