"""How the rows of a table are split, by the rule that was asked for or that suits them."""

from collections.abc import Callable

import duckdb

from common.datasets import SplitRule
from common.warnings import Warning
from tasks.tables.options import TableSplit
from tasks.tables.processing.columns.plan import Plan
from tasks.tables.processing.columns.written import GIVEN_SPLIT
from tasks.tables.processing.rows.split_warnings import rare_classes, split_overlap, split_shares
from tasks.tables.splitting import assign_splits, rows_of_splits
from tasks.tables.splitting.rules import ByColumn, ByHash, ByTime, Counts, Rows, Rule

_WHY = {
    "time": "rows are split by time",
    "group": "rows are split by group",
    "column": "the split column says where rows go",
}
"""Why a class may have no rows in a split."""


def split(
    connection: duckdb.DuckDBPyConnection,
    plan: Plan,
    option: TableSplit,
    most: int,
    check: Callable[[Counts], None],
    rule: SplitRule,
) -> tuple[Counts, list[Warning]]:
    """Assigns the rows of clean to splits; see assign_splits.

    A rule has a hash of its own: of a row's features, of its group, or of the row and the number of
    its copy. Raises Unprocessable.
    """
    rows = Rows(connection, "clean", _stratum(plan), differing=_differing(rule))
    counts, warnings = assign_splits(rows, _rule(plan, option, rule), most, check)
    if plan.split is None:
        warnings += split_shares(rows_of_splits(counts), option.shares(), rule)
    else:
        warnings += split_overlap(connection, plan.split.name)
    if plan.label is not None:
        why = _WHY.get("column" if plan.split is not None else rule.by)
        warnings += rare_classes(counts, plan.label.name, why)
    return counts, warnings


def _rule(plan: Plan, option: TableSplit, rule: SplitRule) -> Rule:
    """The rule in terms of the columns of clean."""
    if plan.split is not None:
        return ByColumn(GIVEN_SPLIT, plan.split.name, "features_hash")
    hashes = {"rows": "split_hash", "features": "features_hash"}
    if rule.by in hashes:
        return ByHash(hashes[rule.by], option.shares())
    assert plan.split_by is not None  # the column that holds the times or groups
    if rule.by == "time":
        return ByTime(plan.split_by.at, plan.split_by.name, option.shares())
    return ByHash(f"hash({plan.split_by.at})", option.shares())


def _differing(rule: SplitRule) -> str:
    """What rows have to differ in, so that they are in several splits."""
    named = rule.by in ("group", "time")
    return f"column {rule.column!r}" if named else "their features"


def _stratum(plan: Plan) -> str:
    """SQL of what is to be in every split."""
    if plan.label is None:
        return "''"
    return plan.label.at if plan.asked.is_learned else f"coalesce({plan.label.at}, '')"
