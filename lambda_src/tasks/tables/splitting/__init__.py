"""Which split each row is in: train, validation or test. The rows of every task are split here.

A rule says what decides. By hash, a row's split follows from a hash of something of its own, such
as its features: it never changes when rows are added, removed or reordered, and rows with equal
hashes are always in the same split. There is one exception: a class with a few rows may leave a
split empty; then the groups of equal hashes that are nearest to that split are moved there. By
time, the last rows are the test. By order, the last rows of each group are. By column, the source
says where each row goes.
"""

from collections import Counter
from collections.abc import Callable

from common.datasets import SPLITS, Split
from common.problems import Unprocessable
from common.warnings import Warning
from tasks.tables.splitting.filling import Groups, groups_to_move
from tasks.tables.splitting.ranges import HASHES, Ranges, times
from tasks.tables.splitting.rules import (
    ASSIGNED,
    ByColumn,
    ByHash,
    ByOrder,
    ByTime,
    Counts,
    Rows,
    Rule,
)


def assign_splits(
    rows: Rows,
    rule: Rule,
    most: int | None = None,
    check: Callable[[Counts], None] = lambda counts: None,
) -> tuple[Counts, list[Warning]]:
    """Makes the relation assigned, all rows with their split, and views of the rows of each split.

    check raises what is wrong with the classes. It sees the most frequent ones, and one more than
    the most that there may be. Raises Unprocessable where a split would be empty.
    """
    ranges, warnings = None, list[Warning]()
    match rule:
        case ByColumn():
            warnings = _follow_column(rows, rule)
        case ByOrder():
            _split_groups(rows, rule)
        case ByHash():
            ranges = Ranges.of(rule.at, rule.shares)
        case ByTime():
            ranges = times(rows, rule)
    if ranges is not None:
        query = f"SELECT *, {ranges.split()} AS split FROM {rows.relation}"
        rows.connection.execute(f"CREATE VIEW {ASSIGNED} AS {query}")
    _view_splits(rows, ranges)
    counts = _count(rows, ranges, most)
    check(counts)
    hashed = ranges if isinstance(rule, ByHash) else None
    if hashed is not None and (moved := groups_to_move(rows, hashed, counts)):
        _move(rows, hashed, moved)
        counts = _count(rows)
    totals = rows_of_splits(counts)
    if empty := [split for split in SPLITS if not totals[split]]:
        raise Unprocessable(
            f"With {sum(totals.values()):,} usable {rows.what} nothing is left for "
            f"{' and '.join(empty)}: send more {rows.what} that differ in {rows.differing}."
        )
    return counts, warnings


def rows_of_splits(counts: Counts) -> dict[Split, int]:
    """Rows in each split, of all classes."""
    return {split: sum(of_class[split] for of_class in counts.values()) for split in SPLITS}


def _split_groups(rows: Rows, rule: ByOrder) -> None:
    """The last rows of each group are for the test, those before for validation.

    Each split gets one row of a group at least, as long as one is left for training.
    """
    _, validation, test = rule.shares
    rows.connection.execute(f"""
        CREATE TABLE {ASSIGNED} AS SELECT * EXCLUDE (index_, count_, tested, validated),
            CASE WHEN index_ > count_ - tested THEN 'test'
                WHEN index_ > count_ - tested - validated THEN 'validation'
                ELSE 'train' END AS split
        FROM (
            SELECT *, least(greatest(1, round(count_ * {validation})), count_ - tested - 1)
                AS validated
            FROM (
                SELECT *, least(greatest(1, round(count_ * {test})),
                    greatest(count_ - 2, least(count_ - 1, 1))) AS tested
                FROM (
                    SELECT *, count(*) OVER (PARTITION BY {rule.group}) AS count_, row_number()
                        OVER (PARTITION BY {rule.group} ORDER BY {rule.order}) AS index_
                    FROM {rows.relation})))
    """)


def _follow_column(rows: Rows, rule: ByColumn) -> list[Warning]:
    """Follows what a column says. Validation is cut from train if it names no such rows."""
    connection = rows.connection
    named = {
        name
        for (name,) in connection.execute(
            f"SELECT DISTINCT {rule.at} FROM {rows.relation}"
        ).fetchall()
    }
    if "train" not in named or "test" not in named:
        raise Unprocessable(
            f"Split column {rule.column!r} has only {', '.join(sorted(named))}: it needs "
            f"{rows.what} of train and test; validation is cut from train when there is none."
        )
    split, warnings = rule.at, list[Warning]()
    if "validation" not in named:
        cut = f"{rule.at} = 'train' AND {rule.hash} < {HASHES // 10}::UBIGINT"
        split = f"CASE WHEN {cut} THEN 'validation' ELSE {rule.at} END"
        detail = (
            f"The split column names no validation {rows.what}: a tenth of train was cut by hash."
        )
        warnings.append(Warning(code="validation_from_train", detail=detail, option="split.column"))
    connection.execute(f"""
        CREATE VIEW {ASSIGNED} AS SELECT * EXCLUDE ({rule.at}), {split} AS split
        FROM {rows.relation}
    """)
    return warnings


def _move(rows: Rows, ranges: Ranges, moved: Groups) -> None:
    """Makes the relation assigned anew, with some groups moved."""
    connection, name = rows.connection, rows.relation
    connection.execute("CREATE TABLE moved (hash UBIGINT, split VARCHAR)")
    connection.executemany("INSERT INTO moved VALUES (?, ?)", list(moved.items()))
    connection.execute(f"""
        CREATE OR REPLACE VIEW {ASSIGNED} AS
        SELECT {name}.*, coalesce(moved.split, {ranges.split()}) AS split
        FROM {name} LEFT JOIN moved ON moved.hash = {ranges.at}
    """)
    _view_splits(rows)


def _view_splits(rows: Rows, ranges: Ranges | None = None) -> None:
    """Makes a view of each split's rows."""
    for split in SPLITS:
        where = _in_split(split, ranges)
        rows.connection.execute(f"CREATE OR REPLACE VIEW {split} AS FROM {ASSIGNED} WHERE {where}")


def _in_split(split: Split, ranges: Ranges | None) -> str:
    """SQL of whether a row is in a split: by its range where ranges alone decide."""
    return ranges.holds(split) if ranges is not None else f"split = '{split}'"


def _count(rows: Rows, ranges: Ranges | None = None, most: int | None = None) -> Counts:
    """Counts of all classes, or of one more than the most: the most frequent first."""
    counts = ", ".join(f"count(*) FILTER (WHERE {_in_split(split, ranges)})" for split in SPLITS)
    limit = f"LIMIT {most + 1}" if most is not None else ""
    classes = rows.connection.execute(f"""
        SELECT {rows.stratum} AS stratum, {counts} FROM {ASSIGNED}
        GROUP BY ALL ORDER BY count(*) DESC, stratum {limit}
    """).fetchall()
    return {
        value: Counter({split: count for split, count in zip(SPLITS, some, strict=True) if count})
        for value, *some in classes
    }
