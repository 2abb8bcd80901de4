"""What is in the data: a profile of every column, and the schema that training reads."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import batched
from typing import Any

import duckdb

from common.datasets import SPLITS, Column, Schema, Split
from tasks.shared.processing.column_types import Typed
from tasks.shared.processing.database import one_row
from tasks.shared.processing.plan import Plan
from tasks.shared.processing.splitting import Counts, rows_of_sides

EXACT_ROWS = 200_000
"""Up to here distinct values and quantiles are exact; beyond, distinct values are approximate, and
quantiles those of about so many rows, which are drawn by their hashes: the same ones each time."""

MAX_CATEGORIES = 1000
"""Categories recorded in the schema; rarer ones count as unseen."""

_TOP = 20
_QUANTILES = (5, 25, 50, 75, 95)

_AT_ONCE = 8
"""Columns described by a query: quantiles hold their sample in memory."""

_RANGES = {
    "number": "min({at}), avg({at}), max({at})",
    "datetime": "min({at}), NULL, max({at})",
    "text": "min(length({at})), avg(length({at})), max(length({at}))",
}

type Frequent = Mapping[str, Sequence[tuple[Any, int]]]
"""Values of columns by their places, with their counts."""


def schema(plan: Plan, profiles: Mapping[str, dict[str, Any]], values: Frequent) -> Schema:
    """All columns in the order of the source, with their roles."""
    reasons = {found.column.at: found.reason for found in plan.ignored}
    columns = []
    for column in plan.columns:
        role, type_, reason = "feature", column.type, None
        if column is plan.target:
            role, type_ = "target", "category" if plan.target_kind == "label" else "number"
        elif column is plan.split:
            role, type_, reason = "ignored", "category", "it names each row's side of the split"
        elif column.at in reasons:
            role, reason = "ignored", reasons[column.at]
        columns.append(
            Column(
                name=column.name,
                type=type_,
                role=role,  # type: ignore[arg-type]
                nullable=profiles.get(column.at, {}).get("nulls", 0) > 0,
                categories=[value for value, _ in values[column.at][:MAX_CATEGORIES]]
                if column.at in values
                else None,
                reason=reason,
            )
        )
    return Schema(columns)


def frequent(connection: duckdb.DuckDBPyConnection, plan: Plan) -> Frequent:
    """The values of category columns and of a label with their counts, most frequent first.

    They are all the values where there are MAX_CATEGORIES at most; else one more than that.
    """
    named = [column.at for column in plan.features if column.type == "category"]
    if plan.target_kind == "label":
        named.append(plan.target.at)
    return {at: top(connection, at, MAX_CATEGORIES + 1) for at in named}


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
    if plan.target.at in types:
        types[plan.target.at] = "category" if plan.target_kind == "label" else "number"
    exact = rows <= EXACT_ROWS
    fields = ", ".join(
        f"count({at}), {_distinct(at, type_, exact)}, "
        + _RANGES.get(type_, "NULL, NULL, NULL").format(at=at)
        for at, type_ in types.items()
    )
    found = batched(one_row(connection, f"SELECT {fields} FROM clean"), 5, strict=True)
    profiles, ranges = {}, {}
    for column, (filled, distinct, low, mean, high) in zip(columns, found, strict=True):
        at, type_ = column.at, types[column.at]
        described = profiles[at] = {
            "name": column.name,
            "count": filled,
            "nulls": rows - filled,
            "distinct": min(distinct, filled),
            "distinct_is_approximate": not exact,
        }
        if filled and type_ == "number":
            ranges[at] = _Range(low, mean, high, sample_of(filled))
        elif filled and type_ == "datetime":
            described |= {"min": low.isoformat(), "max": high.isoformat()}
        elif filled and type_ == "text":
            described["length"] = {"min": low, "mean": mean, "max": high}
    for at, spread in _spreads(connection, "clean", ranges).items():
        profiles[at] |= spread
    for at, described in profiles.items():
        few = types[at] == "number" and described["distinct"] <= _TOP
        if described["count"] and (few or types[at] in ("category", "boolean")):
            found_values = values[at] if at in values else top(connection, at, _TOP)
            described["top"] = [
                {"value": value, "count": count} for value, count in found_values[:_TOP]
            ]
    return profiles


def _distinct(at: str, type_: str, exact: bool) -> str:
    """SQL of how many values there are."""
    if not exact:
        return f"approx_count_distinct({at})"
    # Long texts would take the memory of all of them.
    value = f"CASE WHEN {at} IS NOT NULL THEN hash({at}) END" if type_ == "text" else at
    return f"count(DISTINCT {value})"


@dataclass(frozen=True)
class _Range:
    """Where a column's numbers are, and the SQL of the sample that its quantiles are of."""

    low: float
    mean: float
    high: float
    sample: str


def _spreads(
    connection: duckdb.DuckDBPyConnection, rows: str, ranges: Mapping[str, _Range]
) -> dict[str, dict[str, Any]]:
    """What columns of numbers are like."""
    if not ranges:
        return {}
    shares = ", ".join(f"{quantile / 100}" for quantile in _QUANTILES)
    # Scaled, because the squares of huge numbers overflow.
    scales = {at: max(abs(of.low), abs(of.high)) or 1.0 for at, of in ranges.items()}
    fields = ", ".join(
        f"stddev_samp({at} / {scales[at]!r}), "
        f"quantile_cont({at}, [{shares}]) FILTER (WHERE {of.sample})"
        for at, of in ranges.items()
    )
    found = batched(one_row(connection, f"SELECT {fields} FROM {rows}"), 2, strict=True)
    return {
        at: {
            "min": of.low,
            "max": of.high,
            "mean": of.mean,
            "std": std * scales[at] if std is not None else None,
            "quantiles": {f"{q}": point for q, point in zip(_QUANTILES, points, strict=True)},
            "quantiles_are_approximate": of.sample != "true",
        }
        for (at, of), (std, points) in zip(ranges.items(), found, strict=True)
    }


def sample_of(rows: int) -> str:
    """The SQL of what holds for all of so many rows, or for a sample of them, by their hashes."""
    return "true" if rows <= EXACT_ROWS else f"row_hash < {(EXACT_ROWS << 64) // rows}"


def numbers(
    connection: duckdb.DuckDBPyConnection, at: str, rows: str, sample: str
) -> dict[str, Any]:
    """What a column of numbers is like; its quantiles are those of a sample of the rows."""
    low, mean, high = one_row(connection, f"SELECT {_RANGES['number'].format(at=at)} FROM {rows}")
    return _spreads(connection, rows, {at: _Range(low, mean, high, sample)})[at]


def top(connection: duckdb.DuckDBPyConnection, at: str, limit: int) -> Sequence[tuple[Any, int]]:
    return connection.execute(f"""
        SELECT {at}, count(*) AS rows FROM clean WHERE {at} IS NOT NULL
        GROUP BY {at} ORDER BY rows DESC, {at} LIMIT {limit}
    """).fetchall()


def split_targets(
    connection: duckdb.DuckDBPyConnection, plan: Plan, counts: Counts
) -> tuple[dict[Split, int], dict[Split, dict[str, Any]]]:
    """Rows on each side, and each side's class balance or the target's distribution."""
    rows = rows_of_sides(counts)
    targets: dict[Split, dict[str, Any]] = {}
    for side in SPLITS:
        if plan.target_kind == "label":
            present = [(value, sides[side]) for value, sides in counts.items() if sides[side]]
            targets[side] = dict(sorted(present, key=lambda found: (-found[1], found[0])))
        else:
            targets[side] = numbers(connection, plan.target.at, side, sample_of(rows[side]))
    return rows, targets
