"""What the networks of face-api.js have in common, whose weights ship in an npm package.

Weights stay bytes where they ship as such, and become floats when a session is made.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from onnx import TensorProto

from scripts.backbones import tfjs_weights
from scripts.backbones.graph import Graph, Shape
from scripts.backbones.tfjs_weights import Weights

PACKAGE = "@vladmandic/face-api"
LICENCE = "MIT"
FOLDER = f"node_modules/{PACKAGE}/model"

MEAN = (122.782, 117.001, 104.298)
SCALE = 255.0


def read(folder: Path, model: str) -> dict[str, Weights]:
    """The weights of a model by name, of the package that is installed in a folder."""
    file = folder / FOLDER / model
    manifest = file.with_name(f"{model}-weights_manifest.json").read_bytes()
    return tfjs_weights.read(manifest, file.with_name(f"{model}.bin").read_bytes())


class Network(Graph):
    """A graph whose weights come out of a package by the names that they have there."""

    def __init__(self, name: str, weights: Mapping[str, Weights]) -> None:
        super().__init__(name)
        self._weights = weights

    def kernel(self, name: str, depthwise: bool = False, gain: np.ndarray | None = None) -> str:
        """A kernel as Conv takes it, each output channel times gain."""
        one = self._weights[name]
        axes = (2, 3, 0, 1) if depthwise else (3, 2, 0, 1)
        stored = one.stored.transpose(axes)
        factors = one.scale * (np.ones(len(stored)) if gain is None else gain)
        stored_at = self.constant(f"{name}.stored", stored)
        zero_at = self.constant(f"{name}.zero", np.array([one.zero]))
        factors_at = self.constant(f"{name}.factors", factors.reshape(-1, 1, 1, 1))
        self.add("Cast", [stored_at], f"{name}.floats", to=TensorProto.FLOAT)
        self.add("Sub", [f"{name}.floats", zero_at], f"{name}.centred")
        return self.add("Mul", [f"{name}.centred", factors_at], name)

    def floats(self, name: str) -> np.ndarray:
        return self._weights[name].floats()

    def separable(self, at: str, name: str, stride: int = 1) -> str:
        """A convolution within each channel, then one across channels."""
        depthwise = self.kernel(f"{name}/depthwise_filter", depthwise=True)
        groups = self._weights[f"{name}/depthwise_filter"].stored.shape[2]
        within = self.add(
            "Conv",
            [at, depthwise],
            f"{name}.within",
            group=groups,
            strides=[stride, stride],
            auto_pad="SAME_UPPER",
        )
        pointwise = self.kernel(f"{name}/pointwise_filter")
        bias = self.constant(f"{name}/bias", self.floats(f"{name}/bias"))
        return self.add("Conv", [within, pointwise, bias], f"{name}.across")

    def convolution(self, at: str, name: str, stride: int = 1, padding: str = "VALID") -> str:
        bias = self.constant(f"{name}/bias", self.floats(f"{name}/bias"))
        inputs = [at, self.kernel(f"{name}/filters"), bias]
        return self.add("Conv", inputs, f"{name}.out", strides=[stride, stride], auto_pad=padding)

    def exported(self, side: int, outputs: Mapping[str, Shape], batch: int | str = "n") -> bytes:
        """The model of square images of a side."""
        properties = {"weights": PACKAGE, "licence": LICENCE}
        return self.serialized([batch, side, side, 3], outputs, properties)
