"""Features that reveal the target: most often made after it, or from it."""

import math
from typing import Any

import duckdb

from common.warnings import Warning
from tasks.tables.processing.columns.plan import Plan
from tasks.tables.processing.columns.typed import Typed

MIN_ROWS = 30
"""With fewer rows, a feature may well determine the target by chance."""

_FIRST_ROWS = 10_000

ROWS_PER_VALUE = 5
"""Values must repeat this often on average: what hardly repeats determines everything."""


_CODES = {"equals": "equal", "determines": "determine"}

_NAMED = 20
"""Columns that a warning names at most."""


def find_leaks(
    connection: duckdb.DuckDBPyConnection, plan: Plan, profiles: dict[str, dict[str, Any]]
) -> list[Warning]:
    """A warning of the features that equal the target, and one of those that determine it."""
    if plan.target is None:
        return []
    word = plan.asked.word
    leaks: dict[str, dict[str, int]] = {}
    for column in plan.features:
        profile = profiles[column.at]
        if profile["count"] < MIN_ROWS or profile["distinct"] < 2:
            continue
        if found := _leak(connection, plan, plan.target, column, profiles):
            leaks.setdefault(found, {})[column.name] = profile["count"]
    return [
        Warning(
            code=f"{found}_{word}",
            detail=f"These columns {_CODES[found]} the {word} {plan.target.name!r}: "
            f"{', '.join(map(repr, list(columns)[:_NAMED]))}. Exclude them unless they are known "
            "when predictions are asked for.",
            count=len(columns),
            columns=columns,
            option="exclude",
        )
        for found, columns in leaks.items()
    ]


def _leak(
    connection: duckdb.DuckDBPyConnection,
    plan: Plan,
    target: Typed,
    column: Typed,
    profiles: dict[str, dict[str, Any]],
) -> str | None:
    profile = profiles[column.at]
    # Equal columns have as many values, which is known; numbers of them may be approximate.
    as_many = math.isclose(profile["distinct"], profiles[target.at]["distinct"], rel_tol=0.2)
    if as_many and not profile["nulls"] and _equals(connection, plan, target, column):
        return "equals"
    if plan.target_kind == "number" and column.type == "number":
        scale = column.values.magnitude or 1.0  # the squares of huge numbers overflow
        row = connection.execute(
            f"SELECT corr({column.at} / {scale}, {target.at}) FROM clean"
        ).fetchone()
        if row is not None and row[0] is not None and abs(row[0]) > 0.99999:
            return "determines"
    if profile["distinct"] * ROWS_PER_VALUE > profile["count"]:
        return None
    return "determines" if _determines(connection, target, column) else None


def _equals(connection: duckdb.DuckDBPyConnection, plan: Plan, label: Typed, column: Typed) -> bool:
    feature, target = column.at, label.at
    if plan.target_kind == "number":
        if column.type != "number":
            return False
    elif column.type == "number":
        target = f"TRY_CAST({target} AS DOUBLE)"
    elif column.type == "boolean":
        feature = f"CAST({feature} AS VARCHAR)"
    elif column.type != "category":
        return False
    different = connection.execute(
        f"SELECT 1 FROM clean WHERE {feature} IS DISTINCT FROM {target} LIMIT 1"
    ).fetchone()
    return different is None


def _determines(connection: duckdb.DuckDBPyConnection, target: Typed, column: Typed) -> bool:
    """Whether every value goes with one target only, and not all values with the same.

    What does not hold for the first rows need not be looked for in all of them.
    """
    t = target.at
    targets = 0
    for rows in (f"(SELECT {column.at}, {t} FROM clean LIMIT {_FIRST_ROWS})", "clean"):
        row = connection.execute(f"""
            SELECT bool_and(low = high), count(DISTINCT low) FROM (
                SELECT min({t}) AS low, max({t}) AS high FROM {rows}
                WHERE {column.at} IS NOT NULL GROUP BY {column.at})
        """).fetchone()
        if row is None or row[0] is False:
            return False
        targets = row[1]
    return targets > 1
