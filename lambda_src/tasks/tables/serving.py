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
Text is read in that form, as processing reads it. Numbers and booleans of JSON are what they are
where a feature is of their type, and elsewhere what their text is. A word for a missing value that
is a number stands for that number among numbers, and elsewhere for its text alone.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from typing import Any

import numpy as np

from tasks.framework.answers import Report, short
from tasks.framework.forms.words import clean, is_missing

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
_DIGIT = re.compile("[0-9]")
_DIGITS = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,99})(\.[0-9]{1,99})?")
_BOOLEANS = frozenset({"true", "false", "True", "False", "TRUE", "FALSE"})
_STRING = "Expected a string"
_EXPECTED = {
    "two parts": "Expected a time of two parts, as all are in training, such as 13:45",
    "h:mm:ss": "Expected a time of three parts, as all are in training, such as 13:45:00",
}
"""What training cannot tell: whether 13:45 is hours and minutes, or minutes and seconds."""
_TRUE = frozenset({"true", "t", "yes", "y", "1", "1.0"})
_FALSE = frozenset({"false", "f", "no", "n", "0", "0.0"})


class _Missing(Exception):
    """A text that stands for no value."""


class _InvalidValue(Exception):
    """A value that a feature cannot take; its text says what would do.

    Where training has seen values that it could not read, it is missing.
    """


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
        self._known = {f["name"] for f in features} | set(inputs.get("ignored", ()))
        self._objects = objects_of(self._known)
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
        if not self._known.issuperset(instance) or not self._objects.isdisjoint(instance):
            instance = self._as_columns(number, instance, report)
        row: list[float] = []
        for name, encode, missing, tolerant in self._features:
            value = instance.get(name, _ABSENT)
            try:
                if value is None or value is _ABSENT:
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
                if missing is None or not tolerant:
                    report.error(number, name, f"{reason}, got {short(value)}.")
                    continue
                detail = f"{reason}, got {short(value)}; it counts as missing, as in training."
                report.warning(number, name, "unreadable_value", detail)
                row += missing
        if not self._known.issuperset(instance):
            report.unknown(number, instance, self._known)
        return row

    def _as_columns(self, number: int, instance: dict[str, Any], report: Report) -> dict[str, Any]:
        """The instance with the names that processing gives to columns, also of nested fields."""
        columns = {
            name if name in self._known else clean(name): instance[name] for name in instance
        }
        if len(columns) < len(instance) or any(type(one) is dict for one in instance.values()):
            columns = report.columns(number, instance, self._known)
        return {
            name: value
            for name, value in columns.items()
            if value is not None or name in self._known or name not in self._objects
        }


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


def _text(value: Any, words: frozenset[str], expected: str) -> str:
    """A value as the text that forms read. Raises _Missing, and _InvalidValue for lists."""
    kind = type(value)
    if kind is bool:
        value = str(value).lower()
    elif kind is int or kind is float:
        try:
            value = str(value)
        except ValueError:  # Python writes no integers of thousands of digits
            raise _InvalidValue(expected) from None
    elif kind is not str:
        raise _InvalidValue(expected)
    text = clean(value)
    if is_missing(text, words):
        raise _Missing
    return text


def _number(feature: Feature, words: frozenset[str]) -> Encode:
    centre, scale = feature["centre"], feature["scale"]
    form = feature.get("form") or {}
    reader = partial(_reader_of_numbers, *sorted(form.items()))
    missing = {reader()(word) for word in _with_digits(words)} - {None}
    expected = _EXPECTED.get(form.get("duration", ""), "Expected a number")

    def encode(value: Any) -> tuple[float, ...]:
        kind = type(value)
        if kind is not float and kind is not int:
            value = reader()(_text(value, words, expected))
            if value is None:
                raise _InvalidValue(expected)
        if value in missing:
            raise _Missing
        try:
            return ((value - centre) / scale,)
        except OverflowError:
            raise _InvalidValue("Expected a number that a double can hold") from None

    return encode


@cache
def _with_digits(words: frozenset[str]) -> tuple[str, ...]:
    """The words that may be numbers; #DIV/0! and the like are none."""
    return tuple(filter(_DIGIT.search, (word for word in words if not word.startswith("#"))))


@cache
def _reader_of_numbers(*form: tuple[str, Any]) -> Callable[[str], float | None]:
    """What reads numbers in a form; most numbers are JSON's, and need none."""
    from tasks.framework.forms.numbers import NumberForm, read_plain

    return NumberForm(**dict(form)).read if form else read_plain


def _boolean(feature: Feature, words: frozenset[str]) -> Encode:
    wide, expected = bool(feature.get("form")), "Expected true or false"
    true, false = (_TRUE, _FALSE) if wide else (frozenset({"true"}), frozenset({"false"}))
    plain = words.isdisjoint({"true", "false"})

    def encode(value: Any) -> tuple[float, ...]:
        if plain and type(value) is bool:
            return (float(value),)
        text = _text(value, words, expected).lower()
        if text in true:
            return (1.0,)
        if text in false:
            return (0.0,)
        raise _InvalidValue(expected)

    return encode


def _datetime(feature: Feature, words: frozenset[str]) -> Encode:
    from tasks.framework.forms.dates import DateForm, read_iso

    centre, scale = feature["centre"], feature["scale"]
    form = feature.get("form")
    written = DateForm(tuple(form["formats"])) if form else None
    expected = (
        f"Expected a date or time as in {written.formats[0]!r} or in ISO 8601 form"
        if written
        else "Expected a date or time in ISO 8601 form, such as 2026-01-31T12:00:00Z"
    )

    def encode(value: Any) -> tuple[float, ...]:
        text = _text(value, words, expected)  # compact dates and epochs may come as numbers
        moment = (written and written.read(text)) or read_iso(text)
        if moment is None:
            raise _InvalidValue(expected)
        seconds = ((moment - _EPOCH) // _MICROSECOND) / 1e6
        parts = (moment.month, moment.day, moment.weekday(), moment.hour)
        return ((seconds - centre) / scale, *map(float, parts))

    return encode


def _category(feature: Feature, words: frozenset[str]) -> Encode:
    names = feature["categories"]
    codes = {name: (float(code),) for code, name in enumerate(names)}
    scalars = _scalars(names) if not feature.get("distinct") else frozenset({bool, int, float})
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
        code: tuple[float, ...] | None = codes.get(value) if kind is str else None
        if code is None:
            code = codes.get(_text(value, words, _STRING))
        if code is None and kind is not str:
            code = of_value(value)
            if code is None and kind not in scalars:
                raise _InvalidValue(_STRING)
        if code is None:
            raise _UnknownCategory(*unknown)
        return code

    @cache
    def by_value() -> dict[Any, list[str]]:
        """The texts of each value; the words for missing ones are texts as well."""
        texts: dict[Any, list[str]] = {}
        for text in dict.fromkeys((*names, *words)):
            if (value := _scalar(text)) is not None:
                texts.setdefault(value, []).append(text)
        return texts

    def of_value(value: Any) -> tuple[float, ...] | None:
        """The code of the one category that is written in another way than the value."""
        texts = by_value().get(str(value).lower() if type(value) is bool else value, ())
        if len(texts) > 1:
            which = " or ".join(map(repr, texts[:2]))
            raise _UnknownCategory(
                "ambiguous_category", f"may be {which}; it counts as any other value: send a text."
            )
        if texts and texts[0] not in codes:
            raise _Missing
        return codes[texts[0]] if texts else None

    return encode


def _scalar(text: str) -> Any:
    """The number, or the boolean in lower case, that a text is; codes such as 007 are none."""
    if _NUMBER.fullmatch(text):
        return float(text) if "." in text else int(text)
    return text.lower() if text.lower() in ("true", "false") else None


def _scalars(categories: Sequence[str]) -> frozenset[type]:
    """The types other than strings that some of the categories look like."""
    found: set[type] = set() if _BOOLEANS.isdisjoint(categories) else {bool}
    if any(map(_DIGITS.fullmatch, categories)):
        found |= {int, float}
    return frozenset(found)
