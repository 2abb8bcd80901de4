"""What is in the data: a profile of every column, and the schema that training reads."""

from collections.abc import Callable, Sequence
from typing import Any

import duckdb

from common.datasets import SPLITS, Column, Schema, Split
from tasks.shared.processing.column_types import Typed
from tasks.shared.processing.database import one_row
from tasks.shared.processing.plan import Plan

EXACT_ROWS = 200_000
"""Up to here distinct values and quantiles are exact; beyond, distinct values are approximate, and
quantiles those of about so many rows, which are drawn by their hashes: the same ones each time."""

MAX_CATEGORIES = 1000
"""Categories recorded in the schema; rarer ones count as unseen."""

_TOP = 20
_QUANTILES = (5, 25, 50, 75, 95)


def schema(
    plan: Plan, profiles: dict[str, dict[str, Any]], categories: dict[str, list[str]]
) -> Schema:
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
                categories=categories.get(column.at) if role != "ignored" else None,
                reason=reason,
            )
        )
    return Schema(columns)


def categories(connection: duckdb.DuckDBPyConnection, plan: Plan) -> dict[str, list[str]]:
    """The values of every category column and of a label, most frequent first."""
    named = [column.at for column in plan.features if column.type == "category"]
    if plan.target_kind == "label":
        named.append(plan.target.at)
    return {at: [value for value, _ in top(connection, at, MAX_CATEGORIES)] for at in named}


def profile(
    connection: duckdb.DuckDBPyConnection, plan: Plan, tell: Callable[[float], None]
) -> dict[str, dict[str, Any]]:
    """Each column's profile by its place; counts are of usable rows."""
    columns = [column for column in plan.columns if column is not plan.split]
    (rows,) = one_row(connection, "SELECT count(*) FROM clean")
    profiles = {}
    for index, column in enumerate(columns):
        tell(index / len(columns))
        profiles[column.at] = _profile(connection, plan, column, rows)
    return profiles


def _profile(
    connection: duckdb.DuckDBPyConnection, plan: Plan, column: Typed, rows: int
) -> dict[str, Any]:
    type_: str = column.type
    if column is plan.target:
        type_ = "category" if plan.target_kind == "label" else "number"
    at, exact = column.at, rows <= EXACT_ROWS
    distinct = f"count(DISTINCT {at})" if exact else f"approx_count_distinct({at})"
    filled, different = one_row(connection, f"SELECT count({at}), {distinct} FROM clean")
    described: dict[str, Any] = {
        "name": column.name,
        "count": filled,
        "nulls": rows - filled,
        "distinct": min(different, filled),
        "distinct_is_approximate": not exact,
    }
    if filled == 0:
        return described
    if type_ == "number":
        described |= numbers(connection, at, "clean", sample_of(filled))
    elif type_ == "datetime":
        first, last = one_row(connection, f"SELECT min({at}), max({at}) FROM clean")
        described |= {"min": first.isoformat(), "max": last.isoformat()}
    elif type_ == "text":
        low, mean, high = one_row(
            connection, f"SELECT min(length({at})), avg(length({at})), max(length({at})) FROM clean"
        )
        described["length"] = {"min": low, "mean": mean, "max": high}
    if type_ in ("category", "boolean") or (type_ == "number" and different <= _TOP):
        described["top"] = [
            {"value": value, "count": count} for value, count in top(connection, at, _TOP)
        ]
    return described


def sample_of(rows: int) -> str:
    """The SQL of what holds for all of so many rows, or for a sample of them, by their hashes."""
    return "true" if rows <= EXACT_ROWS else f"row_hash < {(EXACT_ROWS << 64) // rows}"


def numbers(
    connection: duckdb.DuckDBPyConnection, at: str, rows: str, sample: str
) -> dict[str, Any]:
    """What a column of numbers is like; its quantiles are those of a sample of the rows."""
    shares = ", ".join(f"{quantile / 100}" for quantile in _QUANTILES)
    low, high, mean, points = one_row(
        connection,
        f"SELECT min({at}), max({at}), avg({at}), "
        f"quantile_cont({at}, [{shares}]) FILTER (WHERE {sample}) FROM {rows}",
    )
    # Scaled, because the squares of huge numbers overflow.
    scale = max(abs(low), abs(high)) or 1.0
    (std,) = one_row(connection, f"SELECT stddev_samp({at} / {scale!r}) FROM {rows}")
    return {
        "min": low,
        "max": high,
        "mean": mean,
        "std": std * scale if std is not None else None,
        "quantiles": {f"{q}": point for q, point in zip(_QUANTILES, points, strict=True)},
        "quantiles_are_approximate": sample != "true",
    }


def top(connection: duckdb.DuckDBPyConnection, at: str, limit: int) -> Sequence[tuple[Any, int]]:
    return connection.execute(f"""
        SELECT {at}, count(*) AS rows FROM clean WHERE {at} IS NOT NULL
        GROUP BY {at} ORDER BY rows DESC, {at} LIMIT {limit}
    """).fetchall()


def split_targets(
    connection: duckdb.DuckDBPyConnection, plan: Plan
) -> tuple[dict[Split, int], dict[Split, dict[str, Any]]]:
    """Rows on each side, and each side's class balance or the target's distribution."""
    at = plan.target.at
    rows = dict(connection.execute("SELECT side, count(*) FROM sided GROUP BY side").fetchall())
    targets: dict[Split, dict[str, Any]] = {}
    for side in SPLITS:
        if plan.target_kind == "label":
            targets[side] = dict(
                connection.execute(
                    f"SELECT {at}, count(*) AS rows FROM sided WHERE side = ? "
                    f"GROUP BY {at} ORDER BY rows DESC, {at}",
                    [side],
                ).fetchall()
            )
        else:
            side_rows = f"sided WHERE side = '{side}'"
            targets[side] = numbers(connection, at, side_rows, sample_of(rows[side]))
    return {side: rows[side] for side in SPLITS}, targets
