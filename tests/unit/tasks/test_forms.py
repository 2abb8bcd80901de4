"""What processing reads in SQL, serving reads in Python, value for value."""

import math
from collections.abc import Callable, Sequence
from datetime import UTC
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.shared.forms.dates import DateForm, read_iso
from tasks.shared.forms.numbers import NumberForm, read_plain
from tasks.shared.forms.words import MISSING_WORDS, SPACES, clean, is_missing
from tasks.shared.processing import database, date_forms, number_forms
from tasks.shared.processing.macros import define_macros


@pytest.fixture(scope="module")
def sql() -> Callable[[str, Sequence[str]], list[Any]]:
    """Evaluates an expression of v for each of some texts."""
    connection = duckdb.connect()
    database._prepare(connection)
    define_macros(connection)

    def evaluate(expression: str, texts: Sequence[str]) -> list[Any]:
        query = f"SELECT {expression} FROM (SELECT trimmed(unnest(?::VARCHAR[])) AS v)"
        return [value for (value,) in connection.execute(query, [list(texts)]).fetchall()]

    return evaluate


def same(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return one == other and math.copysign(1, one) == math.copysign(1, other)


PIECES = st.sampled_from(
    ["1", "12", "123", "1234", "007", "000", "5", "0"]
    + [".", ",", " ", "'", "\u00a0", "\u202f", "\u2019", "-", "+", "\u2212", "(", ")"]
    + ["$", "\u20ac", "%", "EUR", "kg", "kr.", "e5", "E-3", "_", ":", "30", "x", "\u0663", "\uff11"]
)
TEXTS = st.lists(st.lists(PIECES, min_size=1, max_size=8).map("".join), min_size=1, max_size=20)
FORMS = st.builds(
    NumberForm,
    decimal=st.sampled_from([".", ","]),
    group=st.sampled_from(["", ".", ",", " ", "'"]),
    unit=st.sampled_from(["", "$", "\u20ac", "%", "EUR", "kg", "kr."]),
    duration=st.booleans(),
).filter(lambda form: form.decimal != form.group)


@given(FORMS, TEXTS)
def test_numbers_in_a_form(sql: Any, form: NumberForm, texts: list[str]) -> None:
    read = [form.read(clean(text)) if clean(text) else None for text in texts]
    for text, ours, theirs in zip(
        texts, sql(number_forms.number_sql(form, "v"), texts), read, strict=True
    ):
        assert same(ours, theirs), (text, ours, theirs)


@given(TEXTS | st.lists(st.floats().map(repr), min_size=1))
def test_plain_numbers(sql: Any, texts: list[str]) -> None:
    for text, ours in zip(texts, sql("as_number(v)", texts), strict=True):
        assert same(ours, read_plain(clean(text))), text


DATE_PIECES = st.sampled_from(
    [
        "2024",
        "1684",
        "0000",
        "0001",
        "9999",
        "24",
        "99",
        "1",
        "01",
        "2",
        "02",
        "29",
        "31",
        "12",
        "13",
    ]
    + ["-", "/", ".", " ", "T", ":", "10", "23", "24", "59", "60", ".5", ".123456789", "Z", "UTC"]
    + ["+02:00", "-0530", "+02", " +14:00", "AM", "pm", "Feb", "march", "May", ", "]
)
ISO_DATES = st.datetimes().map(str) | st.datetimes(timezones=st.just(UTC)).map(
    lambda d: d.isoformat()
)
DATES = st.lists(
    st.lists(DATE_PIECES, min_size=3, max_size=12).map("".join) | ISO_DATES, min_size=1, max_size=20
)


@given(DATES)
def test_iso_dates(sql: Any, texts: list[str]) -> None:
    for text, ours in zip(texts, sql("as_datetime(v)", texts), strict=True):
        theirs = read_iso(clean(text))
        assert ours == (theirs.replace(tzinfo=None) if theirs else None), text


FORMATS = ["%d/%m/%Y", "%m/%d/%y", "%d.%m.%Y %H:%M", "%Y%m%d", "%Y/%m/%d", "%d %b %Y", "%b %d, %Y",
    "%d-%m-%Y %H:%M:%S", "%m/%d/%Y %I:%M %p", "%d/%m/%Y %H:%M:%S.%f", "%Y-%m", "%d-%b-%y",
    "%d/%m/%Y %H:%M %z", "%Y%m%d%H%M%S", "epoch_seconds", "epoch_milliseconds"]  # fmt: skip


def written(form: str) -> st.SearchStrategy[str]:
    if form.startswith("epoch"):
        return st.floats(-1e14, 1e14).map(lambda n: f"{n:.3f}") | st.integers(
            -(10**14), 10**14
        ).map(str)
    moments = st.datetimes(timezones=st.just(UTC))
    return moments.map(lambda moment: moment.strftime(form.replace("%Y", f"{moment.year:04}")))


@given(st.sampled_from(FORMATS).flatmap(lambda form: st.tuples(
    st.just(form), st.lists(written(form) | st.lists(DATE_PIECES, min_size=3, max_size=10).map("".join),
        min_size=1, max_size=20))))  # fmt: skip
def test_dates_in_a_form(sql: Any, case: tuple[str, list[str]]) -> None:
    form = DateForm((case[0],))
    expression = date_forms.date_sql(form, "v")
    for text, ours in zip(case[1], sql(expression, case[1]), strict=True):
        theirs = form.read(clean(text)) or read_iso(clean(text))
        assert ours == (theirs.replace(tzinfo=None) if theirs else None), text


WORDS = st.sampled_from(
    [*MISSING_WORDS, "cafe\u0301", "\u00c5", "\u212b", "\ufb01", "\u1100\u1161"]
)
ANY = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6)
PADDED = st.tuples(st.sampled_from(SPACES), ANY | WORDS, st.sampled_from(SPACES)).map("".join)


@given(st.lists(ANY | WORDS | PADDED | WORDS.map(str.upper), min_size=1, max_size=20))
def test_text_and_missing_words(sql: Any, texts: list[str]) -> None:
    for text, ours in zip(texts, sql("as_value(v)", texts), strict=True):
        theirs = clean(text)
        assert ours == (None if is_missing(theirs, MISSING_WORDS) else theirs), (text, ours)
