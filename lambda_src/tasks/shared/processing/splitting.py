"""Which side each row is on: train, validation or test.

A row's side follows from a hash of its features alone, so that it never changes when rows are
added, removed or reordered, and rows with the same features are always on the same side. The
one exception: a class with a few rows may leave a side empty; then the groups of equal rows
whose hashes are nearest to that side are moved there.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import duckdb

from common.datasets import SPLITS, Split
from common.problems import Unprocessable
from common.warnings import Warning
from tasks.shared.processing.database import one_row
from tasks.shared.processing.plan import Plan
from tasks.shared.table_options import Split as SplitOption

_HASHES = 1 << 64
_NEAREST = 1000
"""Groups looked at for one class; a class with more on one side is present on the others."""

Groups = dict[int, Split]

type Counts = dict[str, Counter[Split]]
"""Rows on each side, by class, the most frequent first; where the target is a number, all of them
are one class."""


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

    def side(self, at: str) -> str:
        """SQL of the side of the hash in a column."""
        return (
            f"CASE WHEN {at} < {self.validation}::UBIGINT THEN 'train' "
            f"WHEN {at} < {self.test}::UBIGINT THEN 'validation' ELSE 'test' END"
        )

    def holds(self, side: Split, at: str) -> str:
        """SQL of whether the hash in a column is on a side; it is asked while rows are read."""
        start, end = f"{self.validation}::UBIGINT", f"{self.test}::UBIGINT"
        return {
            "train": f"{at} < {start}",
            "validation": f"{at} >= {start} AND {at} < {end}",
            "test": f"{at} >= {end}",
        }[side]

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
) -> tuple[Counts, list[Warning]]:
    """Makes the view sided, clean with a side for every row, and one of each side's rows.

    check raises what is wrong with the classes, of which it sees the most that there may be and
    one more. Raises Unprocessable.
    """
    bounds, warnings = None, list[Warning]()
    if plan.split is not None:
        warnings = _split_by_column(connection, plan)
    else:
        bounds = Bounds.of(option)
        side = bounds.side("features_hash")
        connection.execute(f"CREATE VIEW sided AS SELECT *, {side} AS side FROM clean")
        _view_sides(connection, bounds)
    counts = _count(connection, plan, bounds, most)
    check(counts)
    if bounds is not None:
        moved, warnings = _fill_sides(connection, plan, bounds, counts)
        if moved:
            counts = _count(connection, plan)
    rows = rows_of_sides(counts)
    if empty := [side for side in SPLITS if not rows[side]]:
        raise Unprocessable(
            f"With {sum(rows.values())} different usable rows nothing is left for "
            f"{' and '.join(empty)}: send more rows that differ in their features."
        )
    return counts, warnings


def _view_sides(connection: duckdb.DuckDBPyConnection, bounds: Bounds | None = None) -> None:
    """Makes a view of each side's rows."""
    for side in SPLITS:
        on_side = _on_side(side, bounds)
        connection.execute(f"CREATE OR REPLACE VIEW {side} AS FROM sided WHERE {on_side}")


def _on_side(side: Split, bounds: Bounds | None) -> str:
    """SQL of whether a row is on a side: by the range of its hash where bounds alone decide."""
    return bounds.holds(side, "features_hash") if bounds is not None else f"side = '{side}'"


def rows_of_sides(counts: Counts) -> dict[Split, int]:
    """Rows on each side, of all classes."""
    return {side: sum(sides[side] for sides in counts.values()) for side in SPLITS}


def _count(
    connection: duckdb.DuckDBPyConnection,
    plan: Plan,
    bounds: Bounds | None = None,
    most: int | None = None,
) -> Counts:
    """Counts of all classes, or of one more than the most: the most frequent first."""
    sides = ", ".join(f"count(*) FILTER (WHERE {_on_side(side, bounds)})" for side in SPLITS)
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
    return plan.target.at if plan.target_kind == "label" else "''"


def _fill_sides(
    connection: duckdb.DuckDBPyConnection, plan: Plan, bounds: Bounds, counts: Counts
) -> tuple[Groups, list[Warning]]:
    """Moves groups of equal rows so that every class is on every side, where it can be."""
    warnings, moved = [], Groups()
    for value, sides in sorted(counts.items()):
        if len(sides) == len(SPLITS):
            continue
        groups = _groups(connection, _stratum(plan), value, bounds)
        moves = _moves(groups, bounds)
        if moves is None:
            warnings.append(_rare(value, sides.total(), plan))
        else:
            moved |= moves
    if moved:
        side = bounds.side("features_hash")
        connection.execute("CREATE TABLE moved (features_hash UBIGINT, side VARCHAR)")
        connection.executemany("INSERT INTO moved VALUES (?, ?)", list(moved.items()))
        connection.execute(f"""
            CREATE OR REPLACE VIEW sided AS SELECT clean.*, coalesce(moved.side, {side}) AS side
            FROM clean LEFT JOIN moved USING (features_hash)
        """)
        _view_sides(connection)
    return moved, warnings


def _groups(
    connection: duckdb.DuckDBPyConnection, stratum: str, value: str, bounds: Bounds
) -> Groups:
    """The nearest groups of rows of one class only, with their sides."""
    found = connection.execute(
        f"""
        SELECT features_hash, any_value(side) FROM sided
        WHERE features_hash IN (SELECT features_hash FROM clean WHERE {stratum} = ?)
        GROUP BY features_hash HAVING count(DISTINCT {stratum}) = 1
        ORDER BY least(abs(features_hash::DOUBLE - {float(bounds.validation)}),
            abs(features_hash::DOUBLE - {float(bounds.test)})), features_hash LIMIT {_NEAREST}
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


def _rare(value: str, rows: int, plan: Plan) -> Warning:
    if plan.target_kind == "number":
        return Warning(code="few_rows", detail=f"There are too few rows ({rows}) to split.")
    return Warning(
        code="rare_class",
        columns={plan.target.name: 1},
        detail=f"Class {value!r} has {rows} rows, too few different ones for all three sides.",
    )


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
        warnings.append(Warning(code="validation_from_train", detail=detail))
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
        warnings.append(Warning(code="split_overlap", columns={plan.split.name: 1}, detail=detail))
    return warnings
