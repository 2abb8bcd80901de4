"""Rows of a table as the float32 matrix that models take; the same for training and serving.

Each feature fills one column of the matrix or, for a datetime, several:

- number: (value - centre) / scale, computed in float64, so that a large offset such as a
  timestamp's does not eat the digits of float32;
- boolean: 0 or 1;
- datetime: seconds since 1970 as a number, then month, day, weekday (Monday is 0) and hour, UTC;
- category: its position among the feature's categories, then one code for missing and one for
  any other value.

Missing numbers, booleans and datetimes are NaN. Training learns centre, scale and categories;
`features` of a model's inputs holds them, each with the form in which its raw values are written.
Text is read in that form, as processing reads it; JSON's own numbers and booleans are taken as
they are.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from typing import Any

import numpy as np

from tasks.shared.forms.words import clean, is_missing
from tasks.shared.serving.answers import Report, short

type Feature = Mapping[str, Any]
"""name, type, nullable; form, where values are not written in the usual way; for numbers and
datetimes centre and scale; for categories the list, and how many there are if it has not all."""

type Encode = Callable[[Any], tuple[float, ...]]

BOUND = 1e9
"""Scaled values are held within this; float32 and every model can square it."""

DATETIME_PARTS = ("seconds", "month", "day", "weekday", "hour")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_ABSENT = object()
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_TRUE = frozenset({"true", "t", "yes", "y", "1", "1.0"})
_FALSE = frozenset({"false", "f", "no", "n", "0", "0.0"})


class _Missing(Exception):
    """A text that stands for no value."""


class _InvalidValue(Exception):
    """A value that a feature cannot take; its text says what would do."""


class _Unreadable(_InvalidValue):
    """A text that is missing where training has seen such texts, which it could not read."""


class _UnknownCategory(Exception):
    """A category that has no code of its own; its text says what is known of it."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class Table:
    """The encoder of a model's features.

    inputs has features; ignored, the names of columns that training did not use; and
    missing_values, the words that stand for no value. The latter two may be left out.
    """

    def __init__(self, inputs: Mapping[str, Any]) -> None:
        features = inputs["features"]
        words = frozenset(inputs.get("missing_values", ()))
        self._features = [
            (f["name"], _encoder(f, words), _missing(f), f.get("unreadable", False))
            for f in features
        ]
        self._scalars = _scalars(sorted(words))
        self._words = words
        self._names = {feature["name"] for feature in features}
        self._known = self._names | set(inputs.get("ignored", ()))
        self._ordered = sorted(self._known)
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
        report.check()
        matrix = np.array(rows, dtype=np.float64).reshape(len(rows), self._width)
        return finish(matrix), report

    def _row(self, number: int, instance: Any, report: Report) -> list[float]:
        if not isinstance(instance, dict):
            report.error(number, None, f"Expected an object of fields, got {short(instance)}.")
            return []
        if not self._known.issuperset(instance):
            instance = self._as_columns(instance)
        row: list[float] = []
        for name, encode, missing, tolerant in self._features:
            value = instance.get(name, _ABSENT)
            try:
                if value is None or value is _ABSENT:
                    raise _Missing
                if type(value) in self._scalars and canonical(value) in self._words:
                    raise _Missing
                row += encode(value)
            except _Missing:
                if missing is None:
                    report.error(number, name, "Required: it was never missing in training.")
                else:
                    row += missing
            except _UnknownCategory as known:
                report.warning(number, name, known.code, f"{short(value)} {known}")
                row += self._other[name]
            except _InvalidValue as reason:
                if type(value) is dict and value and name not in (flat := _flattened(instance)):
                    return self._row(number, flat, report)
                if missing is None or not (tolerant and isinstance(reason, _Unreadable)):
                    report.error(number, name, f"{reason}, got {short(value)}.")
                    continue
                detail = f"{reason}, got {short(value)}; it counts as missing, as in training."
                report.warning(number, name, "unreadable_value", detail)
                row += missing
        if not self._known.issuperset(instance):
            report.unknown(number, instance, self._known)
        return row

    def _as_columns(self, instance: dict[str, Any]) -> dict[str, Any]:
        """The instance with the names that processing gives to columns, also of nested fields."""
        if any(type(value) is dict for value in instance.values()):
            instance = _flattened(instance)
        columns = {
            name if name in self._known else clean(name): instance[name] for name in instance
        }
        return {
            name: value
            for name, value in columns.items()
            if value is not None or not self._is_object(name)
        }

    def _is_object(self, name: str) -> bool:
        """Whether training has seen objects with this name, whose values have columns."""
        from bisect import bisect_left  # few instances have fields that the model does not know

        after = bisect_left(self._ordered, f"{name}.")
        first = self._ordered[after : after + 1]
        return name not in self._known and bool(first) and first[0].startswith(f"{name}.")


def _flattened(instance: dict[str, Any]) -> dict[str, Any]:
    from tasks.shared.nesting import flattened  # few instances are nested

    return flattened(instance)


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


def _encoder(feature: Feature, words: frozenset[str]) -> Encode:
    makers = {
        "number": _number,
        "boolean": _boolean,
        "datetime": _datetime,
        "category": _category,
    }
    return makers[feature["type"]](feature, words)


def _text(value: str, words: frozenset[str]) -> str:
    """A text as forms read it. Raises _Missing."""
    text = clean(value)
    if is_missing(text, words):
        raise _Missing
    return text


def _number(feature: Feature, words: frozenset[str]) -> Encode:
    centre, scale = feature["centre"], feature["scale"]
    reader = partial(_reader_of_numbers, *sorted((feature.get("form") or {}).items()))

    def encode(value: Any) -> tuple[float, ...]:
        kind = type(value)
        if kind is str:
            number = reader()(_text(value, words))
            if number is None:
                raise _Unreadable("Expected a number")
            value = number
        elif kind is not float and kind is not int:
            raise _InvalidValue("Expected a number")
        try:
            return ((value - centre) / scale,)
        except OverflowError:
            raise _InvalidValue("Expected a number that a double can hold") from None

    return encode


@cache
def _reader_of_numbers(*form: tuple[str, Any]) -> Callable[[str], float | None]:
    """What reads numbers in a form; most numbers are JSON's, and need none."""
    from tasks.shared.forms.numbers import NumberForm, read_plain

    return NumberForm(**dict(form)).read if form else read_plain


def _boolean(feature: Feature, words: frozenset[str]) -> Encode:
    wide = bool(feature.get("form"))

    def encode(value: Any) -> tuple[float, ...]:
        kind = type(value)
        if kind is bool:
            return (float(value),)
        if kind is str:
            text = _text(value, words).lower()
            if text == "true" or (wide and text in _TRUE):
                return (1.0,)
            if text == "false" or (wide and text in _FALSE):
                return (0.0,)
            raise _Unreadable("Expected true or false")
        if wide and kind in (int, float) and value in (0, 1):
            return (float(value),)
        raise _InvalidValue("Expected true or false")

    return encode


def _datetime(feature: Feature, words: frozenset[str]) -> Encode:
    from tasks.shared.forms.dates import DateForm, read_iso

    centre, scale = feature["centre"], feature["scale"]
    form = feature.get("form")
    written = DateForm(tuple(form["formats"])) if form else None
    expected = (
        f"Expected a date or time as in {written.formats[0]!r} or in ISO 8601 form"
        if written
        else "Expected a date or time in ISO 8601 form, such as 2026-01-31T12:00:00Z"
    )

    def encode(value: Any) -> tuple[float, ...]:
        kind = type(value)
        if written and (kind is int or kind is float):
            value = str(value)  # compact dates and epochs look like numbers
        elif kind is not str:
            raise _InvalidValue(expected)
        text = _text(value, words)
        moment = (written and written.read(text)) or read_iso(text)
        if moment is None:
            raise _Unreadable(expected)
        seconds = ((moment - _EPOCH) // _MICROSECOND) / 1e6
        parts = (moment.month, moment.day, moment.weekday(), moment.hour)
        return ((seconds - centre) / scale, *map(float, parts))

    return encode


def _category(feature: Feature, words: frozenset[str]) -> Encode:
    names = feature["categories"]
    codes = {name: (float(code),) for code, name in enumerate(names)}
    scalars = _scalars(names)
    unknown = (
        (
            "unlisted_category",
            f"is not among the {len(names):,} most frequent of {feature['distinct']:,} values of "
            "training; it counts as any other value.",
        )
        if feature.get("distinct")
        else ("unseen_category", "was not seen in training; it counts as any other value.")
    )

    def encode(value: Any) -> tuple[float, ...]:
        kind = type(value)
        if kind is str:
            code = codes.get(value)
            if code is None:
                code = codes.get(_text(value, words))
        elif kind in scalars:  # categories that look like numbers or booleans may come as such
            code = codes.get(canonical(value)) or codes.get(str(value))
        else:
            raise _InvalidValue("Expected a string")
        if code is None:
            raise _UnknownCategory(*unknown)
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
