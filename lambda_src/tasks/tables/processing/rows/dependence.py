"""Rows that tell of each other: neighbours in time, and members of a group.

Where such rows are in different splits, the test score is better than what a model reaches on
days, or on groups, that are new.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any

import duckdb

from common.datasets import SplitRule
from common.warnings import Warning
from tasks.tables.processing.columns.plan import Plan
from tasks.tables.processing.columns.typed import Typed
from tasks.tables.processing.database import one_row
from tasks.tables.processing.describing import sample_of

MIN_ROWS = 30
"""Fewer rows look like anything."""

TIME_ROWS = 20_000
"""Rows of which neighbours in time are compared, about."""

ALIKE = 0.3
"""From this autocorrelation on, neighbours in time tell of each other, if chance allows less."""

MIN_GROUPS, ROWS_PER_GROUP = 20, 3
"""Fewer values than this are a category, of which new ones hardly come."""

_NUMBERED = re.compile(r"(?i:(^|[_\s.-])(id|key|nr|no|code|group)$)|[a-z](Id|ID)$")
"""Names of columns whose numbers are names of groups."""

KNOWN = 0.5
"""A group tells the target when the rest of it explains this part of its variance."""


def find_dependence(
    connection: duckdb.DuckDBPyConnection,
    plan: Plan,
    rule: SplitRule,
    profiles: Mapping[str, dict[str, Any]],
    known: Collection[str],
) -> list[Warning]:
    """Warnings of the columns that order rows, or group them, in a way that was not followed.

    known names columns that determine the target: what such a one says of time is no news, but
    groups of which each has one target are best split by group. Without a target there are none.
    """
    if plan.target is None:
        return []
    target = plan.target
    others = [
        column
        for column in plan.columns
        if column not in (target, plan.split)
        and profiles[column.at]["count"] >= MIN_ROWS
        and profiles[column.at]["distinct"] > 1
    ]
    warnings = list[Warning]()
    if rule.by not in ("time", "column"):
        times = {
            column.name: rows
            for column in others
            if column.type == "datetime"
            and column.name not in known
            and (rows := _alike(connection, plan, target, column, profiles))
        }
        warnings += _warning("time_order", _TIME_ORDER.format(word=plan.asked.word), times)
    if rule.by not in ("group", "column"):
        groups = {
            column.name: profiles[column.at]["distinct"]
            for column in others
            if _may_group(column, profiles[column.at])
            and _is_known(connection, plan, target, column, profiles)
            and not _measures(connection, column)
            and _is_shared(connection, column)
        }
        warnings += _warning("looks_like_group", _GROUPS.format(word=plan.asked.word), groups)
    return warnings


_TIME_ORDER = (
    "Rows that are next to each other in time have similar {word}s: tested on rows in between, a "
    "model looks better than it is for days to come. Split by time if it is to predict those."
)
_GROUPS = (
    "The {word} is largely known from other rows with the same value of these columns, which are "
    "in other splits, too. Split by group if predictions are asked for new values."
)


def _warning(code: str, detail: str, columns: dict[str, int]) -> list[Warning]:
    """The warning, if there are such columns."""
    if not columns:
        return []
    return [Warning(code=code, detail=detail, count=len(columns), columns=columns, option="split")]


def _alike(
    connection: duckdb.DuckDBPyConnection,
    plan: Plan,
    learned: Typed,
    column: Typed,
    profiles: Mapping[str, dict[str, Any]],
) -> int:
    """How many rows have a time, if neighbours have similar targets; else 0."""
    filled: int = profiles[column.at]["count"]
    target = learned.at
    if plan.target_kind == "number":
        value = f"{target} / {learned.values.magnitude or 1.0!r}"
        alike = "corr(value, next)"
    else:
        value = target
        alike = "(avg((value = next)::INTEGER) - any_value(chance)) / (1 - any_value(chance))"
    found, compared = one_row(
        connection,
        f"""
        WITH sampled AS MATERIALIZED (
            SELECT {value} AS value, {column.at} AS time, row_hash FROM clean
            WHERE {column.at} IS NOT NULL AND {target} IS NOT NULL
                AND {sample_of(filled, TIME_ROWS)})
        SELECT {alike}, count(*) FROM
            (SELECT value, lead(value) OVER (ORDER BY time, row_hash) AS next FROM sampled),
            (SELECT sum(n * n) / sum(n) ** 2 AS chance FROM (
                SELECT count(*) AS n FROM sampled GROUP BY value))
        WHERE next IS NOT NULL
        """,
    )
    if found is None or compared < MIN_ROWS or not found >= max(ALIKE, 5 / compared**0.5):
        return 0
    return filled


def _may_group(column: Typed, profile: Mapping[str, Any]) -> bool:
    """Whether a column's values may be names of groups: many, of several rows each."""
    named = column.type == "number" and _NUMBERED.search(column.name) is not None
    several = profile["distinct"] * ROWS_PER_GROUP <= profile["count"]
    many = profile["distinct"] >= MIN_GROUPS
    return (column.type == "category" or named) and many and several


def _measures(connection: duckdb.DuckDBPyConnection, column: Typed) -> bool:
    """Whether a column has a number with decimals: those are measured, and name no group."""
    if column.type == "number":
        decimal = f"{column.at} <> floor({column.at})"
    elif column.given:
        return False
    else:
        decimal = f"regexp_full_match({column.at}, '[+-]?[0-9]+[.,][0-9]+')"
    different = f"(SELECT DISTINCT {column.at} FROM clean)"
    (found,) = one_row(connection, f"SELECT bool_or({decimal}) FROM {different}")
    return bool(found)


def _is_known(
    connection: duckdb.DuckDBPyConnection,
    plan: Plan,
    learned: Typed,
    column: Typed,
    profiles: Mapping[str, dict[str, Any]],
) -> bool:
    """Whether the target of a row is largely known from the others of its group."""
    at, target = column.at, learned.at
    sample = sample_of(profiles[at]["count"])
    where = f"{at} IS NOT NULL AND {target} IS NOT NULL AND {sample}"
    if plan.target_kind == "number":
        centre, scale = profiles[target]["mean"], profiles[target]["std"] or 1.0
        row = one_row(
            connection,
            # The squares of what the mean of the others leaves, and of all.
            f"""
            SELECT 1 - sum(n * (n * squares - total * total) / (n - 1) ** 2)
                / nullif(sum(squares), 0) FROM (
                SELECT count(*)::DOUBLE AS n, sum(y) AS total, sum(y * y) AS squares FROM (
                    SELECT {at}, ({target} - {centre!r}) / {scale!r} AS y FROM clean WHERE {where})
                GROUP BY {at} HAVING count(*) > 1)
            """,
        )
    else:
        row = one_row(
            connection,
            # How often another row of the group has the same class, beyond chance.
            f"""
            WITH counted AS MATERIALIZED (
                SELECT {at} AS value, {target} AS class, count(*) AS rows FROM clean WHERE {where}
                GROUP BY ALL)
            SELECT (agreeing - chance) / nullif(1 - chance, 0) FROM
                (SELECT sum(same / (n - 1)) / sum(n) AS agreeing FROM (
                    SELECT sum(rows)::DOUBLE AS n, sum(rows * (rows - 1))::DOUBLE AS same
                    FROM counted GROUP BY value HAVING sum(rows) > 1)),
                (SELECT sum(rows * rows)::DOUBLE / sum(rows) ** 2 AS chance FROM (
                    SELECT sum(rows) AS rows FROM counted GROUP BY class))
            """,
        )
    return row[0] is not None and row[0] >= KNOWN


def _is_shared(connection: duckdb.DuckDBPyConnection, column: Typed) -> bool:
    """Whether most of the values of test rows are in training rows, too."""
    at = column.at
    (share,) = one_row(
        connection,
        f"SELECT avg(({at} IN (SELECT {at} FROM train))::INTEGER) FROM "
        f"(SELECT DISTINCT {at} FROM test WHERE {at} IS NOT NULL)",
    )
    return share is not None and share >= 0.5
