"""Which sheet of a workbook is read, and whether it fits into memory."""

import zipfile
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

from common.problems import Unprocessable, invalid
from tasks.tables.options import Excel
from tasks.tables.processing.files.excel.counting import SHORT_TEXT, Part

_BYTES_PER_CELL = 80
"""Measured: 76 MB for a million cells, half of them numbers."""

_PART_BYTES = 4 << 20
"""Of a part that only lists sheets; no workbook has more."""

_BYTES_PER_NOTE = 300
"""Of an error or of a merged range, which Python holds as tuples."""

_SHOWN_SHEETS = 20


def parts_of_sheets(archive: zipfile.ZipFile, parts: Mapping[str, Part]) -> list[Part | None]:
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


def check_size(parts: Mapping[str, Part], memory_mb: int) -> None:
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
    return odd + sum(length for length in known if length > SHORT_TEXT)


def choose_sheet(
    workbook: Any, given: Excel, parts: Mapping[str, Part | None]
) -> tuple[str, list[str]]:
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
