"""A sheet of an Excel workbook gives the rows that its CSV gives."""

import io
import itertools
import re
import string
import zipfile
from collections.abc import Callable
from typing import Any
from xml.sax.saxutils import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.problems import Unprocessable
from tasks.tables.processing.files import excel, text_files
from tasks.tables.processing.files.excel import counting
from tests.unit.plain import assert_plain
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


class Duration(float):
    """Days, shown as hours, minutes and seconds."""


MILLISECONDS = st.integers(-(10**11), 10**11) | st.integers(-5000, 5000)


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
        "xl/styles.xml": f'<styleSheet xmlns="{_MAIN}"><numFmts count="1">'
        f'<numFmt numFmtId="170" formatCode="[h]:mm:ss"/></numFmts><cellXfs><xf numFmtId="0"/>'
        f'<xf numFmtId="14"/><xf numFmtId="170"/></cellXfs></styleSheet>',
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
        case Duration():
            return f'<c r="{at}" s="2"><v>{float(value)!r}</v></c>'
        case int() | float():
            return f'<c r="{at}"><v>{value}</v></c>'
        case str() if value.startswith("#"):
            return f'<c r="{at}" t="e"><f>1/0</f><v>{value}</v></c>'
    return f'<c r="{at}" t="inlineStr"><is><t>{escape(value)}</t></is></c>'


CONTENT = workbook({"S": SHEET})


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


def test_a_long_text_merged_over_many_rows_is_bounded() -> None:
    rows: list[list[Any]] = [[1, "a long text " * 2500, "y"], *([[1, None, "n"]] * 2000)]
    content = workbook({"S": [HEADER, *rows]}, merged=("B2:B2002",))
    with pytest.raises(Unprocessable, match=r"merged over so many rows .*split these cells"):
        process(content)


def test_a_sheet_is_written_only_where_the_disk_has_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_files, "DISK_RESERVE_BYTES", 1 << 60)
    monkeypatch.setattr(excel, "copy_parts", lambda archive, parts, path: path.write_bytes(CONTENT))
    with pytest.raises(Unprocessable, match="does not fit into the function's /tmp"):
        process(CONTENT)


def test_cells_merged_over_columns_hide_those_beside_them() -> None:
    rows: list[list[Any]] = [[i * 7 % 40, i * 3 % 11, "yn"[i % 2]] for i in range(60)]
    rows[9][1] = rows[19][1] = rows[20][1] = None
    title = ["All of it", None, None]
    merged = ("A1:C1", "A12:B12", "A22:B23")
    made = process(workbook({"S": [title, ["x", "z", "y"], *rows]}, merged))
    (warning,) = [one for one in made.about.warnings if one.code == "merged_cells"]
    assert "3 cells beside it were read as missing" in warning.detail
    assert warning.count == 3


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


@settings(max_examples=30, deadline=None)
@given(st.lists(MILLISECONDS, min_size=60, max_size=60, unique=True))
def test_durations_are_the_seconds_that_cells_hold(given: list[int]) -> None:
    rows = [[Duration(one / 86_400_000), row[2]] for one, row in zip(given, ROWS, strict=True)]
    made = process(workbook({"S": [["d", "y"], *rows]}), types={"d": "number"}, duplicates="keep")
    seconds = sorted(round(row["d"], 6) for split in made.rows.values() for row in split)
    assert seconds == sorted(one / 1000 for one in given)


@pytest.mark.parametrize("days", [1e10, -1e308])
def test_a_number_too_large_for_a_duration_is_refused_with_its_row(days: float) -> None:
    rows = [*ROWS[:8], [Duration(days), "a", "y"], *ROWS]
    with pytest.raises(Unprocessable, match="Row 10 of the sheet has a number in the format of"):
        process(workbook({"S": [HEADER, *rows]}))


def test_errors_keep_their_text() -> None:
    rows = [[i % 9, "#DIV/0!" if i % 3 else "fine", "yn"[i % 2]] for i in range(60)]
    made = process(workbook({"S": [HEADER, *rows]}), types={"color": "category"})
    assert "fine" in made.column("color").categories
    written = process(csv_bytes(HEADER, rows), types={"color": "category"})
    assert made.rows == written.rows


def test_a_sheet_without_a_header() -> None:
    made = process(workbook({"S": ROWS}), target="column2", excel={"header": False})
    assert made.about.rows["read"] == 60


type Change = Callable[[str, bytes], tuple[str, bytes]]


def changed(content: bytes, change: Change, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A workbook with each part's name and content changed, and packed by a method."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(file, "w", method) as new:
        for name in old.namelist():
            new.writestr(*change(name, old.read(name)))
    return file.getvalue()


def replaced(old: str, new: str, content: bytes | None = None) -> bytes:
    """A workbook in which a text is replaced in names and contents of parts."""
    return changed(
        workbook({"S": SHEET}) if content is None else content,
        lambda name, part: (name.replace(old, new), part.replace(old.encode(), new.encode())),
    )


FAR = 'r="XFD1048576"'
FAR_CELL = replaced('r="C61"', FAR)


@pytest.mark.parametrize(
    ("content", "options", "says"),
    [
        (workbook({"S": SHEET}), {"excel": {"sheet": "T"}}, "no sheet 'T'. The sheets are 'S'"),
        (workbook({"S": []}), {}, "No sheet of the Excel workbook has"),
        (workbook({"S": SHEET}), {"format": "csv"}, "the file is xlsx"),
        (workbook({"S": SHEET}), {"csv": {"skip_lines": 1}}, "/csv/skip_lines: the file is an Exc"),
        (workbook({"S": [["a", "b"], *SHEET]}), {}, "set excel.skip_lines to 1"),
        (workbook({"S": SHEET})[:900], {}, "damaged"),
        (FAR_CELL, {}, "a sheet of 1,048,576 rows and 16,384 columns"),
        (b"x,color,y\n1,a,y\n", {"format": "xlsx"}, "but the file is text"),
    ],
)
def test_workbooks_that_cannot_be_read_are_refused(
    content: bytes, options: dict[str, Any], says: str
) -> None:
    with pytest.raises(Unprocessable) as raised:
        process(content, **options)
    assert says in raised.value.detail


MERGED = "".join(f'<mergeCell ref="{letter}1:{letter}1048576"/>' for letter in "ABC" * 300)
LONG = f'<sst xmlns="{_MAIN}"><si><t>{"a" * 1_000_000}</t></si></sst>'
SHARED = workbook({"S": [*SHEET, *([["long"] * 26] * 100)]})


def with_shared_strings(strings: str, value: str = "0") -> bytes:
    """A workbook with 2,600 cells that refer to one of the strings."""
    cell = 't="inlineStr"><is><t>long</t></is>'
    content = replaced(cell, f't="s"><v>{value}</v>', SHARED)
    file = io.BytesIO(content)
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/sharedStrings.xml", strings)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param(replaced('r="C61"', "r='XFD1048576'"), "of 1,048,576 rows", id="quotes"),
        pytest.param(replaced('<c r="C61"', f"<c\n\t{FAR} "), "of 1,048,576 rows", id="spaces"),
        pytest.param(replaced("worksheets/", "ws/", FAR_CELL), "of 1,048,576 rows", id="folder"),
        pytest.param(replaced("sheet1.xml", "A.png", FAR_CELL), "of 1,048,576 rows", id="name"),
        pytest.param(replaced("<row ", "<x:row ", FAR_CELL), "damaged", id="prefix, not declared"),
        pytest.param(
            replaced('<row r="161"><c r="A161" ', '<row r="1048576"><c ', SHARED),
            "of 1,048,576 rows",
            id="no position",
        ),
        pytest.param(replaced('r="C61"', 'r="ZZZZ99999999999"'), "damaged", id="beyond"),
        pytest.param(replaced('r="C61"', 'r="XFE61"'), "damaged", id="column beyond"),
        pytest.param(with_shared_strings(LONG), "long texts in so many cells", id="shared string"),
        pytest.param(
            with_shared_strings(LONG, "0<!-- -->1"), "long texts in so many cells", id="comment"
        ),
        pytest.param(
            with_shared_strings(LONG.replace("<sst", '<sst uniqueCount="999999999"')),
            "damaged",
            id="count of strings",
        ),
        pytest.param(
            replaced("<worksheet", "<!DOCTYPE a [<!ENTITY b 'c'>]><worksheet"), "damaged", id="type"
        ),
        pytest.param(replaced("</worksheet>", ""), "damaged", id="cut"),
    ],
)
def test_what_a_sheet_asks_memory_for_is_bounded(content: bytes, says: str) -> None:
    with pytest.raises(Unprocessable) as raised:
        process(content)
    assert says in raised.value.detail


def test_a_part_of_one_name_twice_is_refused() -> None:
    file = io.BytesIO(FAR_CELL)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("xl/worksheets/Sheet1.xml", "<worksheet><sheetData/></worksheet>")
    with pytest.raises(Unprocessable, match="damaged"):
        process(file.getvalue())


def test_time_to_count_cells_grows_with_their_bytes() -> None:
    comment = f"<!--{'<c ' * 500_000}--></worksheet>"  # took hours
    assert process(replaced("</worksheet>", comment)).rows == PLAIN.rows


def test_ranges_that_are_merged_over_all_rows_take_no_list_of_these() -> None:
    ranges = f"<mergeCells>{MERGED}</mergeCells>"  # took 2 GB
    made = process(replaced("</sheetData>", f"</sheetData>{ranges}"))
    assert made.rows == PLAIN.rows


def test_many_sheets_of_one_part_are_read_once() -> None:
    content = workbook({"S": SHEET, "T": SHEET})
    listed = "".join(f'<sheet name="T{n}" sheetId="{n}" r:id="r2"/>' for n in range(3, 20_000))
    made = process(replaced("</sheets>", f"{listed}</sheets>", content))  # took minutes
    (found,) = made.about.warnings
    assert found.count == 19_998
    with pytest.raises(Unprocessable, match=r"no sheet 'U'.*, 'T20', and others$"):
        process(replaced("</sheets>", f"{listed}</sheets>", content), excel={"sheet": "U"})


def test_errors_and_merged_cells_of_a_table_that_begins_further_right() -> None:
    rows: list[list[Any]] = [
        [i % 9, "#DIV/0!" if i % 3 else "fine", "yn"[i % 2]] for i in range(60)
    ]
    right = [[None, None, *row] for row in [HEADER, *rows]]
    made = process(workbook({"S": right}), types={"color": "category"})
    assert made.rows == process(csv_bytes(HEADER, rows), types={"color": "category"}).rows


def test_ranges_that_are_merged_beside_the_table_cost_no_row_anything() -> None:
    letters = [*map("".join, itertools.product("ABCDEFGHIJKLMNOPQRSTUVW", string.ascii_uppercase))]
    ranges = "".join(f'<mergeCell ref="{one}A1:{one}A200000"/>' for one in letters)
    far = f'<row r="200000">{_cell("A200000", 1)}{_cell("C200000", "y")}</row></sheetData>'
    content = replaced("</sheetData>", f"{far}<mergeCells>{ranges * 10}</mergeCells>")
    assert process(content).about.rows["read"] == 61  # took minutes


def test_cells_without_positions_follow_one_another() -> None:
    content = workbook({"S": SHEET})
    plain = changed(content, lambda name, part: (name, re.sub(rb' r="[A-Z]*[0-9]+"', b"", part)))
    assert process(plain).rows == PLAIN.rows


def test_formulas_without_results_are_told() -> None:
    content = replaced('<c r="A7"><v>', '<c r="A7"><f>1+1</f><v></v></c><c r="D7"><v>')
    made = process(content)
    (warning,) = [one for one in made.about.warnings if one.code == "formulas_without_results"]
    assert (warning.count, warning.examples) == (1, ["row 7, column 1"])
    text = replaced('<c r="A7"><v>', '<c r="A7" t="str"><f>""</f><v></v></c><c r="D7"><v>')
    assert "formulas_without_results" not in process(text).codes


def test_formulas_without_values_are_no_table() -> None:
    sheet = workbook({"F": [["a", "b"], [1, 2]], "S": SHEET})
    content = replaced("<t>a</t></is>", "<t></t></is>", sheet)
    empty = re.compile(rb"<is><t>[ab]?</t></is>|<v>[12]</v>")

    def emptied(name: str, part: bytes) -> tuple[str, bytes]:
        if not name.endswith("sheet1.xml"):
            return name, part
        return name, empty.sub(b"<f>1+1</f><v></v>", part.replace(b' t="inlineStr"', b""))

    made = process(changed(content, emptied))
    assert made.about.source["sheet"] == "S"
    assert made.codes == []


PARTS = ("xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/worksheets/sheet1.xml")


def damaged(content: bytes, name: str, how: str) -> bytes:
    """A workbook of which one part is damaged, locked, or packed in a way nobody knows."""
    result = bytearray(content)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        info = archive.getinfo(name)
        start = info.header_offset + 30 + len(name)
        listed = content.index(name.encode(), archive.start_dir) - 46
    if how == "damaged":
        for at in range(start + 4, start + info.compress_size, 3):
            result[at] ^= 0xFF
    elif how == "locked":
        result[listed + 8] |= 1
        result[info.header_offset + 6] |= 1
    else:
        result[listed + 10] = result[info.header_offset + 8] = 97
    return bytes(result)


NUMBERS = workbook({"S": [["x", "y"], *([14 + at % 5, "yn"[at % 2]] for at in range(60))]})


@pytest.mark.parametrize(
    "value",
    ["1<![CDATA[5]]>", "<![CDATA[15]]>", "1<!-- c -->5", "<!-- c -->15", "1<?c?>5", "1&#53;"],
)
def test_a_value_in_pieces_is_refused_with_its_cell(value: str) -> None:
    content = replaced('<c r="A3"><v>15<', f'<c r="A3"><v>{value}<', NUMBERS)
    with pytest.raises(Unprocessable, match="row 3, column 1 of sheet 'S'"):
        process(content)


def test_a_text_may_have_references_and_comments() -> None:
    content = replaced("<is><t>y</t></is>", "<is><t>&#121;<!-- c --></t></is>", NUMBERS)
    assert process(content).rows == process(NUMBERS).rows


def test_values_may_have_line_ends_and_end_where_a_chunk_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(counting, "_CHUNK", 7)
    assert process(replaced("<v>15</v>", "<v>\n15\n</v>", NUMBERS)).rows == process(NUMBERS).rows


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize("how", ["damaged", "locked", "unknown"])
@pytest.mark.parametrize("name", [*PARTS, "mimetype"])
def test_a_workbook_with_a_damaged_part_is_refused(name: str, how: str, method: int) -> None:
    content = changed(workbook({"S": SHEET}), lambda *part: part, method)
    file = io.BytesIO(content)
    with zipfile.ZipFile(file, "a", method) as archive:
        archive.writestr("mimetype", "application/x" * 30)
    with pytest.raises(Unprocessable, match="damaged") as raised:
        process(damaged(file.getvalue(), name, how))
    assert_plain(raised.value.detail)


@pytest.mark.parametrize("encoding", ["foo", "gb18030", "utf-16"])
@pytest.mark.parametrize("name", PARTS)
def test_parts_are_read_as_utf_8_whatever_they_declare(name: str, encoding: str) -> None:
    declaration = f'<?xml version="1.0" encoding="{encoding}"?>'.encode()
    content = changed(
        workbook({"S": SHEET}),
        lambda part, text: (part, declaration + text if part == name else text),
    )
    assert process(content).rows == PLAIN.rows


def test_strict_open_xml_is_read_as_the_usual_one_is() -> None:
    content = workbook({"Empty": [], "S": SHEET})
    strict = replaced(_OFFICE, "http://purl.oclc.org/ooxml/officeDocument/relationships", content)
    made = process(strict)
    assert (made.rows, made.codes) == (PLAIN.rows, [])


def test_names_of_elements_may_have_a_prefix() -> None:
    rows = [[i % 9, "#DIV/0!" if i % 3 else "fine", "yn"[i % 2]] for i in range(60)]
    content = workbook({"S": [HEADER, *rows]})

    def prefixed(name: str, part: bytes) -> tuple[str, bytes]:
        if "sheet1" not in name:
            return name, part
        return name, re.sub(rb"<(/?)(?=\w)", rb"<\1x:", part).replace(b"xmlns=", b"xmlns:x=")

    plain, made = process(content), process(changed(content, prefixed))
    assert made.rows == plain.rows
    assert FAR.encode() in changed(FAR_CELL, prefixed, zipfile.ZIP_STORED)
    with pytest.raises(Unprocessable, match="of 1,048,576 rows"):
        process(changed(FAR_CELL, prefixed))
