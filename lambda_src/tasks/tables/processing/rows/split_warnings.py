"""What to know of a split: classes that are not in all of it, and shares that were missed."""

from collections import Counter
from collections.abc import Mapping

from common.datasets import SPLITS, Split, SplitRule
from common.problems import cut
from common.warnings import EXAMPLES, LONGEST_EXAMPLE, Warning
from tasks.tables.processing.columns.plan import Plan

MISSED_SHARE = 0.1
"""Splits whose share is off by more of all rows are told."""

_NAMED = 20
"""Classes that a warning names at most."""

_WHY = {
    "time": "rows are split by time",
    "group": "rows are split by group",
    "column": "the split column says where rows go",
}


def rare_classes(
    counts: Mapping[str, Counter[Split]], plan: Plan, rule: SplitRule
) -> list[Warning]:
    """A warning of all classes that are not in every split, and why they are not."""
    if plan.label is None:
        return []
    rare = {value: sides for value, sides in counts.items() if value and len(sides) < len(SPLITS)}
    if not rare:
        return []
    named = sorted(rare, key=lambda value: (rare[value].total(), value))
    listed = "; ".join(
        f"{cut(value, LONGEST_EXAMPLE)!r} ({rare[value].total():,}, none in "
        f"{' and '.join(side for side in SPLITS if not rare[value][side])})"
        for value in named[:_NAMED]
    )
    if len(named) > _NAMED:
        listed += f"; and {len(named) - _NAMED:,} more"
    if why := _WHY.get("column" if plan.split is not None else rule.by):
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
            columns={plan.label.name: len(rare)},
            examples=named[:EXAMPLES],
            option="split",
        )
    ]


def split_shares(
    rows: Mapping[Split, int], asked: tuple[float, float, float], rule: SplitRule
) -> list[Warning]:
    """A warning where a time or groups that cannot be parted keep a split from its share."""
    total = sum(rows.values())
    actual = [rows[side] / total for side in SPLITS]
    missed = [abs(got - share) for got, share in zip(actual, asked, strict=True)]
    if rule.by not in ("time", "group") or max(missed) <= MISSED_SHARE:
        return []
    named = {"time": "Equal times", "group": "The rows of a group"}[rule.by]
    shares = ", ".join(
        f"{side} {got:.1%} where {share:.1%} was asked for"
        for side, got, share in zip(SPLITS, actual, asked, strict=True)
    )
    return [
        Warning(
            code="split_shares",
            detail=f"{named} stay together, which keeps the splits from their shares: {shares}.",
            columns={rule.column: total} if rule.column else {},
            option="split",
        )
    ]
