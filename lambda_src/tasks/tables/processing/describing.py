"""What is in the data: a profile of every column, and the schema that training reads."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import batched
from typing import Any

import duckdb

from common.datasets import SPLITS, Column, Schema, Split
from common.problems import cut
from common.warnings import LONGEST_EXAMPLE, Warning
from tasks.tables.processing.columns.plan import Plan
from tasks.tables.processing.columns.typed import Typed
from tasks.tables.processing.database import one_row
from tasks.tables.splitting import rows_of_splits
from tasks.tables.splitting.rules import Counts

EXACT_ROWS = 200_000
"""Up to here distinct values and quantiles are exact; beyond, distinct values are approximate but
those of few categories, and quantiles are those of about so many rows, which are drawn by their
hashes: the same ones each time."""

MAX_LABELS = 1000
"""Classes that a target may have."""

MAX_CATEGORIES = 10_000
"""Categories of a column that are listed in the schema; rarer ones count as one."""

TOTAL_CATEGORIES = 50_000
"""The same for all columns together; what those of few leave is shared by the others."""

ALWAYS_LISTED = 100
"""Categories that every column may list, however many columns there are."""

_TOP = 20
_QUANTILES = (5, 25, 50, 75, 95)

_AT_ONCE = 8
"""Columns described by a query: quantiles hold their sample in memory."""

_NO_RANGE = "NULL, NULL, NULL, NULL, NULL"

_RANGES = {
    "boolean": "NULL, count_if({at}), NULL, NULL, NULL",
    "datetime": "min({at}), NULL, max({at}), NULL, NULL",
    "text": "min(length({at})), avg(length({at})), max(length({at})), NULL, NULL",
}
"""SQL of five fields that describe values other than numbers."""

type Frequent = Mapping[str, Sequence[tuple[Any, int]]]
"""Values of columns by their places, with their counts."""


def schema(plan: Plan, profiles: Mapping[str, dict[str, Any]], values: Frequent) -> Schema:
    """All columns in the order of the source, with their roles."""
    reasons = {found.column.at: found.reason for found in plan.ignored}
    limits = _limits(plan, values)
    columns = []
    for column in plan.columns:
        role, type_, reason = "feature", column.type, None
        if column is plan.target:
            role, type_ = plan.asked.word, "category" if plan.label is not None else "number"
        elif column is plan.split:
            role, type_, reason = "ignored", "category", "it names each row's split"
        elif column.at in reasons:
            role, reason = "ignored", reasons[column.at]
        columns.append(
            Column(
                name=column.name,
                type=type_,
                role=role,  # type: ignore[arg-type]
                nullable=profiles.get(column.at, {}).get("nulls", 0) > 0,
                categories=[value for value, _ in values[column.at][: limits[column.at]]]
                if column.at in values
                else None,
                distinct=profiles[column.at]["distinct"]
                if len(values.get(column.at, ())) > limits.get(column.at, 0)
                else None,
                unreadable=column.unparsable or None if role == "feature" else None,
                form=column.description,
                reason=reason,
            )
        )
    return Schema(columns)


def _limits(plan: Plan, values: Frequent) -> dict[str, int]:
    """How many categories of each column are listed."""
    limits = {} if plan.target is None else {plan.target.at: MAX_LABELS}
    left, columns = (
        TOTAL_CATEGORIES,
        sorted((len(found), at) for at, found in values.items() if at not in limits),
    )
    for place, (count, at) in enumerate(columns):
        share = max(ALWAYS_LISTED, left // (len(columns) - place))
        limits[at] = min(MAX_CATEGORIES, share)
        left -= min(count, limits[at])
    return limits


def many_categories(schema: Schema) -> list[Warning]:
    """A warning of the columns of which not all categories are listed."""
    cut = {
        column.name: column.distinct
        for column in schema.columns
        if column.role == "feature" and column.distinct is not None
    }
    if not cut:
        return []
    return [
        Warning(
            code="many_categories",
            detail="These columns have more categories than a model tells apart: the most frequent "
            "are, and all others of a column count as one. Group them, or exclude the column.",
            count=len(cut),
            columns=cut,
            option="exclude",
        )
    ]


def frequent(connection: duckdb.DuckDBPyConnection, plan: Plan, counts: Counts) -> Frequent:
    """The values of category columns and of a label with their counts, most frequent first.

    They are all the values where there are MAX_CATEGORIES at most; else one more than that.
    """
    named = [column.at for column in plan.features if column.type == "category"]
    values = {at: top(connection, at, MAX_CATEGORIES + 1) for at in named}
    if plan.label is not None:
        values[plan.label.at] = [(one, splits.total()) for one, splits in counts.items() if one]
    return values


def profile(
    connection: duckdb.DuckDBPyConnection,
    plan: Plan,
    values: Frequent,
    rows: int,
    tell: Callable[[float], None],
) -> dict[str, dict[str, Any]]:
    """Each column's profile by its place; counts are of usable rows, of which there are so many."""
    columns = [column for column in plan.columns if column is not plan.split]
    profiles: dict[str, dict[str, Any]] = {}
    for some in batched(columns, _AT_ONCE, strict=False):
        tell(len(profiles) / len(columns))
        profiles |= _profiles(connection, plan, some, values, rows)
    return profiles


def _profiles(
    connection: duckdb.DuckDBPyConnection,
    plan: Plan,
    columns: Sequence[Typed],
    values: Frequent,
    rows: int,
) -> dict[str, dict[str, Any]]:
    types: dict[str, str] = {column.at: column.type for column in columns}
    if plan.target is not None and plan.target.at in types:
        types[plan.target.at] = "category" if plan.label is not None else "number"
    spreads = {
        column.at: _Spread(
            column.at, column.values.magnitude or 1.0, sample_of(min(rows, column.parsed))
        )
        for column in columns
        if types[column.at] == "number"
    }
    known = {at: len(found) for at, found in values.items() if len(found) <= MAX_CATEGORIES}
    exact = rows <= EXACT_ROWS
    fields = ", ".join(
        f"count({at}), {known[at] if at in known else _distinct(at, type_, exact)}, "
        + (spreads[at].fields if at in spreads else _RANGES.get(type_, _NO_RANGE).format(at=at))
        for at, type_ in types.items()
    )
    found = batched(one_row(connection, f"SELECT {fields} FROM clean"), 7, strict=True)
    profiles = {}
    for column, (filled, distinct, *range_) in zip(columns, found, strict=True):
        at, type_ = column.at, types[column.at]
        described = profiles[at] = {
            "name": column.name,
            "count": filled,
            "nulls": rows - filled,
            "distinct": min(distinct, filled),
            "distinct_is_approximate": not exact and at not in known,
        }
        if not filled:
            continue
        low, middle, high, *_ = range_
        match type_:
            case "number" if range_[-1] is None:
                # Most of its rows were duplicates, so that the sample has none of the others.
                described |= numbers(connection, at, "clean", sample_of(filled))
            case "number":
                described |= spreads[at].described(range_)
            case "datetime":
                described |= {"min": low.isoformat(), "max": high.isoformat()}
            case "text":
                described["length"] = {"min": low, "mean": middle, "max": high}
        most: Sequence[tuple[Any, int]] = ()
        if type_ == "boolean":
            counts = {False: filled - middle, True: middle}
            most = sorted(counts.items(), key=lambda item: -item[1])
        elif at in values:
            most = values[at]
        elif type_ == "category" or (type_ == "number" and described["distinct"] <= _TOP):
            most = top(connection, at, _TOP)
        if most:
            described["top"] = top_values([one for one in most[:_TOP] if one[1]])
    return profiles


def _distinct(at: str, type_: str, exact: bool) -> str:
    """SQL of how many values there are."""
    if not exact:
        return f"approx_count_distinct({at})"
    # Long texts would take the memory of all of them.
    value = f"CASE WHEN {at} IS NOT NULL THEN hash({at}) END" if type_ == "text" else at
    return f"count(DISTINCT {value})"


@dataclass(frozen=True)
class _Spread:
    """How a column of numbers is described.

    They are scaled, because the squares of huge ones overflow; sample is the SQL of the rows that
    quantiles are of.
    """

    at: str
    scale: float
    sample: str

    @property
    def fields(self) -> str:
        """The SQL of what is asked."""
        shares = ", ".join(f"{quantile / 100}" for quantile in _QUANTILES)
        return (
            f"min({self.at}), avg({self.at}), max({self.at}), "
            f"stddev_samp({self.at} / {self.scale!r}) FILTER (WHERE isfinite({self.at})), "
            f"quantile_cont({self.at}, [{shares}]) FILTER (WHERE {self.sample})"
        )

    def described(self, found: Sequence[Any]) -> dict[str, Any]:
        """What is told of the fields' values."""
        low, mean, high, std, points = found
        return {
            "min": low,
            "max": high,
            "mean": mean,
            "std": std * self.scale if std is not None else None,
            "quantiles": {f"{q}": point for q, point in zip(_QUANTILES, points, strict=True)},
            "quantiles_are_approximate": self.sample != "true",
        }


def sample_of(rows: int, most: int | None = None) -> str:
    """The SQL of what holds for all of so many rows, or for most of them, by their hashes."""
    most = EXACT_ROWS if most is None else most
    return "true" if rows <= most else f"row_hash < {(most << 64) // rows}"


def numbers(
    connection: duckdb.DuckDBPyConnection, at: str, rows: str, sample: str
) -> dict[str, Any]:
    """What a column of numbers is like; its quantiles are those of a sample of the rows."""
    finite = f"FILTER (WHERE isfinite({at}))"
    (largest,) = one_row(connection, f"SELECT max(abs({at})) {finite} FROM {rows}")
    spread = _Spread(at, largest or 1.0, sample)
    return spread.described(one_row(connection, f"SELECT {spread.fields} FROM {rows}"))


def top(connection: duckdb.DuckDBPyConnection, at: str, limit: int) -> Sequence[tuple[Any, int]]:
    return connection.execute(f"""
        SELECT {at}, count(*) AS rows FROM clean WHERE {at} IS NOT NULL
        GROUP BY {at} ORDER BY rows DESC, {at} LIMIT {limit}
    """).fetchall()


def top_values(counts: Iterable[tuple[Any, int]]) -> list[dict[str, Any]]:
    """Frequent values with their counts, as a profile has them; long texts are cut."""
    return [
        {"value": cut(value, LONGEST_EXAMPLE) if isinstance(value, str) else value, "count": count}
        for value, count in counts
    ]


def split_targets(
    connection: duckdb.DuckDBPyConnection, plan: Plan, counts: Counts
) -> tuple[dict[Split, int], dict[Split, dict[str, Any]]]:
    """Rows in each split, and each split's class balance or the target's distribution, if any."""
    rows = rows_of_splits(counts)
    targets: dict[Split, dict[str, Any]] = {}
    if plan.target is None:
        return rows, targets
    for split in SPLITS:
        if plan.target_kind == "label":
            present = [
                (one, splits[split]) for one, splits in counts.items() if one and splits[split]
            ]
            targets[split] = dict(sorted(present, key=lambda found: (-found[1], found[0])))
        else:
            targets[split] = numbers(connection, plan.target.at, split, sample_of(rows[split]))
    return rows, targets
