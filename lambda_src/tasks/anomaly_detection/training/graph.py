"""A fitted model as one ONNX graph: from X to score, p_value and shares of columns."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from tasks.anomaly_detection.training.builder import GraphBuilder, TreesBuilder
from tasks.anomaly_detection.training.curves import Curve
from tasks.anomaly_detection.training.detectors.base import NEAR, Detector
from tasks.anomaly_detection.training.detectors.components import Components
from tasks.anomaly_detection.training.detectors.forest import Forest
from tasks.anomaly_detection.training.detectors.neighbours import Neighbours
from tasks.anomaly_detection.training.detectors.tails import Tails
from tasks.anomaly_detection.training.model import TINY, Fitted, owners
from tasks.anomaly_detection.training.space import BOUND, Space
from tasks.framework.training.graphs import serialized

OPSETS = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
"""From version 5 on, a leaf of a tree has one number; here it has one for each column."""


def export(fitted: Fitted, columns: int) -> bytes:
    """The graph from float32 X, shape (n_samples, columns).

    Its outputs are doubles: score and p_value of shape (n_samples,), and shares of shape
    (n_samples, n_features).
    """
    graph = GraphBuilder()
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


def _values(graph: GraphBuilder, space: Space) -> str:
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


def _standardised(graph: GraphBuilder, values: str, space: Space) -> str:
    centred = graph.add("Sub", graph.double(values), space.centre)
    scaled = graph.add("Div", centred, space.scale)
    return graph.add("Clip", scaled, np.array(-BOUND), np.array(BOUND))


def _curve(graph: GraphBuilder, scores: str, curve: Curve) -> str:
    """The values of a curve, as sums of what scores are above its knots."""
    inside = graph.add("Clip", scores, np.array(curve.knots[0]), np.array(curve.knots[-1]))
    above = graph.add("Relu", graph.add("Sub", inside, curve.knots[:-1]))
    rise = graph.add("MatMul", above, curve.bends[:-1, np.newaxis])
    return graph.add("Add", rise, np.array(curve.values[0]))


def _detector(graph: GraphBuilder, detector: Detector, values: str, z: str) -> tuple[str, str]:
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


def _components(graph: GraphBuilder, detector: Components, z: str) -> tuple[str, str]:
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


def _neighbours(graph: GraphBuilder, detector: Neighbours, z: str) -> tuple[str, str]:
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


def _forest(graph: GraphBuilder, detector: Forest, values: str) -> tuple[str, str]:
    """Of all leaves what each value has added, and the depth as one number more."""
    width, trees = detector.parts.shape[1], len(detector.model.estimators_)
    ensemble = TreesBuilder()
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


def _tails(graph: GraphBuilder, detector: Tails, values: str) -> tuple[str, str]:
    """A tree of halves for each value; values that are no amounts have none."""
    ensemble = TreesBuilder()
    for number, (cuts, surprises) in enumerate(
        zip(detector.thresholds, detector.surprises, strict=True)
    ):
        ensemble.halves(number, cuts, surprises)
    sums = graph.double(ensemble.operator(graph, values, detector.width))
    return graph.sum(sums), sums
