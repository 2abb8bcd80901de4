"""Whether the rows of a CSV file have the cells that its header names."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from common.problems import Unprocessable
from tasks.tables.processing.files.preamble import Row, is_number

_NAME_OF_ID = re.compile(
    r"(.*[_\s.-])?(id|uuid|guid|key|index|idx|nr|no|row|rowname|rownames)|.*[a-z](Id|ID)",
    re.IGNORECASE,
)
_SHOWN = 80


class Shape(NamedTuple):
    """The names of the columns, and whether the first may hold the names of rows, as in R."""

    names: tuple[str, ...]
    row_names: bool = False


def numbered(width: int) -> tuple[str, ...]:
    return tuple(f"column{index}" for index in range(width))


def filled_width(cells: Sequence[str], least: int = 1) -> int:
    """How many cells there are up to the last one that is not empty.

    >>> filled_width(["a", "", "b", "", ""])
    3
    """
    width = len(cells)
    while width > least and not cells[width - 1]:
        width -= 1
    return width


def most_frequent(widths: Sequence[int]) -> int:
    """The width of most rows; the greatest of several."""
    counts = Counter(widths)
    return max(counts, key=lambda width: (counts[width], width))


def find_shape(rows: Sequence[Row], header: bool, wanted: Sequence[str], option: str) -> Shape:
    """The names of the columns under which most rows have a cell for each.

    Empty cells at the end of rows, which end in a delimiter, are no columns. Raises Unprocessable
    when most rows have more or fewer cells than there are names.
    """
    if not header:
        width = most_frequent([len(row.cells) for row in rows])
        _check(rows, width, f"most lines have {width:,}", option, "")
        return Shape(numbered(width))
    cells, body = [cell.strip() for cell in rows[0].cells], rows[1:]
    hint = "" if any(name in cells for name in wanted) else _further_down(rows, wanted, option)
    if hint and "" in cells:
        raise Unprocessable(
            f"Line {rows[0].line:,} ({shown(','.join(cells))}) was read as the header, and does "
            f"not name what the request does. {hint}"
        )
    named = filled_width(cells)
    if len(cells) > named:  # a column without a name, or a delimiter at the end of the line
        lengths = [filled_width(row.cells, named) for row in body]
        named = max([named, *(length for length in lengths if length <= len(cells))])
    names = tuple(cell or f"column{index}" for index, cell in enumerate(cells[:named]))
    lengths = [filled_width(row.cells, named) for row in body]
    if body and set(lengths) == {named + 1} and _may_have_row_names(rows):
        return Shape((numbered(1)[0], *names), row_names=True)
    of_header = f"the header (line {rows[0].line:,}) has {named:,}"
    _check(body, named, of_header, option, hint)
    return Shape(names)


def _may_have_row_names(rows: Sequence[Row]) -> bool:
    """Whether the cell that all rows have too much may be the name of a row.

    Not where the first column has a name of its own for that, or a cell begins with a space as
    the second half of "Smith, John" does.
    """
    header, body = rows[0].cells, rows[1:]
    names = [row.cells[0] for row in body]
    if len(set(names)) < len(names) or _NAME_OF_ID.fullmatch(header[0].strip()):
        return False
    spaced = any(cell.startswith(" ") for cell in header)
    return spaced or not any(cell.startswith(" ") for row in body for cell in row.cells[1:])


def _check(rows: Sequence[Row], width: int, of: str, option: str, hint: str) -> None:
    """Raises Unprocessable unless at least half of the rows have so many cells."""
    bad = [row for row in rows if filled_width(row.cells, width) != width]
    if 2 * len(bad) <= len(rows):
        return
    raise Unprocessable(
        f"Line {bad[0].line:,} has {len(bad[0].cells):,} cells where {of}, and so it is for "
        f"{len(bad):,} of the first {len(rows):,} lines: {shown(','.join(bad[0].cells))}. "
        f"{hint}{advice(option)}."
    )


def shown(line: str) -> str:
    """A line as it is quoted in a message."""
    text = line.strip()
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")


def advice(option: str) -> str:
    """What may help where lines are no rows; option is csv or excel."""
    if option == "excel":
        return "Set excel.skip_lines to the number of rows before the header"
    return (
        f"Put values that hold the delimiter into quotes, or set {option}.delimiter, "
        f"{option}.quote or {option}.skip_lines (the number of lines before the header)"
    )


def _further_down(rows: Sequence[Row], wanted: Sequence[str], option: str) -> str:
    """A hint at the line that names a wanted column and differs from all below it."""
    for index, row in enumerate(rows[1:50], 1):
        if len(row.cells) < len(rows[0].cells):
            continue
        if any(cell.strip() in wanted for cell in row.cells) and _heads(row, rows[index + 1 :]):
            return (
                f"Line {row.line:,} may be the header: set {option}.skip_lines to "
                f"{row.line - 1:,} if it is. "
            )
    return ""


def _heads(row: Row, body: Sequence[Row]) -> bool:
    """Whether a column has a word in a row and numbers below, or a value that is not below."""
    body = [other for other in body if len(other.cells) == len(row.cells)]
    columns = [[other.cells[index] for other in body] for index in range(len(row.cells))]
    return bool(body) and any(
        not is_number(cell) and (all(map(is_number, below)) or all(cell not in c for c in columns))
        for cell, below in zip(row.cells, columns, strict=True)
    )
