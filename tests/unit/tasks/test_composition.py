"""Texts come into one form of Unicode in time that grows with their length, however odd."""

import re
import sys
import unicodedata
from collections.abc import Iterator

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.framework.forms.composition import MOST_MARKS, SHORT, in_normal_form, marks_class
from tasks.framework.forms.words import clean
from tasks.onnx.codecs.tokenizer_file import Normalizer
from tasks.onnx.codecs.wordpiece import normalized
from tasks.tables.processing.database import open_database
from tasks.tables.processing.label_warnings import similar_labels
from tasks.translation.subwords import normal
from tests.unit.hostile.inference import Inference, instance
from tests.unit.tasks.tables import INVOCATION, csv_bytes, process

MARKS = "\u0301\u0323"
LONG = "a" + MARKS * 400_000
"""Takes Python 7 minutes to compose, and DuckDB half an hour."""

PIECES = ["a", "e\u0301", "\u00e9", "\u0e01", "\u0e47", "\U0001f600", " ", "\u212b", "\u1100\u1161"]


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_database(tmp_path_factory.mktemp("composition"), INVOCATION) as opened:
        yield opened


def trimmed(connection: duckdb.DuckDBPyConnection, text: str) -> str:
    (value,) = connection.execute("SELECT trimmed(?::VARCHAR)", [text]).fetchall()[0]
    return value or ""


def test_every_mark_is_known_as_one() -> None:
    mark = re.compile(f"[{marks_class()}]")
    missed = [
        hex(code)
        for code in range(sys.maxunicode + 1)
        if unicodedata.combining(unicodedata.normalize("NFKD", chr(code))[0])
        and not mark.match(chr(code))
    ]
    assert missed == []


@pytest.mark.parametrize(
    "mark", ["a", "\u00e9", "\u0416", "\u4e00", "\u30ab", "\u0e01", "\U0001f600"]
)
def test_letters_are_no_marks(mark: str) -> None:
    assert not re.match(f"[{marks_class()}]", mark)


@given(st.lists(st.sampled_from(PIECES), max_size=300).map("".join))
def test_what_people_write_is_composed(text: str) -> None:
    for form in ("NFC", "NFD", "NFKC"):
        assert in_normal_form(form, text) == unicodedata.normalize(form, text)


@given(
    st.lists(
        st.tuples(st.sampled_from(PIECES), st.sampled_from([0, 1, 2, 15, 16, 30, 31, 60])),
        max_size=6,
    ),
    st.sampled_from([*MARKS, MARKS, "\u0f73", "\u302e", "\U0001d165\u0301", "\x01"]),
)
def test_sql_and_python_compose_alike(
    connection: duckdb.DuckDBPyConnection, some: list[tuple[str, int]], marks: str
) -> None:
    text = "".join(piece + marks * count for piece, count in some)
    assert trimmed(connection, text) == clean(text)


def test_marks_are_counted_in_a_row() -> None:
    dozens = ("x" + MARKS * (MOST_MARKS // 2)) * SHORT
    assert clean(dozens) == unicodedata.normalize("NFC", dozens) != dozens
    assert clean(dozens + MARKS) == dozens + MARKS


def test_no_text_is_composed_in_the_square_of_its_length(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    assert clean(LONG) == LONG
    assert trimmed(connection, LONG) == LONG
    assert normal(LONG) == LONG
    assert normalized(LONG, Normalizer(type="BertNormalizer", lowercase=True)) == "a"
    similar_labels("y", [LONG, "\uff9e\u0301" * 400_000])


@pytest.mark.parametrize("task", ["classification", "text_classification", "translation"])
def test_any_text_is_answered(task: str) -> None:
    with Inference.serving(task) as function:
        good = instance(task)
        for one in ({**good, LONG: 1}, *({**good, name: LONG} for name in good)):
            answer = function.call("POST", "/inference", {"model": "m", "instances": [one]})
            assert answer.status in (200, 422)


def test_any_text_is_processed() -> None:
    rows = [[f"{word} {at}", at, word] for at in range(30) for word in ("ab", "cd")]
    made = process(csv_bytes(["c", "x", "y"], [*rows, [LONG, 1, "ab"]]))
    assert sum(made.about.split_rows.values()) == len(rows) + 1
