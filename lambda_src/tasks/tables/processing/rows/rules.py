"""By what rows are split: their features, each by itself, a time, groups, or a column."""

import math
from dataclasses import dataclass

import duckdb

from common.datasets import SplitRule
from common.problems import invalid
from tasks.tables.options import TableSplit
from tasks.tables.processing.columns.plan import Plan
from tasks.tables.processing.database import one_row

ROWS_PER_COMBINATION = 5
"""Where rows agree in all features with four others on average, each is split by itself, if their
values are also combined freely: of Titanic's 14 combinations, a test split of one or two tells
nothing, and rows like these come again."""

COMBINED_SHARE = 0.05
"""Values are combined freely where at least this share of the possible combinations occurs. Of 70
tables with few combinations, those with a smaller share repeat the features of schools, litters
or aircraft, which have to stay together; those with a larger one are tables of categories."""


@dataclass(frozen=True)
class Chosen:
    """The rule; combinations counts different rows of features where the rule follows from it."""

    rule: SplitRule
    combinations: int | None = None


def choose_rule(
    connection: duckdb.DuckDBPyConnection, plan: Plan, option: TableSplit, rows: int
) -> Chosen:
    """The rule that is asked for, or that suits the rows of clean."""
    if plan.split is not None:
        return Chosen(SplitRule("column", plan.split.name))
    if option.by is not None:
        return Chosen(SplitRule(option.by, option.column))
    if _are_many(connection, rows) or not _is_combined(connection, plan):
        return Chosen(SplitRule())
    (exactly,) = one_row(connection, "SELECT count(DISTINCT features_hash) FROM clean")
    return Chosen(SplitRule("rows"), exactly)


def _are_many(connection: duckdb.DuckDBPyConnection, rows: int) -> bool:
    """Whether combinations are too many to be each split by its rows: most often the first rows
    have as many as that."""
    for some in (rows // 3, rows):
        (combinations,) = one_row(
            connection,
            "SELECT approx_count_distinct(features_hash) FROM "
            f"(SELECT features_hash FROM clean LIMIT {some})",
        )
        if rows < ROWS_PER_COMBINATION * combinations:
            return True
    return False


def _is_combined(connection: duckdb.DuckDBPyConnection, plan: Plan) -> bool:
    """Whether the features' values are combined freely."""
    counts = ", ".join(
        f"approx_count_distinct({column.at}) + bool_or({column.at} IS NULL)::INTEGER"
        for column in plan.features
    )
    different = one_row(
        connection,
        f"SELECT approx_count_distinct(features_hash), {counts} FROM clean",
    )
    combinations, *each = different
    return bool(combinations >= COMBINED_SHARE * math.prod(each))


def check_time(plan: Plan, option: TableSplit) -> None:
    """Raises Unprocessable where rows are to be split by a time that is none."""
    column = plan.split_by
    if option.by == "time" and column is not None and column.type not in ("datetime", "number"):
        raise invalid(
            ["split", "column"],
            f"column {column.name!r} holds {_KINDS.get(column.type, column.type)}, and a split by "
            "time takes dates or numbers: name another column, or set its type in types",
        )


_KINDS = {"category": "categories", "boolean": "booleans", "text": "text"}
