"""Images in, labelled boxes out."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tasks import FieldWarning, InvalidInstances
from tasks.shared.images.arrays import decoding_side, letterboxed
from tasks.shared.images.boxes import MIN_SCORE, Placement, min_score, shown
from tasks.shared.images.decoding import BadImage, Decoded
from tasks.shared.images.instances import check_fields, read_image
from tasks.shared.serving import onnx
from tasks.shared.serving.answers import Report

BATCH = 4
"""Images that go through the network at once: more take more memory, and no less time."""


class ObjectDetector:
    """A detector in memory: pictures are put into squares here, all else is in the graph."""

    reads_images = True

    def __init__(self, inputs: Mapping[str, Any], labels: Sequence[str], model: bytes) -> None:
        self._field, self._side = inputs["image"], inputs["side"]
        self._least = inputs[MIN_SCORE]
        self._labels = labels
        self._session = onnx.session(model)

    def predict(self, instances: Sequence[Any]) -> tuple[list[dict[str, Any]], list[FieldWarning]]:
        """The objects of every image, in order. Raises InvalidInstances."""
        images, least, report = self._read(instances)
        answers = []
        for start in range(0, len(images), BATCH):
            batch = images[start : start + BATCH]
            pixels = letterboxed([one.image for one in batch], self._side, 3)
            (found,) = self._session.run(["detections"], {"images": pixels})
            found = found[np.argsort(-found[:, 2], kind="stable")]
            for number, image in enumerate(batch):
                mine = found[(found[:, 0] == number) & (found[:, 2] >= least[start + number])]
                answers.append(self._answer(image, mine))
        return answers, report.warnings

    def _read(self, instances: Sequence[Any]) -> tuple[list[Decoded], list[float], Report]:
        """The image of every instance, and how certain its objects have to be."""
        report = Report()
        images, least = [], []
        for row, instance in enumerate(instances):
            if not check_fields(report, row, instance, self._field, frozenset({MIN_SCORE})):
                continue
            try:
                images.append(read_image(instance.get(self._field), decoding_side(self._side)))
            except BadImage as error:
                report.error(row, self._field, f"The image {error}.")
            try:
                wanted = min_score(instance)
                least.append(self._least if wanted is None else wanted)
            except ValueError as reason:
                report.error(row, MIN_SCORE, str(reason))
        if report.errors:
            raise InvalidInstances(report.errors)
        return images, least, report

    def _answer(self, image: Decoded, rows: np.ndarray) -> dict[str, Any]:
        """Rows of the graph's detections as objects; their boxes are shares of the longer side."""
        size = image.width, image.height
        place = Placement(*size, across=max(size), down=max(size))
        labels = [self._labels[int(label)] for label in rows[:, 1]]
        return shown(size, labels, rows[:, 2], place.in_picture(rows[:, 3:].astype(np.float64)))


def load(
    inputs: Mapping[str, Any], labels: Sequence[str] | None, files: Mapping[str, bytes]
) -> ObjectDetector:
    assert labels is not None  # every detector's manifest has them
    return ObjectDetector(inputs, labels, files["model.onnx"])
