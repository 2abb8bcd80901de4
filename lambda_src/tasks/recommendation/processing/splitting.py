"""Which side each interaction is on: the last ones of each user are for the test."""

import duckdb

from common.datasets import SPLITS, Split
from common.problems import Unprocessable, invalid
from common.warnings import Warning
from tasks.recommendation.options import UserSplit
from tasks.recommendation.processing.table import Table


def split(table: Table) -> list[Warning]:
    """Makes the view sided. Raises Unprocessable when a side would be empty.

    The last of each user's interactions are for the test, those before for validation; at
    least one each, as long as one is left for training.
    """
    split, warnings = table.options.split, []
    if split.column is not None:
        table.connection.execute("CREATE VIEW sided AS SELECT *, given_side AS side FROM clean")
    else:
        by_time = _splits_by_time(table, split)
        if not by_time:
            warnings += _at_random(table)
        table.connection.execute(_user_split(split, by_time))
    counts = rows_of_sides(table.connection)
    if empty := [side for side in SPLITS if not counts[side]]:
        raise Unprocessable(
            f"Nothing is left for {' and '.join(empty)}: each user needs 3 items or more, and "
            "a split column has to name train, validation and test."
        )
    return warnings


def rows_of_sides(connection: duckdb.DuckDBPyConnection) -> dict[Split, int]:
    found = dict(connection.execute("SELECT side, count(*) FROM sided GROUP BY side").fetchall())
    return {side: found.get(side, 0) for side in SPLITS}


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


def _user_split(split: UserSplit, by_time: bool) -> str:
    _, validation, test = split.shares()
    order = "time, row_hash" if by_time else "row_hash"
    return f"""
        CREATE TABLE sided AS SELECT * EXCLUDE (place, items, tested, validated),
            CASE WHEN place > items - tested THEN 'test'
                WHEN place > items - tested - validated THEN 'validation'
                ELSE 'train' END AS side
        FROM (
            SELECT *, least(greatest(1, round(items * {validation})), items - tested - 1)
                AS validated
            FROM (
                SELECT *, least(greatest(1, round(items * {test})), items - 1) AS tested
                FROM (
                    SELECT *, row_number() OVER (PARTITION BY "user" ORDER BY {order}) AS place,
                        count(*) OVER (PARTITION BY "user") AS items
                    FROM clean)))
    """
