"""Which side each row is on: train, validation or test.

A row's side follows from a hash of its features alone, so that it never changes when rows are
added, removed or reordered, and rows with the same features are always on the same side. Other
rules have another hash: of a row's group, or of the row and the number of its copy; by time, the
side follows from the time. One exception: a class with a few rows may leave a side empty; then
the groups of equal rows whose hashes are nearest to that side are moved there.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import duckdb

from common.datasets import SPLITS, Split, SplitRule
from common.problems import Unprocessable
from common.warnings import Warning
from tasks.tables.options import Split as SplitOption
from tasks.tables.options import TableSplit
from tasks.tables.processing.columns.plan import Plan
from tasks.tables.processing.database import one_row
from tasks.tables.processing.rows.rules import Ranges, times
from tasks.tables.processing.rows.split_warnings import rare_classes, split_shares

_HASHES = 1 << 64
_NEAREST = 1000
"""Groups looked at for one class; a class with more on one side is present on the others."""

Groups = dict[int, Split]

type Counts = dict[str, Counter[Split]]
"""Rows on each side, by class, the most frequent first; rows without a label are of the class '',
and where the target is a number or there is none, all rows are."""


@dataclass(frozen=True)
class Bounds:
    """The shares as hashes: train below validation's start, test from test's start on."""

    validation: int
    test: int

    @classmethod
    def of(cls, option: SplitOption) -> "Bounds":
        train, validation, _ = option.shares()
        start = int(train * 2**53) << 11
        return cls(start, max(start, int((train + validation) * 2**53) << 11))

    def ranges(self, at: str) -> Ranges:
        """The sides as ranges of the hash that an SQL value holds."""
        return Ranges(at, f"{self.validation}::UBIGINT", f"{self.test}::UBIGINT")

    def side(self, at: str) -> str:
        """SQL of the side of the hash in a column."""
        return self.ranges(at).side()

    def distance(self, at: int, side: Split) -> int:
        """How far a hash is from a side's range."""
        start, end = {
            "train": (0, self.validation),
            "validation": (self.validation, self.test),
            "test": (self.test, _HASHES),
        }[side]
        return max(start - at, at - end, 0)


def split(
    connection: duckdb.DuckDBPyConnection,
    plan: Plan,
    option: SplitOption,
    most: int | None = None,
    check: Callable[[Counts], None] = lambda counts: None,
    rule: SplitRule = SplitRule(),  # noqa: B008  # it never changes
) -> tuple[Counts, list[Warning]]:
    """Makes the view sided, clean with a side for every row, and one of each side's rows.

    check raises what is wrong with the classes, of which it sees the most that there may be and
    one more. Raises Unprocessable.
    """
    ranges, warnings = None, list[Warning]()
    if plan.split is not None:
        warnings = _split_by_column(connection, plan)
    else:
        ranges = _ranges(connection, plan, option, rule)
        connection.execute(f"CREATE VIEW sided AS SELECT *, {ranges.side()} AS side FROM clean")
        _view_sides(connection, ranges)
    counts = _count(connection, plan, ranges, most)
    check(counts)
    if ranges is not None and rule.by != "time":
        moved = _fill_sides(connection, plan, Bounds.of(option), ranges.at, counts)
        if moved:
            counts = _count(connection, plan)
    rows = rows_of_sides(counts)
    if empty := [side for side in SPLITS if not rows[side]]:
        raise Unprocessable(
            f"With {sum(rows.values())} usable rows nothing is left for {' and '.join(empty)}: "
            f"send more rows that differ in {_differing(rule)}."
        )
    if plan.split is None:
        warnings += split_shares(rows, option.shares(), rule)
    return counts, [*warnings, *rare_classes(counts, plan, rule)]


def _ranges(
    connection: duckdb.DuckDBPyConnection, plan: Plan, option: SplitOption, rule: SplitRule
) -> Ranges:
    """The sides as ranges of what a rule splits rows by."""
    if rule.by == "time":
        assert isinstance(option, TableSplit)
        return times(connection, plan, option)
    at = {"rows": "split_hash", "features": "features_hash"}.get(rule.by)
    if at is None:
        assert plan.split_by is not None  # the column that holds the groups
        at = f"hash({plan.split_by.at})"
    return Bounds.of(option).ranges(at)


def _differing(rule: SplitRule) -> str:
    """What rows have to differ in, so that they are on several sides."""
    named = rule.by in ("group", "time")
    return f"column {rule.column!r}" if named else "their features"


def _view_sides(connection: duckdb.DuckDBPyConnection, ranges: Ranges | None = None) -> None:
    """Makes a view of each side's rows."""
    for side in SPLITS:
        on_side = _on_side(side, ranges)
        connection.execute(f"CREATE OR REPLACE VIEW {side} AS FROM sided WHERE {on_side}")


def _on_side(side: Split, ranges: Ranges | None) -> str:
    """SQL of whether a row is on a side: by its range where ranges alone decide."""
    return ranges.holds(side) if ranges is not None else f"side = '{side}'"


def rows_of_sides(counts: Counts) -> dict[Split, int]:
    """Rows on each side, of all classes."""
    return {side: sum(sides[side] for sides in counts.values()) for side in SPLITS}


def _count(
    connection: duckdb.DuckDBPyConnection,
    plan: Plan,
    ranges: Ranges | None = None,
    most: int | None = None,
) -> Counts:
    """Counts of all classes, or of one more than the most: the most frequent first."""
    sides = ", ".join(f"count(*) FILTER (WHERE {_on_side(side, ranges)})" for side in SPLITS)
    limit = f"LIMIT {most + 1}" if most is not None else ""
    found = connection.execute(f"""
        SELECT {_stratum(plan)} AS stratum, {sides} FROM sided
        GROUP BY ALL ORDER BY count(*) DESC, stratum {limit}
    """).fetchall()
    return {
        value: Counter({side: count for side, count in zip(SPLITS, rows, strict=True) if count})
        for value, *rows in found
    }


def _stratum(plan: Plan) -> str:
    """SQL of what is to be on every side."""
    if plan.label is None:
        return "''"
    return plan.label.at if plan.asked.is_learned else f"coalesce({plan.label.at}, '')"


def _fill_sides(
    connection: duckdb.DuckDBPyConnection, plan: Plan, bounds: Bounds, at: str, counts: Counts
) -> Groups:
    """Moves groups of equal rows so that every class is on every side, where it can be.

    at is the SQL of the hash that rows are split by. Where no class can fill a side, groups of any
    class do.
    """
    moved = Groups()
    for value, sides in sorted(counts.items()):
        if len(sides) < len(SPLITS):
            groups = _groups(connection, at, _stratum(plan), value, bounds)
            moved |= _moves(groups, bounds) or {}
    filled = {*moved.values(), *(side for sides in counts.values() for side in sides)}
    if len(filled) < len(SPLITS):
        moved = _moves(_groups(connection, at, "''", "", bounds), bounds) or {}
    if moved:
        side = bounds.side(at)
        connection.execute("CREATE TABLE moved (hash UBIGINT, side VARCHAR)")
        connection.executemany("INSERT INTO moved VALUES (?, ?)", list(moved.items()))
        connection.execute(f"""
            CREATE OR REPLACE VIEW sided AS SELECT clean.*, coalesce(moved.side, {side}) AS side
            FROM clean LEFT JOIN moved ON moved.hash = {at}
        """)
        _view_sides(connection)
    return moved


def _groups(
    connection: duckdb.DuckDBPyConnection, at: str, stratum: str, value: str, bounds: Bounds
) -> Groups:
    """The nearest groups of rows of one class only, with their sides."""
    found = connection.execute(
        f"""
        SELECT {at} AS hash, any_value(side) FROM sided
        WHERE {at} IN (SELECT {at} FROM clean WHERE {stratum} = ?)
        GROUP BY hash HAVING count(DISTINCT {stratum}) = 1
        ORDER BY least(abs(hash::DOUBLE - {float(bounds.validation)}),
            abs(hash::DOUBLE - {float(bounds.test)})), hash LIMIT {_NEAREST}
        """,
        [value],
    ).fetchall()
    return dict(found)


def _moves(groups: Groups, bounds: Bounds) -> Groups | None:
    """The fewest groups to move so that no side is empty; None where there are too few."""
    if len(groups) < len(SPLITS):
        return None
    sides, moves = dict(groups), Groups()
    for side in SPLITS:
        if side in sides.values():
            continue
        held = list(sides.values())
        spare = [at for at, where in sides.items() if held.count(where) > 1]
        nearest = min(spare, key=lambda at: (bounds.distance(at, side), at))
        sides[nearest] = moves[nearest] = side
    return moves


def _split_by_column(connection: duckdb.DuckDBPyConnection, plan: Plan) -> list[Warning]:
    assert plan.split is not None  # the caller has looked
    found = {side for (side,) in connection.execute("SELECT DISTINCT side FROM clean").fetchall()}
    if "train" not in found or "test" not in found:
        raise Unprocessable(
            f"Split column {plan.split.name!r} has only {', '.join(sorted(found))}: it needs "
            "rows of train and test; validation is cut from train when there is none."
        )
    side, warnings = "side", []
    if "validation" not in found:
        cut = f"side = 'train' AND features_hash < {_HASHES // 10}::UBIGINT"
        side = f"CASE WHEN {cut} THEN 'validation' ELSE side END"
        detail = "The split column names no validation rows: a tenth of train was cut by hash."
        warnings.append(Warning(code="validation_from_train", detail=detail, option="split.column"))
    connection.execute(f"""
        CREATE VIEW sided AS SELECT * EXCLUDE (side), {side} AS side FROM clean
    """)
    _view_sides(connection)
    (both,) = one_row(
        connection,
        "SELECT count(*) FROM (SELECT 1 FROM sided GROUP BY features_hash "
        "HAVING count(DISTINCT side) > 1)",
    )
    if both:
        detail = f"{both:,} combinations of features are on more than one side of the split."
        warnings.append(
            Warning(
                code="split_overlap",
                detail=detail,
                count=both,
                columns={plan.split.name: both},
                option="split.column",
            )
        )
    return warnings
