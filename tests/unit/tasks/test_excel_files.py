"""A sheet of an Excel workbook gives the rows that its CSV gives."""

import io
import zipfile
from typing import Any
from xml.sax.saxutils import escape

import pytest

from common.problems import Unprocessable
from tests.unit.tasks.tables import csv_bytes, process

HEADER = ["x", "color", "y"]
ROWS: list[list[Any]] = [[i * 7 % 40, "abc"[i % 3], "yn"[i % 2]] for i in range(60)]
PLAIN = process(csv_bytes(HEADER, ROWS))
SHEET = [HEADER, *ROWS]

_TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
_KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml"


class Date(int):
    """The number of a day as Excel has it, shown as a date."""


def workbook(
    sheets: dict[str, list[list[Any]]], merged: tuple[str, ...] = (), hidden: tuple[str, ...] = ()
) -> bytes:
    """An Excel workbook, with no more than it has to have; merged are ranges of every sheet."""
    numbers = range(1, len(sheets) + 1)
    parts = "".join(
        f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{_KIND}.worksheet+xml"/>'
        for n in numbers
    )
    relations = "".join(
        f'<Relationship Id="r{n}" Type="{_OFFICE}/worksheet" Target="worksheets/sheet{n}.xml"/>'
        for n in numbers
    )
    listed = "".join(
        f'<sheet name="{escape(name)}" sheetId="{n}" r:id="r{n}"'
        f"{' state="hidden"' if name in hidden else ''}/>"
        for n, name in zip(numbers, sheets, strict=True)
    )
    files = {
        "[Content_Types].xml": f'<Types xmlns="{_TYPES}"><Default Extension="rels" '
        f'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_KIND}.sheet.main+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{_KIND}.styles+xml"/>{parts}</Types>',
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}"><Relationship Id="r" '
        f'Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}">'
        f"<sheets>{listed}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}">{relations}'
        f'<Relationship Id="s" Type="{_OFFICE}/styles" Target="styles.xml"/></Relationships>',
        "xl/styles.xml": f'<styleSheet xmlns="{_MAIN}"><cellXfs><xf numFmtId="0"/>'
        f'<xf numFmtId="14"/></cellXfs></styleSheet>',
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
        for n, rows in zip(numbers, sheets.values(), strict=True):
            archive.writestr(f"xl/worksheets/sheet{n}.xml", _sheet(rows, merged))
    return file.getvalue()


def _sheet(rows: list[list[Any]], merged: tuple[str, ...]) -> str:
    lines = "".join(
        f'<row r="{r}">{"".join(_cell(f"{chr(64 + c)}{r}", v) for c, v in enumerate(row, 1))}</row>'
        for r, row in enumerate(rows, 1)
    )
    ranges = "".join(f'<mergeCell ref="{each}"/>' for each in merged)
    cells = f'<mergeCells count="{len(merged)}">{ranges}</mergeCells>' if merged else ""
    return f'<worksheet xmlns="{_MAIN}"><sheetData>{lines}</sheetData>{cells}</worksheet>'


def _cell(at: str, value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return f'<c r="{at}" t="b"><v>{int(value)}</v></c>'
        case Date():
            return f'<c r="{at}" s="1"><v>{int(value)}</v></c>'
        case int() | float():
            return f'<c r="{at}"><v>{value}</v></c>'
        case str() if value.startswith("#"):
            return f'<c r="{at}" t="e"><f>1/0</f><v>{value}</v></c>'
    return f'<c r="{at}" t="inlineStr"><is><t>{escape(value)}</t></is></c>'


@pytest.mark.parametrize(
    ("sheets", "options", "codes"),
    [
        ({"S": SHEET}, {}, []),
        ({"S": SHEET}, {"format": "xlsx"}, []),
        ({"S": [["A report"], [], *SHEET, [], [None, None]]}, {}, ["skipped_lines"]),
        ({"S": [["a", "b"], *SHEET]}, {"excel": {"skip_lines": 1}}, []),
        ({"Empty": [], "S": SHEET, "T": [["q"], [1]]}, {}, ["sheet"]),
        ({"T": [["q"], [1]], "S": SHEET}, {"excel": {"sheet": "S"}}, []),
        ({"S": [HEADER, ["kg", None, None], *ROWS]}, {}, ["units_row"]),
    ],
)
def test_a_sheet_gives_the_rows_of_its_table(
    sheets: dict[str, list[list[Any]]], options: dict[str, Any], codes: list[str]
) -> None:
    made = process(workbook(sheets), **options)
    assert made.rows == PLAIN.rows
    assert made.codes == codes


def test_cells_merged_over_rows_have_their_value_in_each_row() -> None:
    rows: list[list[Any]] = [
        [i, f"region {i // 10}" if i % 10 == 0 else None, "yn"[i % 2]] for i in range(120)
    ]
    merged = tuple(f"B{first}:B{first + 9}" for first in range(2, 122, 10))
    made = process(workbook({"S": [["x", "region", "y"], *rows]}, merged))
    assert {row["region"] for side in made.rows.values() for row in side} == {
        f"region {number}" for number in range(12)
    }
    (warning,) = [one for one in made.about.warnings if one.code == "merged_cells"]
    assert (warning.count, warning.examples) == (108, ["region 0", "region 1", "region 2"])


def test_headings_over_several_columns_are_refused_with_the_option() -> None:
    header: list[list[Any]] = [["size", None, "shape"], ["x", "z", "y"]]
    rows: list[list[Any]] = [[i * 7 % 40, i / 4, "yn"[i % 2]] for i in range(60)]
    content = workbook({"S": [["A title"], *header, *rows]}, ("A2:B2", "A1:C1"))
    with pytest.raises(Unprocessable, match=r"Set excel\.skip_lines to 2 if") as raised:
        process(content)
    assert raised.value.errors[0].pointer == "/excel/skip_lines"
    assert process(content, excel={"skip_lines": 2}).about.rows["used"] == 60


def test_a_hidden_sheet_is_read_where_it_is_named_only() -> None:
    content = workbook({"H": [["q", "y"], [1, "a"]], "S": SHEET}, hidden=("H",))
    made = process(content)
    assert made.about.source["sheet"] == "S"
    assert made.codes == ["sheet"]


def test_other_sheets_are_named_where_the_target_is_not_found() -> None:
    with pytest.raises(Unprocessable, match=r"set excel\.sheet to read another, such as 'S'"):
        process(workbook({"About": [["made", "by"], ["now", "me"]], "S": SHEET}))


def test_other_sheets_are_named() -> None:
    made = process(workbook({"S": SHEET, "T": SHEET, "U & V": SHEET}))
    (found,) = made.about.warnings
    assert (found.count, found.examples, found.option) == (2, ["T", "U & V"], "excel.sheet")
    assert made.about.source["sheet"] == "S"


def test_values_are_written_as_csv_has_them() -> None:
    rows = [
        [i % 9 + 0.0, i * 1.5, Date(45000 + i % 50), i % 3 == 0, "#N/A" if i == 7 else "a, b", r[2]]
        for i, r in enumerate(ROWS)
    ]
    made = process(workbook({"S": [["n", "f", "d", "b", "t", "y"], *rows]}))
    types = {column.name: column.type for column in made.about.schema.columns}
    assert [types[name] for name in "nfdb"] == ["number", "number", "datetime", "boolean"]
    dates = {row["d"] for split in made.rows.values() for row in split}
    assert min(dates).isoformat().startswith("2023-03-15")


def test_times_are_hours_and_minutes() -> None:
    rows = [[f"{i % 24}:{i:02}:00" if i % 5 else f"{i % 24}:{i:02}", r[2]] for i, r in
            enumerate(ROWS)]  # fmt: skip
    made = process(workbook({"S": [["t", "y"], *rows]}))
    assert made.column("t").form == {"duration": "h:mm, h:mm:ss"}
    times = {row["t"] for split in made.rows.values() for row in split}
    assert times == {i % 24 * 3600 + i * 60 for i in range(60)}


def test_errors_keep_their_text() -> None:
    rows = [[i % 9, "#DIV/0!" if i % 3 else "fine", "yn"[i % 2]] for i in range(60)]
    made = process(workbook({"S": [HEADER, *rows]}), types={"color": "category"})
    assert "fine" in made.column("color").categories
    written = process(csv_bytes(HEADER, rows), types={"color": "category"})
    assert made.rows == written.rows


def test_a_sheet_without_a_header() -> None:
    made = process(workbook({"S": ROWS}), target="column2", excel={"header": False})
    assert made.about.rows["read"] == 60


def _far_cell() -> bytes:
    sheet = workbook({"S": SHEET})
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(sheet)) as old, zipfile.ZipFile(file, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(b'r="C61"', b'r="XFD1048576"'))
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "options", "says"),
    [
        (workbook({"S": SHEET}), {"excel": {"sheet": "T"}}, "no sheet 'T'. The sheets are 'S'"),
        (workbook({"S": []}), {}, "No sheet of the Excel workbook has"),
        (workbook({"S": SHEET}), {"format": "csv"}, "the file is xlsx"),
        (workbook({"S": [["a", "b"], *SHEET]}), {}, "set excel.skip_lines to 1"),
        (workbook({"S": SHEET})[:900], {}, "damaged"),
        (_far_cell(), {}, "a sheet of 1,048,576 rows and 16,384 columns"),
        (b"x,color,y\n1,a,y\n", {"format": "xlsx"}, "but the file is text"),
    ],
)
def test_workbooks_that_cannot_be_read_are_refused(
    content: bytes, options: dict[str, Any], says: str
) -> None:
    with pytest.raises(Unprocessable) as raised:
        process(content, **options)
    assert says in raised.value.detail
