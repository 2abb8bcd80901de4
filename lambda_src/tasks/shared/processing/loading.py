"""Any source as one relation of text: `raw`, with columns c0, c1, ..., and `bad_lines`."""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from common.datasets import Warning
from common.problems import Unprocessable
from tasks.shared.processing.column_types import Values, survey
from tasks.shared.processing.database import identifier, literal, optimize_for, widen_for
from tasks.shared.processing.dialect import Dialect, blank_lines, sniff
from tasks.shared.processing.text_files import (
    PlainFile,
    head_text,
    plain_file,
    with_equal_line_ends,
)
from tasks.shared.table_options import FileOptions

MAX_COLUMNS = 2000
MAX_REREAD_COLUMNS = 32
"""Of wider tables a copy is kept: expressions of all columns at once take memory, and time."""

MAX_LINE_BYTES = 4 << 20
_BUFFER_BYTES = 4 * MAX_LINE_BYTES
_LINES = f"max_line_size = {MAX_LINE_BYTES}, buffer_size = {_BUFFER_BYTES}, compression = 'none'"
_HEAD_BYTES = 256 << 10
_KINDS = {
    "MISSING COLUMNS": "too few columns",
    "TOO MANY COLUMNS": "too many columns",
    "UNQUOTED VALUE": "broken quotes",
    "INVALID ENCODING": "not UTF-8",
    "INVALID STATE": "broken quotes",
    "LINE SIZE OVER MAXIMUM": "line too long",
}


type Columns = tuple[tuple[str, ...], list[Values]]
"""Names, and what is in each column."""


@dataclass(frozen=True)
class Loaded:
    """What was read: names[i] is the name of column c<i>, and values[i] what is in it."""

    names: tuple[str, ...]
    values: list[Values]
    facts: dict[str, Any]
    warnings: list[Warning]


def load(
    connection: duckdb.DuckDBPyConnection,
    source: Path,
    folder: Path,
    options: FileOptions,
    wanted: Sequence[str],
) -> Loaded:
    """Makes raw, with every row's values as trimmed text, empty ones as null.

    raw reads the file anew each time, which takes less than a table on disk, unless columns are
    many or the file is JSON. bad_lines gets the lines that are no rows: reason, kind (the reason
    without particulars) and the line itself. Raises Unprocessable.
    """
    plain = plain_file(source, folder, options.format)
    connection.execute("CREATE TABLE bad_lines (kind VARCHAR, reason VARCHAR, line VARCHAR)")
    facts = dict(plain.facts)
    if plain.format == "parquet":
        names, values = _load_parquet(connection, plain.path)
    elif plain.format == "csv":
        names, values = _load_csv(connection, plain, options, wanted, facts)
    else:
        names, values = _load_json(connection, plain)
    return Loaded(names, values, facts, plain.warnings)


def check_rows(connection: duckdb.DuckDBPyConnection) -> None:
    """Raises Unprocessable when nothing is in raw."""
    if connection.execute("SELECT 1 FROM raw LIMIT 1").fetchone() is not None:
        return
    found = connection.execute(
        "SELECT kind, count(*) FROM bad_lines GROUP BY kind ORDER BY kind"
    ).fetchall()
    bad = ", ".join(f"{kind}: {count:,}" for kind, count in found)
    if bad:
        raise Unprocessable(f"No line of the file is a row of its columns ({bad}).")
    raise Unprocessable("The file has a header and no rows: send at least a few.")


def drop_raw(connection: duckdb.DuckDBPyConnection) -> None:
    """Frees what raw takes on disk."""
    connection.execute("DROP VIEW raw")
    connection.execute("DROP TABLE IF EXISTS held")


def _checked(names: Sequence[str]) -> tuple[str, ...]:
    """Raises Unprocessable for names that cannot be told apart, or too many."""
    if len(names) > MAX_COLUMNS:
        raise Unprocessable(f"The table has {len(names):,} columns: {MAX_COLUMNS:,} at most.")
    seen: dict[str, str] = {}
    for name in names:
        if (key := name.casefold()) in seen:
            raise Unprocessable(
                f"Two columns are named {seen[key]!r} and {name!r}: give every column a name of "
                "its own (case does not count)."
            )
        seen[key] = name
    return tuple(names)


def _read(
    connection: duckdb.DuckDBPyConnection,
    cells: str,
    columns: int,
    again: str = "",
    held: bool = False,
) -> list[Values]:
    """Makes raw of a query of cells c0, c1, ..., and says what is in each column.

    again is the query for whoever reads the cells after that.
    """
    at = [f"c{index}" for index in range(columns)]
    if held or columns > MAX_REREAD_COLUMNS:
        widen_for(connection, columns)
        trimmed = ", ".join(f"trimmed({cell}) AS {cell}" for cell in at)
        connection.execute(f"CREATE TABLE held AS SELECT {trimmed} FROM ({cells})")
        connection.execute("CREATE VIEW raw AS FROM held")
        optimize_for(connection, 1)
        values = [survey(connection, "held", [cell])[0] for cell in at]
        optimize_for(connection, columns)
        return values
    optimize_for(connection, columns)
    values = survey(connection, f"({cells})", at)
    trimmed = ", ".join(v.at if v.plain else f"trimmed({v.at}) AS {v.at}" for v in values)
    connection.execute(f"CREATE VIEW raw AS SELECT {trimmed} FROM ({again or cells})")
    return values


def _load_csv(
    connection: duckdb.DuckDBPyConnection,
    plain: PlainFile,
    options: FileOptions,
    wanted: Sequence[str],
    facts: dict[str, Any],
) -> Columns:
    head, complete = head_text(plain.path, _HEAD_BYTES)
    dialect = sniff(head, complete, options.csv, wanted)
    names = _checked(dialect.names)
    facts |= {"delimiter": dialect.delimiter, "quote": dialect.quote, "header": dialect.header}
    skip = blank_lines(head)

    def read(path: Path) -> list[Values]:
        cells, again = (
            f"FROM {_csv_reader(path, dialect, skip, errors)}"
            for errors in ("store_rejects", "ignore_errors")
        )
        return _read(connection, cells, len(names), again)

    try:
        values = read(plain.path)
    except duckdb.InvalidInputException:
        # Most often lines that end now in one way, now in another, which the parser refuses.
        connection.execute("DROP TABLE IF EXISTS reject_errors")
        connection.execute("DROP TABLE IF EXISTS reject_scans")
        with _told("CSV"):
            values = read(with_equal_line_ends(plain.path))
    _keep_bad_lines(connection)
    return names, values


def _csv_reader(path: Path, dialect: Dialect, skip: int, errors: str) -> str:
    columns = ", ".join(f"'c{index}': 'VARCHAR'" for index in range(len(dialect.names)))
    return (
        f"read_csv({literal(str(path))}, auto_detect = false, columns = {{{columns}}}, "
        f"header = {dialect.header}, skip = {skip}, delim = {literal(dialect.delimiter)}, "
        f"quote = {literal(dialect.quote)}, escape = {literal(dialect.quote)}, nullstr = '', "
        f"{errors} = true, {_LINES})"
    )


def _keep_bad_lines(connection: duckdb.DuckDBPyConnection) -> None:
    """What the reader could not make a row of; one reason per line."""
    kinds = " ".join(f"WHEN {literal(key)} THEN {literal(kind)}" for key, kind in _KINDS.items())
    connection.execute(f"""
        INSERT INTO bad_lines SELECT kind, kind, coalesce(trimmed(line), '') FROM (
            SELECT CASE error_type {kinds} ELSE 'unreadable line' END AS kind, csv_line AS line
            FROM reject_errors
            QUALIFY row_number() OVER (PARTITION BY line_byte_position ORDER BY error_type) = 1)
    """)


@contextmanager
def _told(form: str) -> Iterator[None]:
    """DuckDB's complaints about a file as a problem of the file."""
    try:
        yield
    except (duckdb.OutOfMemoryException, duckdb.InternalException):
        raise
    except duckdb.Error as error:
        if "No space left" in str(error):
            raise
        reason = re.sub(r" ?(in|of|at end of)? file ['\"][^'\"]*['\"],?", "", str(error).strip())
        reason = reason.splitlines()[0][:300]
        raise Unprocessable(f"The {form} file cannot be read ({reason}).") from error


def _load_parquet(connection: duckdb.DuckDBPyConnection, path: Path) -> Columns:
    reader = f"read_parquet({literal(str(path))})"
    with _told("Parquet"):
        found = connection.execute(f"DESCRIBE FROM {reader}").fetchall()
        names = _checked([row[0] for row in found])
        cells = ", ".join(
            f"CAST({identifier(name)} AS VARCHAR) AS c{index}" for index, name in enumerate(names)
        )
        return names, _read(connection, f"SELECT {cells} FROM {reader}", len(names))


def _load_json(connection: duckdb.DuckDBPyConnection, plain: PlainFile) -> Columns:
    with _told("JSON"):
        connection.execute(f"CREATE TABLE json_lines AS {_json_lines(plain)}")
    if plain.format == "jsonl":
        _keep_bad_lines(connection)
    # In this order: json_type fails for what is not JSON.
    valid = "CASE WHEN json_valid(line) THEN json_type(line) = 'OBJECT' ELSE false END"
    objects = f"SELECT CASE WHEN {valid} THEN line END AS line FROM json_lines"
    keys = connection.execute(f"""
        SELECT DISTINCT unnest(json_keys(line)) AS key FROM ({objects}) ORDER BY key
    """).fetchall()
    names = _checked([key for (key,) in keys])
    if not names:
        raise Unprocessable("No line is a JSON object: send one object with values per line.")
    cells = ", ".join(f"row.{identifier(name)} AS c{index}" for index, name in enumerate(names))
    form = json.dumps(dict.fromkeys(names, "VARCHAR"), ensure_ascii=False)
    rows = (
        f"SELECT json_transform(line, {literal(form)}) AS row FROM ({objects}) "
        "WHERE line IS NOT NULL"
    )
    values = _read(connection, f"SELECT {cells} FROM ({rows})", len(names), held=True)
    connection.execute(f"""
        INSERT INTO bad_lines SELECT 'not a JSON object', 'not a JSON object', line
        FROM json_lines WHERE line IS NOT NULL AND NOT {valid}
    """)
    connection.execute("DROP TABLE json_lines")
    return names, values


def _json_lines(plain: PlainFile) -> str:
    path = literal(str(plain.path))
    if plain.format == "json":
        return (
            f"SELECT CAST(json AS VARCHAR) AS line FROM read_json_objects({path}, "
            f"format = 'array', maximum_object_size = {MAX_LINE_BYTES})"
        )
    # A character that JSON never holds as a delimiter: every line is one column.
    return (
        f"SELECT line FROM read_csv({path}, auto_detect = false, columns = {{'line': 'VARCHAR'}}, "
        "header = false, delim = chr(1), quote = '', escape = '', store_rejects = true, "
        f"{_LINES})"
    )
