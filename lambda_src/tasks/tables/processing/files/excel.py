"""A sheet of an Excel workbook as CSV, so that what stands before its table is found alike."""

import csv
import datetime
import io
import itertools
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from common.problems import Unprocessable, invalid
from common.warnings import EXAMPLES, Warning
from tasks.framework.unpacking import check_ratio, is_usual, opened_zip, refused_if_damaged
from tasks.tables.options import Csv, Excel
from tasks.tables.processing.database import one_row
from tasks.tables.processing.files.excel_parts import Part, copy_parts, counted_parts
from tasks.tables.processing.files.foreign_files import MAX_PARTS
from tasks.tables.processing.files.reading import Reading
from tasks.tables.processing.files.text_files import CheckedFile

_BYTES_PER_CELL = 80
"""Measured: 76 MB for a million cells, half of them numbers."""

_PART_BYTES = 4 << 20
"""Of a part that only lists sheets; no workbook has more."""

_SHORT_TEXT = 40
"""Bytes of a text that are within those of its cell."""

_BYTES_PER_NOTE = 300
"""Of an error or of a merged range, which Python holds as tuples."""

_SHOWN_SHEETS = 20
_DAMAGED = "The Excel workbook is damaged or locked: save it again, without a password."

type _Errors = Mapping[tuple[int, int], str]


def as_csv(given: Excel) -> Csv:
    """How the CSV is written, with what the caller says of the sheet."""
    return Csv(delimiter=",", quote='"', header=given.header, skip_lines=given.skip_lines)


def sheet_as_csv(reading: Reading, path: Path, given: Excel) -> Path:
    """The sheet's rows, each in a line of its own number as long as no cell has several.

    Raises Unprocessable for a workbook that is damaged, locked, or too large for memory.
    """
    from python_calamine import CalamineError, load_workbook  # only workbooks pay for it

    (memory_mb,) = one_row(reading.connection, "SELECT getvariable('memory_mb')")
    with refused_if_damaged(_DAMAGED, CalamineError, ElementTree.ParseError, KeyError):
        with opened_zip(path, MAX_PARTS) as archive:
            check_ratio(path.stat().st_size, sum(one.file_size for one in archive.infolist()))
            parts = counted_parts(archive)
            _check_size(parts, memory_mb)
            places = _places(archive, parts)
            counted = reading.folder / "workbook.xlsx"
            copy_parts(archive, parts, counted)
        with load_workbook(str(counted)) as workbook:
            sheets = dict(reversed([*zip(workbook.sheet_names, places, strict=True)]))
            name, others = _choose(workbook, given, sheets)
            sheet = workbook.get_sheet_by_name(name)  # the first of that name
        counted.unlink()
    part = sheets[name]
    if part and part.in_pieces_at:
        raise Unprocessable(
            f"The cell at {part.in_pieces_at} of sheet {name!r} has a comment, a section or a "
            "character reference of XML in its value: open the workbook in a spreadsheet program "
            "and save it, which writes plain values."
        )
    _check_headings(sheet, given)
    result = reading.folder / "sheet.csv"
    merged = _write(sheet, part.errors if part else {}, path.stat().st_size, result)
    reading.facts["sheet"] = name
    if others:
        reading.warnings.append(_sheet_warning(name, others))
    if merged.filled or merged.hidden:
        reading.warnings.append(_merged_warning(merged))
    if part and part.unsaved:
        reading.warnings.append(_formula_warning(part))
    return result


def _places(archive: zipfile.ZipFile, parts: Mapping[str, Part]) -> list[Part | None]:
    """What each sheet has, in their order; None where its part cannot be read."""
    relations = _parsed(archive, "xl/_rels/workbook.xml.rels")
    targets = {one.get("Id"): one.get("Target", "") for one in relations}
    by_name = {name.casefold(): part for name, part in parts.items()}
    found: list[Part | None] = []
    for sheet in _parsed(archive, "xl/workbook.xml").iterfind(".//{*}sheet"):
        # In the namespace of relationships, which is another in Strict Open XML.
        relation = next((value for key, value in sheet.items() if key.endswith("}id")), None)
        target = targets.get(relation, "").replace("\\", "/")
        name = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
        found.append(by_name.get(name.casefold()))
    return found


def _parsed(archive: zipfile.ZipFile, part: str) -> ElementTree.Element:
    with archive.open(part) as file:
        text = file.read(_PART_BYTES)
    if b"<!DOCTYPE" in text:  # which no workbook has: a way of attacking readers of XML
        raise zipfile.BadZipFile(f"{part} declares a document type")
    return ElementTree.fromstring(text, ElementTree.XMLParser(encoding="utf-8"))


def _check_size(parts: Mapping[str, Part], memory_mb: int) -> None:
    """Raises Unprocessable where a sheet, as a grid of all its cells, does not fit into memory."""
    strings = [part for part in parts.values() if part.strings]
    sheets = [part for part in parts.values() if part.rows or part.merged]
    texts = sum(part.size for part in strings)
    limit, reason = memory_mb * 1_000_000, ""
    if texts + max((sheet.size for sheet in sheets), default=0) > limit:
        reason = "is too large"
    for sheet in [] if reason else sheets:
        needed = sheet.rows * sheet.columns * _BYTES_PER_CELL + 2 * texts
        needed += _BYTES_PER_NOTE * (len(sheet.errors) + sheet.merged)
        if needed > limit:
            reason = f"has a sheet of {sheet.rows:,} rows and {sheet.columns:,} columns, too large"
        elif needed + max((_copied(sheet, each) for each in strings), default=0) > limit:
            reason = "has long texts in so many cells that a sheet is too large"
    if reason:
        raise Unprocessable(
            f"The Excel workbook {reason} for {memory_mb:,} MB of memory: save it as CSV, which "
            "may be of any size, or raise memory_size."
        )


def _copied(sheet: Part, strings: Part) -> int:
    """The bytes of long texts that the cells of a sheet refer to, each counted once for a cell."""
    lengths = strings.strings
    known = (lengths[one] for one in sheet.references if one < len(lengths))
    odd = sheet.odd_references * max(lengths)
    return odd + sum(length for length in known if length > _SHORT_TEXT)


def _choose(workbook: Any, given: Excel, parts: Mapping[str, Part | None]) -> tuple[str, list[str]]:
    """The sheet that is read, and others that are not empty where the caller does not say."""
    from python_calamine import SheetTypeEnum, SheetVisibleEnum

    sheets = [sheet for sheet in workbook.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet]
    visible = SheetVisibleEnum.Visible
    sheets.sort(key=lambda sheet: sheet.visible != visible)  # hidden ones come last
    names = [sheet.name for sheet in sheets]
    if given.sheet is not None:
        if given.sheet not in names:
            shown = ", ".join(map(repr, names[:_SHOWN_SHEETS]))
            more = ", and others" if len(names) > _SHOWN_SHEETS else ""
            raise invalid(
                ["excel", "sheet"],
                f"there is no sheet {given.sheet!r}. The sheets are {shown}{more}",
            )
        return given.sheet, []
    filled = [name for name in names if (part := parts[name]) is None or part.has_table]
    if not filled:
        raise Unprocessable("No sheet of the Excel workbook has a header and rows below it.")
    return filled[0], filled[1:]


def _sheet_warning(name: str, others: Sequence[str]) -> Warning:
    return Warning(
        code="sheet",
        detail=f"The first visible sheet that is not empty, {name!r}, was read. Others were not: "
        f"{len(others):,}.",
        count=len(others),
        examples=list(others[:EXAMPLES]),
        option="excel.sheet",
    )


def _check_headings(sheet: Any, given: Excel) -> None:
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


def _merged_warning(merged: "_MergedCells") -> Warning:
    details = []
    if merged.filled:
        details.append(
            "Cells that are merged over several rows were read as having their value in each of "
            f"these: {merged.filled:,} cells got it from above. Split them in the workbook if "
            "their value is of the first row only."
        )
    if merged.hidden:
        details.append(
            "Cells that are merged over several columns have their value in the first of these: "
            f"{merged.hidden:,} cells beside it were read as missing."
        )
    return Warning(
        code="merged_cells",
        detail=" ".join(details),
        count=merged.filled + merged.hidden,
        examples=list(merged.examples),
    )


def _formula_warning(part: Part) -> Warning:
    return Warning(
        code="formulas_without_results",
        detail=f"{part.unsaved:,} cells hold a formula without its result, and were read as "
        "missing. Open the workbook in a spreadsheet program and save it, which computes them.",
        count=part.unsaved,
        examples=part.unsaved_at,
    )


def _write(sheet: Any, errors: _Errors, packed: int, path: Path) -> "_MergedCells":
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
    merged = _MergedCells(sheet, left, width, packed)
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


class _MergedCells:
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
        if len(text) <= _SHORT_TEXT:
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
