"""Users and items with too little activity to learn from, which are set aside."""

from collections.abc import Mapping, Sequence

from common.problems import Unprocessable
from common.warnings import EXAMPLES, Warning
from tasks.recommendation.processing.table import Table
from tasks.tables.processing.database import literal, one_row

_FEW = " with fewer than "
_MANY_DROPPED = 0.5
"""From this share of interactions that were set aside on, no model is promoted by itself."""

_CORE_ROUNDS = 100
"""Dropping users may leave items with too few, and so on; it ends long before this."""


def filter_activity(table: Table, unusable: Sequence[Warning]) -> None:
    """Drops users and items with too little activity, until all that are left have enough.

    unusable says which rows cannot be used. Raises Unprocessable where too little is left.
    """
    least = {"user": table.options.min_user_items, "item": table.options.min_item_users}
    for _ in range(_CORE_ROUNDS):
        dropped = 0
        for column, minimum in least.items():
            few = f"""SELECT "{column}" FROM clean GROUP BY ALL HAVING count(*) < {minimum}"""
            other = "items" if column == "user" else "users"
            reason = literal(f"{column}{_FEW}{minimum} {other}")
            table.connection.execute(f"""
                INSERT INTO rejected SELECT "user", "item", rating, count, time, {reason}, NULL
                FROM clean WHERE "{column}" IN ({few})
            """)
            (rows,) = one_row(
                table.connection, f"""DELETE FROM clean WHERE "{column}" IN ({few})"""
            )
            dropped += rows
        if not dropped:
            break
    users, items = table.users_and_items()
    if users < 2 or items < 2:
        raise Unprocessable(
            f"{''.join(f'{warning.detail} ' for warning in unusable)}"
            f"{users:,} users and {items:,} items are left of those with at least "
            f"{least['user']} items and {least['item']} users: send more interactions, or "
            "lower min_user_items and min_item_users."
        )


def dropped(table: Table, reasons: Mapping[str, int], used: int) -> list[Warning]:
    """Says how many interactions are of users or items with too little activity."""
    few = sum(rows for reason, rows in reasons.items() if _FEW in reason)
    if not few:
        return []
    detail = (
        f"{few:,} of {few + used:,} interactions are of users or items with too little "
        "activity and were set aside; min_user_items and min_item_users say what is enough."
    )
    found = table.connection.execute(f"""
        SELECT "user", "item" FROM rejected WHERE contains(kind, {literal(_FEW)})
        ORDER BY ALL LIMIT {EXAMPLES}
    """).fetchall()
    return [
        Warning(
            code="little_activity",
            detail=detail,
            count=few,
            examples=[f"{user}, {item}" for user, item in found],
            option="min_user_items, min_item_users",
            blocks_promotion=few > _MANY_DROPPED * (few + used),
        )
    ]
