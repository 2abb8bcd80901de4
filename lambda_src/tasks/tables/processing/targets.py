"""Targets that nothing can be learned from, and types that no value has, are refused."""

import duckdb

from common.problems import invalid
from tasks.tables.processing import describing
from tasks.tables.processing.columns import odd_values
from tasks.tables.processing.columns.number_forms import READABLE_SHARE
from tasks.tables.processing.columns.plan import Plan
from tasks.tables.processing.columns.typed import Typed
from tasks.tables.processing.rows.cleaning import Cleaned
from tasks.tables.splitting.rules import Counts


def check_target(connection: duckdb.DuckDBPyConnection, plan: Plan) -> None:
    """Raises Unprocessable for a target that has no values, is no number, or is constant."""
    target = plan.target
    if target is None:
        return
    if target.values.filled == 0:
        raise invalid([plan.asked.option], f"column {target.name!r} has no values")
    if plan.target_kind == "label":
        return
    if target.parsed < READABLE_SHARE * target.values.filled:
        odd = odd_values.unreadable(connection, target.at)
        examples = ", ".join(map(repr, odd.examples))
        raise invalid(
            ["target"],
            f"column {target.name!r} is not numeric: {target.unparsable:,} of "
            f"{target.values.filled:,} values are no numbers, such as {examples:.200}. "
            "Choose task classification, another target, or csv.decimal",
        )
    smallest, largest = target.values.smallest, target.values.largest
    if smallest is not None and smallest == largest:
        raise invalid(
            ["target"],
            f"column {target.name!r} is constant: every row has the value {smallest:.15g}, and "
            "there is nothing to learn. Choose another target",
        )


def check_types(connection: duckdb.DuckDBPyConnection, plan: Plan) -> None:
    """Raises Unprocessable for a given type in which no value of its column can be read."""
    for column in plan.features:
        if column.given and column.values.filled and not column.parsed:
            examples = ", ".join(map(repr, odd_values.unreadable(connection, column.at).examples))
            raise invalid(
                ["types", column.name],
                f"no value of the column can be read as {column.type}, such as {examples:.200}",
            )


def check_label(target: Typed, counts: Counts, cleaned: Cleaned) -> None:
    """Raises Unprocessable for too few classes, or too many."""
    classes = list(counts)
    if len(classes) < 2:
        missing = cleaned.reasons.get("missing target", 0)
        aside = f", and {missing:,} rows without a label were set aside" if missing else ""
        raise invalid(
            ["target"],
            f"column {target.name!r} has one class only ({', '.join(map(repr, classes))}){aside}: "
            "classification needs two at least",
        )
    values, most = target.values, describing.MAX_LABELS
    if len(classes) > most or (values.filled >= 20 and len(classes) > 0.5 * values.filled):
        count = f"more than {most:,}" if len(classes) > most else f"{len(classes):,}"
        numeric = values.numbers >= READABLE_SHARE * values.filled
        advice = "Choose task regression" if numeric else "Choose another target"
        raise invalid(
            ["target"],
            f"column {target.name!r} has {count} different values in {values.filled:,} rows, too "
            f"many for classes. {advice}",
        )
