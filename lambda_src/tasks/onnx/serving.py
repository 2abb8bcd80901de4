"""Fields in, the graph's outputs out, both by the codecs that the model was brought with."""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from common.problems import FieldError, LacksMemory, pointer
from tasks import IMAGE_KEYS, InvalidInstances, Model
from tasks.framework import onnx
from tasks.framework.answers import Report, short
from tasks.framework.predictions import Inference, Objects
from tasks.images.boxes import MIN_SCORE
from tasks.images.budget import PixelBudget
from tasks.onnx.codecs import decoder, encoder
from tasks.onnx.codecs.form import Arrays, Encode, Encoded
from tasks.onnx.codecs.tensors import is_finite
from tasks.onnx.codecs.unfit import Unfit
from tasks.onnx.codecs.wordpiece import WordPiece
from tasks.onnx.limits import NotRun, OutOfTime, bounded_memory, check_time, watch
from tasks.onnx.messages import lacks_memory, reason
from tasks.onnx.room import Room
from tasks.onnx.spec import TOKENIZER, Served

AT_ONCE = 16
"""Instances that go through the graph together: more take more memory, and hardly less time."""

VALUES_AT_ONCE = 2_500_000
"""Of their inputs: 16 images of 224 x 224 pixels, or two of 640 x 640."""


class Imported(Model):
    """A model that was brought, in memory."""

    def __init__(
        self, inputs: Mapping[str, Any], labels: Sequence[str] | None, files: Mapping[str, bytes]
    ) -> None:
        """Raises Unfit for a tokenizer.json that is not served."""
        spec = msgspec.convert(inputs, Served)
        tokenizer = WordPiece(files[TOKENIZER]) if TOKENIZER in files else None
        self.image_keys = IMAGE_KEYS if any(one.codec == "image" for one in spec.inputs) else {}
        self._batched = spec.batched
        self._divides = spec.divides
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
        self._plain = [one.name for one in spec.outputs if one.codec == "tensor"]
        self._whole = {name for one in spec.outputs if not one.batch_axis for name in one.outputs()}
        # What a run took is given back: the memory of the next one is bounded, too.
        self._session = onnx.session(files["model.onnx"], keeps_memory=False)
        self._watch = watch()

    def infer(self, instances: Sequence[Any], deadline: float = math.inf) -> Inference:
        """One prediction per instance, in order. Raises InvalidInstances.

        Time or memory that do not suffice are errors of the instances.
        """
        report = Report()
        predictions: list[dict[str, Any]] = []
        room = Room()
        try:
            with bounded_memory():
                for rows, encoded in self._parts(instances, report, deadline):
                    if not report.errors:
                        predictions += self._answers(rows, encoded, deadline, room, report)
        except MemoryError:
            too_much = "They take more memory than the function has: send fewer, or smaller ones."
            raise InvalidInstances([FieldError(pointer("instances"), too_much)]) from None
        report.check()
        return Inference(Objects(predictions), report.warnings)

    def encode(self, instances: Sequence[Any]) -> list[Encoded]:
        """Each instance as the graph takes it. Raises InvalidInstances."""
        report = Report()
        encoded = [self._encoded(row, one, report, Encoded()) for row, one in enumerate(instances)]
        report.check()
        return encoded

    def run(self, encoded: Sequence[Encoded], deadline: float = math.inf) -> list[Arrays]:
        """Each instance's outputs; those whose inputs have the same shapes are run together.

        deadline is a moment of time.monotonic(). Raises NotRun and OutOfTime.
        """
        outputs: list[Arrays] = [{} for _ in encoded]
        for rows in self._together(encoded):
            arrays = [encoded[row].arrays for row in rows]
            for row, found in zip(rows, self.run_together(arrays, deadline), strict=True):
                outputs[row] = found
        return outputs

    def run_together(
        self, inputs: Sequence[Arrays], deadline: float, outputs: Sequence[str] = ()
    ) -> list[Arrays]:
        """Outputs of instances whose inputs have the same shapes. Raises NotRun and OutOfTime.

        outputs are the graph's, or those of the manifest when left out.
        """
        names = outputs or self._outputs
        try:
            feeds = {name: np.stack([one[name] for one in inputs]) for name in inputs[0]}
            with self._watch.until(deadline) as options:
                found = self._session.run(names, feeds, options)
            parts = {
                name: [array] * len(inputs) if name in self._whole else _rows(array, len(inputs))
                for name, array in zip(names, found, strict=True)
            }
            return [
                {name: np.asarray(rows[place]) for name, rows in parts.items()}
                for place in range(len(inputs))
            ]
        except OutOfTime:
            raise
        except Exception as error:  # onnxruntime's own, which has no common base
            raise NotRun(reason(error)) from None

    def decode(self, outputs: Arrays, encoded: Encoded) -> dict[str, Any]:
        """One instance's prediction. Raises Unfit where outputs have no such answer."""
        prediction: dict[str, Any] = {}
        try:
            for decode in self._decoders:
                for field, value in decode(outputs, encoded).items():
                    if field == "outputs":
                        value = prediction.get(field, {}) | value
                    prediction[field] = value
        except (Unfit, MemoryError):
            raise
        except Exception as error:  # of outputs that are like nothing that a codec foresees
            raise Unfit(reason(error)) from None
        return prediction

    def _answers(
        self,
        rows: Sequence[int],
        encoded: Sequence[Encoded],
        deadline: float,
        room: Room,
        report: Report,
    ) -> list[dict[str, Any]]:
        """Predictions, or an error for each instance that the model has none for."""
        predictions: list[dict[str, Any]] = []
        outputs = self._run(rows, encoded, deadline, report)
        if report.errors:
            return predictions
        for row, found, one in zip(rows, outputs, encoded, strict=True):
            try:
                predictions.append(self.decode(found, one))
            except Unfit as unfit:
                report.error(row, None, f"The model has no such answer to this: {unfit}.")
                continue
            room.take(predictions[-1])
            self._warn_of_nulls(row, found, report)
        return predictions

    def _warn_of_nulls(self, row: int, outputs: Arrays, report: Report) -> None:
        for name in self._plain:
            if not is_finite(outputs[name]):
                detail = f"Output {name!r:.200} has NaN or infinity here, which JSON has as null."
                report.warning(row, None, "not_finite", detail)

    def _run(
        self, rows: Sequence[int], encoded: Sequence[Encoded], deadline: float, report: Report
    ) -> list[Arrays]:
        """What run answers, or an error for each instance that the graph stumbles over."""
        try:
            return self.run(encoded, deadline)
        except OutOfTime:
            raise _late(rows[0], report) from None
        except NotRun as stumble:
            if len(rows) > 1:
                alone = [
                    self._run([row], [one], deadline, report)
                    for row, one in zip(rows, encoded, strict=True)
                ]
                return [outputs for one in alone for outputs in one]
            report.error(rows[0], None, f"The model cannot be run on this: {stumble}")
            return []

    def _together(self, encoded: Sequence[Encoded]) -> list[list[int]]:
        groups: dict[Any, list[int]] = {}
        for row, one in enumerate(encoded):
            shapes = tuple(array.shape for array in one.arrays.values())
            groups.setdefault(shapes if self._batched else row, []).append(row)
        return [
            list(part)
            for rows in groups.values()
            for part in itertools.batched(rows, at_once(encoded[rows[0]]), strict=False)
        ]

    def _parts(
        self, instances: Sequence[Any], report: Report, deadline: float
    ) -> Iterator[tuple[list[int], list[Encoded]]]:
        """Numbers of instances and what the graph takes of them, so many as memory is for."""
        rows: list[int] = []
        part: list[Encoded] = []
        values, budget = 0, PixelBudget()
        for row, instance in enumerate(instances):
            try:
                check_time(deadline)
                encoded = self._encoded(
                    row, instance, report, Encoded(budget=budget, deadline=deadline)
                )
            except OutOfTime:
                raise _late(row, report) from None
            size = _values(encoded)
            if rows and (len(rows) == AT_ONCE or values + size > VALUES_AT_ONCE):
                yield rows, part
                rows, part, values = [], [], 0
            rows.append(row)
            part.append(encoded)
            values += size
        yield rows, part

    def _encoded(self, row: int, instance: Any, report: Report, encoded: Encoded) -> Encoded:
        """Fills what is encoded of an instance, and reports what cannot be. Raises OutOfTime."""
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
                    array = encoded.arrays[name] = encode(instance[field], encoded)
                    if self._divides:
                        _check_dividend(array)
            except Unfit as reason:
                report.error(row, field, f"{reason}.")
        if self._detects:
            encoded.min_score = report.number(row, instance, MIN_SCORE, 0, 1)
        report.unknown(row, instance, self._known)
        return encoded


def _late(row: int, report: Report) -> InvalidInstances:
    """What was found until the deadline, and where it was."""
    late = "The model did not answer this in time: send fewer instances, or smaller ones."
    report.error(row, None, late)
    return InvalidInstances(report.errors, report.others)


def at_once(one: Encoded) -> int:
    """Bounded, since batched makes room for so many before there are any: 4 ms for a million."""
    return min(AT_ONCE, max(1, VALUES_AT_ONCE // max(1, _values(one))))


def _rows(array: Any, count: int) -> Any:
    """An output with a row for each of so many instances. Raises ValueError."""
    rows = len(array) if isinstance(array, list) or np.ndim(array) else 0
    if rows == 0 or rows != count > 1:
        raise ValueError(f"it answers with {rows} rows for {count} instances")
    return array


def _check_dividend(array: np.ndarray) -> None:
    """Raises Unfit for the least whole number: divided by -1, it ends the process (SIGFPE)."""
    if array.dtype.kind == "i" and (array == np.iinfo(array.dtype).min).any():
        raise Unfit(
            f"Expected numbers above {np.iinfo(array.dtype).min}: the model divides, and the least "
            f"{array.dtype} has no quotient by -1"
        )


def _values(one: Encoded) -> int:
    return sum(array.size for array in one.arrays.values())


def load(
    inputs: Mapping[str, Any], labels: Sequence[str] | None, files: Mapping[str, bytes]
) -> Imported:
    """Raises LacksMemory for a model that the function has too little memory for."""
    try:
        with bounded_memory():
            return Imported(inputs, labels, files)
    except Unfit:
        raise
    except Exception as error:
        if lacks_memory(error):
            raise LacksMemory(
                "The model takes more memory than the function has: give inference more of it "
                "(functions.inference.memory_size), or bring a smaller model."
            ) from None
        raise RuntimeError(reason(error)) from None
