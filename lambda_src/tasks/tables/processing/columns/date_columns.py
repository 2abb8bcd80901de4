"""Columns of dates and times, in the form that they are written in."""

from dataclasses import replace

from tasks.framework.forms.dates import EPOCHS, DateForm
from tasks.tables.processing.columns import date_forms
from tasks.tables.processing.columns.conventions import Conventions
from tasks.tables.processing.columns.number_forms import READABLE_SHARE
from tasks.tables.processing.columns.odd_values import Odd
from tasks.tables.processing.columns.samples import (
    count_read,
    examples_of,
    sample_of,
    unread_values,
)
from tasks.tables.processing.columns.typed import Typed
from tasks.tables.processing.columns.values import Source, Values

_EPOCH_MICROS = 1e17
"""Numbers of fewer microseconds since 1970 are times in a unit; others are of a shorter one."""

_YEARS = DateForm(("%Y",))


def as_dates(source: Source, text: Typed, conventions: Conventions) -> Typed | None:
    values = text.values
    column = replace(text, type="datetime", parsed=values.datetimes)
    if values.datetimes == values.filled:
        return column
    best = written_dates(source, column, conventions, values.datetimes) or column
    if best.parsed == 0:
        return None
    odd = Odd.of(unread_values(source, best))
    return best if best.parsed >= READABLE_SHARE * (values.filled - odd.marks) else None


def compact_date(source: Source, number: Typed, conventions: Conventions) -> Typed | None:
    """Numbers such as 20240131, where all are days of 1900 to 2099."""
    values = number.values
    small, large = values.smallest or 0.0, values.largest or 0.0
    digits = 8 if values.longest == 8 else 14
    unit = 10.0 ** (digits - 8)
    if not values.one_length or values.longest != digits or values.pointed + values.thousands:
        return None
    if small < 19000101 * unit or large >= 21000101 * unit:
        return None
    dated = written_dates(source, replace(number, type="datetime", lenient=False), conventions, 0)
    return dated if dated is not None and dated.parsed == values.filled else None


def written_dates(
    source: Source, column: Typed, conventions: Conventions, least: int
) -> Typed | None:
    """The column as dates in the form that fits most values, if it fits more than least."""
    at = column.at
    sample = sample_of(source, at)
    forms = date_forms.candidates(sample)
    if column.given and not forms and sample:
        forms = epochs(source, column.values)
    if not forms:
        return None
    counts = count_read(source, [date_forms.date_sql(form, at) for form in forms])
    best = max(counts)
    if best <= least:
        return None
    fitting = [form for form, count in zip(forms, counts, strict=True) if count == best]
    form = date_forms.choose(fitting, conventions.day_first, sample)
    parts = {date_forms.first_part(one) for one in fitting}
    return replace(
        column,
        parsed=best,
        form=form,
        ambiguous="day_first" not in conventions.asked and len(parts) > 1,
        examples=examples_of(form, fitting, sample),
    )


def as_years(source: Source, column: Typed) -> Typed:
    """A column of numbers as dates, where these are years; else itself."""
    for form in epochs(source, column.values):
        if form == _YEARS:
            examples = examples_of(form, (), sample_of(source, column.at))
            return replace(column, type="datetime", form=form, examples=examples)
    return column


def epochs(source: Source, values: Values) -> list[DateForm]:
    """The form of numbers that are years, or count from 1970 on, by their size."""
    if values.numbers < values.filled:
        return []
    if values.one_length and values.longest == 4 and (values.smallest or 0) >= 1000:
        return [_YEARS]
    return [DateForm((epoch_unit(source, f"as_number({values.at})"),))]


def epoch_unit(source: Source, number: str) -> str:
    """The longest unit in which most of the numbers since 1970 are times before the year 5139.

    Most, so that a few that are no times do not decide.
    """
    fits = [
        f"CASE WHEN abs({number}) * {unit} < {_EPOCH_MICROS} THEN 1 END" for unit in EPOCHS.values()
    ]
    total, *counts = count_read(source, [number, *fits])
    enough = (
        unit for unit, count in zip(EPOCHS, counts, strict=True) if count >= READABLE_SHARE * total
    )
    return next(enough, "epoch_nanoseconds")
