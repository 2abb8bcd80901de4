"""Images in, labels and probabilities out."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tasks import FieldWarning
from tasks.shared.images.arrays import decoding_side, squeezed
from tasks.shared.images.instances import read_images
from tasks.shared.serving import onnx
from tasks.shared.serving.answers import labelled

BATCH = 16
"""Images that go through the network at once: more take more memory, and no less time."""


class ImageClassifier:
    """An image classifier in memory: pictures are made one size here, all else is in the graph."""

    reads_images = True

    def __init__(self, inputs: Mapping[str, Any], labels: Sequence[str], model: bytes) -> None:
        self._field = inputs["image"]
        self._side, self._channels = inputs["side"], inputs["channels"]
        self._labels = labels
        self._session = onnx.session(model)

    def predict(self, instances: Sequence[Any]) -> tuple[list[dict[str, Any]], list[FieldWarning]]:
        """One prediction per instance, in order. Raises InvalidInstances."""
        decoded, report = read_images(instances, self._field, decoding_side(self._side))
        pixels = squeezed([one.image for one in decoded], self._side, self._channels)
        parts = [
            self._session.run(["probabilities"], {"images": pixels[at : at + BATCH]})[0]
            for at in range(0, len(pixels), BATCH)
        ]
        return labelled(np.concatenate(parts), self._labels), report.warnings


def load(
    inputs: Mapping[str, Any], labels: Sequence[str] | None, files: Mapping[str, bytes]
) -> ImageClassifier:
    assert labels is not None  # every classifier's manifest has them
    return ImageClassifier(inputs, labels, files["model.onnx"])
