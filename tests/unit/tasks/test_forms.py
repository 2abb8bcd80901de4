"""What processing reads in SQL, serving reads in Python, value for value."""

import math
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.framework.forms.dates import DateForm, read_iso
from tasks.framework.forms.numbers import DURATIONS, LONGEST, NumberForm, read_plain
from tasks.framework.forms.words import MISSING_WORDS, SPACES, clean, is_missing
from tasks.tables.processing.columns import date_forms, number_forms
from tasks.tables.processing.columns.macros import define_macros
from tasks.tables.processing.database import open_database
from tests.unit.tasks.tables import INVOCATION, csv_bytes, process

type Evaluate = Callable[[str, Sequence[str]], list[Any]]


@pytest.fixture(scope="module")
def sql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evaluate]:
    """Evaluates an expression of v for each of some texts."""
    with open_database(tmp_path_factory.mktemp("forms"), INVOCATION) as connection:
        define_macros(connection)
        connection.execute(number_forms.MACROS)

        def evaluate(expression: str, texts: Sequence[str]) -> list[Any]:
            query = f"SELECT {expression} FROM (SELECT trimmed(unnest(?::VARCHAR[])) AS v)"
            return [value for (value,) in connection.execute(query, [list(texts)]).fetchall()]

        yield evaluate


def same(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return one == other and math.copysign(1, one) == math.copysign(1, other)


def texts_of(pieces: str, least: int = 1, most: int = 8) -> st.SearchStrategy[str]:
    """Texts of pieces, which the given text has between bars."""
    piece = st.sampled_from(pieces.split("|"))
    return st.lists(piece, min_size=least, max_size=most).map("".join)


def some(texts: st.SearchStrategy[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(texts, min_size=1, max_size=20)


NUMBERS = texts_of(
    "1|12|123|1234|007|000|5|0|.|,| |'|\u00a0|\u202f|\u2019|-|+|\u2212|(|)|$|\u20ac|%|EUR|kg|kr."
    "|e5|E-3|_|:|30|x|\u0663|\uff11|.-|,-|,--|.\u2013|,\u2014"
)
NUMBER_FORMS = st.builds(
    NumberForm,
    decimal=st.sampled_from([".", ","]),
    group=st.sampled_from(["", ".", ",", " ", "'"]),
    unit=st.sampled_from(["", "$", "\u20ac", "%", "EUR", "kg", "kr."]),
    duration=st.sampled_from(["", *DURATIONS]),
).filter(lambda form: form.decimal != form.group)


@given(NUMBER_FORMS, some(NUMBERS))
def test_numbers_in_a_form(sql: Evaluate, form: NumberForm, texts: list[str]) -> None:
    processed = sql(number_forms.number_sql(form, "v"), texts)
    for text, ours in zip(texts, processed, strict=True):
        assert same(ours, form.read(clean(text)) if clean(text) else None), (text, ours)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("12,-", 12),
        ("-12,-", -12),
        ("(12,--)", -12),
        ("\u20ac 1.200,-", 1200),
        ("1.200,\u2014 \u20ac", 1200),
        ("\u221212,\u2212", -12),
        ("12-", -12),
        ("12,50-", -12.5),
        ("12 \u20ac-", -12),
        ("\u20ac-12,-", -12),
        ("12,", 12),
        ("12, -", None),
        ("12,\u20ac-", None),
        ("12,---", None),
        ("12,5-,-", None),
        (",-", None),
        ("12-- \u20ac", None),
    ],
)
def test_a_dash_in_place_of_decimals_is_no_minus(
    sql: Evaluate, text: str, number: float | None
) -> None:
    form = NumberForm(decimal=",", group=".", unit="\u20ac")
    assert sql(number_forms.number_sql(form, "v"), [text]) == [number] == [form.read(text)]


@pytest.mark.parametrize(
    "form", [NumberForm(decimal=","), NumberForm(group="."), NumberForm(duration="m:ss, h:mm:ss")]
)
@pytest.mark.parametrize("length", [LONGEST, LONGEST + 1])
def test_a_number_in_a_form_has_an_end(sql: Evaluate, form: NumberForm, length: int) -> None:
    text = "7:30".rjust(length, "0") if form.duration else "7".rjust(length, "0")
    read = form.read(text)
    assert sql(number_forms.number_sql(form, "v"), [text]) == [read]
    assert (read is None) == (length > LONGEST)


def test_digits_without_end_are_not_tried_in_all_forms() -> None:
    """It took 20 seconds."""
    rows = [[at % 9, "ab"[at % 2]] for at in range(200)]
    made = process(csv_bytes(["x", "y"], [*rows, *([str(at) * 200_000, "a"] for at in range(9))]))
    assert made.column("x").type == "number"


@given(some(NUMBERS | st.floats().map(repr)))
def test_plain_numbers(sql: Evaluate, texts: list[str]) -> None:
    for text, ours in zip(texts, sql("as_number(v)", texts), strict=True):
        assert same(ours, read_plain(clean(text))), (text, ours)


DATES = texts_of(
    "2024|1684|0000|0001|9999|24|99|1|01|2|02|29|31|12|13|-|/|.| |T|:|10|23|24|59|60|.5|.123456789"
    "|Z|UTC|+02:00|-0530|+02| +14:00|AM|pm|Feb|march|May|, |t|z|Mon|GMT|年|月|日|,123",
    3,
    12,
)
MOMENTS = st.datetimes(timezones=st.just(UTC))
FORMATS = """%d/%m/%Y|%m/%d/%y|%d.%m.%Y %H:%M|%Y%m%d|%Y/%m/%d|%d %b %Y|%b %d, %Y|%d-%m-%Y %H:%M:%S
|%m/%d/%Y %I:%M %p|%d/%m/%Y %H:%M:%S.%f|%Y-%m|%d-%b-%y|%d/%m/%Y %H:%M %z|%Y%m%d%H%M%S|epoch_seconds
|epoch_milliseconds|epoch_microseconds|epoch_nanoseconds
|%b-%Y|%b-%y|%b %Y|%m/%Y|%d%b%Y|%a, %d %b %Y %H:%M:%S GMT|%a %d %b %Y
|%Y-%m-%d %H:%M:%S,%f|%Y%m%dT%H%M%SZ|%Y年%m月%d日|%d. %m. %Y|%Y年%m月%d日 %H:%M|%b, %Y|%d/%b/%Y
|%d%b%y|%d/%b/%Y %H:%M:%S %z""".replace("\n", "").split("|")


def naive(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=None) if moment else None


@given(some(DATES | st.datetimes().map(str) | MOMENTS.map(datetime.isoformat)))
def test_iso_dates(sql: Evaluate, texts: list[str]) -> None:
    for text, ours in zip(texts, sql("as_datetime(v)", texts), strict=True):
        assert ours == naive(read_iso(clean(text))), text


def written(form: str) -> st.SearchStrategy[tuple[str, list[str]]]:
    """A form, and texts of which many are in it."""
    if form.startswith("epoch"):
        texts = st.floats(-1e20, 1e20).map("{:.3f}".format) | st.integers(-(10**20)).map(str)
    else:
        whole = st.sampled_from([form, form.replace("%b", "%B").replace("%a", "%A")])
        texts = st.builds(
            lambda at, form: at.strftime(form.replace("%Y", f"{at.year:04}")), MOMENTS, whole
        )
    return st.tuples(st.just(form), some(texts | DATES))


@given(st.sampled_from(FORMATS).flatmap(written))
def test_dates_in_a_form(sql: Evaluate, case: tuple[str, list[str]]) -> None:
    form, texts = DateForm((case[0],)), case[1]
    for text, ours in zip(texts, sql(date_forms.date_sql(form, "v"), texts), strict=True):
        assert ours == naive(form.read(clean(text)) or read_iso(clean(text))), text


WORDS = st.sampled_from(
    [*MISSING_WORDS, "cafe\u0301", "\u00c5", "\u212b", "\ufb01", "\u1100\u1161"]
)
ANY = st.text(st.characters(codec="utf-8"), max_size=6)
PADDED = st.tuples(st.sampled_from(SPACES), ANY | WORDS, st.sampled_from(SPACES)).map("".join)


@given(some(ANY | WORDS | PADDED | WORDS.map(str.upper)))
def test_text_and_missing_words(sql: Evaluate, texts: list[str]) -> None:
    for text, ours in zip(texts, sql("as_value(v)", texts), strict=True):
        theirs = clean(text)
        assert ours == (None if is_missing(theirs, MISSING_WORDS) else theirs), (text, ours)
