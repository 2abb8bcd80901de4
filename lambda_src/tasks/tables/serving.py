"""Instances of a table as the float32 matrix that models take; the same as in training.

Rows become columns first, so that both are read by the same code (tasks.tables.encoders).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from common.problems import FieldError, pointer
from tasks import InvalidInstances
from tasks.framework.answers import MAX_WARNINGS, Report, short
from tasks.framework.columns import Columns, plain
from tasks.framework.forms.words import clean
from tasks.tables.encoders import encoder
from tasks.tables.encoders.base import (
    Encoder,
    InvalidValue,
    Missing,
    UnknownCategory,
    Unread,
    width,
)
from tasks.tables.findings import Findings

BOUND = 1e9
"""Scaled values are held within this; float32 and every model can square it."""

FEW = 24
"""So many instances are read as columns. With fewer, preparing to take the values of a feature
together costs more than reading each."""


MAX_CELLS = 20_000_000
"""Of instances as a matrix, empty ones included, which take 20 bytes of memory each. A body of 6 MB
has a million values at most."""


class Table:
    """The encoder of a model's features.

    inputs has features; ignored, the names of columns that training did not use; and
    missing_values, the words that stand for no value. The latter two may be left out.
    """

    def __init__(self, inputs: Mapping[str, Any]) -> None:
        features = inputs["features"]
        words = frozenset(inputs.get("missing_values", ()))
        self._encoders = [encoder(feature, words) for feature in features]
        self._known = {f["name"] for f in features} | set(inputs.get("ignored", ()))
        self._outer = objects_of(self._known)
        self._width = sum(map(width, features))

    def encode(self, instances: Sequence[Any]) -> tuple[np.ndarray, Report]:
        """Instances as float32 of shape (n_samples, n_columns). Raises InvalidInstances."""
        findings = Findings()
        if not isinstance(instances, Columns):
            self._check_cells(len(instances))
        if len(instances) < FEW:
            rows = [
                self._row(number, instance, findings)
                for number, instance in self._objects(instances, findings)
            ]
            report = findings.report()
            return finish(np.array(rows, np.float64).reshape(len(rows), self._width)), report
        if isinstance(instances, Columns):
            numbers, columns = self._of_columns(instances, findings)
        else:
            numbers, columns = self._of_rows(instances, findings)
        with np.errstate(over="ignore"):  # what is infinite is bounded
            encoded = [
                self._encoded(position, columns.get(one.name), numbers, findings)
                for position, one in enumerate(self._encoders)
            ]
            report = findings.report()
            return self._matrix(encoded, len(numbers)), report

    def _check_cells(self, count: int) -> None:
        """Raises InvalidInstances for instances that would be a larger matrix than fits."""
        most = max(1, MAX_CELLS // max(1, len(self._encoders)))
        if count > most:
            detail = (
                f"{count:,} instances of {len(self._encoders):,} inputs are too many for a "
                f"request: send at most {most:,} at once."
            )
            raise InvalidInstances([FieldError(pointer("instances"), detail)])

    def _row(self, number: int, instance: Mapping[str, Any], findings: Findings) -> list[float]:
        row: list[float] = []
        for position, one in enumerate(self._encoders):
            value = instance.get(one.name)
            try:
                if value is None:
                    raise Missing
                encoded = one.value(value)
            except Unread as reason:
                encoded = _instead(one, position, value, number, reason, findings)
            if one.width == 1:
                row.append(encoded)
            else:
                row += encoded or ()
        return row

    def _of_rows(
        self, instances: Iterable[Any], findings: Findings
    ) -> tuple[Sequence[int], Mapping[str, Any]]:
        """The numbers of the instances that are objects, and their fields as columns."""
        rows = dict(self._objects(instances, findings))
        columns = {one.name: [row.get(one.name) for row in rows.values()] for one in self._encoders}
        return list(rows), columns

    def _objects(
        self, instances: Iterable[Any], findings: Findings
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        """The numbers of the instances that are objects, and their values by column."""
        known, outer, last = self._known, self._outer, len(self._encoders)
        for number, instance in enumerate(instances):
            if not isinstance(instance, dict):
                detail = f"Expected an object of fields, got {short(instance)}."
                findings.error(number, -1, None, detail)
                continue
            if not known.issuperset(instance) or not outer.isdisjoint(instance):
                instance = self._as_columns(number, instance, findings)
                if not known.issuperset(instance):
                    unknown = partial(Report.unknown, row=number, instance=instance, known=known)
                    findings.add_warning(number, last, unknown)
            yield number, instance

    def _as_columns(
        self, number: int, instance: dict[str, Any], findings: Findings
    ) -> dict[str, Any]:
        """The instance with the names that processing gives to columns, also of nested fields."""
        columns = {
            name if name in self._known else clean(name): instance[name] for name in instance
        }
        if len(columns) < len(instance) or any(type(one) is dict for one in instance.values()):
            nested = Report()
            columns = nested.columns(number, instance, self._known)
            for error in nested.errors:
                findings.add_error(number, -1, partial(Report.add_error, error=error))
        return {
            name: value
            for name, value in columns.items()
            if value is not None or name in self._known or name not in self._outer
        }

    def _of_columns(
        self, instances: Columns, findings: Findings
    ) -> tuple[Sequence[int], Mapping[str, Any]]:
        """The same of instances that are columns already."""
        values = instances.values
        rows = range(len(instances))
        if self._known.issuperset(values) and self._outer.isdisjoint(values):
            return rows, values
        columns = {name if name in self._known else clean(name): values[name] for name in values}
        if len(columns) < len(values) or any(map(_has_objects, values.values())):
            return self._of_rows(instances, findings)
        unknown = {
            name: plain(column[:MAX_WARNINGS])
            for name, column in columns.items()
            if name not in self._known
        }
        for row in rows[:MAX_WARNINGS] if unknown else ():
            fields = {name: 0 for name, column in unknown.items() if column[row] is not None}
            if fields:
                finding = partial(Report.unknown, row=row, instance=fields, known=self._known)
                findings.add_warning(row, len(self._encoders), finding)
        return rows, columns

    def _encoded(self, position: int, values: Any, rows: Sequence[int], findings: Findings) -> Any:
        """The values of a feature as numbers; values is None where no instance has the field."""
        one = self._encoders[position]
        if values is None:
            values = [None] * len(rows)
        elif isinstance(values, np.ndarray):
            array = one.array(values)
            if array is not None:
                return array
            values = plain(values)
        encoded = one.values(values)
        if encoded is None:
            return _each(one, position, values, rows, findings)
        if isinstance(encoded, list) and None in encoded:
            odd = [index for index, number in enumerate(encoded) if number is None]
            some, their_rows = [values[index] for index in odd], [rows[index] for index in odd]
            numbers = _each(one, position, some, their_rows, findings)
            for index, number in zip(odd, numbers, strict=True):
                encoded[index] = number
        return encoded

    def _matrix(self, encoded: Sequence[Any], count: int) -> np.ndarray:
        """The encoded features side by side."""
        matrix = np.empty((count, self._width), np.float32)
        at = 0
        for one, values in zip(self._encoders, encoded, strict=True):
            matrix[:, at : at + one.width] = np.reshape(values, (count, one.width))
            at += one.width
        return np.clip(matrix, -BOUND, BOUND, out=matrix)


def _each(
    one: Encoder, position: int, values: Sequence[Any], rows: Sequence[int], findings: Findings
) -> list[Any]:
    """The values of a feature, each read by itself."""
    encoded: list[Any] = []
    for row, value in zip(rows, values, strict=True):
        try:
            if value is None:
                raise Missing
            encoded.append(one.value(value))
        except Unread as reason:
            encoded.append(_instead(one, position, value, row, reason, findings))
    return encoded


def _instead(
    one: Encoder, position: int, value: Any, row: int, reason: Unread, findings: Findings
) -> Any:
    """What a value is encoded as that has no code of its own; None where that is an error."""
    if isinstance(reason, UnknownCategory):
        findings.warning(row, position, one.name, reason.code, f"{short(value)} {reason}")
        return reason.number
    if isinstance(reason, InvalidValue):
        detail = f"{reason}, got {short(value)}"
        if one.missing is None or not one.is_tolerant:
            findings.error(row, position, one.name, f"{detail}.")
            return None
        detail = f"{detail}; it counts as missing, as in training."
        findings.warning(row, position, one.name, "unreadable_value", detail)
    elif one.missing is None:
        detail = "Required: it was never missing in training."
        findings.error(row, position, one.name, detail)
    return one.missing


def _has_objects(column: Any) -> bool:
    return any(type(value) is dict for value in plain(column))


def objects_of(names: Iterable[str]) -> frozenset[str]:
    """The names of objects whose values have columns of these names.

    >>> sorted(objects_of({"a.b.c", "d"}))
    ['a', 'a.b']
    """
    parts = [name.split(".") for name in names if "." in name]
    return frozenset(".".join(some[:end]) for some in parts for end in range(1, len(some)))


def finish(matrix: np.ndarray) -> np.ndarray:
    """A float64 matrix as models take it; NaN stays."""
    bounded: np.ndarray = np.clip(matrix, -BOUND, BOUND)
    return bounded.astype(np.float32, order="C")
