"""Where a face is, and where in it eyes and mouth are, as ONNX graphs.

Two of the networks of face-api.js: a detector after YOLOv2 (Redmon and Farhadi, 2017) of separable
convolutions, and 68 landmarks by densely connected blocks.
"""

from collections.abc import Mapping

import numpy as np

from scripts.backbones.face_api import MEAN, SCALE, Network
from scripts.backbones.graph import Graph
from scripts.backbones.tfjs_weights import Weights

DETECTOR_SIDE, CELLS = 416, 13
LANDMARKS_SIDE = 112

DETECTOR_MEAN = (117.001, 114.697, 97.404)

ANCHORS = (
    (1.603231, 2.094468),
    (6.041143, 7.080126),
    (2.882459, 3.518061),
    (4.266906, 5.178857),
    (9.041765, 10.66308),
)
"""Width and height in cells of the boxes that the detector corrects."""

OVERLAP = 0.4
"""Of two boxes with a greater intersection over union, the less certain one is dropped."""

LEAST_CERTAINTY = 0.3
MOST_FACES = 50


def detector(weights: Mapping[str, Weights]) -> bytes:
    """The graph of one RGB image, uint8 "images" (1, 416, 416, 3).

    Outputs: "faces" (n_faces, 5), left, top, right, bottom in pixels and a certainty of 0 to 1.
    """
    graph = Network("face_detector", weights)
    at = graph.pixels(DETECTOR_MEAN, SCALE)
    for layer in range(6):
        made = graph.separable(at, f"conv{layer}") if layer else graph.convolution(at, "conv0")
        made = graph.add("LeakyRelu", [made], f"relu{layer}", alpha=0.1)
        stride = 2 if layer < 5 else 1
        at = graph.add(
            "MaxPool",
            [made],
            f"pool{layer}",
            kernel_shape=[2, 2],
            strides=[stride, stride],
            auto_pad="SAME_UPPER",
        )
    _faces(graph, graph.convolution(at, "conv8"))
    return graph.exported(DETECTOR_SIDE, {"faces": ["faces", 5]}, batch=1)


def _faces(graph: Graph, at: str) -> None:
    """The last map, (1, anchors * 5, cells, cells), as boxes that overlap little."""
    rows, columns = np.indices((CELLS, CELLS)).reshape(2, -1)
    constants = {
        "layout": np.array([len(ANCHORS), 5, CELLS * CELLS]),
        "corners": np.stack([columns, rows], axis=1).astype(float),
        "halves": np.array(ANCHORS).reshape(-1, 1, 2) / 2,
        "cell": np.array([DETECTOR_SIDE / CELLS]),
        "place_values": np.array([0, 1]),
        "size_values": np.array([2, 3]),
        "certainty_value": np.array([4]),
        "as_boxes": np.array([1, -1, 4]),
        "as_certainties": np.array([1, 1, -1]),
        "as_list": np.array([-1]),
        "as_column": np.array([-1, 1]),
        "first_axis": np.array([0]),
        "box_number": np.array([2]),
        "most": np.array([MOST_FACES]),
        "overlap": np.array([OVERLAP]),
        "least": np.array([LEAST_CERTAINTY]),
    }
    for name, value in constants.items():
        graph.constant(name, value)
    graph.add("Reshape", [at, "layout"], "by_anchor")
    graph.add("Transpose", ["by_anchor"], "values", perm=[0, 2, 1])
    graph.add("Gather", ["values", "place_values"], "place", axis=2)
    graph.add("Gather", ["values", "size_values"], "size", axis=2)
    graph.add("Gather", ["values", "certainty_value"], "certainty", axis=2)
    graph.add("Sigmoid", ["place"], "place_in_cell")
    graph.add("Add", ["place_in_cell", "corners"], "centre")
    graph.add("Exp", ["size"], "growth")
    graph.add("Mul", ["growth", "halves"], "half")
    graph.add("Sub", ["centre", "half"], "start")
    graph.add("Add", ["centre", "half"], "end")
    graph.add("Concat", ["start", "end"], "in_cells", axis=2)
    graph.add("Mul", ["in_cells", "cell"], "by_cell")
    graph.add("Reshape", ["by_cell", "as_boxes"], "boxes")
    graph.add("Sigmoid", ["certainty"], "certainty_by_cell")
    graph.add("Reshape", ["certainty_by_cell", "as_certainties"], "certainties")
    graph.add("NonMaxSuppression", ["boxes", "certainties", "most", "overlap", "least"], "kept")
    graph.add("Gather", ["kept", "box_number"], "kept_boxes", axis=1)
    graph.add("Reshape", ["kept_boxes", "as_list"], "numbers")
    graph.add("Squeeze", ["boxes", "first_axis"], "box_rows")
    graph.add("Reshape", ["certainties", "as_column"], "certainty_rows")
    graph.add("Concat", ["box_rows", "certainty_rows"], "rows", axis=1)
    graph.add("Gather", ["rows", "numbers"], "faces", axis=0)


def landmarks(weights: Mapping[str, Weights]) -> bytes:
    """The graph of RGB crops of faces, uint8 "images" (n, 112, 112, 3).

    Outputs: "points" (n, 68, 2), x and y in pixels of the crop, in the order of Sagonas et al.
    (2013).
    """
    graph = Network("face_landmarks", weights)
    at = graph.pixels(MEAN, SCALE)
    for block in range(3):
        name = f"dense{block}"
        first = (
            graph.separable(at, f"{name}/conv0", stride=2)
            if block
            else graph.convolution(at, f"{name}/conv0", stride=2, padding="SAME_UPPER")
        )
        first = graph.add("Relu", [first], f"{name}.first")
        second = graph.separable(first, f"{name}/conv1")
        graph.add("Add", [first, second], f"{name}.sum")
        inner = graph.add("Relu", [f"{name}.sum"], f"{name}.inner")
        third = graph.separable(inner, f"{name}/conv2")
        graph.add("Add", [f"{name}.sum", third], f"{name}.total")
        at = graph.add("Relu", [f"{name}.total"], f"{name}.out")
    graph.add("GlobalAveragePool", [at], "pooled")
    graph.add("Flatten", ["pooled"], "pooled_flat", axis=1)
    graph.constant("fc/weights", LANDMARKS_SIDE * graph.floats("fc/weights"))
    graph.constant("fc/bias", LANDMARKS_SIDE * graph.floats("fc/bias"))
    graph.add("Gemm", ["pooled_flat", "fc/weights", "fc/bias"], "flat_points")
    graph.constant("points_shape", np.array([-1, 68, 2], np.int64))
    graph.add("Reshape", ["flat_points", "points_shape"], "points")
    return graph.exported(LANDMARKS_SIDE, {"points": ["n", 68, 2]})
