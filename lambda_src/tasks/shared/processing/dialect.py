"""How a CSV file is written: its delimiter, its quotes, and whether its first line is a header."""

import csv
import io
import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from common.problems import Unprocessable, invalid
from tasks.shared.table_options import Csv

DELIMITERS = (",", ";", "\t", "|")
QUOTES = ('"', "")


@dataclass(frozen=True)
class Dialect:
    """Names are those of the columns; quote is empty where there is no quoting."""

    delimiter: str
    quote: str
    header: bool
    names: tuple[str, ...]


def sniff(head: str, complete: bool, given: Csv, wanted: Sequence[str]) -> Dialect:
    """The dialect under which the head of a file is most regular.

    wanted are columns that the caller has named: a first line that holds them is a header.
    Raises Unprocessable when there is nothing to read.
    """
    for option in (given.delimiter, given.quote):
        if option and option in "\r\n":
            raise invalid(["csv"], f"{option!r} cannot be a delimiter or a quote")
    delimiters = (given.delimiter,) if given.delimiter is not None else DELIMITERS
    quotes = (given.quote,) if given.quote is not None else QUOTES
    best: tuple[tuple[object, ...], str, str, list[list[str]]] | None = None
    for delimiter, quote in itertools.product(delimiters, quotes):
        rows, lines = _rows(head, complete, delimiter, quote)
        if rows and (best is None or _score(rows, lines, quote, wanted) > best[0]):
            best = _score(rows, lines, quote, wanted), delimiter, quote, rows
    if best is None:
        raise Unprocessable("The file has no rows: send a header line and a few rows below it.")
    _, delimiter, quote, rows = best
    header = _has_header(rows[0], wanted) if given.header is None else given.header
    return Dialect(delimiter, quote, header, _names(rows, header))


def blank_lines(head: str) -> int:
    """How many lines at the start have nothing in them.

    >>> blank_lines("\\n  \\na,b\\n")
    2
    """
    blank = itertools.takewhile(lambda line: not line.strip(), io.StringIO(head, newline=None))
    return sum(1 for _ in blank)


def _rows(head: str, complete: bool, delimiter: str, quote: str) -> tuple[list[list[str]], int]:
    """The first rows that are not blank, and how many lines they take.

    The last one is left out where it may be cut.
    """
    source = io.StringIO(head, newline="")
    reader = (
        csv.reader(source, delimiter=delimiter, quotechar=quote)
        if quote
        else csv.reader(source, delimiter=delimiter, quoting=csv.QUOTE_NONE)
    )
    rows: list[list[str]] = []
    try:
        rows.extend(row for row in reader if row)
    except csv.Error:  # a field longer than the csv module takes: what came before it counts
        complete = True
    if not complete and len(rows) > 1:
        rows.pop()
    return rows, reader.line_num


def _score(
    rows: list[list[str]], lines: int, quote: str, wanted: Sequence[str]
) -> tuple[object, ...]:
    width, count = Counter(map(len, rows)).most_common(1)[0]
    share = count / len(rows)
    named = sum(name in _cells(rows[0]) for name in wanted)
    regular = width > 1 and share >= 0.9
    # Where no quoting is as regular and takes fewer lines, quotes are just characters.
    return named, regular, round(share, 3), width, len(rows) / lines, quote == '"'


def _cells(row: list[str]) -> list[str]:
    return [cell.strip() for cell in row]


def _has_header(row: list[str], wanted: Sequence[str]) -> bool:
    cells = _cells(row)
    if any(name in cells for name in wanted):
        return True
    if all(name in _numbered(len(cells)) for name in wanted):
        return False
    filled = [cell for cell in cells if cell]
    return len(set(filled)) == len(filled) and not any(map(_is_number, filled))


def _names(rows: list[list[str]], header: bool) -> tuple[str, ...]:
    width = Counter(map(len, rows)).most_common(1)[0][0]
    if not header:
        return _numbered(width)
    cells = _cells(rows[0])
    if width == len(cells) + 1 and len(rows) > 1:  # R leaves the column of row names without one
        cells = ["", *cells]
    return tuple(cell or f"column{index}" for index, cell in enumerate(cells))


def _numbered(width: int) -> tuple[str, ...]:
    return tuple(f"column{index}" for index in range(width))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
