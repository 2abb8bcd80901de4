"""Rows below a header that hold units, labels or questions, and no values."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from tasks.framework.forms.words import MARKS, MISSING_WORDS
from tasks.tables.processing.files.preamble import Row, is_number

_MOST = 2
"""Such rows below a header: survey tools write the question and then its number."""

_ROWS = 200
"""Rows that they are compared with."""

_NEARLY_ALL = 0.95
_BRACKETED = re.compile(r"\(([^()]{1,20})\)|\[([^\[\]]{1,20})\]")
_AMOUNT = re.compile(r"[+-]?\d[\d.,' \u00a0]*%?")
_VALUE = re.compile(r"[^\w{]{0,4}(?:[a-z]{0,3}[^\w{]{0,2})?\d", re.IGNORECASE)
"""What a cell begins with that may be an amount, a date or a code."""

_DASHES = re.compile(r":?[-=_]+:?")
_QUESTION = re.compile(r"\S+\s+\S+\s+\S.*|.*\?|\{.*\}", re.DOTALL)
_UNIT = re.compile(
    r"""[kmc]?g|µg|tons?|t|lbs?|oz|[kcmdµn]?m|[kcmd]?m[23²³]|in|inch|ft|yd|mi|miles?|ha|sqft
    |m?s|sec|seconds?|min|minutes?|hr?s?|hours?|d|days?|weeks?|months?|yrs?|years?
    |m/s|km/h|mph|kph|[cmd]?l|gal|°?[ckf]|°|%|‰|[€$£]|eur|usd|gbp|k?j|k?cal|[km]?wh?|m?[va]|[kmg]?hz
    |[hkm]?pa|m?bar|psi|m?mol|mmol/l|mg/dl|[µu]g/m[3³]|pp[mb]|ph|db|px|[br]pm|count|units?
    |u?int(8|16|32|64)?|bigint|integer|float(32|64)?|double|decimal|numeric|number|real""",
    re.IGNORECASE | re.VERBOSE,
)
_BOOLEANS = {"true", "false", "yes", "no", "y", "n"}
_MISSING = MARKS | set(MISSING_WORDS)


class _Column(NamedTuple):
    """A cell that may be a unit, and the different values below it."""

    cell: str
    below: frozenset[str]
    is_number: bool
    repeats: bool

    @property
    def is_new(self) -> bool:
        return self.cell.casefold() not in self.below


def count_unit_rows(body: Sequence[Row]) -> int:
    """How many rows directly below a header hold no values.

    In doubt a row has values.
    """
    for count in range(_MOST, 0, -1):
        rest = body[count : count + _ROWS]
        if rest and all(_holds_no_values(row.cells, rest) for row in body[:count]):
            return count
    return 0


def _holds_no_values(cells: Sequence[str], below: Sequence[Row]) -> bool:
    """Whether each column of numbers has a unit or a label, and no other column a value."""
    rows = [row.cells for row in below if len(row.cells) == len(cells)]
    if len(rows) < 3:
        return False
    columns = [
        _column(cell.strip(), [row[index].strip().casefold() for row in rows])
        for index, cell in enumerate(cells)
    ]
    numbers = [column for column in columns if column.is_number]
    others = [column for column in columns if not column.is_number and column.cell]
    if not numbers or not all(map(_may_be_unit, numbers)):
        return False
    if all(_is_dashes(column.cell) for column in numbers):  # as missing values may be
        long = any(len(column.cell) > 2 for column in numbers)
        return long and all(_is_marker(column.cell) for column in others)
    if not all(_is_marker(column.cell) or column.is_new for column in others):
        return False
    words = [column.cell.casefold() for column in numbers if not _is_marker(column.cell)]
    return not words or (
        len(numbers) > 1
        and len(set(words)) == len(words)
        and all(_is_marker(column.cell) or column.repeats for column in others)
    )


def _column(cell: str, values: Sequence[str]) -> _Column:
    filled = [value for value in values if value and value not in _MISSING]
    amounts = sum(map(_is_amount, filled))
    number = bool(filled) and amounts >= _NEARLY_ALL * len(filled)
    return _Column(cell, frozenset(filled), number, 2 * len(set(filled)) <= len(filled))


def _may_be_unit(column: _Column) -> bool:
    """Whether a cell above numbers is none, and does not come again, as a value would."""
    cell = column.cell
    if _is_dashes(cell):
        return True
    missing = not cell or cell.casefold() in _MISSING | _BOOLEANS
    return column.is_new and not missing and (_is_unit(cell) or not _VALUE.match(cell))


def _is_marker(cell: str) -> bool:
    """Whether nobody would take a cell for a value of a column of numbers."""
    return _is_dashes(cell) or _is_unit(cell) or _QUESTION.fullmatch(cell) is not None


def _is_dashes(cell: str) -> bool:
    return _DASHES.fullmatch(cell) is not None


def _is_amount(text: str) -> bool:
    return is_number(text) or _AMOUNT.fullmatch(text) is not None


def _is_unit(cell: str) -> bool:
    if bracketed := _BRACKETED.fullmatch(cell):
        word = (bracketed[1] or bracketed[2]).strip()
        return word.casefold() not in _MISSING - {"-"} and not _is_amount(word)
    return _UNIT.fullmatch(cell) is not None
