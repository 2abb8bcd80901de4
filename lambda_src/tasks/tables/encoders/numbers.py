"""Encoders of numbers and booleans."""

import re
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any

import numpy as np

from tasks.tables.encoders.base import Encoded, Encoder, Feature, InvalidValue, Missing, text_of

_DIGIT = re.compile("[0-9]")
_EXPECTED = {
    "two parts": "Expected a time of two parts, as all are in training, such as 13:45",
    "h:mm:ss": "Expected a time of three parts, as all are in training, such as 13:45:00",
}
"""What training cannot tell: whether 13:45 is hours and minutes, or minutes and seconds."""
TRUE = frozenset({"true", "t", "yes", "y", "1", "1.0"})
FALSE = frozenset({"false", "f", "no", "n", "0", "0.0"})
"""Texts of booleans, where training has seen others than true and false."""

_JSON_TRUE, _JSON_FALSE = frozenset({"true"}), frozenset({"false"})


class NumberEncoder(Encoder):
    def __init__(self, feature: Feature, words: frozenset[str]) -> None:
        super().__init__(feature)
        self._kinds |= {float, int}
        self._centre, self._scale = feature["centre"], feature["scale"]
        form = feature.get("form") or {}
        self._words = words
        self._reader = partial(_reader_of_numbers, *sorted(form.items()))
        self._missing = missing_numbers(feature, words)
        self._expected = _EXPECTED.get(form.get("duration", ""), "Expected a number")

    def value(self, value: Any) -> float:
        kind = type(value)
        if kind is not float and kind is not int:
            value = self._reader()(text_of(value, self._words, self._expected))
            if value is None:
                raise InvalidValue(self._expected)
        if value in self._missing:
            raise Missing
        try:
            encoded: float = (value - self._centre) / self._scale
        except OverflowError:
            raise InvalidValue("Expected a number that a double can hold") from None
        return encoded

    def values(self, values: Sequence[Any]) -> Encoded | None:
        if not self._kinds.issuperset(map(type, values)) or not self._missing.isdisjoint(values):
            return None
        try:
            numbers = np.array(values, np.float64)  # None is NaN
        except OverflowError:
            return None
        return self._scaled(numbers)

    def array(self, values: np.ndarray) -> np.ndarray | None:
        if values.dtype.kind not in "fiu" or values.dtype.itemsize > 8:
            return None
        numbers = values.astype(np.float64)
        if not self._can_be_missing(np.isnan(numbers)):
            return None
        if self._missing and np.isin(numbers, list(self._missing)).any():
            return None
        return self._scaled(numbers)

    def _scaled(self, numbers: np.ndarray) -> np.ndarray:
        numbers -= self._centre
        numbers /= self._scale
        return numbers


def missing_numbers(feature: Feature, words: frozenset[str]) -> set[float]:
    """The numbers that stand for no value in a feature."""
    read = partial(_reader_of_numbers, *sorted((feature.get("form") or {}).items()))
    numbers = (read()(word) for word in with_digits(words))
    return {number for number in numbers if number is not None}


@cache
def with_digits(words: frozenset[str]) -> tuple[str, ...]:
    """The words that may be numbers; #DIV/0! and the like are none."""
    return tuple(filter(_DIGIT.search, (word for word in words if not word.startswith("#"))))


@cache
def _reader_of_numbers(*form: tuple[str, Any]) -> Callable[[str], float | None]:
    """What reads numbers in a form; most numbers are JSON's, and need none."""
    from tasks.framework.forms.numbers import NumberForm, read_plain

    return NumberForm(**dict(form)).read if form else read_plain


class BooleanEncoder(Encoder):
    _expected = "Expected true or false"

    def __init__(self, feature: Feature, words: frozenset[str]) -> None:
        super().__init__(feature)
        self._words = words
        wide = bool(feature.get("form"))
        self._true, self._false = (TRUE, FALSE) if wide else (_JSON_TRUE, _JSON_FALSE)
        self._is_plain = words.isdisjoint({"true", "false"})
        self._kinds |= {bool}

    def value(self, value: Any) -> float:
        if self._is_plain and type(value) is bool:
            return float(value)
        text = text_of(value, self._words, self._expected).lower()
        if text in self._true:
            return 1.0
        if text in self._false:
            return 0.0
        raise InvalidValue(self._expected)

    def values(self, values: Sequence[Any]) -> Encoded | None:
        if not self._is_plain or not self._kinds.issuperset(map(type, values)):
            return None
        return np.array(values, np.float64)  # None is NaN

    def array(self, values: np.ndarray) -> np.ndarray | None:
        if not self._is_plain or values.dtype.kind != "b":
            return None
        return values.astype(np.float64)
