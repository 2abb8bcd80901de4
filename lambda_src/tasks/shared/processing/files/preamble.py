"""What stands in a CSV file around its header: lines before it, and a row of units below it."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from common.problems import Unprocessable
from tasks.shared.forms.words import MARKS, MISSING_WORDS

_SEPARATOR = re.compile(r"""["']?sep=(.)["']?[,;\t|]*\s*""", re.IGNORECASE)
_MOST_LINES = 50
"""A header further down than this is not looked for."""

_UNIT_ROWS = 200
"""Rows that a row of units is compared with."""

_BRACKETED = re.compile(r"\(([^()]{1,20})\)|\[([^\[\]]{1,20})\]")
_AMOUNT = re.compile(r"[+-]?\d[\d.,' \u00a0]*%?")
_UNIT = re.compile(
    r"""[kmc]?g|µg|tons?|t|lbs?|oz|[kcmdµn]?m|[kcmd]?m[23²³]|in|inch|ft|yd|mi|miles?|ha|sqft
    |m?s|sec|seconds?|min|minutes?|hr?s?|hours?|d|days?|weeks?|months?|yrs?|years?
    |m/s|km/h|mph|kph|[cmd]?l|gal|°?[ckf]|°|%|‰|[€$£]|eur|usd|gbp|k?j|k?cal|[km]?wh?|m?[va]|[kmg]?hz
    |[hkm]?pa|m?bar|psi|m?mol|mmol/l|mg/dl|[µu]g/m[3³]|pp[mb]|ph|db|px|[br]pm|count|units?""",
    re.IGNORECASE | re.VERBOSE,
)
_MISSING = MARKS | set(MISSING_WORDS)


class Row(NamedTuple):
    """A row of a file and the number of the line that it begins in."""

    line: int
    cells: list[str]


class Preamble(NamedTuple):
    """Where the table begins, as an index of rows, and the rows before it, which are none of it.

    problem is what to raise where that is not clear.
    """

    start: int
    skipped: list[Row]
    problem: Unprocessable | None = None


def separator(line: str) -> str | None:
    """The delimiter that a first line names for Excel.

    >>> separator("sep=;"), separator('"sep=,"'), separator("sep,y")
    (';', ',', None)
    """
    named = _SEPARATOR.fullmatch(line.rstrip("\r\n"))
    return named[1] if named else None


def is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def looks_like_header(cells: Sequence[str]) -> bool:
    """Whether cells could be names: all differ, and none is a number."""
    filled = [cell for cell in cells if cell]
    return len(set(filled)) == len(filled) and not any(map(is_number, filled))


def usual_width(rows: Sequence[Row]) -> int:
    """How many cells most rows have; the greater number where several are as frequent."""
    counts = Counter(len(row.cells) for row in rows)
    return max(counts, key=lambda width: (counts[width], width))


def find_start(rows: Sequence[Row], wanted: Sequence[str], headed: bool, option: str) -> Preamble:
    """Where the table begins: after comments, and after titles if a header follows them.

    headed is whether there can be a header.
    """
    width, skipped = usual_width(rows), list[Row]()
    for index, row in enumerate(rows[:_MOST_LINES]):
        cells = [cell.strip() for cell in row.cells]
        if any(name in cells for name in wanted):
            return Preamble(index, skipped)
        if not _is_comment(row, width) and not (headed and _is_title(row, width)):
            titles = [row for row in skipped if not _is_comment(row, width)]
            if titles and not (_is_full(cells, width) and looks_like_header(cells)):
                return Preamble(0, [], _unclear(titles[0], row, option))
            return Preamble(index, skipped)
        skipped.append(row)
    return Preamble(0, [])


def has_units(body: Sequence[Row]) -> bool:
    """Whether the first row below a header holds units, such as kg and (m), and no values.

    Only where all columns of numbers have one, and no other column has its word a second time.
    """
    if len(body) < 4:
        return False
    first = [cell.strip() for cell in body[0].cells]
    rest = [row.cells for row in body[1:_UNIT_ROWS] if len(row.cells) == len(first)]
    if len(rest) < 3 or not all(_is_unit(cell) for cell in first if cell not in ("", "-")):
        return False
    units = 0
    for index, cell in enumerate(first):
        below = {value for row in rest if (value := row[index].strip().casefold())} - _MISSING
        if below and all(map(_is_amount, below)):
            if not _is_unit(cell):
                return False
            units += 1
        elif cell.casefold() in below:
            return False
    return units > 0


def _is_comment(row: Row, width: int) -> bool:
    return row.cells[0].lstrip().startswith("#") and len(row.cells) != width


def _is_title(row: Row, width: int) -> bool:
    return width > 1 and sum(1 for cell in row.cells if cell.strip()) < 2


def _is_full(cells: Sequence[str], width: int) -> bool:
    """Whether cells may be the names of so many columns; one may have no name."""
    filled = sum(1 for cell in cells if cell)
    return filled >= 2 and filled >= width - 1


def _is_amount(text: str) -> bool:
    return is_number(text) or _AMOUNT.fullmatch(text) is not None


def _is_unit(cell: str) -> bool:
    if bracketed := _BRACKETED.fullmatch(cell):
        word = (bracketed[1] or bracketed[2]).strip()
        return word.casefold() not in _MISSING and not _is_amount(word)
    return _UNIT.fullmatch(cell) is not None


def _unclear(title: Row, row: Row, option: str) -> Unprocessable:
    text = next((cell.strip() for cell in title.cells if cell.strip()), "")
    return Unprocessable(
        f"Line {title.line:,} ({text!r:.60}) has one cell only, and line {row.line:,} "
        f"({', '.join(row.cells)!r:.60}) does not look like a header: set {option}.skip_lines to "
        "the number of lines before the header (0: none), or remove them."
    )
