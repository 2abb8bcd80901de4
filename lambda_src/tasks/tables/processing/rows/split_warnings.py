"""What to know of a split: classes that are not in all of it, and shares that were missed."""

from collections.abc import Mapping

import duckdb

from common.datasets import SPLITS, Split, SplitRule
from common.problems import cut
from common.warnings import EXAMPLES, LONGEST_EXAMPLE, Warning
from tasks.tables.processing.database import one_row
from tasks.tables.splitting.rules import ASSIGNED, Counts

MISSED_SHARE = 0.1
"""Splits whose share is off by more of all rows are told."""

_NAMED = 20
"""Classes that a warning names at most."""


def rare_classes(counts: Counts, label: str, why: str | None = None) -> list[Warning]:
    """A warning of all classes that are not in every split.

    label is the name of their column, why the reason; None: they have too few different rows.
    """
    rare = {
        value: splits for value, splits in counts.items() if value and len(splits) < len(SPLITS)
    }
    if not rare:
        return []
    named = sorted(rare, key=lambda value: (rare[value].total(), value))
    listed = "; ".join(
        f"{cut(value, LONGEST_EXAMPLE)!r} ({rare[value].total():,}, none in "
        f"{' and '.join(split for split in SPLITS if not rare[value][split])})"
        for value in named[:_NAMED]
    )
    if len(named) > _NAMED:
        listed += f"; and {len(named) - _NAMED:,} more"
    if why is not None:
        detail = (
            f"These classes have no rows in some splits, because {why}: {listed}. Split in "
            "another way, or exclude them."
        )
    else:
        detail = (
            f"These classes have too few different rows for all three splits: {listed}. Send more "
            "rows of them, or exclude them."
        )
    return [
        Warning(
            code="rare_classes",
            detail=detail,
            count=len(rare),
            columns={label: len(rare)},
            examples=named[:EXAMPLES],
            option="split",
        )
    ]


def split_shares(
    rows: Mapping[Split, int], asked: tuple[float, float, float], rule: SplitRule
) -> list[Warning]:
    """A warning where a time or groups that cannot be parted keep a split from its share."""
    total = sum(rows.values())
    actual = [rows[split] / total for split in SPLITS]
    missed = [abs(got - share) for got, share in zip(actual, asked, strict=True)]
    if rule.by not in ("time", "group") or max(missed) <= MISSED_SHARE:
        return []
    named = {"time": "Equal times", "group": "The rows of a group"}[rule.by]
    shares = ", ".join(
        f"{split} {got:.1%} where {share:.1%} was asked for"
        for split, got, share in zip(SPLITS, actual, asked, strict=True)
    )
    return [
        Warning(
            code="split_shares",
            detail=f"{named} stay together, which keeps the splits from their shares: {shares}.",
            columns={rule.column: total} if rule.column else {},
            option="split",
        )
    ]


def split_overlap(connection: duckdb.DuckDBPyConnection, column: str) -> list[Warning]:
    """A warning of equal features in several splits, which a column names."""
    (several,) = one_row(
        connection,
        f"SELECT count(*) FROM (SELECT 1 FROM {ASSIGNED} GROUP BY features_hash "
        "HAVING count(DISTINCT split) > 1)",
    )
    if not several:
        return []
    return [
        Warning(
            code="split_overlap",
            detail=f"{several:,} combinations of features are in more than one split.",
            count=several,
            columns={column: several},
            option="split.column",
        )
    ]
