"""The cells of a sheet, as the lines of a CSV."""

import csv
import datetime
import io
import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from common.problems import Unprocessable, invalid
from common.warnings import EXAMPLES
from tasks.framework.unpacking import is_usual
from tasks.tables.options import Excel
from tasks.tables.processing.files.excel.counting import SHORT_TEXT
from tasks.tables.processing.files.text_files import CheckedFile

type _Errors = Mapping[tuple[int, int], str]


def check_headings(sheet: Any, given: Excel) -> None:
    """Raises Unprocessable for headings over several columns, whose names are in a row below."""
    if given.skip_lines or given.header is False:
        return
    wide = [start[0] for start, end in _merged(sheet) if start[0] == end[0] and start[1] < end[1]]
    for number, row in enumerate(itertools.islice(_rows(sheet), max(wide, default=-1) + 1)):
        if sum(cell != "" for cell in row) < 2:
            continue  # a title
        if number in wide:
            raise invalid(
                ["excel", "skip_lines"],
                f"row {number + 1} has cells merged over several columns, as headings above the "
                f"names of columns have. Set excel.skip_lines to {number + 1} if the names are in "
                "the row below, or split the merged cells",
            )
        return


def _rows(sheet: Any) -> Iterator[list[Any]]:
    """The cells of each row. Raises Unprocessable for one that no date or duration can hold."""
    number = 1
    try:
        for row in sheet.iter_rows():
            yield row
            number += 1
    except BaseException as error:  # a panic of the reader is no Exception
        if not isinstance(error, OverflowError) and type(error).__name__ != "PanicException":
            raise
        raise Unprocessable(
            f"Row {number:,} of the sheet has a number in the format of a date or a duration, "
            "and it is too large for one: correct it, or give the cell the format of a number."
        ) from error


def _merged(sheet: Any) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """The first and the last cell, each as row and column from 0, of cells merged into one."""
    return sheet.merged_cell_ranges or []


def write_csv(sheet: Any, errors: _Errors, packed: int, path: Path) -> "MergedCells":
    """Writes a line per row, an empty one for a row of nothing, up to the last filled column.

    Cells merged over several rows have their value in each of them. Raises Unprocessable where
    that is too much for a workbook of so many bytes, packed, or for the disk.
    """
    _, left = sheet.start or (0, 0)  # rows begin with the first filled column
    width = max((column - left for _, column in errors), default=0)
    for row in _rows(sheet):
        for column in range(len(row), width, -1):
            if row[column - 1] != "":
                width = column
                break
    merged = MergedCells(sheet, left, width, packed)
    with io.TextIOWrapper(CheckedFile(path), encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        for index, row in enumerate(_rows(sheet)):
            cells = [_text(cell) for cell in row[:width]]
            merged.fill(index, cells)
            for column in range(1, width + 1) if errors else ():
                if error := errors.get((index + 1, column + left)):
                    cells[column - 1] = error
            merged.end_row(index, cells)
            writer.writerow(cells if any(cells) else [])
    return merged


class MergedCells:
    """What cells that are merged into one mean for the rows of a sheet, taken from the top."""

    def __init__(self, sheet: Any, left: int, width: int, packed: int) -> None:
        self.filled = self.hidden = 0
        """How many cells got their value from above, and how many beside one are missing."""
        self.examples: dict[str, None] = {}
        self._packed, self._copied = packed, 0  # bytes of the workbook, and of long texts copied
        self._continued: dict[int, list[tuple[int, int]]] = {}  # by row: columns, and last rows
        self._wide: dict[int, list[tuple[int, int]]] = {}  # columns, and how many cells they hide
        self._open: dict[int, int] = {}  # columns of ranges that began above: the last row of each
        self._above: list[str] = []
        for (first, column), (last, right) in _merged(sheet):
            if not left <= column < left + width:  # each row looks at all that are open
                continue
            if last > first:
                self._continued.setdefault(first + 1, []).append((column - left, last))
            if beside := min(right, left + width - 1) - column:
                hides = column - left, beside * (last - first + 1)
                self._wide.setdefault(first, []).append(hides)

    def fill(self, index: int, cells: list[str]) -> None:
        """Gives cells of a row the values that they share with the row above."""
        for column, last in self._continued.get(index, ()):
            self._open[column] = max(last, self._open.get(column, 0))
        for column in [column for column, last in self._open.items() if last < index]:
            del self._open[column]
        for column in self._open:
            if column < len(cells) and cells[column] == "" and (value := self._above[column]) != "":
                cells[column] = value
                self.filled += 1
                self._show(value)
                self._copy(value)

    def end_row(self, index: int, cells: list[str]) -> None:
        """Notes what a row hides beside its cells and has for the one below; a title hides none."""
        is_title = sum(map(bool, cells)) < 2
        for column, beside in () if is_title else self._wide.get(index, ()):
            if cells[column] != "":
                self.hidden += beside
                self._show(cells[column])
        self._above = cells

    def _show(self, value: str) -> None:
        if len(self.examples) < EXAMPLES:
            self.examples[value] = None

    def _copy(self, text: str) -> None:
        """Counts a copy of a text. Raises Unprocessable for more than a workbook of data has."""
        if len(text) <= SHORT_TEXT:
            return
        self._copied += len(text) if text.isascii() else len(text.encode())
        if not is_usual(self._packed, self._copied):
            raise Unprocessable(
                f"The Excel workbook of {self._packed:,} bytes has long texts in cells that are "
                f"merged over so many rows that they would be {self._copied:,} bytes or more, one "
                "for each row: split these cells, or shorten their texts."
            )


def _text(cell: Any) -> str:
    """A cell as CSV has it: dates in ISO 8601, whole numbers without decimals.

    >>> _text(3.0), _text(True), _text(datetime.date(2024, 5, 1)), _text(datetime.timedelta(1))
    ('3', 'true', '2024-05-01', '24:00:00')
    """
    match cell:
        case bool():
            return "true" if cell else "false"
        case float() if cell.is_integer() and abs(cell) < 1e15:
            return str(int(cell))
        case datetime.timedelta():
            return _duration(cell)
        case datetime.datetime() | datetime.date() | datetime.time():
            return cell.isoformat()
    return str(cell)


def _duration(value: datetime.timedelta) -> str:
    """Hours, minutes and seconds, with a fraction where there is one, and one sign for all.

    >>> _duration(datetime.timedelta(seconds=-1)), _duration(datetime.timedelta(hours=30.001))
    ('-0:00:01', '30:00:03.6')
    """
    minutes, rest = divmod(abs(value), datetime.timedelta(minutes=1))
    fraction = f".{rest.microseconds:06}".rstrip("0").rstrip(".")
    sign = "-" if value < datetime.timedelta() else ""
    return f"{sign}{minutes // 60}:{minutes % 60:02}:{rest.seconds:02}{fraction}"
