"""Rows that can be used; the others set aside, each with its reason."""

from dataclasses import dataclass
from pathlib import Path

import duckdb

from common.datasets import SplitRule
from common.problems import Unprocessable
from common.warnings import Warning
from tasks.tables.options import TableOptions
from tasks.tables.processing.columns.plan import Plan
from tasks.tables.processing.columns.typed import Typed
from tasks.tables.processing.columns.typed_rows import cell, unparsable
from tasks.tables.processing.columns.written import GIVEN_SPLIT
from tasks.tables.processing.database import WIDE_COLUMNS, hold, identifier, literal, one_row
from tasks.tables.processing.rows.repeats import (
    Repeats,
    drop_repeats,
    find_repeats,
    number_copies,
    repeats_warnings,
)
from tasks.tables.processing.rows.rules import choose_rule

REJECTED_LIMIT = 100_000
"""Rows written to rejected.csv at most; all of them are counted."""

_MANY_DROPPED = 0.1
"""From this share on, a table of the others takes less than passing over them each time."""


@dataclass(frozen=True)
class Cleaned:
    """Counts of rows, of rejected ones by reason, and of lines that are no rows."""

    read: int
    duplicates: int
    rejected: int
    used: int
    reasons: dict[str, int]
    rule: SplitRule
    """By what rows are to be split."""
    warnings: tuple[Warning, ...] = ()
    bad_lines: int = 0


def clean(connection: duckdb.DuckDBPyConnection, plan: Plan, options: TableOptions) -> Cleaned:
    """Makes clean of the rows of typed that can be used, and rejected of the others.

    clean is a view, or a table where many rows are dropped or repeated, or columns are many. Each
    of its rows has a row_hash of its own, as good as random.
    """
    kind, reason = _rejection(plan)
    connection.execute(f"""
        CREATE TABLE rejected AS SELECT * FROM (
            SELECT {kind} AS kind, {reason} AS reason, place, cells FROM doubtful)
        WHERE kind IS NOT NULL
    """)
    reasons = dict(
        connection.execute("""
            SELECT kind, count(*) AS rows FROM
                (SELECT kind FROM rejected UNION ALL SELECT kind FROM bad_lines)
            GROUP BY kind ORDER BY rows DESC, kind
        """).fetchall()
    )
    (rows,) = one_row(connection, "SELECT count(*) FROM typed")
    (bad_lines,) = one_row(connection, "SELECT count(*) FROM bad_lines")
    total = rows + bad_lines
    rejected = sum(reasons.values())
    if rejected == total:
        worst = ", ".join(f"{reason} ({count:,})" for reason, count in reasons.items())
        raise Unprocessable(f"No row can be used: {worst or 'there are none below the header'}.")
    connection.execute("""
        CREATE TABLE dropped AS SELECT place FROM rejected;
        CREATE VIEW clean AS FROM typed ANTI JOIN dropped USING (place);
    """)
    repeats = find_repeats(connection, plan, total - rejected)
    if options.duplicates == "drop":
        drop_repeats(connection)
    (dropped,) = one_row(connection, "SELECT count(*) FROM dropped")
    used = rows - dropped
    chosen = choose_rule(connection, plan, options.split, used)
    left = Repeats() if options.duplicates == "drop" else repeats
    copies = number_copies(connection, plan, chosen.rule, left)
    if dropped + copies > _MANY_DROPPED * rows or len(plan.columns) >= WIDE_COLUMNS:
        hold(connection, "clean", len(plan.columns))
    return Cleaned(
        read=total,
        duplicates=total - rejected - used,
        rejected=rejected,
        used=used,
        reasons=reasons,
        rule=chosen.rule,
        bad_lines=bad_lines,
        warnings=tuple(
            repeats_warnings(
                repeats, options.duplicates == "drop", chosen.rule, used, chosen.combinations
            )
        ),
    )


def write_rejected(connection: duckdb.DuckDBPyConnection, plan: Plan, path: Path) -> None:
    """rejected.csv: the source's columns, the reason, and the text of lines that are no rows."""
    columns = ", ".join(
        f"trimmed({cell(column)}) AS {identifier(column.name)}" for column in plan.columns
    )
    blank = ", ".join("NULL" for _ in plan.columns)
    connection.execute(f"""
        COPY (
            SELECT * FROM (
                SELECT {columns}, reason AS rejected_reason, NULL AS rejected_line FROM rejected
                UNION ALL SELECT {blank}, reason, line FROM bad_lines LIMIT {REJECTED_LIMIT})
            ORDER BY ALL
        ) TO {literal(str(path))} (FORMAT csv, HEADER true)
    """)


def _rejection(plan: Plan) -> tuple[str, str]:
    """SQL of why a doubtful row cannot be used, without and with its value; null where it can."""
    kinds: list[tuple[str, str, str]] = []
    if plan.target is not None and plan.asked.is_learned:
        if plan.target_kind == "number":
            kinds.append(_unparsable(plan.target))
        kinds.append((f"{plan.target.at} IS NULL", "missing target", ""))
    if plan.split is not None:
        name = f"split column {plan.split.name!r} names no split"
        kinds.append((f"{GIVEN_SPLIT} IS NULL", name, f"trimmed({cell(plan.split)})"))
    for column in plan.required:
        kinds.append((f"{column.at} IS NULL", f"missing {column.name!r}", ""))
    if plan.split_by is not None:
        name = f"missing {plan.split_by.name!r}, by which rows are split"
        kinds.append((f"{plan.split_by.at} IS NULL", name, ""))
    if not kinds:
        return "NULL::VARCHAR", "NULL::VARCHAR"
    kind = " ".join(f"WHEN {test} THEN {literal(name)}" for test, name, _ in kinds)
    reason = " ".join(
        f"WHEN {test} THEN "
        + (
            f"concat({literal(name + ': ')}, coalesce('\"' || left({at}, 100) || '\"', 'nothing'))"
            if at
            else literal(name)
        )
        for test, name, at in kinds
    )
    return f"CASE {kind} END", f"CASE {reason} END"


def _unparsable(column: Typed) -> tuple[str, str, str]:
    name = f"unparsable {column.type} in column {column.name!r}"
    return unparsable(column), name, f"trimmed({cell(column)})"
