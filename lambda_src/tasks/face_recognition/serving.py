"""Images in, people out; or two images in, and whether they show the same person."""

import io
import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tasks import IMAGE_KEYS, Model
from tasks.face_recognition import UNKNOWN
from tasks.face_recognition.crops import MAX_SIDE, Face, cropper
from tasks.framework import onnx
from tasks.framework.answers import Report
from tasks.framework.predictions import Inference, Objects
from tasks.images.boxes import answered
from tasks.images.budget import PixelBudget
from tasks.images.decoding import BadImage, Decoded
from tasks.images.instances import check_fields, read_image

BATCH = 16
"""Instances whose images are decoded together, and faces that go through the network so."""

OTHER = "other"
"""The field of the second image, where two are to be compared."""

PAIR_KEYS = {**IMAGE_KEYS, OTHER: "other_key"}

THRESHOLD = "threshold"
"""The field of an instance that says from which similarity on it is to be accepted."""


@dataclass(frozen=True)
class _Asked:
    """A numbered instance: its images by field, and its own threshold, if it has one."""

    row: int
    images: Mapping[str, Decoded]
    threshold: float | None


class FaceRecognizer(Model):
    """Enrolled people in memory, each the mean of their faces' descriptors."""

    image_keys = PAIR_KEYS

    def __init__(self, inputs: Mapping[str, Any], files: Mapping[str, bytes]) -> None:
        self._field, self._white = inputs["image"], inputs.get("white")
        self._people = inputs["people"]
        self._threshold, self._pair_threshold = inputs["threshold"], inputs["pair_threshold"]
        self._crops = cropper(inputs, files)
        self._session = onnx.session(files["model.onnx"])
        self._means = np.load(io.BytesIO(files["people.npy"]))

    def infer(self, instances: Sequence[Any], deadline: float = math.inf) -> Inference:
        """One prediction per instance, in order. Raises InvalidInstances."""
        report, budget = Report(), PixelBudget()
        answers: list[dict[str, Any]] = []
        for rows in itertools.batched(enumerate(instances), BATCH, strict=False):
            read = self._read(rows, report, budget)
            if not report.errors:
                answers += self._answers(read, report)
        report.check()
        return Inference(Objects(answers), report.warnings)

    def _read(
        self, rows: Iterable[tuple[int, Any]], report: Report, budget: PixelBudget
    ) -> list[_Asked]:
        asked = []
        for row, instance in rows:
            if not check_fields(report, row, instance, self._field, frozenset({OTHER, THRESHOLD})):
                continue
            images = {}
            for field in (self._field, *([OTHER] if OTHER in instance else [])):
                try:
                    value = instance.get(field)
                    images[field] = read_image(value, MAX_SIDE, budget, self._white)
                except BadImage as error:
                    report.error(row, field, f"The image {error}.")
            threshold = report.number(row, instance, THRESHOLD, -1, 1)
            asked.append(_Asked(row, images, threshold))
        return asked

    def _answers(self, asked: Sequence[_Asked], report: Report) -> list[dict[str, Any]]:
        faces = [[self._crops.face(each.image) for each in one.images.values()] for one in asked]
        seen = [face for some in faces for face in some if face is not None]
        descriptors = iter(self._described(seen))
        answers = []
        for one, some in zip(asked, faces, strict=True):
            found = {}
            for (field, decoded), face in zip(one.images.items(), some, strict=True):
                if face is None:
                    report.warning(one.row, field, "no_face", "No face is seen in the image.")
                found[field] = {
                    "box": _box(face, decoded),
                    "descriptor": None if face is None else next(descriptors),
                }
            answer = self._compared if OTHER in found else self._named
            answers.append(answer(found, one.threshold))
        return answers

    def _described(self, faces: Sequence[Face]) -> np.ndarray:
        """Descriptors of length 1, shape (n_faces, n_values)."""
        pixels = [face.pixels for face in faces]
        parts = [
            self._session.run(["descriptors"], {"images": np.stack(pixels[at : at + BATCH])})[0]
            for at in range(0, len(pixels), BATCH)
        ]
        return np.concatenate(parts) if parts else np.zeros((0, self._means.shape[1]))

    def _named(
        self, found: Mapping[str, dict[str, Any]], threshold: float | None
    ) -> dict[str, Any]:
        one = found[self._field]
        threshold = self._threshold if threshold is None else threshold
        label, similarity = None, None
        if one["descriptor"] is not None:
            similarities = self._means @ one["descriptor"]
            nearest = int(similarities.argmax())
            similarity = float(similarities[nearest])
            label = self._people[nearest] if similarity >= threshold else UNKNOWN
        return {
            "label": label,
            "similarity": similarity,
            "threshold": threshold,
            "box": one["box"],
        }

    def _compared(
        self, found: Mapping[str, dict[str, Any]], threshold: float | None
    ) -> dict[str, Any]:
        one, other = found[self._field], found[OTHER]
        threshold = self._pair_threshold if threshold is None else threshold
        similarity = None
        if one["descriptor"] is not None and other["descriptor"] is not None:
            similarity = float(one["descriptor"] @ other["descriptor"])
        return {
            "same": None if similarity is None else similarity >= threshold,
            "similarity": similarity,
            "threshold": threshold,
            "box": one["box"],
            "other_box": other["box"],
        }


def _box(face: Face | None, decoded: Decoded) -> dict[str, float] | None:
    """Where the face is, in pixels of the image as it was sent, upright."""
    if face is None:
        return None
    scale = decoded.width / decoded.image.width
    return answered(scale * np.array(face.box))


def load(
    inputs: Mapping[str, Any], labels: Sequence[str] | None, files: Mapping[str, bytes]
) -> FaceRecognizer:
    return FaceRecognizer(inputs, files)
