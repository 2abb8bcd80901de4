"""What the owner of a table should know of how its columns were read: one warning per kind."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import duckdb

from common.problems import cut
from common.warnings import EXAMPLES, LONGEST_EXAMPLE, Warning
from tasks.framework.forms.composition import in_normal_form
from tasks.framework.forms.dates import DateForm
from tasks.framework.forms.numbers import NumberForm
from tasks.framework.forms.words import MISSING_WORDS, clean
from tasks.tables.processing.columns import odd_values
from tasks.tables.processing.columns.macros import LARGEST_EXACT
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

_TRUE = frozenset({"true", "t", "yes", "y", "1"})
_FALSE = frozenset({"false", "f", "no", "n", "0"})


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


def label_warnings(target: Typed, counts: Mapping[str, int]) -> list[Warning]:
    """What may be odd about the labels, of which there are so many rows each."""
    warnings = []
    if target.merged:
        warnings.append(
            Warning(
                code="labels_merged",
                detail=f"Labels of {target.name!r} that were brought into one form, as 1.0 and 1, "
                f"TRUE and true, or those with other spaces or Unicode forms: {target.merged:,}.",
                count=target.merged,
                columns={target.name: target.merged},
                examples=list(target.examples),
                option=f'types: {{"{target.name}": "text"}} keeps labels as they are written',
            )
        )
    return [*warnings, *odd_labels(target.name, counts)]


def odd_labels(name: str, counts: Mapping[str, int]) -> list[Warning]:
    """What may be odd about labels of any task: words for missing values, and similar ones."""
    warnings = similar_labels(name, list(counts))
    words = {label: rows for label, rows in counts.items() if label.lower() in MISSING_WORDS}
    if not words:
        return warnings
    count = sum(words.values())
    detail = (
        "Labels that often stand for a missing value are classes of their own; only empty labels "
        f"are missing. Rows with such a label: {count:,}."
    )
    return [
        Warning(
            code="label_words",
            detail=detail,
            count=count,
            columns={name: count},
            examples=list(words)[:EXAMPLES],
        ),
        *warnings,
    ]


def similar_labels(name: str, labels: Sequence[str]) -> list[Warning]:
    """A warning of labels that differ only in case, spaces or written form."""
    groups = _alike(labels, with_forms=True)
    if len(groups) == len(labels):
        return []
    alike = [label for group in groups if len(group) > 1 for label in group]
    shown = ", ".join(repr(cut(label, LONGEST_EXAMPLE)) for label in alike[:_SHOWN])
    return [
        Warning(
            code="similar_labels",
            detail=f"Column {name!r} has {len(labels)} labels, {len(groups)} when case, spaces and "
            f"written form are ignored: {shown}. Each is a class.",
            count=len(labels) - len(groups),
            columns={name: len(labels)},
            examples=alike[:EXAMPLES],
        )
    ]


def similar_categories(values: Mapping[str, Sequence[str]]) -> list[Warning]:
    """A warning of categories that differ only in case or spaces, by column."""
    columns, examples = {}, list[str]()
    for name, categories in values.items():
        groups = _alike(categories, with_forms=False)
        if len(groups) < len(categories):
            columns[name] = len(categories) - len(groups)
            examples += next(group for group in groups if len(group) > 1)
    if not columns:
        return []
    return [
        Warning(
            code="similar_categories",
            detail=f"{_these(columns)} values that differ only in case or spaces. Each is a "
            "category of its own.",
            count=sum(columns.values()),
            columns=columns,
            examples=examples[:EXAMPLES],
            option="exclude",
        )
    ]


def _alike(labels: Sequence[str], with_forms: bool) -> list[list[str]]:
    """Labels in groups of those that are alike."""
    folded = {label: _folded(label) for label in labels}
    booleans = with_forms and set(folded.values()) <= _TRUE | _FALSE
    groups: dict[Any, list[str]] = defaultdict(list)
    for label, key in folded.items():
        if booleans:
            groups[key in _TRUE].append(label)
        else:
            groups[_number(key) if with_forms else key].append(label)
    return list(groups.values())


_SIGNS = str.maketrans(
    dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-")
    | dict.fromkeys("\u2018\u2019\u02bc`\u00b4", "'")
    | dict.fromkeys("\u201c\u201d\u201e\u00ab\u00bb", '"')
)
"""Hyphens and quotes that people write in place of each other."""


def _folded(label: str) -> str:
    """A label without what readers hardly see: case, spaces, widths, kinds of hyphens."""
    wide = in_normal_form("NFKC", clean(label)).translate(_SIGNS)
    return " ".join(wide.casefold().split())


def _number(text: str) -> float | str:
    """The number that a label is, where it is one; codes with leading zeros are none."""
    if text.lstrip("+-").startswith("0") and text.lstrip("+-0.") != "":
        return text
    try:
        number = float(text)
    except ValueError:
        return text
    return number if abs(number) < LARGEST_EXACT else text


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
                detail=f"{_these(filled)} {why}: ignored.",
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
            detail=f"{_these([column.name for column in chosen])} {kind} in a form of their own"
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
            detail=f"{_these([column.name for column in looking])} numbers that look like a time "
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


def _these(names: Sequence[str] | Mapping[str, int]) -> str:
    """Columns as the subject of a sentence that goes on with what they hold."""
    names = list(names)
    return f"Column {names[0]!r} holds" if len(names) == 1 else f"Columns {_names(names)} hold"


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(map(repr, names[:_SHOWN])) + more
