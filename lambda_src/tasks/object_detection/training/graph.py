"""Detector's heads, averages and suppression as the last nodes of the graph of maps."""

import numpy as np
import onnx
from onnx import TensorProto, helper

from tasks.images.training.extraction import Network
from tasks.images.training.heads import appended
from tasks.object_detection.training import detector
from tasks.object_detection.training.cells import SIZES, centres
from tasks.object_detection.training.detector import Detector


def detecting(network: Network, fitted: Detector) -> bytes:
    """The graph from images to "detections", float32, shape (n_found, 7).

    A row is the image's number, the label's number, the score, and left, top, right and bottom
    in shares of the image's longer side.
    """
    constants = _constants(network.side, fitted)
    nodes = [*_dense(), *_averaged(), *_selected()]
    for node in nodes:
        node.input[:] = [_own(name) for name in node.input]
        node.output[:] = [_own(name) for name in node.output]
    named = {_own(name): value for name, value in constants.items()}
    return appended(network.graph, nodes, named, {"detections": [None, 7]})


def _own(name: str) -> str:
    """The name of a tensor, apart from those of the network."""
    return name if name in ("", "fine", "coarse", "detections") else f"detector_{name}"


def _constants(side: int, fitted: Detector) -> dict[str, np.ndarray]:
    coefficients, intercepts = fitted.heads()
    fine, coarse = fitted.components_
    windows = coefficients[:, fine:].reshape(-1, 3, 3, coarse)
    cells = side // 16
    integers = {
        "flat": [0, 0, -1], "first": [0], "second": [1], "third": [2], "last": [4],
        "past_labels": [1 + fitted.labels], "end": [np.iinfo(np.int64).max],
        "one_axis": [1], "columns": [3], "most": [detector.MOST_OBJECTS],
        "image_and_box": [0, 2], "image_and_label": [0, 1], "last_axis": [-1],
    }  # fmt: skip
    return {
        "fine_heads": coefficients[:, :fine, None, None],
        "coarse_heads": windows.transpose(0, 3, 1, 2),
        "intercepts": intercepts,
        "double": np.array([1.0, 1.0, 2.0, 2.0]),
        "middles": centres(cells).reshape(1, cells * cells, 2).transpose(0, 2, 1),
        "narrowest": np.array(SIZES[0]),
        "widest": np.array(SIZES[1]),
        "zero": np.array(0.0),
        "one": np.array(1.0),
        "half": np.array(0.5),
        "faint": np.array(detector.FAINT),
        "alike": np.array(detector.ALIKE),
        "suppressed": np.array([detector.SUPPRESSED]),
        "least_score": np.array([detector.LEAST_SCORE]),
        "itself": (1 - detector.ALIKE) * np.eye(cells * cells)[None],
        "least_union": np.array(1e-12),
        **{name: np.array(value, np.int64) for name, value in integers.items()},
    }


def _dense() -> list[onnx.NodeProto]:
    """To "scores" (n, labels, cells), and "low" and "high" (n, 2, cells), corners of boxes."""
    node = helper.make_node
    return [
        node("Conv", ["fine", "fine_heads", "intercepts"], ["from_fine"]),
        node("Conv", ["coarse", "coarse_heads"], ["from_coarse"], pads=[1, 1, 1, 1]),
        node("Resize", ["from_coarse", "", "double"], ["doubled"], mode="nearest",
             coordinate_transformation_mode="asymmetric", nearest_mode="floor"),
        node("Add", ["from_fine", "doubled"], ["heads_map"]),
        node("Reshape", ["heads_map", "flat"], ["heads"]),
        node("Slice", ["heads", "first", "past_labels", "one_axis"], ["logits"]),
        node("Softmax", ["logits"], ["shares"], axis=1),
        node("Slice", ["shares", "second", "end", "one_axis"], ["scores"]),
        node("Slice", ["heads", "past_labels", "end", "one_axis"], ["shapes"]),
        node("Slice", ["shapes", "first", "third", "one_axis"], ["offsets"]),
        node("Slice", ["shapes", "third", "last", "one_axis"], ["logarithms"]),
        node("Add", ["offsets", "middles"], ["centre"]),
        node("Clip", ["logarithms", "narrowest", "widest"], ["bounded"]),
        node("Exp", ["bounded"], ["size"]),
        node("Mul", ["size", "half"], ["reach"]),
        node("Sub", ["centre", "reach"], ["beyond_low"]),
        node("Add", ["centre", "reach"], ["beyond_high"]),
        node("Clip", ["beyond_low", "zero", "one"], ["low"]),
        node("Clip", ["beyond_high", "zero", "one"], ["high"]),
    ]  # fmt: skip


def _averaged() -> list[onnx.NodeProto]:
    """To "boxes" (n, cells, 4): each as the mean of those like it."""
    node = helper.make_node
    pairs = []
    for corner in ("low", "high"):
        pairs += [
            node("Unsqueeze", [corner, "columns"], [f"{corner}_of_one"]),
            node("Unsqueeze", [corner, "third"], [f"{corner}_of_other"]),
        ]
    return [
        *pairs,
        node("Max", ["low_of_one", "low_of_other"], ["common_low"]),
        node("Min", ["high_of_one", "high_of_other"], ["common_high"]),
        node("Sub", ["common_high", "common_low"], ["common_sides"]),
        node("Relu", ["common_sides"], ["common_size"]),
        node("ReduceProd", ["common_size", "one_axis"], ["common"], keepdims=0),
        node("Sub", ["high", "low"], ["sides"]),
        node("ReduceProd", ["sides", "one_axis"], ["areas"], keepdims=1),
        node("Transpose", ["areas"], ["areas_down"], perm=[0, 2, 1]),
        node("Add", ["areas", "areas_down"], ["both"]),
        node("Sub", ["both", "common"], ["union"]),
        node("Max", ["union", "least_union"], ["some_union"]),
        node("Div", ["common", "some_union"], ["overlap"]),
        node("Sub", ["overlap", "alike"], ["beyond"]),
        node("Relu", ["beyond"], ["like"]),
        node("Max", ["like", "itself"], ["like_or_itself"]),
        node("ReduceMax", ["scores", "one_axis"], ["best"], keepdims=1),
        node("Mul", ["best", "best"], ["square"]),
        node("Add", ["square", "faint"], ["certain"]),
        node("Mul", ["like_or_itself", "certain"], ["counted"]),
        node("ReduceSum", ["counted", "last_axis"], ["total"], keepdims=1),
        node("Concat", ["low", "high"], ["edges_across"], axis=1),
        node("Transpose", ["edges_across"], ["edges"], perm=[0, 2, 1]),
        node("MatMul", ["counted", "edges"], ["sums"]),
        node("Div", ["sums", "total"], ["boxes"]),
    ]


def _selected() -> list[onnx.NodeProto]:
    """To "detections": what is left when boxes that overlap a better one are dropped."""
    node = helper.make_node
    return [
        node("NonMaxSuppression", ["boxes", "scores", "most", "suppressed", "least_score"],
             ["selected"]),
        node("Gather", ["selected", "image_and_label"], ["who"], axis=1),
        node("Gather", ["selected", "image_and_box"], ["where"], axis=1),
        node("Cast", ["who"], ["numbers"], to=TensorProto.FLOAT),
        node("GatherND", ["scores", "selected"], ["flat_scores"]),
        node("Unsqueeze", ["flat_scores", "one_axis"], ["certainty"]),
        node("GatherND", ["boxes", "where"], ["corners"]),
        node("Concat", ["numbers", "certainty", "corners"], ["detections"], axis=1),
    ]  # fmt: skip
