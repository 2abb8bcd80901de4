"""A sheet of an Excel workbook as CSV, so that what stands before its table is found alike."""

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from common.problems import Unprocessable
from common.warnings import EXAMPLES, Warning
from tasks.framework.unpacking import check_ratio, opened_zip, refused_if_damaged
from tasks.tables.options import Csv, Excel
from tasks.tables.processing.database import one_row
from tasks.tables.processing.files.excel.cells import MergedCells, check_headings, write_csv
from tasks.tables.processing.files.excel.counting import Part
from tasks.tables.processing.files.excel.parts import copy_parts, counted_parts
from tasks.tables.processing.files.excel.sheets import check_size, choose_sheet, parts_of_sheets
from tasks.tables.processing.files.foreign_files import MAX_PARTS
from tasks.tables.processing.files.reading import Reading

_DAMAGED = "The Excel workbook is damaged or locked: save it again, without a password."


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
            check_size(parts, memory_mb)
            of_sheets = parts_of_sheets(archive, parts)
            counted = reading.folder / "workbook.xlsx"
            copy_parts(archive, parts, counted)
        with load_workbook(str(counted)) as workbook:
            sheets = dict(reversed([*zip(workbook.sheet_names, of_sheets, strict=True)]))
            name, others = choose_sheet(workbook, given, sheets)
            sheet = workbook.get_sheet_by_name(name)  # the first of that name
        counted.unlink()
    part = sheets[name]
    if part and part.in_pieces_at:
        raise Unprocessable(
            f"The cell at {part.in_pieces_at} of sheet {name!r} has a comment, a section or a "
            "character reference of XML in its value: open the workbook in a spreadsheet program "
            "and save it, which writes plain values."
        )
    check_headings(sheet, given)
    result = reading.folder / "sheet.csv"
    merged = write_csv(sheet, part.errors if part else {}, path.stat().st_size, result)
    reading.facts["sheet"] = name
    if others:
        reading.warnings.append(_sheet_warning(name, others))
    if merged.filled or merged.hidden:
        reading.warnings.append(_merged_warning(merged))
    if part and part.unsaved:
        reading.warnings.append(_formula_warning(part))
    return result


def _sheet_warning(name: str, others: Sequence[str]) -> Warning:
    return Warning(
        code="sheet",
        detail=f"The first visible sheet that is not empty, {name!r}, was read. Others were not: "
        f"{len(others):,}.",
        count=len(others),
        examples=list(others[:EXAMPLES]),
        option="excel.sheet",
    )


def _merged_warning(merged: MergedCells) -> Warning:
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
