"""Which type each column has, and in which form it is written, by all its values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from common.datasets import ColumnType
from common.warnings import EXAMPLES
from tasks.framework.forms.dates import EPOCHS, DateForm
from tasks.framework.forms.numbers import Decimal, NumberForm, read_plain
from tasks.tables.options import ValueOptions
from tasks.tables.processing.columns import date_forms, number_forms
from tasks.tables.processing.columns.number_forms import READABLE_SHARE
from tasks.tables.processing.columns.odd_values import Odd
from tasks.tables.processing.columns.typed import Typed
from tasks.tables.processing.columns.values import Source, Values
from tasks.tables.processing.database import one_row

BOOLEAN_SHARE = 0.95
"""A column is of booleans when at least this share of its values are; others are categories."""

CODE_SHARE = 0.05
"""From this share of numbers with leading zeros or too many digits on, all are kept as text."""

STRAY_SHARE = 0.01
"""Up to this share of codes among numbers, they are strays."""

_EPOCH_MICROS = 1e17
"""Numbers of fewer microseconds since 1970 are times in a unit; others are of a shorter one."""

_YEARS = DateForm(("%Y",))

_SAMPLED = 5000
_SHORT = 48
"""Bytes of a text that may be a number or a date in some form."""


@dataclass(frozen=True)
class Conventions:
    """How values are read that can be read in several ways, as far as that is known."""

    decimal: Decimal | None = None
    day_first: bool | None = None
    asked: frozenset[str] = frozenset()
    """Which of them the caller has said: what they decide is no longer in doubt."""

    comma: bool = False
    """Whether a comma with three digits behind it rather stands before decimals."""

    clock: bool = False
    """Whether 13:45 is hours and minutes among times of three parts, as in Excel."""

    @classmethod
    def of(cls, options: ValueOptions, facts: Mapping[str, Any]) -> "Conventions":
        """What the caller has said, and what is known of the file."""
        said = {"decimal": options.csv.decimal, "day_first": options.day_first}
        return cls(
            decimal=options.csv.decimal,
            day_first=options.day_first,
            asked=frozenset(name for name, value in said.items() if value is not None),
            comma=facts.get("delimiter") == ";",
            clock="sheet" in facts,
        )

    def agreed(self, columns: Sequence[Typed]) -> "Conventions":
        """The conventions, and those that are certain of other columns of the file."""
        certain = [column.form for column in columns if not column.ambiguous]
        commas = any(isinstance(form, NumberForm) and form.decimal == "," for form in certain)
        firsts = {
            date_forms.is_day_first(form) for form in certain if isinstance(form, DateForm)
        } - {None}
        found = self
        if self.decimal is None and commas:
            found = replace(found, decimal=",")
        if self.day_first is None and len(firsts) == 1:
            found = replace(found, day_first=firsts.pop())
        return found


def infer(
    source: Source,
    name: str,
    values: Values,
    given: ColumnType | None = None,
    conventions: Conventions = Conventions(),
) -> Typed:
    """The type that a column of text has by its values, or the given one, with its form."""
    if given is not None:
        return _as_given(source, name, values, given, conventions)
    if values.booleans >= max(1.0, BOOLEAN_SHARE * values.filled):
        return Typed(name, values, "boolean", values.booleans)
    text = Typed(name, values, "category", values.filled)
    if values.filled == 0:
        return text
    for find in (_as_number, _as_date):
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
        if values.numbers < values.filled or _is_ambiguous(values):
            return _written_number(source, typed, conventions, values.numbers) or typed
    elif type_ == "datetime":
        typed = replace(typed, parsed=values.datetimes)
        if values.datetimes < values.filled:
            return _dated(source, typed, conventions, values.datetimes) or typed
    elif type_ == "boolean":
        (parsed,) = _counts(source, [f"as_boolean_widely({values.at})"])
        typed = replace(typed, parsed=parsed)
    return typed


def _as_number(source: Source, text: Typed, conventions: Conventions) -> Typed | None:
    """The column as numbers; None where it is none, or its numbers are codes."""
    values = text.values
    if values.datetimes == values.filled:
        return None
    number = replace(text, type="number", parsed=values.numbers, lenient=True)
    if values.numbers == values.filled:
        if (day := _compact_date(source, number, conventions)) is not None:
            return day
        if (kept := _code(values)) is not None:
            return replace(text, kept=kept)
        if not _is_ambiguous(values):
            return number
        return _written_number(source, number, conventions, values.numbers) or number
    written = _written_number(source, number, conventions, values.numbers)
    best = written or number
    if best.parsed == 0:
        return None
    odd = Odd.of(_leftovers(source, best))
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


def _is_ambiguous(values: Values) -> bool:
    """Whether the point in numbers may be one between thousands."""
    return values.thousands > 0 and not values.pointed


def _written_number(
    source: Source, number: Typed, conventions: Conventions, least: int
) -> Typed | None:
    """The column in the form that fits most of its numbers, if it fits more than the plain one."""
    at = number.at
    sample = _sample(source, at)
    plain = NumberForm()
    forms = [
        form
        for form in number_forms.candidates(sample, conventions.clock)
        if form != plain or form.unit
    ]
    if not forms:
        return None
    source.connection.execute(number_forms.MACROS)
    counts = _counts(source, [number_forms.number_sql(form, at) for form in forms])
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
        examples=_examples(form, [plain, *fitting], sample),
    )
    return typed if typed.form is not None or typed.ambiguous else None


def _differ(forms: Sequence[NumberForm], sample: Sequence[str]) -> bool:
    """Whether some text is another number in another form."""
    return any(len({form.read(text) for form in forms}) > 1 for text in sample)


def _examples(
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


def _as_date(source: Source, text: Typed, conventions: Conventions) -> Typed | None:
    values = text.values
    column = replace(text, type="datetime", parsed=values.datetimes)
    if values.datetimes == values.filled:
        return column
    best = _dated(source, column, conventions, values.datetimes) or column
    if best.parsed == 0:
        return None
    odd = Odd.of(_leftovers(source, best))
    return best if best.parsed >= READABLE_SHARE * (values.filled - odd.marks) else None


def _compact_date(source: Source, number: Typed, conventions: Conventions) -> Typed | None:
    """Numbers such as 20240131, where all are days of 1900 to 2099."""
    values = number.values
    small, large = values.smallest or 0.0, values.largest or 0.0
    digits = 8 if values.longest == 8 else 14
    unit = 10.0 ** (digits - 8)
    if not values.one_length or values.longest != digits or values.pointed + values.thousands:
        return None
    if small < 19000101 * unit or large >= 21000101 * unit:
        return None
    dated = _dated(source, replace(number, type="datetime", lenient=False), conventions, 0)
    return dated if dated is not None and dated.parsed == values.filled else None


def _dated(source: Source, column: Typed, conventions: Conventions, least: int) -> Typed | None:
    """The column as dates in the form that fits most values, if it fits more than least."""
    at = column.at
    sample = _sample(source, at)
    forms = date_forms.candidates(sample)
    if column.given and not forms and sample:
        forms = epochs(source, column.values)
    if not forms:
        return None
    counts = _counts(source, [date_forms.date_sql(form, at) for form in forms])
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
        examples=_examples(form, fitting, sample),
    )


def as_years(source: Source, column: Typed) -> Typed:
    """A column of numbers as dates, where these are years; else itself."""
    for form in epochs(source, column.values):
        if form == _YEARS:
            examples = _examples(form, (), _sample(source, column.at))
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
    total, *counts = _counts(source, [number, *fits])
    enough = (
        unit for unit, count in zip(EPOCHS, counts, strict=True) if count >= READABLE_SHARE * total
    )
    return next(enough, "epoch_nanoseconds")


def _kept(source: Source, values: Values) -> str | None:
    """Why a column is text that looks much like numbers or dates."""
    if values.numbers >= values.filled / 2:
        return "too many of its values are no numbers"
    sample = _sample(source, values.at) if values.longest <= _SHORT else []
    if not sample:
        return None
    if sum(map(date_forms.is_date, sample)) >= READABLE_SHARE * len(sample):
        return "its dates are written in several forms"
    if sum(map(date_forms.is_like_a_date, sample)) >= READABLE_SHARE * len(sample):
        return "it looks like dates, in a form that is not read"
    return number_forms.obstacle(sample)


def _sample(source: Source, at: str) -> list[str]:
    """Some short values with digits, the same ones each time."""
    if at not in source.samples:
        short = f"SELECT {at} FROM {source.rows} WHERE strlen({at}) <= {_SHORT} "
        rows = f"{short} AND regexp_matches({at}, '\\pN') ORDER BY hash({at}) LIMIT {_SAMPLED}"
        found = source.connection.execute(f"SELECT DISTINCT {at} FROM ({rows})").fetchall()
        source.samples[at] = sorted(value for (value,) in found)
    return source.samples[at]


def _counts(source: Source, reads: Sequence[str]) -> list[int]:
    """How many rows each of several expressions reads."""
    totals = ", ".join(source.total(f"({read})") for read in reads)
    return [
        int(count) for count in one_row(source.connection, f"SELECT {totals} FROM {source.rows}")
    ]


def _leftovers(source: Source, column: Typed) -> list[tuple[str, int]]:
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
