"""Rows of a table as the float32 matrix that models take; the same for training and serving.

Each feature fills one column of the matrix or, for a datetime, several:

- number: (value - centre) / scale, computed in float64, so that a large offset such as a
  timestamp's does not eat the digits of float32;
- boolean: 0 or 1;
- datetime: seconds since 1970 as a number, then month, day, weekday (Monday is 0) and hour, UTC;
- category: its place among the feature's categories, then one code for missing and one for
  any other value.

Missing numbers, booleans and datetimes are NaN. Training learns centre, scale and categories;
`features` of a model's inputs holds them.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from tasks import InvalidInstances
from tasks.shared.serving.answers import Report, short

type Feature = Mapping[str, Any]
"""name, type, nullable; for numbers and datetimes centre and scale; for categories the list."""

type Encode = Callable[[Any], tuple[float, ...]]

BOUND = 1e9
"""Scaled values are held within this; float32 and every model can square it."""

DATETIME_PARTS = ("seconds", "month", "day", "weekday", "hour")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_ABSENT = object()
_NUMBER = re.compile(r"-?\d+(\.\d+)?")


class _Unfit(Exception):
    """A value that a feature cannot take; its text says what would do."""


class _Unseen(Exception):
    """A category that training has not seen."""


class Table:
    """The encoder of a model's features."""

    def __init__(self, features: Sequence[Feature]) -> None:
        self._features = [(f["name"], _encoder(f), _missing(f)) for f in features]
        self._names = {feature["name"] for feature in features}
        self._width = sum(map(width, features))
        self._other = {
            feature["name"]: (float(len(feature["categories"]) + 1),)
            for feature in features
            if feature["type"] == "category"
        }

    def encode(self, instances: Sequence[Any]) -> tuple[np.ndarray, Report]:
        """Instances as float32 of shape (n_samples, n_columns). Raises InvalidInstances."""
        report = Report()
        rows = [self._row(number, instance, report) for number, instance in enumerate(instances)]
        if report.errors:
            raise InvalidInstances(report.errors)
        matrix = np.array(rows, dtype=np.float64).reshape(len(rows), self._width)
        return finish(matrix), report

    def _row(self, number: int, instance: Any, report: Report) -> list[float]:
        if not isinstance(instance, dict):
            report.error(number, None, f"Expected an object of fields, got {short(instance)}.")
            return []
        row: list[float] = []
        found = 0
        for name, encode, missing in self._features:
            value = instance.get(name, _ABSENT)
            found += value is not _ABSENT
            if value is None or value is _ABSENT:
                if missing is None:
                    report.error(number, name, "Required: it was never missing in training.")
                else:
                    row += missing
                continue
            try:
                row += encode(value)
            except _Unseen:
                detail = f"{short(value)} was not seen in training; it counts as any other value."
                report.warning(number, name, "unseen_category", detail)
                row += self._other[name]
            except _Unfit as reason:
                report.error(number, name, f"{reason}, got {short(value)}.")
        if found < len(instance):
            report.unknown(number, instance, self._names)
        return row


def finish(matrix: np.ndarray) -> np.ndarray:
    """A float64 matrix as models take it; NaN stays."""
    bounded: np.ndarray = np.clip(matrix, -BOUND, BOUND)
    return bounded.astype(np.float32)


def width(feature: Feature) -> int:
    """How many columns of the matrix a feature fills."""
    return len(DATETIME_PARTS) if feature["type"] == "datetime" else 1


def _missing(feature: Feature) -> tuple[float, ...] | None:
    if not feature["nullable"]:
        return None
    if feature["type"] == "category":
        return (float(len(feature["categories"])),)
    return (math.nan,) * width(feature)


def _encoder(feature: Feature) -> Encode:
    makers = {
        "number": _number,
        "boolean": _boolean,
        "datetime": _datetime,
        "category": _category,
    }
    return makers[feature["type"]](feature)


def _number(feature: Feature) -> Encode:
    centre, scale = feature["centre"], feature["scale"]

    def encode(value: Any) -> tuple[float, ...]:
        kind = type(value)
        if kind is not float and kind is not int:
            raise _Unfit("Expected a number")
        try:
            return ((value - centre) / scale,)
        except OverflowError:
            raise _Unfit("Expected a number that a double can hold") from None

    return encode


def _boolean(feature: Feature) -> Encode:
    def encode(value: Any) -> tuple[float, ...]:
        if type(value) is not bool:
            raise _Unfit("Expected true or false")
        return (float(value),)

    return encode


def _datetime(feature: Feature) -> Encode:
    centre, scale = feature["centre"], feature["scale"]

    def encode(value: Any) -> tuple[float, ...]:
        moment = _moment(value)
        seconds = ((moment - _EPOCH) // _MICROSECOND) / 1e6
        parts = (moment.month, moment.day, moment.weekday(), moment.hour)
        return ((seconds - centre) / scale, *map(float, parts))

    return encode


def _moment(value: Any) -> datetime:
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise _Unfit("Expected a date or time in ISO 8601 form, such as 2026-01-31T12:00:00Z")


def _category(feature: Feature) -> Encode:
    codes = {name: (float(code),) for code, name in enumerate(feature["categories"])}
    also = _scalars(feature["categories"])

    def encode(value: Any) -> tuple[float, ...]:
        kind = type(value)
        if kind is not str:
            # Categories that look like numbers or booleans may come as such.
            if kind not in also:
                raise _Unfit("Expected a string")
            value = canonical(value)
        code = codes.get(value)
        if code is None:
            raise _Unseen
        return code

    return encode


def _scalars(categories: Sequence[str]) -> frozenset[type]:
    """The types other than strings that some of the categories look like."""
    found: set[type] = {bool} if {"true", "false"} & set(categories) else set()
    if any(map(_NUMBER.fullmatch, categories)):
        found |= {int, float}
    return frozenset(found)


def canonical(value: Any) -> str:
    """A scalar as the category that processing makes of it.

    >>> canonical(True), canonical(3.0), canonical(2.5), canonical("x")
    ('true', '3', '2.5', 'x')
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
