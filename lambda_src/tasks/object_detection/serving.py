"""Images in, labelled boxes out."""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from tasks import IMAGE_KEYS, Model
from tasks.framework import onnx
from tasks.framework.answers import Report
from tasks.framework.predictions import Inference, Objects
from tasks.images.arrays import decoding_side, letterboxed
from tasks.images.boxes import MIN_SCORE, Placement, shown
from tasks.images.budget import PixelBudget
from tasks.images.decoding import BadImage, Decoded
from tasks.images.instances import check_fields, read_near

BATCH = 4
"""Images that are decoded and go through the network together: more take more memory, and no less
time."""


class ObjectDetector(Model):
    """A detector in memory: pictures are put into squares here, all else is in the graph."""

    image_keys = IMAGE_KEYS

    def __init__(self, inputs: Mapping[str, Any], labels: Sequence[str], model: bytes) -> None:
        self._field, self._side = inputs["image"], inputs["side"]
        self._white = inputs.get("white")
        self._least = inputs[MIN_SCORE]
        self._labels = labels
        self._session = onnx.session(model)

    def infer(self, instances: Sequence[Any], deadline: float = math.inf) -> Inference:
        """The objects of every image, in order. Raises InvalidInstances."""
        report, budget = Report(), PixelBudget()
        answers: list[dict[str, Any]] = []
        for rows in itertools.batched(enumerate(instances), BATCH, strict=False):
            asked = self._read(rows, report, budget)
            if not report.errors:
                answers += self._answers(asked)
        report.check()
        return Inference(Objects(answers), report.warnings)

    def _read(
        self, rows: Iterable[tuple[int, Any]], report: Report, budget: PixelBudget
    ) -> list[tuple[Decoded, float]]:
        """The image of every numbered instance, and how certain its objects have to be."""
        asked = []
        for row, instance in rows:
            if not check_fields(report, row, instance, self._field, frozenset({MIN_SCORE})):
                continue
            wanted = report.number(row, instance, MIN_SCORE, 0, 1)
            try:
                value, side = instance.get(self._field), decoding_side(self._side)
                image = read_near(value, side, budget, self._white)
                asked.append((image, self._least if wanted is None else wanted))
            except BadImage as error:
                report.error(row, self._field, f"The image {error}.")
        return asked

    def _answers(self, asked: Sequence[tuple[Decoded, float]]) -> list[dict[str, Any]]:
        pixels = letterboxed([one.image for one, _ in asked], self._side, 3)
        (found,) = self._session.run(["detections"], {"images": pixels})
        found = found[np.argsort(-found[:, 2], kind="stable")]
        return [
            self._answer(image, found[(found[:, 0] == number) & (found[:, 2] >= least)])
            for number, (image, least) in enumerate(asked)
        ]

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
