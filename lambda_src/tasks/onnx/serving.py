"""Fields in, the graph's outputs out, both by the codecs that the model was brought with."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from common.problems import check_answer_size
from tasks import IMAGE_KEYS, FieldWarning
from tasks.onnx.codecs import decoder, encoder
from tasks.onnx.codecs.form import Arrays, Encode, Encoded
from tasks.onnx.codecs.unfit import Unfit
from tasks.onnx.codecs.wordpiece import WordPiece
from tasks.onnx.messages import first_line
from tasks.onnx.spec import TOKENIZER, Served
from tasks.shared.images.boxes import MIN_SCORE
from tasks.shared.images.budget import PixelBudget
from tasks.shared.serving import onnx
from tasks.shared.serving.answers import Report, short

AT_ONCE = 16
"""Instances that go through the graph together: more take more memory, and hardly less time."""

VALUES_AT_ONCE = 2_500_000
"""Of their inputs: 16 images of 224 x 224 pixels, or two of 640 x 640."""


class NotRun(Exception):
    """The graph cannot be run on what it was given; the text is onnxruntime's."""


class Imported:
    """A model that was brought, in memory."""

    def __init__(
        self, inputs: Mapping[str, Any], labels: Sequence[str] | None, files: Mapping[str, bytes]
    ) -> None:
        """Raises Unfit for a tokenizer.json that is not served."""
        spec = msgspec.convert(inputs, Served)
        tokenizer = WordPiece(files[TOKENIZER]) if TOKENIZER in files else None
        self.image_keys = IMAGE_KEYS if any(one.codec == "image" for one in spec.inputs) else {}
        self._batched = spec.batched
        self._fields: dict[str, dict[str, Encode]] = {}
        self._constants: dict[str, Encode] = {}
        for one in spec.inputs:
            constant = one.codec == "constant"
            into = self._constants if constant else self._fields.setdefault(one.field, {})
            into[one.name] = encoder(one, tokenizer)
        self._detects = any(one.codec == "detection" for one in spec.outputs)
        self._known = set(self._fields) | ({MIN_SCORE} if self._detects else set())
        self._decoders = [decoder(one, labels) for one in spec.outputs]
        self._outputs = sorted(set().union(*(one.outputs() for one in spec.outputs)))
        self._whole = {name for one in spec.outputs if not one.batch_axis for name in one.outputs()}
        self._session = onnx.session(files["model.onnx"])

    def predict(self, instances: Sequence[Any]) -> tuple[list[dict[str, Any]], list[FieldWarning]]:
        """One prediction per instance, in order. Raises InvalidInstances."""
        report = Report()
        predictions: list[dict[str, Any]] = []
        size = 0
        for rows, encoded in self._parts(instances, report):
            if not report.errors:
                answers = self._answers(rows, encoded, report)
                size += len(msgspec.json.encode(answers))
                check_answer_size(size)
                predictions += answers
        report.check()
        return predictions, report.warnings

    def encode(self, instances: Sequence[Any]) -> list[Encoded]:
        """Each instance as the graph takes it. Raises InvalidInstances."""
        report = Report()
        encoded = [self._encoded(row, one, report) for row, one in enumerate(instances)]
        report.check()
        return encoded

    def run(self, encoded: Sequence[Encoded]) -> list[Arrays]:
        """Each instance's outputs; those whose inputs have the same shapes are run together.

        Raises NotRun.
        """
        outputs: list[Arrays] = [{} for _ in encoded]
        for rows in self._together(encoded):
            arrays = [encoded[row].arrays for row in rows]
            feeds = {name: np.stack([one[name] for one in arrays]) for name in arrays[0]}
            try:
                found = self._session.run(self._outputs, feeds)
            except MemoryError:
                raise
            except Exception as error:  # onnxruntime's own, which has no common base
                raise NotRun(first_line(error)) from None
            for place, row in enumerate(rows):
                outputs[row] = {
                    name: np.asarray(array if name in self._whole else array[place])
                    for name, array in zip(self._outputs, found, strict=True)
                }
        return outputs

    def decode(self, outputs: Arrays, encoded: Encoded) -> dict[str, Any]:
        """One instance's prediction. Raises Unfit where outputs have no such answer."""
        prediction: dict[str, Any] = {}
        for decode in self._decoders:
            for field, value in decode(outputs, encoded).items():
                if field == "outputs":
                    value = prediction.get(field, {}) | value
                prediction[field] = value
        return prediction

    def _answers(
        self, rows: Sequence[int], encoded: Sequence[Encoded], report: Report
    ) -> list[dict[str, Any]]:
        """Predictions, or an error for each instance that the model has none for."""
        predictions: list[dict[str, Any]] = []
        outputs = self._run(rows, encoded, report)
        if report.errors:
            return predictions
        for row, found, one in zip(rows, outputs, encoded, strict=True):
            try:
                predictions.append(self.decode(found, one))
            except Unfit as reason:
                report.error(row, None, f"The model has no such answer to this: {reason}.")
        return predictions

    def _run(self, rows: Sequence[int], encoded: Sequence[Encoded], report: Report) -> list[Arrays]:
        """What run answers, or an error for each instance that the graph stumbles over."""
        try:
            return self.run(encoded)
        except NotRun as reason:
            if len(rows) > 1:
                alone = [
                    self._run([row], [one], report) for row, one in zip(rows, encoded, strict=True)
                ]
                return [outputs for one in alone for outputs in one]
            report.error(rows[0], None, f"The model cannot be run on this: {reason}")
            return []

    def _together(self, encoded: Sequence[Encoded]) -> list[list[int]]:
        groups: dict[Any, list[int]] = {}
        for row, one in enumerate(encoded):
            shapes = tuple(array.shape for array in one.arrays.values())
            groups.setdefault(shapes if self._batched else row, []).append(row)
        return [
            list(part)
            for rows in groups.values()
            for part in itertools.batched(rows, _at_once(encoded[rows[0]]), strict=False)
        ]

    def _parts(
        self, instances: Sequence[Any], report: Report
    ) -> Iterator[tuple[list[int], list[Encoded]]]:
        """Numbers of instances and what the graph takes of them, so many as memory is for."""
        rows: list[int] = []
        part: list[Encoded] = []
        values, budget = 0, PixelBudget()
        for row, instance in enumerate(instances):
            encoded = self._encoded(row, instance, report, budget)
            size = _values(encoded)
            if rows and (len(rows) == AT_ONCE or values + size > VALUES_AT_ONCE):
                yield rows, part
                rows, part, values = [], [], 0
            rows.append(row)
            part.append(encoded)
            values += size
        yield rows, part

    def _encoded(
        self, row: int, instance: Any, report: Report, budget: PixelBudget | None = None
    ) -> Encoded:
        encoded = Encoded(budget=budget)
        if not isinstance(instance, dict):
            report.error(row, None, f"Expected an object of fields, got {short(instance)}.")
            return encoded
        for name, encode in self._constants.items():
            encoded.arrays[name] = encode(None, encoded)
        for field, encoders in self._fields.items():
            if field not in instance:
                report.error(row, field, "Required: the model has an input of this name.")
                continue
            try:
                for name, encode in encoders.items():
                    encoded.arrays[name] = encode(instance[field], encoded)
            except Unfit as reason:
                report.error(row, field, f"{reason}.")
        if self._detects:
            encoded.min_score = report.number(row, instance, MIN_SCORE, 0, 1)
        report.unknown(row, instance, self._known)
        return encoded


def _at_once(one: Encoded) -> int:
    return max(1, VALUES_AT_ONCE // max(1, _values(one)))


def _values(one: Encoded) -> int:
    return sum(array.size for array in one.arrays.values())


def load(
    inputs: Mapping[str, Any], labels: Sequence[str] | None, files: Mapping[str, bytes]
) -> Imported:
    return Imported(inputs, labels, files)
