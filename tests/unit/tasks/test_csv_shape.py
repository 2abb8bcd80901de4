"""Every row of a CSV file has the cells that its header names, or the file is refused."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.problems import Unprocessable
from tests.unit.tasks.tables import Dataset, csv_bytes, process

HEADER = "x,color,y"
ROWS = [f"{i * 7 % 40},{'abc'[i % 3]},{'yn'[i % 2]}" for i in range(60)]


def table(rows: list[str], header: str = HEADER, before: str = "") -> bytes:
    return (before + "\n".join([header, *rows]) + "\n").encode()


def warning(made: Dataset, code: str) -> tuple[int | None, list[str], str | None]:
    (found,) = [each for each in made.about.warnings if each.code == code]
    return found.count, found.examples, found.option


PLAIN = process(table(ROWS))


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(table([row + "," for row in ROWS]), id="in rows"),
        pytest.param(table(ROWS, HEADER + ","), id="in the header"),
        pytest.param(table([row + "," for row in ROWS], HEADER + ","), id="in both"),
        pytest.param(table([ROWS[0] + ",", *ROWS[1:]]), id="in one row"),
        pytest.param(table([*ROWS[:-1], ROWS[-1] + ","]), id="in the last row"),
        pytest.param(table([row + ",," for row in ROWS], HEADER + ",,"), id="several"),
        pytest.param(table([row + "," for row in ROWS]).replace(b",", b";"), id="semicolons"),
    ],
)
def test_a_delimiter_at_the_end_of_a_line_makes_no_column(content: bytes) -> None:
    made = process(content)
    assert made.rows == PLAIN.rows
    assert made.codes == PLAIN.codes


@pytest.mark.parametrize("name", ["r{}", "{}"])
def test_names_of_rows_are_a_column_and_told(name: str) -> None:
    made = process(table([f"{name.format(i + 1)},{row}" for i, row in enumerate(ROWS)]))
    assert made.column("x").type == "number"
    count, examples, option = warning(made, "row_names")
    assert (count, option) == (60, "csv.header")
    assert examples == [name.format(i) for i in (1, 2, 3)]


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([f"r{i % 7},{row}" for i, row in enumerate(ROWS)], "Line 2 has 4 cells"),
        ([f"{3 * i},{row}" for i, row in enumerate(ROWS)], "no names of rows"),
        ([f"{i},Smith, John,{'yn'[i % 2]}" for i in range(60)], "'0,Smith, John,y'"),
        ([row + ",1,2" for row in ROWS], "Line 2 has 5 cells where the header (line 1) has 3"),
        ([row.rsplit(",", 1)[0] for row in ROWS], "Line 2 has 2 cells"),
    ],
)
def test_other_shapes_are_refused_with_the_first_bad_line(rows: list[str], says: str) -> None:
    with pytest.raises(Unprocessable) as raised:
        process(table(rows))
    assert says in raised.value.detail


def test_names_of_rows_have_to_be_unique_in_the_whole_file() -> None:
    rows = [f"r{i},{row}{'z' * 300}" for i, row in enumerate(ROWS * 40)]
    process(table(rows))
    with pytest.raises(Unprocessable, match="2,399 different values in 2,400 lines"):
        process(table([*rows[:-1], rows[0]]))


def test_an_id_that_has_a_name_is_no_name_of_a_row() -> None:
    rows = [f"{i},Smith,John,{'yn'[i % 2]}" for i in range(60)]
    with pytest.raises(Unprocessable, match="Line 2 has 4 cells where the header"):
        process(table(rows, "id,name,y"))


def test_single_quotes_are_quotes_where_they_make_the_file_regular() -> None:
    names = ["'Smith, John'", "'O''Hara, Kim'", "Cher"]
    made = process(table([f"{i % 9},{names[i % 3]},{'yn'[i % 2]}" for i in range(60)]))
    assert set(made.column("color").categories) == {"Smith, John", "O'Hara, Kim", "Cher"}
    assert made.about.source["quote"] == "'"


def test_values_that_are_all_in_single_quotes_are_read_without_them() -> None:
    made = process(table([f"{i % 9},'{'ab'[i % 2]}','{'yn'[i % 2]}'" for i in range(60)]))
    assert made.column("y").categories == ["n", "y"]


def test_apostrophes_are_characters() -> None:
    words = ["'tis the season", "don't", "O'Hara", "it's 'so' so"]
    made = process(table([f"{i % 9},{words[i % 4]},{'yn'[i % 2]}" for i in range(60)]))
    assert set(made.column("color").categories) == set(words)


def test_a_few_bad_lines_are_told_once() -> None:
    made = process(table([*ROWS, "1,a", "1,a,y,z"]))
    count, examples, option = warning(made, "rejected_lines")
    assert (count, sorted(examples), option) == (2, ["1,a", "1,a,y,z"], "csv")
    (found,) = made.about.warnings
    assert not found.blocks_promotion
    assert len(made.rejected) == 2


def test_many_bad_lines_block_promotion_and_most_fail() -> None:
    bad = [f"{i},a,y,z" for i in range(40)]
    (found,) = process(table([*ROWS, *bad])).about.warnings
    assert (found.count, found.blocks_promotion) == (40, True)
    long = [f"{i},{'a' * 5000},y" for i in range(60)]
    with pytest.raises(Unprocessable, match="100 of 160 lines are no rows"):
        process(table([*long, *bad, *bad, *bad[:20]]))


@pytest.mark.parametrize("line", ["sep=;\r\n", '"sep=;"\r\n', "\ufeffsep=;\n", "SEP=;\n\n"])
def test_a_line_for_excel_names_the_delimiter(line: str) -> None:
    made = process(line.encode() + table(ROWS).replace(b",", b";"))
    assert (made.rows, made.codes) == (PLAIN.rows, PLAIN.codes)


@pytest.mark.parametrize(
    ("before", "count", "example"),
    [
        ("Sales report\n\n", 1, "Sales report"),
        ("Sales report,,\n,,\n", 2, "Sales report,,"),
        ("# made at noon, by me\n# twice\n", 2, "# made at noon, by me"),
        ('"A title, which is ""quoted"""\n', 1, 'A title, which is "quoted"'),
        ('"A title of\ntwo lines"\n', 1, "A title of\ntwo lines"),
    ],
)
def test_titles_and_comments_are_skipped_and_told(before: str, count: int, example: str) -> None:
    made = process(table(ROWS, before=before))
    assert made.rows == PLAIN.rows
    assert warning(made, "skipped_lines") == (
        count,
        [example, *warning(made, "skipped_lines")[1][1:]],
        "csv.skip_lines",
    )


def test_other_lines_before_the_header_are_refused_with_the_option_that_skips_them() -> None:
    content = table(ROWS, before="Report,Sales\nYear,2024\n")
    with pytest.raises(Unprocessable, match=r"Line 3 may be the header: set csv\.skip_lines to 2"):
        process(content)
    assert process(content, csv={"skip_lines": 2}).rows == PLAIN.rows


def test_nothing_is_skipped_where_the_caller_says_so() -> None:
    with pytest.raises(Unprocessable, match=r"Line 2 may be the header: set csv\.skip_lines to 1"):
        process(table(ROWS, before="A title\n"), csv={"skip_lines": 0})


def test_a_title_without_a_header_below_is_refused() -> None:
    content = ("A title\n" + "\n".join(f"{i},{i * i},3" for i in range(60))).encode()
    with pytest.raises(Unprocessable, match=r"Line 1 \('A title'\) has one cell only"):
        process(content)


def test_a_header_may_begin_like_a_comment() -> None:
    assert process(table(ROWS, "#x,color,y")).column("#x").type == "number"


NUMBERS = [f"{i * 7 % 40},{i * 1.5},{'yn'[i % 2]}" for i in range(60)]


UNITS = ["kg,m,", "(kg),(m),", "[USD],%,-", "-,km,-", "count,km,class", "(s),(°C),(-)"]
QUESTIONS = ["How old are you?,And your height,Would you come again?", "Age,Height,Answer"]


@pytest.mark.parametrize(
    "units", [*UNITS, *QUESTIONS, "-----,--,---", ":---,---:,---", "int,float,varchar"]
)
def test_a_row_of_units_is_skipped_and_told(units: str) -> None:
    made = process(table([units, *NUMBERS], "x,z,y"))
    assert made.rows == process(table(NUMBERS, "x,z,y")).rows
    assert warning(made, "units_row") == (1, [units], "csv.skip_lines")


DATA = ["NA,-,y", "(1),(2),y", "unknown,7,y", ",,y", "(blank),kg,y", "x,m,n", "-,-,-", "-,-,y"]
WORDS = [
    "$5,EUR 6,z",
    "error,error,z",
    "no,never,y",
    "--,--,--",
    "km,,z",
    "5 kg,6 m,z",
    "-,-,z",
    "yes,true,z",
]


@pytest.mark.parametrize("row", [*DATA, *WORDS])
def test_a_row_that_may_be_data_is_no_row_of_units(row: str) -> None:
    made = process(table([row, *NUMBERS], "x,z,y"))
    assert made.about.rows["read"] == 61


def test_two_rows_below_the_header_may_hold_no_values() -> None:
    ids = '"{""ImportId"":""QID1""}","{""ImportId"":""QID2""}","{""ImportId"":""QID3""}"'
    made = process(table([QUESTIONS[0], ids, *NUMBERS], "x,z,y"))
    assert made.rows == process(table(NUMBERS, "x,z,y")).rows
    assert warning(made, "units_row")[0] == 2


def test_a_table_of_markdown_is_read() -> None:
    rows = [f"| {row.replace(',', ' | ')} |" for row in ["---,---,---", *NUMBERS]]
    made = process(table(rows, "| x | z | y |"))
    assert (made.about.rows["read"], made.column("z").type) == (60, "number")


def test_one_column_of_numbers_is_enough_where_it_has_a_unit() -> None:
    rows = [f"{i * 7 % 40},{'yn'[i % 2]}" for i in range(60)]
    assert process(table(["km,class", *rows], "x,y")).about.rows["read"] == 60
    assert process(table(["far,class", *rows], "x,y")).about.rows["read"] == 61


def test_a_row_of_units_is_kept_where_the_caller_says_so() -> None:
    made = process(table(["kg,m,", *NUMBERS], "x,z,y"), csv={"skip_lines": 0})
    assert made.about.rows["read"] == 61


def test_a_header_that_comes_again_is_no_row() -> None:
    rows = [*ROWS, ",color,y"]
    made = process(table([*rows, HEADER, *rows, HEADER]))
    assert made.rows == process(table(rows * 2)).rows
    assert warning(made, "rejected_lines") == (2, [HEADER, HEADER], "csv")
    rejected = [(row["rejected_reason"], row["rejected_line"]) for row in made.rejected]
    assert rejected == [("repeated header", HEADER)] * 2
    assert made.about.rejected["reasons"] == {"repeated header": 2}


@pytest.mark.parametrize(
    ("end", "again"), [("\n", "\ufeff" + HEADER), ("\r\n", HEADER), ("\r", HEADER)]
)
def test_a_header_comes_again_as_files_are_joined(end: str, again: str) -> None:
    made = process(table([*ROWS, again, *ROWS]).replace(b"\n", end.encode()))
    assert (made.about.rows["read"], made.about.rows["rejected"]) == (121, 1)
    assert made.column("y").categories == ["n", "y"]


def test_a_header_within_quotes_is_a_value() -> None:
    made = process(table([*ROWS, f'1,"a\n{HEADER}\n",y']))
    assert (made.about.rows["read"], made.about.rows["rejected"]) == (61, 0)


@pytest.mark.parametrize("delimiter", [" ", "^", "~", ":", "\x01"])
def test_another_delimiter_is_named_with_its_option(delimiter: str) -> None:
    content = table(ROWS).replace(b",", delimiter.encode())
    with pytest.raises(Unprocessable) as raised:
        process(content)
    assert f"separated by {delimiter!r}: set csv.delimiter to it" in raised.value.detail
    assert process(content, csv={"delimiter": delimiter}).rows == PLAIN.rows


def test_a_file_of_one_column_is_told_of_the_delimiter() -> None:
    with pytest.raises(Unprocessable, match=r"one column: set csv\.delimiter"):
        process(table([row.replace(",", "") for row in ROWS], "text"))


def test_a_title_of_as_many_cells_is_told_of_its_option() -> None:
    with pytest.raises(Unprocessable, match=r"Line 2 may be the header: set csv\.skip_lines to 1"):
        process(table(ROWS, before="Report,Sales,North\n"))


def test_lines_that_are_in_quotes_as_a_whole_are_read_and_told() -> None:
    made = process("".join(f'"{row}"\r\n' for row in [HEADER, *ROWS]).encode())
    assert made.rows == PLAIN.rows
    assert warning(made, "quoted_lines")[::2] == (61, "csv.quote")
    quoted = [f'"{i % 9},""Smith, {i % 3}"",{"yn"[i % 2]}"' for i in range(60)]
    made = process(table(quoted, f'"{HEADER}"'))
    assert set(made.column("color").categories) == {"Smith, 0", "Smith, 1", "Smith, 2"}


@pytest.mark.parametrize(("other", "says"), [("x", False), (" x", False), ("X", True)])
def test_columns_are_excluded_one_by_one_only(other: str, says: bool) -> None:
    with pytest.raises(Unprocessable, match="Two columns are named") as raised:
        process(table(ROWS, f"x,{other},y"))
    assert ("exclude" in raised.value.detail) is says


cells = st.text(st.characters(min_codepoint=32, max_codepoint=0x24F), max_size=12)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(cells, cells), min_size=3, max_size=30))
def test_every_row_of_a_quoted_file_is_read(pairs: list[tuple[str, str]]) -> None:
    rows: list[list[object]] = [[i, *pair, "yn"[i % 2]] for i, pair in enumerate(pairs)]
    rows += [[i, "a", "b", "yn"[i % 2]] for i in range(60)]
    made = process(csv_bytes(["n", "first", "second", "y"], rows, quoting=1))
    assert made.about.rows["read"] == len(rows)
    assert made.about.rows["rejected"] == 0


def test_as_many_lines_may_be_skipped_as_the_option_takes() -> None:
    table = csv_bytes(["x", "y"], [[at / 4, "ab"[at % 2]] for at in range(60)])
    made = process(b"a note\n" * 1000 + table, csv={"skip_lines": 1000})
    assert made.about.rows["used"] == 60


@pytest.mark.parametrize("good", [0, 40])
def test_quotes_behind_a_backslash_are_named_with_their_line(good: int) -> None:
    bad = [f'{i},"say \\"hi\\" {i}",{"yn"[i % 2]}' for i in range(60)]
    with pytest.raises(Unprocessable) as raised:
        process(table([*bad, *ROWS[:good]]))
    assert 'Write a quote within a value twice ("")' in raised.value.detail
    assert good or "line 2 the first" in raised.value.detail
