"""Which type each column has, and in which form it is written, by all its values."""

from dataclasses import replace

from common.datasets import ColumnType
from tasks.tables.processing.columns import date_forms, number_forms
from tasks.tables.processing.columns.conventions import Conventions
from tasks.tables.processing.columns.date_columns import as_dates, written_dates
from tasks.tables.processing.columns.number_columns import as_numbers, is_ambiguous, written_numbers
from tasks.tables.processing.columns.number_forms import READABLE_SHARE
from tasks.tables.processing.columns.samples import SHORT, count_read, sample_of
from tasks.tables.processing.columns.typed import Typed
from tasks.tables.processing.columns.values import Source, Values
from tasks.tables.processing.database import one_row

BOOLEAN_SHARE = 0.95
"""A column is of booleans when at least this share of its values are; others are categories."""


def infer(
    source: Source,
    name: str,
    values: Values,
    given: ColumnType | None,
    conventions: Conventions,
) -> Typed:
    """The type that a column of text has by its values, or the given one, with its form."""
    if given is not None:
        return _as_given(source, name, values, given, conventions)
    if values.booleans >= max(1.0, BOOLEAN_SHARE * values.filled):
        return Typed(name, values, "boolean", values.booleans)
    text = Typed(name, values, "category", values.filled)
    if values.filled == 0:
        return text
    for find in (as_numbers, as_dates):
        if (typed := find(source, text, conventions)) is not None:
            return typed
    text = replace(text, kept=_kept(source, values))
    return replace(text, type="text") if _is_text(source, values) else text


def _as_given(
    source: Source, name: str, values: Values, type_: ColumnType, conventions: Conventions
) -> Typed:
    typed = Typed(name, values, type_, values.filled, given=True, lenient=type_ == "number")
    if type_ == "number":
        typed = replace(typed, parsed=values.numbers)
        if values.numbers < values.filled or is_ambiguous(values):
            return written_numbers(source, typed, conventions, values.numbers) or typed
    elif type_ == "datetime":
        typed = replace(typed, parsed=values.datetimes)
        if values.datetimes < values.filled:
            return written_dates(source, typed, conventions, values.datetimes) or typed
    elif type_ == "boolean":
        (parsed,) = count_read(source, [f"as_boolean_widely({values.at})"])
        typed = replace(typed, parsed=parsed)
    return typed


def _kept(source: Source, values: Values) -> str | None:
    """Why a column is text that looks much like numbers or dates."""
    if values.numbers >= values.filled / 2:
        return "too many of its values are no numbers"
    sample = sample_of(source, values.at) if values.longest <= SHORT else []
    if not sample:
        return None
    if sum(map(date_forms.is_date, sample)) >= READABLE_SHARE * len(sample):
        return "its dates are written in several forms"
    if sum(map(date_forms.is_like_a_date, sample)) >= READABLE_SHARE * len(sample):
        return "it looks like dates, in a form that is not read"
    return number_forms.obstacle(sample)


def _is_text(source: Source, values: Values) -> bool:
    """Whether strings are prose rather than names of categories.

    Prose hardly repeats, and has several words, or is long in a script that writes none.
    """
    if values.distinct < 20 or values.distinct < 0.2 * values.filled:
        return False
    c = values.at
    words, characters, size = one_row(
        source.connection,
        f"""SELECT avg(length({c}) - length(replace({c}, ' ', '')) + 1), avg(length({c})),
            avg(strlen({c})) FROM {source.rows}""",
    )
    return bool(words >= 3 or (characters >= 8 and size >= 1.5 * characters))
