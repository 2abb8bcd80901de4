"""Images in, labels and probabilities out."""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tasks import IMAGE_KEYS, Model
from tasks.framework import onnx
from tasks.framework.answers import Report
from tasks.framework.predictions import Classes, Inference
from tasks.images.arrays import decoding_side, squeezed
from tasks.images.budget import PixelBudget
from tasks.images.instances import read_images

BATCH = 16
"""Images that are decoded and go through the network together: more take more memory, and no less
time."""


class ImageClassifier(Model):
    """An image classifier in memory: pictures are made one size here, all else is in the graph."""

    image_keys = IMAGE_KEYS

    def __init__(self, inputs: Mapping[str, Any], labels: Sequence[str], model: bytes) -> None:
        self._field, self._white = inputs["image"], inputs.get("white")
        self._side, self._channels = inputs["side"], inputs["channels"]
        self._labels = labels
        self._session = onnx.session(model)

    def infer(self, instances: Sequence[Any], deadline: float = math.inf) -> Inference:
        """One prediction per instance, in order. Raises InvalidInstances."""
        report, budget = Report(), PixelBudget()
        parts = []
        for rows in itertools.batched(enumerate(instances), BATCH, strict=False):
            side = decoding_side(self._side)
            images = read_images(rows, self._field, side, report, budget, self._white)
            if not report.errors:
                pixels = squeezed(images, self._side, self._channels)
                parts += self._session.run(["probabilities"], {"images": pixels})
        report.check()
        return Inference(Classes(np.concatenate(parts), self._labels), report.warnings)


def load(
    inputs: Mapping[str, Any], labels: Sequence[str] | None, files: Mapping[str, bytes]
) -> ImageClassifier:
    assert labels is not None  # every classifier's manifest has them
    return ImageClassifier(inputs, labels, files["model.onnx"])
