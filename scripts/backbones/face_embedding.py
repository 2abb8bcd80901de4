"""Whose face it may be, as an ONNX graph.

dlib's residual network (King, 2017): its 128 values are near each other for two pictures of one
person and far apart for two people.
"""

from collections.abc import Mapping

import numpy as np

from scripts.backbones.face_api import MEAN, SCALE, Network
from scripts.backbones.tfjs_weights import Weights

SIDE = 150

STAGES = (
    (32, 3, ""),
    (64, 3, "conv64_down"),
    (128, 2, "conv128_down"),
    (256, 2, "conv256_down"),
    (256, 0, "conv256_down_out"),
)
"""Channels, blocks that keep maps as they are, and the block before these that halves them."""


def embedding(weights: Mapping[str, Weights]) -> bytes:
    """The graph of upright RGB crops of faces, uint8 "images" (n, 150, 150, 3).

    Outputs: "features" (n, 128).
    """
    graph = _Residual("face_embedding", weights)
    at = graph.scaled(graph.pixels(MEAN, SCALE), "conv32_down", stride=2)
    at = graph.add("MaxPool", [at], "first_pool", kernel_shape=[3, 3], strides=[2, 2])
    side = (SIDE - 7) // 2 + 1
    side, channels = (side - 3) // 2 + 1, 32
    for width, blocks, down in STAGES:
        if down:
            at, side = graph.halved(at, down, side, width - channels)
            channels = width
        for block in range(blocks):
            at = graph.residual(at, f"conv{width}_{block + 1}")
    graph.add("GlobalAveragePool", [at], "pooled")
    graph.add("Flatten", ["pooled"], "flat", axis=1)
    graph.add("MatMul", ["flat", graph.constant("fc", graph.floats("fc"))], "features")
    return graph.exported(SIDE, {"features": ["n", 128]})


class _Residual(Network):
    """Blocks of two convolutions whose input is added to their output."""

    def scaled(self, at: str, name: str, stride: int = 1, relu: bool = True) -> str:
        """A convolution with the scaling of each channel after it folded in."""
        gain = self.floats(f"{name}/scale/weights")
        shift = self.floats(f"{name}/conv/bias") * gain + self.floats(f"{name}/scale/biases")
        out = self.add(
            "Conv",
            [
                at,
                self.kernel(f"{name}/conv/filters", gain=gain),
                self.constant(f"{name}.shift", shift),
            ],
            f"{name}.out",
            strides=[stride, stride],
            auto_pad="SAME_UPPER" if stride == 1 else "VALID",
        )
        return self.add("Relu", [out], f"{name}.relu") if relu else out

    def residual(self, at: str, name: str) -> str:
        out = self.scaled(self.scaled(at, f"{name}/conv1"), f"{name}/conv2", relu=False)
        self.add("Add", [out, at], f"{name}.sum")
        return self.add("Relu", [f"{name}.sum"], f"{name}.relu")

    def halved(self, at: str, name: str, side: int, more: int) -> tuple[str, int]:
        """A block that halves maps of this side, and adds more channels; the output and its side.

        What is shorter or narrower is filled up with zeros.
        """
        out = self.scaled(at, f"{name}/conv1", stride=2)
        out = self.scaled(out, f"{name}/conv2", relu=False)
        short = side // 2 - ((side - 3) // 2 + 1)
        pooling = {"kernel_shape": [2, 2], "strides": [2, 2]}
        pooled = self.add("AveragePool", [at], f"{name}.pooled", **pooling)
        out = self._padded(out, f"{name}.longer", [0, short, short])
        pooled = self._padded(pooled, f"{name}.wider", [more, 0, 0])
        self.add("Add", [out, pooled], f"{name}.sum")
        return self.add("Relu", [f"{name}.sum"], f"{name}.relu"), side // 2

    def _padded(self, at: str, name: str, ends: list[int]) -> str:
        """Zeros after the channels, rows and columns."""
        if not any(ends):
            return at
        pads = self.constant(f"{name}.pads", np.array([0, 0, 0, 0, 0, *ends]))
        return self.add("Pad", [at, pads], name)
