"""Some values of a column, and how many of all of them an expression reads."""

from collections.abc import Sequence
from itertools import islice

from common.warnings import EXAMPLES
from tasks.framework.forms.dates import DateForm
from tasks.framework.forms.numbers import NumberForm, read_plain
from tasks.tables.processing.columns import date_forms, number_forms
from tasks.tables.processing.columns.typed import Typed
from tasks.tables.processing.columns.values import Source
from tasks.tables.processing.database import one_row

_SAMPLED = 5000

SHORT = 48
"""Bytes of a text that may be a number or a date in some form."""


def sample_of(source: Source, at: str) -> list[str]:
    """Some short values with digits, the same ones each time."""
    if at not in source.samples:
        short = f"SELECT {at} FROM {source.rows} WHERE strlen({at}) <= {SHORT} "
        rows = f"{short} AND regexp_matches({at}, '\\pN') ORDER BY hash({at}) LIMIT {_SAMPLED}"
        found = source.connection.execute(f"SELECT DISTINCT {at} FROM ({rows})").fetchall()
        source.samples[at] = sorted(value for (value,) in found)
    return source.samples[at]


def count_read(source: Source, reads: Sequence[str]) -> list[int]:
    """How many rows each of several expressions reads."""
    totals = ", ".join(source.total(f"({read})") for read in reads)
    return [
        int(count) for count in one_row(source.connection, f"SELECT {totals} FROM {source.rows}")
    ]


def unread_values(source: Source, column: Typed) -> list[tuple[str, int]]:
    """The most frequent values that a column's type does not read, with their rows."""
    at = column.at
    match column.form:
        case NumberForm():
            read = number_forms.number_sql(column.form, at)
        case DateForm():
            read = date_forms.date_sql(column.form, at)
        case _:
            read = f"as_number({at})" if column.type == "number" else f"as_datetime({at})"
    return source.connection.execute(f"""
        SELECT {at}, CAST({source.total(at)} AS BIGINT) AS rows FROM {source.rows}
        WHERE {at} IS NOT NULL AND ({read}) IS NULL
        GROUP BY {at} ORDER BY rows DESC, {at} LIMIT 1000
    """).fetchall()


def examples_of(
    form: NumberForm | DateForm, others: Sequence[NumberForm | DateForm], sample: Sequence[str]
) -> tuple[str, ...]:
    """Texts that a form reads: first those that others read in another way, then odd ones."""

    def differs(text: str) -> bool:
        value = form.read(text)
        return any(other.read(text) != value for other in others)

    readable = [text for text in sample if form.read(text) is not None]
    telling = islice(filter(differs, readable), EXAMPLES)
    odd = islice((text for text in readable if read_plain(text) is None), EXAMPLES)
    return tuple(dict.fromkeys([*telling, *odd, *readable[:EXAMPLES]]))[:EXAMPLES]
