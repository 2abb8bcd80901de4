"""What stands in a CSV file before its header."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from common.problems import Unprocessable

_SEPARATOR = re.compile(r"""["']?sep=(.)["']?[,;\t|]*\s*""", re.IGNORECASE)
_MOST_LINES = 50
"""A header further down than this is not looked for."""


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


def _is_comment(row: Row, width: int) -> bool:
    return row.cells[0].lstrip().startswith("#") and len(row.cells) != width


def _is_title(row: Row, width: int) -> bool:
    return width > 1 and sum(1 for cell in row.cells if cell.strip()) < 2


def _is_full(cells: Sequence[str], width: int) -> bool:
    """Whether cells may be the names of so many columns; one may have no name."""
    filled = sum(1 for cell in cells if cell)
    return filled >= 2 and filled >= width - 1


def _unclear(title: Row, row: Row, option: str) -> Unprocessable:
    text = next((cell.strip() for cell in title.cells if cell.strip()), "")
    return Unprocessable(
        f"Line {title.line:,} ({text!r:.60}) has one cell only, and line {row.line:,} "
        f"({', '.join(row.cells)!r:.60}) does not look like a header: set {option}.skip_lines to "
        "the number of lines before the header (0: none), or remove them."
    )
