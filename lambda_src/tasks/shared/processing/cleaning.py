"""Rows that can be used, once each; the others set aside, each with its reason."""

from dataclasses import dataclass
from pathlib import Path

import duckdb

from common.problems import Unprocessable
from tasks.shared.processing.column_types import Typed
from tasks.shared.processing.database import change_rows, identifier, literal, one_row
from tasks.shared.processing.plan import Plan
from tasks.shared.processing.typed_rows import cell, unparsable

REJECTED_LIMIT = 100_000
"""Rows written to rejected.csv at most; all of them are counted."""


@dataclass(frozen=True)
class Cleaned:
    """Counts of rows, and of rejected ones by reason."""

    read: int
    duplicates: int
    rejected: int
    used: int
    reasons: dict[str, int]


def clean(connection: duckdb.DuckDBPyConnection, plan: Plan) -> Cleaned:
    """Leaves in clean the rows that can be used, once each, and makes the table rejected.

    clean gets features_hash and row_hash, by DuckDB's hash: md5 of the features' text took a
    fifth of all the time. A test tells when a version of DuckDB changes it.
    """
    features = dict.fromkeys(column.at for column in plan.hashed)
    others = [column for column in plan.columns if column.at not in features]
    row = [*features, *("side" if column is plan.split else column.at for column in others)]
    change_rows(
        connection,
        f"UPDATE clean SET features_hash = hash({', '.join(features)}), "
        f"row_hash = hash('row', {', '.join(row)}) WHERE true",
    )
    kind, reason = _rejection(plan)
    connection.execute(f"""
        CREATE TABLE rejected AS SELECT * FROM (
            SELECT {kind} AS kind, {reason} AS reason,
                list_transform(cells, lambda v: trimmed(v)) AS cells
            FROM clean WHERE cells IS NOT NULL)
        WHERE kind IS NOT NULL
    """)
    reasons = dict(
        connection.execute("""
            SELECT kind, count(*) AS rows FROM
                (SELECT kind FROM rejected UNION ALL SELECT kind FROM bad_lines)
            GROUP BY kind ORDER BY rows DESC, kind
        """).fetchall()
    )
    (total,) = one_row(connection, "SELECT (SELECT count(*) FROM clean) + count(*) FROM bad_lines")
    rejected = sum(reasons.values())
    if rejected == total:
        worst = ", ".join(f"{reason} ({count:,})" for reason, count in reasons.items())
        raise Unprocessable(f"No row can be used: {worst or 'there are none below the header'}.")
    change_rows(connection, f"DELETE FROM clean WHERE cells IS NOT NULL AND ({kind}) IS NOT NULL")
    connection.execute("""
        CREATE TABLE repeated AS SELECT row_hash, features_hash, min(rowid) AS first FROM clean
        GROUP BY row_hash, features_hash HAVING count(*) > 1
    """)
    change_rows(
        connection,
        "DELETE FROM clean USING repeated WHERE clean.row_hash = repeated.row_hash "
        "AND clean.features_hash = repeated.features_hash AND clean.rowid <> repeated.first",
    )
    connection.execute("DROP TABLE repeated")
    (used,) = one_row(connection, "SELECT count(*) FROM clean")
    return Cleaned(total, total - rejected - used, rejected, used, reasons)


def write_rejected(connection: duckdb.DuckDBPyConnection, plan: Plan, path: Path) -> None:
    """rejected.csv: the source's columns, the reason, and the text of lines that are no rows."""
    columns = ", ".join(f"{cell(column)} AS {identifier(column.name)}" for column in plan.columns)
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
    """SQL of why a row with cells cannot be used, without and with its value; null where it can."""
    kinds: list[tuple[str, str, str]] = []
    if plan.target_kind == "number":
        kinds.append(_unparsable(plan.target))
    kinds.append((f"{plan.target.at} IS NULL", "missing target", ""))
    if plan.split is not None:
        name = f"split column {plan.split.name!r} names no side"
        kinds.append(("side IS NULL", name, f"trimmed({cell(plan.split)})"))
    kinds += [_unparsable(column) for column in plan.features if column.unparsable]
    for column in plan.required:
        kinds.append((f"{column.at} IS NULL", f"missing {column.name!r}", ""))
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
