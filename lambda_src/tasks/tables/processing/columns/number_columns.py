"""Columns of numbers, in the form that they are written in."""

from collections.abc import Sequence
from dataclasses import replace

from tasks.framework.forms.numbers import Decimal, NumberForm
from tasks.tables.processing.columns import number_forms
from tasks.tables.processing.columns.conventions import Conventions
from tasks.tables.processing.columns.date_columns import compact_date
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

CODE_SHARE = 0.05
"""From this share of numbers with leading zeros or too many digits on, all are kept as text."""

STRAY_SHARE = 0.01
"""Up to this share of codes among numbers, they are strays."""


def as_numbers(source: Source, text: Typed, conventions: Conventions) -> Typed | None:
    """The column as numbers; None where it is none, or its numbers are codes."""
    values = text.values
    if values.datetimes == values.filled:
        return None
    number = replace(text, type="number", parsed=values.numbers, lenient=True)
    if values.numbers == values.filled:
        if (day := compact_date(source, number, conventions)) is not None:
            return day
        if (kept := _code(values)) is not None:
            return replace(text, kept=kept)
        if not is_ambiguous(values):
            return number
        return written_numbers(source, number, conventions, values.numbers) or number
    written = written_numbers(source, number, conventions, values.numbers)
    best = written or number
    if best.parsed == 0:
        return None
    odd = Odd.of(unread_values(source, best))
    if best.parsed < READABLE_SHARE * (values.filled - odd.marks):
        return None
    if odd.codes > STRAY_SHARE * values.filled:
        return replace(text, kept="letters are among them")
    if written is None and (kept := _code(values)) is not None:
        return replace(text, kept=kept)
    return best


def _code(values: Values) -> str | None:
    """Why the numbers of a column are kept as they are written; None where they are numbers."""
    if values.codes and (values.one_length or values.codes >= CODE_SHARE * values.filled):
        return "zeros lead"
    if values.large > STRAY_SHARE * values.filled:
        return "they have more digits than a number keeps"
    if values.lettered and values.one_length and not values.pointed + values.thousands:
        return "they are of one length with letters among them"
    if values.plus == values.filled:
        return "each begins with a plus"
    return None


def is_ambiguous(values: Values) -> bool:
    """Whether the point in numbers may be one between thousands."""
    return values.thousands > 0 and not values.pointed


def written_numbers(
    source: Source, number: Typed, conventions: Conventions, least: int
) -> Typed | None:
    """The column in the form that fits most of its numbers, if it fits more than the plain one."""
    at = number.at
    sample = sample_of(source, at)
    plain = NumberForm()
    forms = [
        form
        for form in number_forms.candidates(sample, conventions.clock)
        if form != plain or form.unit
    ]
    if not forms:
        return None
    source.connection.execute(number_forms.MACROS)
    counts = count_read(source, [number_forms.number_sql(form, at) for form in forms])
    best = max(counts)
    fitting = [form for form, count in zip(forms, counts, strict=True) if count == best]
    if least == best:
        fitting = [plain, *fitting]
    elif best < least:
        return None
    marks = {form.decimal for form in fitting}
    usual: Decimal = "," if conventions.comma and plain not in fitting else "."
    decimal = conventions.decimal or usual
    form = next((one for one in fitting if one.decimal == decimal), fitting[0])
    doubtful = "decimal" not in conventions.asked and len(marks) > 1
    typed = replace(
        number,
        parsed=best,
        form=None if form == plain else form,
        ambiguous=doubtful and _differ(fitting, sample),
        examples=examples_of(form, [plain, *fitting], sample),
    )
    return typed if typed.form is not None or typed.ambiguous else None


def _differ(forms: Sequence[NumberForm], sample: Sequence[str]) -> bool:
    """Whether some text is another number in another form."""
    return any(len({form.read(text) for form in forms}) > 1 for text in sample)
