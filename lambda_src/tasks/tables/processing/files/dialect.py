"""How a CSV file is written: its delimiter, its quotes, and where its table begins."""

import csv
import io
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from common.problems import Unprocessable, invalid
from common.warnings import EXAMPLES, Warning
from tasks.tables.options import Csv
from tasks.tables.processing.files.preamble import (
    Row,
    find_start,
    looks_like_header,
    separator,
    usual_width,
)
from tasks.tables.processing.files.shape import filled_width, find_shape, most_frequent, numbered
from tasks.tables.processing.files.units import count_unit_rows

DELIMITERS = (",", ";", "\t", "|")
QUOTES = ('"', "'", "")


@dataclass(frozen=True)
class Dialect:
    """Names are those of the columns; quote is empty where there is no quoting.

    cells are the header's as they stand, and line is its text, where it is one line. skip is how
    many lines are passed over; below tells whether the header is the one that follows
    them. row_names tells whether the first column seems to hold the names of rows, as R writes
    them.
    """

    delimiter: str
    quote: str
    header: bool
    names: tuple[str, ...]
    skip: int
    below: bool
    row_names: bool
    warnings: list[Warning]
    cells: tuple[str, ...] = ()
    line: str = ""


@dataclass(frozen=True)
class _Reading:
    """The first rows of a file under a delimiter and a quote, and how many lines they take."""

    delimiter: str
    quote: str
    rows: list[Row]
    lines: int
    skipped: list[Row] = field(default_factory=list)
    problem: Unprocessable | None = None

    def score(self, wanted: Sequence[str]) -> tuple[object, ...]:
        """How regular the file is; the greater the better."""
        widths = _widths(self.rows)
        width = most_frequent(widths[1:] or widths)
        share = widths.count(width) / len(widths)
        named = sum(name in _cells(self.rows[0]) for name in wanted)
        regular = width > 1 and share >= 0.9
        fits = width == widths[0]
        bare = not _has_wrapped(self.rows)
        # Where no quoting is as regular and takes fewer lines, quotes are just characters.
        filled = len(self.rows) / self.lines
        return named, regular, fits, round(share, 3), width, bare, filled, self.quote == '"'


_MOST_LINES = 1000
"""Lines that a dialect is tried on: a dozen of them took a tenth of a second of 5,000."""


def sniff(
    head: str, complete: bool, given: Csv, wanted: Sequence[str], option: str = "csv"
) -> Dialect:
    """The dialect under which the head of a file is most regular.

    wanted are columns that the caller has named: a first line that holds them is a header. option
    is the one that holds what is given. Raises Unprocessable when there is nothing to read, and
    when it is not clear where the table is.
    """
    lines = io.StringIO(head, newline="").readlines()
    skip, named = _given_lines(lines, given)
    if len(lines) > skip + _MOST_LINES:
        lines, complete = lines[: skip + _MOST_LINES], False
    delimiter = given.delimiter or named
    quotes = QUOTES if "'" in head else ('"', "")
    pairs = [
        (one, quote)
        for one, quote in itertools.product(
            (delimiter,) if delimiter else DELIMITERS,
            quotes if given.quote is None else (given.quote,),
        )
        if one != quote
    ]
    if not pairs:
        raise invalid(
            [option, "quote"],
            f"{given.quote!r} separates cells, by the file's first line: choose another character",
        )
    readings = [
        _started(reading, given, wanted, option)
        for delimiter, quote in pairs
        if (reading := _read(lines[skip:], complete, delimiter, quote, skip)).rows
    ]
    if not readings:
        raise Unprocessable("The file has no rows: send a header line and a few rows below it.")
    best = max(readings, key=lambda reading: reading.score(wanted))
    if best.problem is not None:
        raise best.problem
    dialect = _dialect(best, given, wanted, option)
    return _with_header(dialect, best.rows, lines) if dialect.header else dialect


def _given_lines(lines: Sequence[str], given: Csv) -> tuple[int, str | None]:
    """How many lines are skipped for sure, and the delimiter that they name."""
    if given.skip_lines is not None:
        return given.skip_lines, None
    for index, line in enumerate(lines):
        if line.strip():
            delimiter = separator(line)
            return (index + 1, delimiter) if delimiter else (0, None)
    return 0, None


def _read(lines: list[str], complete: bool, delimiter: str, quote: str, skip: int) -> _Reading:
    """The first rows that are not blank; the last one is left out where it may be cut."""
    reader = (
        csv.reader(lines, delimiter=delimiter, quotechar=quote)
        if quote
        else csv.reader(lines, delimiter=delimiter, quotechar=None, quoting=csv.QUOTE_NONE)
    )
    rows, before = list[Row](), skip
    try:
        for cells in reader:
            if len(cells) > 1 or (cells and cells[0].strip()):
                rows.append(Row(before + 1, cells))
            before = skip + reader.line_num
    except csv.Error:  # a field longer than the csv module takes: what came before it counts
        complete = True
    if not complete and len(rows) > 1:
        rows.pop()
    return _Reading(delimiter, quote, rows, max(1, reader.line_num))


def _started(reading: _Reading, given: Csv, wanted: Sequence[str], option: str) -> _Reading:
    """The rows without those before the table."""
    if given.skip_lines is not None:
        return reading
    numbered = _is_numbered(wanted, usual_width(reading.rows))
    headed = given.header is not False and not numbered
    start, skipped, problem = find_start(reading.rows, wanted, headed, option)
    return replace(reading, rows=reading.rows[start:], skipped=skipped, problem=problem)


def _dialect(reading: _Reading, given: Csv, wanted: Sequence[str], option: str) -> Dialect:
    rows, warnings = reading.rows, list[Warning]()
    if reading.skipped:
        warnings.append(_skipped(reading, option))
    header = _has_header(rows[0].cells, wanted) if given.header is None else given.header
    shape = find_shape(rows, header, wanted, option)
    skip, below = rows[0].line - 1, header
    if header and given.skip_lines is None and (units := count_unit_rows(rows[1:])):
        warnings.append(_units(rows[1 : 1 + units], reading.delimiter, option))
        skip, below = rows[1 + units].line - 1, False
    return Dialect(
        reading.delimiter, reading.quote, header, shape.names, skip, below, shape.row_names,
        warnings,
    )  # fmt: skip


def _with_header(dialect: Dialect, rows: Sequence[Row], lines: Sequence[str]) -> Dialect:
    """The dialect with the header's text, unless that has an end of a line in quotes."""
    cells = rows[0].cells[: len(dialect.names)]
    if len(cells) < len(dialect.names) or any("\n" in cell or "\r" in cell for cell in cells):
        return dialect
    return replace(dialect, cells=tuple(cells), line=lines[rows[0].line - 1])


def _skipped(reading: _Reading, option: str) -> Warning:
    rows = reading.skipped
    return Warning(
        code="skipped_lines",
        detail="Comments or titles before the header, which is line "
        f"{reading.rows[0].line:,}, were skipped: {len(rows):,}.",
        count=len(rows),
        examples=[reading.delimiter.join(row.cells).strip() for row in rows[:EXAMPLES]],
        option=f"{option}.skip_lines",
    )


def _units(rows: Sequence[Row], delimiter: str, option: str) -> Warning:
    return Warning(
        code="units_row",
        detail=f"Line {rows[0].line:,}, below the header, holds units or labels and no values, and "
        f"was skipped{', and so was the next' if len(rows) > 1 else ''}. Set {option}.skip_lines "
        "to the number of lines before the header to keep it.",
        count=len(rows),
        examples=[delimiter.join(row.cells) for row in rows],
        option=f"{option}.skip_lines",
    )


def _cells(row: Row) -> list[str]:
    return [cell.strip() for cell in row.cells]


def _widths(rows: Sequence[Row]) -> list[int]:
    """The cells of each row, without empty ones beyond those that the first row or most have."""
    first, usual = rows[0].cells, usual_width(rows)
    least = usual if len(first) == usual else filled_width(first)
    return [filled_width(row.cells, least) for row in rows]


def _has_wrapped(rows: Sequence[Row]) -> bool:
    """Whether a column has nothing but values in single quotes, which are then no part of them."""
    for column in itertools.zip_longest(*(row.cells for row in rows[1:]), fillvalue=""):
        filled = [cell for cell in column if cell]
        if filled and all(len(cell) > 1 and cell[0] == cell[-1] == "'" for cell in filled):
            return True
    return False


def _has_header(row: Sequence[str], wanted: Sequence[str]) -> bool:
    cells = [cell.strip() for cell in row]
    if any(name in cells for name in wanted):
        return True
    return not _is_numbered(wanted, len(cells)) and looks_like_header(cells)


def _is_numbered(wanted: Sequence[str], width: int) -> bool:
    """Whether the caller names columns as those of a file without a header are named."""
    return bool(wanted) and all(name in numbered(width) for name in wanted)
