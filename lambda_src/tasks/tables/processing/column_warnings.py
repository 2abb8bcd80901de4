"""What the owner of a table should know of how its columns were read: one warning per kind."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import duckdb

from common.warnings import EXAMPLES, Warning
from tasks.framework.forms.dates import DateForm
from tasks.framework.forms.numbers import NumberForm
from tasks.tables.processing.columns import odd_values
from tasks.tables.processing.columns.plan import Plan
from tasks.tables.processing.columns.typed import Typed
from tasks.tables.processing.rows.cleaning import Cleaned

BLOCKING_SHARE = 0.1
"""From this share of a column's values, or of all rows, that cannot be read on, no version goes
live by itself."""

_SHOWN = 5
_REASONS = 3
_SECONDS = (946_684_800, 2_145_916_800)
"""From 2000 to 2037, in seconds since 1970."""

_WHY_IGNORED = {
    "empty": ("no value in any row", "exclude; missing_values, if words are there"),
    "constant": ("the same value in every row", "exclude"),
    "text": (
        "free text, which this task does not read",
        'types: {"...": "category"} keeps a column',
    ),
    "id": (
        "a value of its own in every row, as an id has",
        'types: {"...": "number"} keeps a column',
    ),
}


def column_warnings(
    connection: duckdb.DuckDBPyConnection, plan: Plan, cleaned: Cleaned, delimiter: str
) -> list[Warning]:
    """What was left out, read in one of several ways, or read as missing.

    delimiter is what divides the cells of a row that is shown.
    """
    read = [*([plan.target] if plan.target is not None else []), *plan.features]
    if plan.split_by is not None and plan.split_by not in read:
        read.append(plan.split_by)
    return [
        *_ignored(plan),
        *form_warnings(read),
        *missing_words(connection, read),
        *_unreadable(connection, plan),
        *_kept([*read, *(ignored.column for ignored in plan.ignored)]),
        *_epochs(plan.features),
        *_rejected(connection, plan, cleaned, delimiter),
    ]


def _ignored(plan: Plan) -> Iterator[Warning]:
    by_code: dict[str, list[Typed]] = defaultdict(list)
    for ignored in plan.ignored:
        by_code[ignored.code].append(ignored.column)
    for code, (why, option) in _WHY_IGNORED.items():
        if columns := by_code[code]:
            filled = {column.name: column.values.filled for column in columns}
            if code == "id" and not all(column.type == "number" for column in columns):
                option = 'types: {"...": "category"} keeps a column'
            yield Warning(
                code=code,
                detail=f"{these(filled)} {why}: ignored.",
                count=len(columns),
                columns=filled,
                option=option,
            )


def form_warnings(columns: Sequence[Typed]) -> Iterator[Warning]:
    """Numbers and dates that are written in a form of their own, or may be read in several."""
    kinds: Sequence[tuple[str, str, str, Callable[[Typed], bool]]] = (
        ("number_form", "numbers", "csv.decimal, or types", _in(NumberForm, False)),
        ("ambiguous_numbers", "numbers", "csv.decimal", _ambiguous("number")),
        ("date_format", "dates", "types", _in(DateForm, False)),
        ("ambiguous_dates", "dates", "day_first", _ambiguous("datetime")),
    )
    for code, kind, option, holds in kinds:
        chosen = [column for column in columns if holds(column)]
        if not chosen:
            continue
        readings = "; ".join(filter(None, map(_reading, chosen[:_SHOWN])))
        doubt = ", though they may be written in another way" if code.startswith("amb") else ""
        yield Warning(
            code=code,
            detail=f"{these([column.name for column in chosen])} {kind} in a form of their own"
            f"{doubt}: {readings}.",
            count=len(chosen),
            columns={column.name: column.parsed for column in chosen},
            examples=[text for column in chosen for text in column.examples[:1]][:EXAMPLES],
            option=option,
        )


def _in(form: type, ambiguous: bool) -> Callable[[Typed], bool]:
    return lambda column: isinstance(column.form, form) and column.ambiguous == ambiguous


def _ambiguous(type_: str) -> Callable[[Typed], bool]:
    return lambda column: column.ambiguous and column.type == type_


def _reading(column: Typed) -> str:
    """An example of what the text of a column was read as."""
    if not column.examples:
        return ""
    text = column.examples[0]
    form = column.form or NumberForm()
    value: Any = form.read(text)
    if isinstance(form, DateForm):
        value = value.replace(tzinfo=None).isoformat(" ") if value is not None else None
        return f"{column.name!r} ({form.formats[0]}): {text!r} is {value}"
    kind = f" ({form.duration})" if form.duration else ""
    return f"{column.name!r}{kind}: {text!r} is {value}"


def missing_words(
    connection: duckdb.DuckDBPyConnection, columns: Sequence[Typed]
) -> Iterator[Warning]:
    """The words of columns that were read as missing, of which odd_values are collected."""
    counts: dict[str, int] = {}
    words: dict[str, None] = {}
    told = []
    for column in columns:
        if found := odd_values.words(connection, column.at):
            counts[column.name] = sum(rows for _, rows in found)
            words |= dict.fromkeys(text for text, _ in found)
            first = ", ".join(f"{text!r} ({rows:,})" for text, rows in found[:EXAMPLES])
            told.append(f"{column.name!r}: {first}")
    if counts:
        yield Warning(
            code="missing_words",
            detail=f"Words were read as missing values: {'; '.join(told[:_SHOWN])}.",
            count=sum(counts.values()),
            columns=counts,
            examples=list(words)[:EXAMPLES],
            option="missing_values lists the words that stand for a missing value",
        )


def _unreadable(connection: duckdb.DuckDBPyConnection, plan: Plan) -> Iterator[Warning]:
    counts: dict[str, int] = {}
    examples: list[str] = []
    told, worst = [], 0.0
    for column in plan.features:
        if column.is_text or not (odd := odd_values.unreadable(connection, column.at)).values:
            continue
        counts[column.name] = odd.total
        worst = max(worst, (odd.total - odd.marks) / max(1, column.values.filled))
        examples += odd.examples
        told.append(f"{column.name!r} ({column.type}): {', '.join(map(repr, odd.examples))}")
    if counts:
        yield Warning(
            code="unreadable_values",
            detail="Values that could not be read in their column's type count as missing: "
            f"{'; '.join(told[:_SHOWN])}.",
            count=sum(counts.values()),
            columns=counts,
            examples=examples[:EXAMPLES],
            option='types: {"...": "category"} keeps them as they are written',
            blocks_promotion=worst > BLOCKING_SHARE,
        )


def _kept(columns: Sequence[Typed]) -> Iterator[Warning]:
    kept = [column for column in columns if column.kept is not None]
    if kept:
        whys = "; ".join(f"{column.name!r}: {column.kept}" for column in kept[:_SHOWN])
        yield Warning(
            code="kept_as_text",
            detail=f"Columns that look like numbers or dates are read as text: {whys}.",
            count=len(kept),
            columns={column.name: column.values.filled for column in kept},
            examples=[text for column in kept for text in column.examples[:1]][:EXAMPLES],
            option="types, where all are numbers or dates",
        )


def _epochs(columns: Sequence[Typed]) -> Iterator[Warning]:
    looking = [column for column in columns if _is_epoch(column)]
    if looking:
        yield Warning(
            code="epoch",
            detail=f"{these([column.name for column in looking])} numbers that look like a time "
            "since 1970, in seconds or a thousandth, millionth or billionth of them. They are read "
            "as numbers.",
            count=len(looking),
            columns={column.name: column.parsed for column in looking},
            option='types: {"...": "datetime"} reads them as times',
        )


def _is_epoch(column: Typed) -> bool:
    small, large = column.values.smallest, column.values.largest
    if column.type != "number" or small is None or large is None or not column.values.varies:
        return False
    return any(
        _SECONDS[0] * unit <= small and large <= _SECONDS[1] * unit for unit in (1, 1e3, 1e6, 1e9)
    )


def _rejected(
    connection: duckdb.DuckDBPyConnection, plan: Plan, cleaned: Cleaned, delimiter: str
) -> Iterator[Warning]:
    count = sum(cleaned.reasons.values()) - cleaned.bad_lines
    if count:
        found = connection.execute("SELECT kind, count(*) FROM rejected GROUP BY kind").fetchall()
        learned = plan.target is not None and plan.asked.is_learned
        unreadable = odd_values.unreadable(connection, plan.target.at) if plan.target else None
        values = unreadable.examples if unreadable is not None and learned else ()
        yield rejected_rows(
            dict(found),
            count,
            cleaned.read,
            examples=values or _rejected_rows(connection, delimiter),
            option=("target, " if learned else "") + "split.column, missing_values, csv.decimal",
        )


def rejected_rows(
    kinds: Mapping[str, int],
    count: int,
    read: int,
    *,
    examples: Sequence[str],
    option: str | None = None,
    what: str = "rows",
    share: float | None = None,
) -> Warning:
    """The warning of any task that so many rows of those read cannot be used.

    kinds say why; share is what decides on promotion, where rows are not all of one kind.
    """
    most = sorted(kinds.items(), key=lambda kind: (-kind[1], kind[0]))[:_REASONS]
    why = "; ".join(f"{kind} ({number:,})" for kind, number in most)
    return Warning(
        code="rejected_rows",
        detail=f"{count:,} of {read:,} {what} cannot be used: {why}. rejected.csv has them.",
        count=count,
        examples=list(examples[:EXAMPLES]),
        option=option,
        blocks_promotion=(count / read if share is None else share) > BLOCKING_SHARE,
    )


def _rejected_rows(connection: duckdb.DuckDBPyConnection, delimiter: str) -> list[str]:
    """Rows that cannot be used, as they are written."""
    found = connection.execute(
        f"SELECT cells FROM rejected ORDER BY place LIMIT {EXAMPLES}"
    ).fetchall()
    return [delimiter.join(cell or "" for cell in cells) for (cells,) in found]


def these(names: Sequence[str] | Mapping[str, int]) -> str:
    """Columns as the subject of a sentence that goes on with what they hold."""
    names = list(names)
    return f"Column {names[0]!r} holds" if len(names) == 1 else f"Columns {_names(names)} hold"


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(map(repr, names[:_SHOWN])) + more
