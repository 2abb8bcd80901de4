"""Tensors of a TensorFlow.js model: a manifest of names and shapes, and one file of all values.

Most are quantised: a byte stands for byte * scale + least value.
"""

import json
from dataclasses import dataclass
from math import prod

import numpy as np


@dataclass(frozen=True)
class Weights:
    """A tensor as it is stored, and what its values stand for."""

    stored: np.ndarray
    scale: float
    zero: float
    """The stored value that stands for 0."""

    def floats(self) -> np.ndarray:
        """The values, float32."""
        values: np.ndarray = (self.stored.astype(np.float64) - self.zero) * self.scale
        return values.astype(np.float32)


def read(manifest: bytes, values: bytes) -> dict[str, Weights]:
    """The tensors by name. Raises ValueError when they are not what the manifest describes."""
    found: dict[str, Weights] = {}
    at = 0
    for one in (one for group in json.loads(manifest) for one in group["weights"]):
        name, quantization = one["name"], one.get("quantization", {})
        stored_as = np.dtype(quantization.get("dtype", one["dtype"])).newbyteorder("<")
        scale, least = quantization.get("scale", 1.0), quantization.get("min", 0.0)
        count = prod(one["shape"])
        end = at + count * stored_as.itemsize
        if end > len(values):
            raise ValueError(f"the values end before those of {name}")
        stored = np.frombuffer(values, stored_as, count, at).reshape(one["shape"])
        found[name] = Weights(stored, scale, -least / scale)
        at = end
    if at != len(values):
        raise ValueError(f"{len(values) - at:,} bytes are left when all tensors are read")
    return found
