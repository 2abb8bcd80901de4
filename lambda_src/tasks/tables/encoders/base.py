"""What encoders have in common: how they treat missing values, texts and bad values."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tasks.framework.forms.words import clean, is_missing

type Feature = Mapping[str, Any]
"""name, type, nullable; form, where values are not written in the usual way; for numbers and
datetimes centre and scale; for categories the list, and how many there are if it has not all."""

type Encoded = np.ndarray | Sequence[float | None]
"""A number for each value of a column; None for one that has to be read by itself."""

DATETIME_PARTS = ("seconds", "month", "day", "weekday", "hour")


class Unread(Exception):
    """A value that has no number of its own."""


class Missing(Unread):
    """A text that stands for no value."""


class InvalidValue(Unread):
    """A value that a feature cannot take; its text says what would do.

    Where training has seen values that it could not read, it is missing.
    """


class UnknownCategory(Unread):
    """A category that has no code of its own; its text says what is known of it.

    number is what it is encoded as, code that of the warning.
    """

    def __init__(self, number: float, code: str, detail: str) -> None:
        super().__init__(detail)
        self.number, self.code = number, code


class Encoder(ABC):
    """Encodes the values of a feature.

    missing is what stands for a missing value, None if there is none. is_tolerant is whether
    a value that cannot be read is missing, as it was in training. With a width above 1 (see
    `width`), every value has a tuple instead of a number.
    """

    def __init__(self, feature: Feature) -> None:
        self.name: str = feature["name"]
        self.width = width(feature)
        self.is_tolerant: bool = feature.get("unreadable", False)
        self.missing: Any = math.nan if feature["nullable"] else None
        self._kinds: set[type] = {type(None)} if feature["nullable"] else set()
        """The types of values that can be taken together."""

    @abstractmethod
    def value(self, value: Any) -> Any:
        """Encodes a value of JSON but null.

        Raises Missing, InvalidValue and UnknownCategory.
        """

    def values(self, values: Sequence[Any]) -> Encoded | None:
        """Encodes values together, also missing ones; None if each has to be read by itself."""
        return None

    def array(self, values: np.ndarray) -> np.ndarray | None:
        """Encodes an array without reading its values, shape (n_samples,) or (n_samples, width).

        None if its values have to be read.
        """
        return None

    def _can_be_missing(self, missing: np.ndarray) -> bool:
        return self.missing is not None or not missing.any()


def text_of(value: Any, words: frozenset[str], expected: str) -> str:
    """A value as the text that forms read. Raises Missing, and InvalidValue for lists."""
    kind = type(value)
    if kind is bool:
        value = str(value).lower()
    elif kind is int or kind is float:
        try:
            value = str(value)
        except ValueError:  # Python writes no integers of thousands of digits
            raise InvalidValue(expected) from None
    elif kind is not str:
        raise InvalidValue(expected)
    text = clean(value)
    if is_missing(text, words):
        raise Missing
    return text


def width(feature: Feature) -> int:
    """How many columns of the matrix a feature fills."""
    return len(DATETIME_PARTS) if feature["type"] == "datetime" else 1
