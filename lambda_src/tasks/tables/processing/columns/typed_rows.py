"""All rows with their columns typed, most often in one pass over the source.

What each column is and does is guessed from the first rows, all rows are written as guessed, and
what was written is checked. Where a guess does not hold, rows are written again: everything follows
from all values, whatever the first ones are.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import duckdb

from tasks.tables.processing.columns import odd_values
from tasks.tables.processing.columns.checking import checked_columns
from tasks.tables.processing.columns.guessing import HEAD_ROWS, guess_hashed, guessed_columns
from tasks.tables.processing.columns.labels import with_merged
from tasks.tables.processing.columns.plan import Plan
from tasks.tables.processing.columns.typed import Typed
from tasks.tables.processing.columns.written import Asked, WrittenColumn
from tasks.tables.processing.database import (
    MANY_COLUMNS,
    keep_rows,
    literal,
    optimize_for,
    room_for,
)


def type_rows(
    connection: duckdb.DuckDBPyConnection,
    names: Sequence[str],
    asked: Asked,
    folder: Path,
    plan_of: Callable[[Sequence[Typed]], Plan],
    delimiter: str,
) -> Plan:
    """Makes the views typed and doubtful of raw, and the plan of what its columns do.

    typed reads a file in the folder. It has the typed columns c<i>, but given_split for the one
    that names the split; features_hash and row_hash; place, the row's number; odd, the values that
    are read as missing; and cells, which is null for most rows. doubtful has those that miss a
    value that is needed, with the text of all their cells as a list. odd_values counts odd ones.
    The plan's first_rows have a delimiter between their cells.
    """
    optimize_for(connection, len(names))
    columns = guessed_columns(connection, names, asked)
    hashed = guess_hashed(columns, asked, plan_of)
    connection.execute("DROP TABLE head; DROP TABLE head_values")
    rows = _rows(columns, asked)
    file = None
    while True:
        before, file = file, _write(connection, rows, columns, hashed, asked, folder)
        if before is not None:
            before.unlink()
        checked = checked_columns(connection, columns, asked, file)
        if (typed := _rows(checked, asked)) != _rows(columns, asked):
            columns, rows = checked, typed
            continue
        plan = plan_of([column.typed for column in checked])
        if (needed := [column.at for column in plan.hashed]) == hashed:
            if len(columns) < MANY_COLUMNS:
                plan = replace(plan, first_rows=_first_rows(columns, hashed, asked, delimiter))
            return _with_merged_labels(connection, plan, checked)
        hashed, rows = needed, "SELECT * EXCLUDE (features_hash, row_hash, place) FROM typed"


def _with_merged_labels(
    connection: duckdb.DuckDBPyConnection, plan: Plan, columns: Sequence[WrittenColumn]
) -> Plan:
    """The plan, whose target tells how many labels differed in spaces or Unicode form only."""
    plain = any(column.typed is plan.target and column.plain for column in columns)
    if plain or plan.label is None:
        return plan
    return replace(plan, target=with_merged(connection, plan.label))


def _rows(columns: Sequence[WrittenColumn], asked: Asked, raw: str = "raw") -> str:
    """The SQL of the typed rows of raw, or of its first ones with the text of all their cells."""
    firsts = ", ".join(column.typed.first for column in columns)
    values = ", ".join(f"{column.expression(asked)} AS v_{column.typed.at}" for column in columns)
    outputs = ", ".join(column.output(asked) for column in columns)
    doubts = " OR ".join(doubt for column in columns if (doubt := _doubt(column.typed, asked)))
    doubts = (doubts or "false") if raw == "raw" else "true"
    cells = ", ".join(column.typed.at for column in columns)
    odd = ", ".join(filter(None, (column.odd(asked) for column in columns))) or "NULL::VARCHAR"
    return f"""
        SELECT {outputs}, nullif(concat_ws('{odd_values.FIELD}', {odd}), '') AS odd,
            CASE WHEN {doubts} THEN CAST(to_json([{cells}]) AS VARCHAR) END AS cells
        FROM (SELECT *, {values} FROM (SELECT *, {firsts} FROM {raw}))
    """


def _write(
    connection: duckdb.DuckDBPyConnection,
    rows: str,
    columns: Sequence[WrittenColumn],
    hashed: Sequence[str],
    asked: Asked,
    folder: Path,
) -> Path:
    """Makes typed of rows, with a hash of what decides a row's split and one of all that it has.

    DuckDB's hash, because md5 of the features' text took a fifth of all the time. A test tells
    when a version of DuckDB changes it.
    """
    query = _with_hashes(rows, columns, hashed, asked)
    with room_for(connection, len(columns)):
        file = keep_rows(connection, "typed", query, len(columns), folder)
    # As JSON, because a list takes a twentieth of all the time although hardly a row has one.
    connection.execute("""
        CREATE OR REPLACE VIEW doubtful AS
        SELECT * REPLACE (from_json(cells, '["VARCHAR"]') AS cells)
        FROM typed WHERE cells IS NOT NULL
    """)
    return file


def _with_hashes(
    rows: str, columns: Sequence[WrittenColumn], hashed: Sequence[str], asked: Asked
) -> str:
    others = [column.written(asked) for column in columns if column.typed.at not in hashed]
    return (
        f"SELECT *, hash({', '.join(['features_hash', *others])}) AS row_hash "
        f"FROM (SELECT *, hash({', '.join(hashed)}) AS features_hash FROM ({rows}))"
    )


def _first_rows(
    columns: Sequence[WrittenColumn], hashed: Sequence[str], asked: Asked, delimiter: str
) -> str:
    rows = _rows(columns, asked, f"(FROM raw LIMIT {HEAD_ROWS})")
    cells = """list_transform(from_json(cells, '["VARCHAR"]'), lambda cell: coalesce(cell, ''))"""
    return (
        f"SELECT row_hash, array_to_string({cells}, {literal(delimiter)}) AS written "
        f"FROM ({_with_hashes(rows, columns, hashed, asked)})"
    )


def _doubt(column: Typed, asked: Asked) -> str:
    """SQL of whether a row may be of no use because of a column; empty where none can be."""
    needed = (
        asked.is_learned(column.name)
        or column.name in (asked.split, asked.split_by)
        or (asked.needs_text and column.is_text)
    )
    return f"v_{column.at} IS NULL" if needed else ""


def unparsable(column: Typed) -> str:
    """SQL of whether a doubtful row has an unparsable value in a column."""
    value = f"as_value(stripped({cell(column)}))"
    return f"CASE WHEN {column.at} IS NULL THEN {value} IS NOT NULL ELSE false END"


def cell(column: Typed) -> str:
    """SQL of the text of a column's cell, in doubtful rows."""
    return f"cells[{int(column.at[1:]) + 1}]"
