"""Rows that can be used, typed and hashed; the others set aside, each with its reason."""

from dataclasses import dataclass
from pathlib import Path

import duckdb

from common.datasets import ColumnType
from common.problems import Unprocessable
from tasks.shared.processing.column_types import Typed
from tasks.shared.processing.database import identifier, literal, room_for
from tasks.shared.processing.loading import drop_raw
from tasks.shared.processing.plan import Plan

REJECTED_LIMIT = 100_000
"""Rows written to rejected.csv at most; all of them are counted."""

DELETED_ROWS = 1_000_000
"""Rows that duplicates are deleted from at once: whatever DuckDB has deleted since the last
checkpoint takes some 20 bytes of memory per row, of the rows around it, too."""

SIDES = (
    "CASE WHEN lower({value}) IN ('train', 'training') THEN 'train' "
    "WHEN lower({value}) IN ('validation', 'valid', 'val', 'dev') THEN 'validation' "
    "WHEN lower({value}) IN ('test', 'testing') THEN 'test' END"
)
"""SQL of the side that a value names, null where it names none."""


@dataclass(frozen=True)
class Cleaned:
    """Counts of rows, and of rejected ones by reason."""

    read: int
    duplicates: int
    rejected: int
    used: int
    reasons: dict[str, int]


def _target(plan: Plan) -> str:
    """The SQL of the target's value: a number, or a label in one canonical form."""
    if plan.target_kind == "number":
        return plan.target.values.number
    values, value = plan.target.values, plan.target.values.label
    safe = max(abs(values.smallest or 0.0), abs(values.largest or 0.0)) < 1e15
    if values.filled and values.numbers == values.filled and safe:
        number = f"as_number({value})"
        return (
            f"CASE WHEN {number} = trunc({number}) THEN CAST(CAST({number} AS BIGINT) AS VARCHAR) "
            f"ELSE CAST({number} AS VARCHAR) END"
        )
    if values.filled and values.booleans == values.filled:
        return f"lower({value})"
    return value


def clean(connection: duckdb.DuckDBPyConnection, plan: Plan) -> Cleaned:
    """Makes the tables rejected and clean from raw.

    clean has the typed columns c<i> (the target as it is learned), features_hash (128 bits, which
    no release may change), row_hash (64 bits) and side where the split is given by a column.
    """
    _type_rows(connection, plan)
    connection.execute("""
        CREATE TABLE rejected AS SELECT rejected[1] AS kind, rejected[2] AS reason,
            rejected[3:] AS cells FROM clean WHERE rejected IS NOT NULL
    """)
    reasons = dict(
        connection.execute("""
            SELECT kind, count(*) AS rows FROM
                (SELECT kind FROM rejected UNION ALL SELECT kind FROM bad_lines)
            GROUP BY kind ORDER BY rows DESC, kind
        """).fetchall()
    )
    (total,) = _one(connection, "SELECT (SELECT count(*) FROM clean) + count(*) FROM bad_lines")
    rejected = sum(reasons.values())
    if rejected == total:
        worst = ", ".join(f"{reason} ({count:,})" for reason, count in reasons.items())
        raise Unprocessable(f"No row can be used: {worst or 'there are none below the header'}.")
    _drop_unused(connection)
    (used,) = _one(connection, "SELECT count(*) FROM clean")
    return Cleaned(total, total - rejected - used, rejected, used, reasons)


def write_rejected(connection: duckdb.DuckDBPyConnection, plan: Plan, path: Path) -> None:
    """rejected.csv: the source's columns, the reason, and the text of lines that are no rows."""
    columns = ", ".join(
        f"cells[{place}] AS {identifier(column.name)}"
        for place, column in enumerate(plan.columns, 1)
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


def _rejection(plan: Plan, target: str) -> tuple[str, str]:
    """SQL of why a row of raw cannot be used, without and with its value; null where it can."""
    kinds: list[tuple[str, str, str]] = []
    if plan.target_kind == "number":
        kinds.append(_unparsable(plan.target, "number", target))
    kinds.append((f"{target} IS NULL", "missing target", ""))
    if plan.split is not None:
        at = plan.split.at
        name = f"split column {plan.split.name!r} names no side"
        kinds.append((f"({SIDES.format(value=at)}) IS NULL", name, at))
    for column in plan.features:
        if column.unparsable:
            kinds.append(_unparsable(column, column.type, column.expression))
    for column in plan.required:
        kinds.append((f"{column.expression} IS NULL", f"missing {column.name!r}", ""))
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


def _unparsable(column: Typed, type_: ColumnType, expression: str) -> tuple[str, str, str]:
    test = f"{column.values.value} IS NOT NULL AND {expression} IS NULL"
    return test, f"unparsable {type_} in column {column.name!r}", column.at


def _type_rows(connection: duckdb.DuckDBPyConnection, plan: Plan) -> None:
    """Makes clean; rejected is null, or the kind and reason of a row of no use, and its cells."""
    target = _target(plan)
    kind, reason = _rejection(plan, target)
    cells = ", ".join(column.at for column in plan.columns)
    values = [
        f"{target if column is plan.target else column.expression} AS {column.at}"
        for column in plan.columns
        if column is not plan.split
    ]
    if plan.split is not None:
        values.append(f"{SIDES.format(value=plan.split.at)} AS side")
    hashed = plan.hashed
    others = [column for column in plan.columns if column not in hashed]
    row = ["features_text", *("side" if column is plan.split else column.at for column in others)]
    features = ", chr(31), ".join(_canonical(column.at, column.type) for column in hashed)
    with room_for(connection, len(plan.columns)):
        connection.execute(f"""
            CREATE TABLE clean AS SELECT * EXCLUDE (features_text),
                md5_number(features_text) AS features_hash, hash({", ".join(row)}) AS row_hash
            FROM (SELECT *, concat({features}) AS features_text FROM (
                SELECT {", ".join(values)},
                    CASE WHEN {kind} IS NOT NULL THEN [{kind}, {reason}, {cells}] END AS rejected
                FROM raw))
        """)
    drop_raw(connection)


def _canonical(at: str, type_: ColumnType) -> str:
    """A value as text that is the same whatever file it came from; no two values share one."""
    match type_:
        case "number" | "boolean":
            return f"CAST({at} AS VARCHAR)"
        case "datetime":
            return f"CAST(epoch_us({at}) AS VARCHAR)"
        case _:
            return f"strlen({at}) || ':' || {at}"


def _drop_unused(connection: duckdb.DuckDBPyConnection) -> None:
    """Keeps one of the rows that agree in every column of the source, and none of the rejected.

    From the end, as a checkpoint gives new numbers to the rows behind deleted ones.
    """
    connection.execute("""
        CREATE TABLE repeated AS
        SELECT row_hash, features_hash, min(rowid) AS first FROM clean WHERE rejected IS NULL
        GROUP BY row_hash, features_hash HAVING count(*) > 1
    """)
    (rows,) = _one(connection, "SELECT count(*) FROM clean")
    for start in reversed(range(0, rows, DELETED_ROWS)):
        part = f"clean.rowid >= {start} AND clean.rowid < {start + DELETED_ROWS}"
        connection.execute(f"DELETE FROM clean WHERE rejected IS NOT NULL AND {part}")
        connection.execute(f"""
            DELETE FROM clean USING repeated
            WHERE clean.row_hash = repeated.row_hash AND {part}
                AND clean.features_hash = repeated.features_hash AND clean.rowid <> repeated.first
        """)
        if start:
            connection.execute("CHECKPOINT")
    connection.execute("DROP TABLE repeated")


def _one(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[int, ...]:
    row = connection.execute(query).fetchone()
    assert row is not None  # an aggregate without groups has one row
    return row
