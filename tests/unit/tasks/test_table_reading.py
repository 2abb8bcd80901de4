"""Files of every kind become the same rows, or a problem that says what is wrong."""

import gzip
import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.problems import Problem, Unprocessable
from tasks.framework.forms.words import clean
from tasks.tables.processing import database, writing
from tasks.tables.processing.columns import typed_rows
from tasks.tables.processing.files import text_files
from tasks.tables.processing.rows import cleaning
from tests.unit.tasks.tables import csv_bytes, process

ROWS: list[list[object]] = [[i * 7 % 40, "abc"[i % 3], "yn"[i % 2]] for i in range(60)]
HEADER = ["x", "color", "y"]
TABLE = csv_bytes(HEADER, ROWS)
TEXT = TABLE.decode()

texts = st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=20
)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"\xef\xbb\xbf" + TABLE, id="byte order mark"),
        pytest.param(gzip.compress(TABLE), id="gzip"),
        pytest.param(TEXT.encode("utf-16"), id="utf-16"),
        pytest.param(TABLE.replace(b"\r\n", b"\n"), id="unix lines"),
        pytest.param(TABLE.replace(b"\r\n", b"\r"), id="old mac lines"),
        pytest.param(TABLE.replace(b"\r\n", b"\n", 9), id="mixed lines"),
        pytest.param(TABLE.replace(b"\r\n", b"\n\n"), id="blank lines"),
        pytest.param(b"\n\n" + TABLE.replace(b"\r\n", b"\n"), id="blank lines first"),
        pytest.param(TABLE.replace(b",", b";"), id="semicolons"),
        pytest.param(TABLE.replace(b",", b"\t"), id="tabs"),
        pytest.param(TABLE.replace(b",", b"|"), id="bars"),
        pytest.param(csv_bytes(HEADER, ROWS, quoting=1), id="all quoted"),
        pytest.param(TABLE.replace(b",", b" , "), id="spaces around values"),
        pytest.param(
            b"\n".join(json.dumps(dict(zip(HEADER, row, strict=True))).encode() for row in ROWS),
            id="json lines",
        ),
        pytest.param(
            json.dumps([dict(zip(HEADER, row, strict=True)) for row in ROWS]).encode(),
            id="json array",
        ),
    ],
)
def test_every_form_of_a_table_gives_the_same_rows(content: bytes) -> None:
    assert process(content).rows == process(TABLE).rows


def test_parquet_gives_the_same_rows(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(TABLE)
    duckdb.sql(f"COPY (FROM '{tmp_path}/t.csv') TO '{tmp_path}/t.parquet'")
    assert process((tmp_path / "t.parquet").read_bytes()).rows == process(TABLE).rows


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_tables_of_many_columns_give_the_same_rows(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are looked at in a table, and no text is taken to need no cleaning."""
    (tmp_path / "t.csv").write_bytes(TABLE)
    file, kind = tmp_path / f"t.{form}", "json" if form == "jsonl" else form
    duckdb.sql(f"COPY (FROM read_csv('{tmp_path}/t.csv')) TO '{file}' (FORMAT {kind})")
    broken = {"csv": b"1,2\n", "jsonl": b"[1]\n", "parquet": b""}[form]
    content = file.read_bytes() + broken
    narrow = process(content)
    for module in (database, typed_rows, writing):
        monkeypatch.setattr(module, "MANY_COLUMNS", len(HEADER))
    for module in (database, cleaning):
        monkeypatch.setattr(module, "WIDE_COLUMNS", len(HEADER))
    wide = process(content)
    assert wide.rows == narrow.rows
    assert wide.rejected == narrow.rejected
    assert len(wide.rejected) == bool(broken)


@settings(max_examples=15, deadline=None)
@given(
    st.lists(texts, min_size=12, max_size=30, unique_by=str.strip),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_any_text_survives(values: list[str], delimiter: str, line_end: str) -> None:
    values += ["one", "two", "three", "four", "five", "six"]
    rows: list[list[object]] = [[value, "ab"[index % 2]] for index, value in enumerate(values)]
    content = csv_bytes(["t", "y"], rows, delimiter=delimiter, lineterminator=line_end, quoting=1)
    made = process(content, "text_classification", text="t")
    found = {row["t"] for side in made.rows.values() for row in side}
    assert found <= {clean(value) for value in values}
    read, used = made.about.rows["read"], made.about.rows["used"]
    assert read == len(values)
    assert used + made.about.rows["rejected"] + made.about.rows["duplicates"] == read


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400))
def test_garbage_is_a_problem_and_never_a_crash(content: bytes) -> None:
    with pytest.raises(Problem) as raised:
        process(content)
    assert raised.value.status == 422


@settings(max_examples=30, deadline=None)
@given(st.binary(min_size=1, max_size=40))
def test_a_damaged_line_costs_no_other_line(line: bytes) -> None:
    line = line.translate(None, b'\0\r\n"')
    made = process(TEXT.replace("a", "é").replace("\r\n", "\n").encode() + line + b"\n")
    rows = made.about.rows
    assert rows["used"] + rows["rejected"] + rows["duplicates"] == rows["read"]
    assert rows["used"] >= 60 - rows["duplicates"]


def test_lines_that_are_no_rows_are_set_aside_whole() -> None:
    made = process(TABLE + b"1,a\n1,a,y,z\n")
    assert made.about.rejected["reasons"] == {"too few columns": 1, "too many columns": 1}
    assert {row["rejected_line"] for row in made.rejected} == {"1,a", "1,a,y,z"}


def test_json_lines_that_are_no_objects_are_set_aside() -> None:
    lines = [json.dumps(dict(zip(HEADER, row, strict=True))) for row in ROWS]
    made = process("\n".join([*lines, '{"x": 1', "[1]", "", "5"]).encode())
    assert made.about.rejected["reasons"] == {"not a JSON object": 3}
    assert made.about.rows["used"] == 60


def test_json_lines_with_half_a_character_are_set_aside_and_told() -> None:
    lines = [json.dumps(dict(zip(HEADER, row, strict=True))) for row in ROWS]
    whole, half = '{"x": 1, "w": "\\ud83d\\ude00', '{"x": 1, "w": "\\ud83d"}'
    made = process("\n".join([*lines, half, whole]).encode())
    assert made.about.rejected["reasons"] == {"half a surrogate pair": 1, "not a JSON object": 1}
    with pytest.raises(Unprocessable, match=r"\(half a surrogate pair: 9\), such as '\{"):
        process("\n".join([half] * 9).encode())


def test_a_first_line_that_is_too_long_is_told() -> None:
    header = ",".join([f"{at}{'n' * 300}" for at in range(1000)])
    with pytest.raises(Unprocessable, match="first line of the file has more than 256 KB"):
        process(f"{header},y\n{'1,' * 1000}a\n".encode())


def test_other_encodings_are_recoded_and_told() -> None:
    made = process(TEXT.replace("a", "é").encode("latin-1"))
    assert made.codes == ["encoding"]
    assert "é" in made.column("color").categories


def test_columns_without_a_header_are_numbered() -> None:
    content = TABLE.split(b"\n", 1)[1]
    assert process(content, target="column2").rows["train"][0].keys() == {
        "column0",
        "column1",
        "column2",
    }


def test_quotes_are_characters_where_the_caller_says_so() -> None:
    content = TABLE + b'1,"a,y\n'
    made = process(content, csv={"quote": "", "delimiter": ","})
    assert '"a' in made.column("color").categories


def test_quotes_that_are_never_closed_are_characters() -> None:
    lines = [f"{'ab'[i % 2]}\t{chr(34) * (i % 20 == 0)}message {i}\n" for i in range(3001)]
    made = process("".join(lines).encode(), "text_classification", target="column0")
    assert made.about.rows == {"read": 3001, "duplicates": 0, "rejected": 0, "used": 3001}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "file is empty"),
        (b"x,y\n", "no rows"),
        (b"PK\x03\x04" + b"x" * 50, "Excel"),
        (b"\0\1\2" * 50, "binary"),
        (gzip.compress(TABLE, mtime=0)[:70], "gzip file is damaged"),
        (b"PAR1 and no more", "Parquet file cannot be read"),
        (b"x,X,y\n1,2,3\n", "Two columns are named 'x' and 'X'"),
        (b"x,x,y\n1,2,3\n", "Two columns are named 'x' and 'x'"),
        (b"y\n1\n2\n", "No column is left"),
        (b"a,b\n1,2\n", "there is no column 'y'. The columns are 'a', 'b'"),
        (b"x,Y\n1,2\n", "Did you mean 'Y'"),
        (b"x,y\n1,a\n2,a\n", "one class only"),
        (b"x,y\n1,\n2,\n", "no values"),
        ("très,y\n".encode("cp850") * 30, "not in UTF-8"),
    ],
)
def test_what_cannot_be_used_is_named(content: bytes, says: str) -> None:
    with pytest.raises(Unprocessable) as raised:
        process(content)
    assert says in raised.value.detail


def test_carriage_returns_take_time_by_their_number(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b"a\n" + b"\r" * 6_000_000)  # took minutes
    copy = text_files.with_equal_line_ends(path, tmp_path)
    assert copy.read_bytes() == b"a\n" + b"\n" * 6_000_000


@pytest.mark.parametrize("chunk", [1, 2, 3, 5])
def test_line_ends_are_equal_wherever_chunks_end(
    chunk: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_files, "_CHUNK", chunk)
    path = tmp_path / "lines"
    path.write_bytes(b"a\r\n\r\rb\n\r\n\n\rc\r")
    copy = text_files.with_equal_line_ends(path, tmp_path)
    assert copy.read_bytes() == b"a\n\n\nb\n\n\n\nc\n"


@pytest.mark.parametrize(
    ("lines", "rows", "rejected"),
    [
        ('1,"a\n\nm, n, o\n",p\n', 1, 0),
        ("1,2,3,4\n" * 2, 0, 2),
        ("1\n" * 2, 0, 2),
        ('1,"x"y,p\n', 0, 1),
    ],
)
@pytest.mark.parametrize("before", [0, 2, 5])
def test_no_row_is_lost_wherever_a_large_file_has_odd_lines(
    lines: str, rows: int, rejected: int, before: int
) -> None:
    """DuckDB reads in pieces of 4 MiB when it reads in parallel."""
    piece = 4 << 20
    head = ["a,b,y\n", *(f"{n},{'x' * 9000},{'pq'[n % 2]}\n" for n in range(464))]
    filled = "1,{},p\n".format("x" * (piece - before - len("".join(head)) - len("1,,p\n")))
    tail = [f"{n},z,{'pq'[n % 2]}\n" for n in range(1000)]
    made = process("".join([*head, filled, lines, *tail]).encode(), duplicates="keep")
    assert made.about.rows["read"] == 464 + 1 + rows + rejected + 1000
    assert len(made.rejected) == rejected


@pytest.mark.parametrize(
    ("form", "options", "pointer"),
    [
        ("csv", {"excel": {"sheet": "Nope"}}, "/excel/sheet"),
        ("csv", {"excel": {"skip_lines": 50}}, "/excel/skip_lines"),
        ("json", {"csv": {"decimal": ",", "delimiter": ";"}}, "/csv/delimiter"),
        ("parquet", {"csv": {"header": True}}, "/csv/header"),
        ("parquet", {"encoding": "latin-1"}, "/encoding"),
    ],
)
def test_options_of_another_format_are_refused(
    form: str, options: dict[str, Any], pointer: str, tmp_path: Path
) -> None:
    (tmp_path / "t.csv").write_bytes(TABLE)
    duckdb.sql(f"COPY (FROM '{tmp_path}/t.csv') TO '{tmp_path}/t' (FORMAT {form})")
    content = (tmp_path / "t").read_bytes()
    with pytest.raises(Unprocessable, match=r"the file is .*: leave it out") as raised:
        process(content, **options)
    assert [error.pointer for error in raised.value.errors] == [pointer]
    assert process(content, csv={"decimal": "."}, excel={"sheet": None}).about.rows["read"] == 60
