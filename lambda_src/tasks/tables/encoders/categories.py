"""The encoder of categories."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from tasks.tables.encoders.base import (
    Encoded,
    Encoder,
    Feature,
    InvalidValue,
    Missing,
    UnknownCategory,
    text_of,
)

_DIGITS = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,99})(\.[0-9]{1,99})?")
_BOOLEANS = frozenset({"true", "false", "True", "False", "TRUE", "FALSE"})
_STRING = "Expected a string"


class CategoryEncoder(Encoder):
    def __init__(self, feature: Feature, words: frozenset[str]) -> None:
        super().__init__(feature)
        names = feature["categories"]
        distinct = feature.get("distinct")
        self._codes = {name: float(code) for code, name in enumerate(names)}
        self._words = words
        self._other = float(len(names) + 1)
        self._of_column: dict[str | None, float] = {**self._codes}
        if self.missing is not None:
            self.missing = self._of_column[None] = float(len(names))
        self._scalars = frozenset({bool, int, float}) if distinct else _scalars(names)
        self._unknown = (
            (
                "unlisted_category",
                f"is not among the {len(names):,} most frequent of {distinct:,} values of "
                "training; it counts as any other value.",
            )
            if distinct
            else ("unseen_category", "was not seen in training; it counts as any other value.")
        )
        self._texts: dict[Any, list[str]] | None = None

    def value(self, value: Any) -> float:
        kind = type(value)
        code = self._codes.get(value) if kind is str else None
        if code is None:
            code = self._codes.get(text_of(value, self._words, _STRING))
        if code is None and kind is not str:
            code = self._code_of_scalar(value)
            if code is None and kind not in self._scalars:
                raise InvalidValue(_STRING)
        if code is None:
            raise UnknownCategory(self._other, *self._unknown)
        return code

    def values(self, values: Sequence[Any]) -> Encoded:
        code = self._of_column
        try:
            return np.fromiter(map(code.__getitem__, values), np.float64, len(values))
        except (KeyError, TypeError):  # lists and objects are no keys
            return [
                code.get(value) if value is None or type(value) is str else None for value in values
            ]

    def _code_of_scalar(self, value: Any) -> float | None:
        """The code of the one category that is written in another way than the value."""
        if self._texts is None:
            self._texts = _by_value((*self._codes, *self._words))
        texts = self._texts.get(str(value).lower() if type(value) is bool else value, ())
        if len(texts) > 1:
            which = " or ".join(map(repr, texts[:2]))
            detail = f"may be {which}; it counts as any other value: send a text."
            raise UnknownCategory(self._other, "ambiguous_category", detail)
        if texts and texts[0] not in self._codes:
            raise Missing
        return self._codes[texts[0]] if texts else None


def _by_value(texts: Sequence[str]) -> dict[Any, list[str]]:
    """The texts of each number and boolean; words for missing values are texts as well."""
    found: dict[Any, list[str]] = {}
    for text in dict.fromkeys(texts):
        if (value := scalar(text)) is not None:
            found.setdefault(value, []).append(text)
    return found


def scalar(text: str) -> Any:
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
