"""A sheet of an Excel workbook as CSV, so that what stands before its table is found alike."""

import csv
import datetime
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from common.problems import Unprocessable, invalid
from common.warnings import EXAMPLES, Warning
from tasks.shared.processing.database import one_row
from tasks.shared.processing.files.reading import Reading
from tasks.shared.table_options import Csv, Excel
from tasks.shared.unpacking import check_ratio

_BYTES_PER_CELL = 80
"""Measured: 76 MB for a million cells, half of them numbers."""

_PART_BYTES = 4 << 20
"""Of a part that only lists sheets; no workbook has more."""

_CELL = re.compile(rb'<c\b[^>]*?\br="([A-Z]{1,3})([0-9]{1,7})"[^>]*>')
_ERROR = re.compile(
    rb'<c\b[^>]*?\br="([A-Z]{1,3})([0-9]{1,7})"[^>]*\bt="e"[^>]*>'
    rb"(?:<f\b[^>]*(?:/>|>[^<]*</f>))?<v>(#[^<]{1,30})</v>"
)
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"

type _Errors = Mapping[tuple[int, int], str]


def as_csv(given: Excel) -> Csv:
    """How the CSV is written, with what the caller says of the sheet."""
    return Csv(delimiter=",", quote='"', header=given.header, skip_lines=given.skip_lines)


def sheet_as_csv(reading: Reading, path: Path, given: Excel) -> Path:
    """The sheet's rows, each in a line of its own number as long as no cell has several.

    Raises Unprocessable for a workbook that is damaged, locked, or too large for memory.
    """
    from python_calamine import CalamineError, load_workbook  # only workbooks pay for it

    try:
        with zipfile.ZipFile(path) as archive:
            (memory_mb,) = one_row(reading.connection, "SELECT getvariable('memory_mb')")
            check_ratio(path.stat().st_size, sum(one.file_size for one in archive.infolist()))
            parts = _parts(archive)
            _check_size(archive, memory_mb)
            workbook = load_workbook(str(path))
            name, others = _choose(workbook, given)
            errors = _errors(archive, parts[name]) if name in parts else {}
            sheet = workbook.get_sheet_by_name(name)
            result = reading.folder / "sheet.csv"
            _write(sheet, errors, result)
    except (CalamineError, zipfile.BadZipFile, ElementTree.ParseError, KeyError) as error:
        raise Unprocessable(f"The Excel workbook is damaged or locked ({error!s:.200}).") from None
    reading.facts["sheet"] = name
    if others:
        reading.warnings.append(_sheet_warning(name, others))
    return result


def _parts(archive: zipfile.ZipFile) -> dict[str, str]:
    """The part of the archive that each sheet is in."""
    relations = _parsed(archive, "xl/_rels/workbook.xml.rels")
    targets = {one.get("Id"): one.get("Target", "") for one in relations}
    return {
        sheet.get("name", ""): target.lstrip("/") if target.startswith("/") else f"xl/{target}"
        for sheet in _parsed(archive, "xl/workbook.xml").iterfind(".//{*}sheet")
        if (target := targets.get(sheet.get(_RELATION)))
    }


def _parsed(archive: zipfile.ZipFile, part: str) -> ElementTree.Element:
    with archive.open(part) as file:
        text = file.read(_PART_BYTES)
    if b"<!DOCTYPE" in text:  # which no workbook has: a way of attacking readers of XML
        raise zipfile.BadZipFile(f"{part} declares a document type")
    return ElementTree.fromstring(text)


def _check_size(archive: zipfile.ZipFile, memory_mb: int) -> None:
    """Raises Unprocessable where a sheet, as a grid of all its cells, does not fit into memory."""
    parts = archive.infolist()
    strings = sum(part.file_size for part in parts if "sharedStrings" in part.filename)
    sheets = [part for part in parts if part.filename.startswith("xl/worksheets/sheet")]
    limit, reason = memory_mb * 1_000_000, ""
    if strings + max((sheet.file_size for sheet in sheets), default=0) > limit:
        reason = "is too large"
    for sheet in [] if reason else sheets:
        rows, columns = _extent(archive, sheet.filename)
        if rows * columns * _BYTES_PER_CELL + 2 * strings > limit:
            reason = f"has a sheet of {rows:,} rows and {columns:,} columns, too large"
    if reason:
        raise Unprocessable(
            f"The Excel workbook {reason} for {memory_mb:,} MB of memory: save it as CSV, which "
            "may be of any size, or raise memory_size."
        )


def _extent(archive: zipfile.ZipFile, part: str) -> tuple[int, int]:
    """The last row and the last column that a sheet has a cell in."""
    rows = columns = 0
    for text in _texts(archive, part):
        for column, row in set(_CELL.findall(text)):
            rows, columns = max(rows, int(row)), max(columns, _column(column))
    return rows, columns


def _errors(archive: zipfile.ZipFile, part: str) -> _Errors:
    """The text of cells that hold an error, which the reader leaves empty, by row and column."""
    return {
        (int(row), _column(column)): error.decode()
        for text in _texts(archive, part)
        for column, row, error in _ERROR.findall(text)
    }


def _texts(archive: zipfile.ZipFile, part: str) -> Iterator[bytes]:
    """The text of a sheet in pieces that end with a cell."""
    with archive.open(part) as file:
        rest = b""
        while chunk := file.read(1 << 20):
            whole, end, rest = (rest + chunk).rpartition(b"</c>")
            yield whole + end
        yield rest


def _column(letters: bytes) -> int:
    """The number of a column, from 1.

    >>> _column(b"A"), _column(b"AB")
    (1, 28)
    """
    number = 0
    for letter in letters:
        number = 26 * number + letter - 64
    return number


def _choose(workbook: Any, given: Excel) -> tuple[str, list[str]]:
    """The sheet that is read, and others that are not empty where the caller does not say."""
    from python_calamine import SheetTypeEnum

    names = [
        sheet.name for sheet in workbook.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet
    ]
    if given.sheet is not None:
        if given.sheet not in names:
            raise invalid(
                ["excel", "sheet"],
                f"there is no sheet {given.sheet!r}. The sheets are {', '.join(map(repr, names))}",
            )
        return given.sheet, []
    filled = [name for name in names if workbook.get_sheet_by_name(name).height > 1]
    if not filled:
        raise Unprocessable("No sheet of the Excel workbook has a header and rows below it.")
    return filled[0], filled[1:]


def _sheet_warning(name: str, others: Sequence[str]) -> Warning:
    return Warning(
        code="sheet",
        detail=f"The first sheet that is not empty, {name!r}, was read. Sheets that were not: "
        f"{len(others):,}.",
        count=len(others),
        examples=list(others[:EXAMPLES]),
        option="excel.sheet",
    )


def _write(sheet: Any, errors: _Errors, path: Path) -> None:
    """Writes a line per row, an empty one for a row of nothing, up to the last filled column."""
    width = max((column for _, column in errors), default=0)
    for row in sheet.iter_rows():
        for column in range(len(row), width, -1):
            if row[column - 1] != "":
                width = column
                break
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        for number, row in enumerate(sheet.iter_rows(), 1):
            cells = [_text(cell) for cell in row[:width]]
            for column in range(1, width + 1) if errors else ():
                if error := errors.get((number, column)):
                    cells[column - 1] = error
            writer.writerow(cells if any(cells) else [])


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
            minutes, seconds = divmod(round(cell.total_seconds()), 60)
            return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
        case datetime.datetime() | datetime.date() | datetime.time():
            return cell.isoformat()
    return str(cell)
