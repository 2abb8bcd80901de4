"""Graphs of TensorFlow.js as ONNX, by what they make of small maps."""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnxruntime
import pytest

from benchmarks.imported.tfjs import converted


def tensor(name: str, shape: Sequence[int]) -> dict[str, Any]:
    lengths = [{"size": str(length)} for length in shape]
    return {"name": name, "dtype": "DT_FLOAT", "tensorShape": {"dim": lengths}}


def asked(
    node: Mapping[str, Any],
    weights: Mapping[str, np.ndarray],
    x: np.ndarray,
    shape: Sequence[int],
) -> np.ndarray:
    """What the graph of one node, "y", of this shape, makes of "x" and the weights."""
    constants = [{"name": name, "op": "Const"} for name in weights]
    model = {
        "signature": {"inputs": {"x": tensor("x", x.shape)}, "outputs": {"y": tensor("y", shape)}},
        "modelTopology": {
            "node": [
                {"name": "x", "op": "Placeholder"},
                *constants,
                {"name": "y", "input": ["x", *weights], **node},
            ]
        },
        "weightsManifest": [
            {
                "weights": [
                    {"name": name, "shape": value.shape, "dtype": value.dtype.name}
                    for name, value in weights.items()
                ]
            }
        ],
    }
    values = b"".join(value.tobytes() for value in weights.values())
    session = onnxruntime.InferenceSession(converted(json.dumps(model).encode(), values, "y"))
    found: np.ndarray = session.run(None, {"x": x})[0]
    return found


def text(value: str) -> str:
    return base64.b64encode(value.encode()).decode()


def convolution(**more: Any) -> dict[str, Any]:
    ones = {"list": {"i": ["1", "1", "1", "1"]}}
    return {"strides": ones, "dilations": ones, "padding": {"s": text("SAME")}, **more}


def test_a_convolution_is_followed_by_what_is_fused_with_it() -> None:
    x = np.arange(-6, 6, dtype=np.float32).reshape(1, 2, 3, 2)
    weights = {
        "kernel": np.array([[[[1, 0, 2], [0, 1, -1]]]], np.float32),
        "bias": np.array([0.5, -0.5, 0], np.float32),
    }
    fused = {"list": {"s": [text("BiasAdd"), text("Relu6")]}}
    node = {"op": "_FusedConv2D", "attr": convolution(fused_ops=fused)}
    expected = np.clip(x @ weights["kernel"][0, 0] + weights["bias"], 0, 6)
    assert asked(node, weights, x, expected.shape) == pytest.approx(expected)


def test_a_depthwise_convolution_keeps_the_outputs_of_a_channel_together() -> None:
    x = np.array([[[[1, 10]]]], np.float32)
    kernel = np.array([[[[1, 2, 3], [4, 5, 6]]]], np.float32)
    node = {"op": "DepthwiseConv2dNative", "attr": convolution()}
    found = asked(node, {"kernel": kernel}, x, [1, 1, 1, 6])
    assert found.ravel().tolist() == [1, 2, 3, 40, 50, 60]


@pytest.mark.parametrize(
    ("masks", "expected"), [((0, 0), [[5]]), ((2, 0), [[4, 5]]), ((0, 3), [[5, 6], [8, 9]])]
)
def test_the_axes_of_a_mask_are_taken_whole(
    masks: tuple[int, int], expected: list[list[int]]
) -> None:
    x = np.arange(1, 10, dtype=np.float32).reshape(3, 3)
    names = ("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask")
    attributes = {
        name: {"i": str(mask)} for name, mask in zip(names, (*masks, 0, 0, 0), strict=True)
    }
    weights = {
        name: np.array([place, place], np.int32)
        for name, place in (("begin", 1), ("end", 2), ("step", 1))
    }
    node = {"op": "StridedSlice", "attr": attributes}
    assert asked(node, weights, x, np.shape(expected)).tolist() == expected


def test_what_is_not_known_is_told() -> None:
    with pytest.raises(KeyError, match="Softmax of y is not converted"):
        asked({"op": "Softmax"}, {}, np.zeros((1, 2), np.float32), [1, 2])
