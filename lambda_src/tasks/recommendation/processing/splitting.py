"""How interactions are split: the last ones of each user are for the test."""

from common.problems import invalid
from common.warnings import Warning
from tasks.recommendation.options import UserSplit
from tasks.recommendation.processing.table import Table
from tasks.tables.processing.columns.written import GIVEN_SPLIT
from tasks.tables.splitting import assign_splits
from tasks.tables.splitting.rules import ByColumn, ByOrder, Counts, Rows, Rule

_USER = '"user"'


def split(table: Table) -> tuple[Counts, list[Warning]]:
    """Assigns the interactions of clean to splits; see assign_splits.

    The last of each user's interactions are for the test, those before for validation. Raises
    Unprocessable when a split would be empty.
    """
    option, warnings = table.options.split, list[Warning]()
    rule: Rule
    if option.column is not None:
        rule = ByColumn(GIVEN_SPLIT, option.column, "row_hash")
    else:
        by_time = _splits_by_time(table, option)
        if not by_time:
            warnings += _at_random(table)
        rule = ByOrder(_USER, "time, row_hash" if by_time else "row_hash", option.shares())
    differing = "their users, each of whom needs three items"
    rows = Rows(table.connection, "clean", what="interactions", differing=differing)
    counts, split_warnings = assign_splits(rows, rule)
    return counts, [*warnings, *split_warnings]


def _at_random(table: Table) -> list[Warning]:
    """Says that interactions are not split by time, unless that was asked for."""
    if table.options.split.by == "random":
        return []
    users, _ = table.users_and_items()
    detail = (
        f"The interactions of each of {users:,} users were split at random: no column is known "
        "to hold times, by which the last ones would be the test."
    )
    return [Warning(code="split_at_random", detail=detail, count=users, option="time")]


def _splits_by_time(table: Table, split: UserSplit) -> bool:
    if split.by == "time" and "time" not in table.roles:
        raise invalid(["split", "by"], "no column holds times: name it as time")
    return split.by != "random" and "time" in table.roles
