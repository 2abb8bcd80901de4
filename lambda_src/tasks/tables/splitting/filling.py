"""Splits that a class with a few rows leaves empty: groups of equal hashes are moved there."""

from common.datasets import SPLITS, Split
from tasks.tables.splitting.ranges import Ranges
from tasks.tables.splitting.rules import ASSIGNED, Counts, Rows

_NEAREST = 1000
"""Groups looked at for one class; a class with more in one split is present in the others."""

type Groups = dict[int, Split]
"""The split of the rows of each hash."""


def groups_to_move(rows: Rows, ranges: Ranges, counts: Counts) -> Groups:
    """The groups of equal hashes whose move brings every class into every split, where it can be.

    Where no class can fill a split, groups of any class do.
    """
    moved: Groups = {}
    for value, splits in sorted(counts.items()):
        if len(splits) < len(SPLITS):
            moved |= _moves(_groups(rows, ranges, rows.stratum, value), ranges) or {}
    filled = {*moved.values(), *(split for splits in counts.values() for split in splits)}
    if len(filled) < len(SPLITS):
        moved = _moves(_groups(rows, ranges, "''", ""), ranges) or {}
    return moved


def _groups(rows: Rows, ranges: Ranges, stratum: str, value: str) -> Groups:
    """The nearest groups of rows of one class only, with their splits."""
    at = ranges.at
    validation, test = map(float, ranges.bounds)
    nearest = rows.connection.execute(
        f"""
        SELECT {at} AS hash, any_value(split) FROM {ASSIGNED}
        WHERE {at} IN (SELECT {at} FROM {rows.relation} WHERE {stratum} = ?)
        GROUP BY hash HAVING count(DISTINCT {stratum}) = 1
        ORDER BY least(abs(hash::DOUBLE - {validation}), abs(hash::DOUBLE - {test})), hash
        LIMIT {_NEAREST}
        """,
        [value],
    ).fetchall()
    return dict(nearest)


def _moves(groups: Groups, ranges: Ranges) -> Groups | None:
    """The fewest groups to move so that no split is empty; None where there are too few."""
    if len(groups) < len(SPLITS):
        return None
    splits = dict(groups)
    moves: Groups = {}
    for split in SPLITS:
        if split in splits.values():
            continue
        held = list(splits.values())
        spare = [at for at, where in splits.items() if held.count(where) > 1]
        nearest = min(spare, key=lambda at: (ranges.distance(at, split), at))
        splits[nearest] = moves[nearest] = split
    return moves
