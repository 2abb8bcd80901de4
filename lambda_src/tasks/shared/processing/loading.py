"""Any source as one view of text: `raw`, with columns c0, c1, ..., and `bad_lines`."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from common.problems import Unprocessable
from common.warnings import Warning
from tasks.shared.processing.database import identifier, literal
from tasks.shared.processing.dialect import Dialect, blank_lines, sniff
from tasks.shared.processing.text_files import (
    PlainFile,
    head_text,
    plain_file,
    with_equal_line_ends,
)
from tasks.shared.table_options import FileOptions

MAX_COLUMNS = 2000
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


type Make[T] = Callable[[tuple[str, ...]], T]
"""What makes something of raw, given the names of its columns; it may be called twice."""


@dataclass(frozen=True)
class Loaded[T]:
    """What was read: names[i] is the name of column c<i>, and made what was made of raw."""

    names: tuple[str, ...]
    made: T
    facts: dict[str, Any]
    warnings: list[Warning]


def load[T](
    connection: duckdb.DuckDBPyConnection,
    source: Path,
    folder: Path,
    options: FileOptions,
    wanted: Sequence[str],
    make: Make[T],
) -> Loaded[T]:
    """Makes raw, of every cell's text as it stands, and of raw what is asked for.

    raw reads the file anew each time, and ends with this. bad_lines gets the lines that are no
    rows: reason, kind (the reason without particulars) and the line itself. Raises Unprocessable,
    also when nothing is in raw.
    """
    plain = plain_file(source, folder, options.format)
    connection.execute("CREATE TABLE bad_lines (kind VARCHAR, reason VARCHAR, line VARCHAR)")
    facts = dict(plain.facts)
    if plain.format == "parquet":
        names, made = _load_parquet(connection, plain.path, make)
    elif plain.format == "csv":
        names, made = _load_csv(connection, plain, options, wanted, facts, make)
    else:
        names, made = _load_json(connection, plain, make)
    connection.execute("DROP VIEW raw")
    return Loaded(names, made, facts, plain.warnings)


def _has_rows(connection: duckdb.DuckDBPyConnection) -> bool:
    return connection.execute("SELECT 1 FROM raw LIMIT 1").fetchone() is not None


def _no_rows(connection: duckdb.DuckDBPyConnection) -> Unprocessable:
    found = connection.execute(
        "SELECT kind, count(*) FROM bad_lines GROUP BY kind ORDER BY kind"
    ).fetchall()
    bad = ", ".join(f"{kind}: {count:,}" for kind, count in found)
    if bad:
        return Unprocessable(f"No line of the file is a row of its columns ({bad}).")
    return Unprocessable("The file has a header and no rows: send at least a few.")


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


def _load_csv[T](
    connection: duckdb.DuckDBPyConnection,
    plain: PlainFile,
    options: FileOptions,
    wanted: Sequence[str],
    facts: dict[str, Any],
    make: Make[T],
) -> tuple[tuple[str, ...], T]:
    head, complete = head_text(plain.path, _HEAD_BYTES)
    dialect = sniff(head, complete, options.csv, wanted)
    names = _checked(dialect.names)
    facts |= {"delimiter": dialect.delimiter, "quote": dialect.quote, "header": dialect.header}
    skip = blank_lines(head)

    def read(path: Path) -> T:
        connection.execute(f"CREATE OR REPLACE VIEW raw AS FROM {_csv_reader(path, dialect, skip)}")
        if not _has_rows(connection):
            _keep_bad_lines(connection)
            raise _no_rows(connection)
        return make(names)

    try:
        made = read(plain.path)
    except duckdb.InvalidInputException:
        # Most often lines that end now in one way, now in another, which the parser refuses.
        connection.execute("DROP TABLE IF EXISTS reject_errors")
        connection.execute("DROP TABLE IF EXISTS reject_scans")
        with _told("CSV"):
            made = read(with_equal_line_ends(plain.path))
    _keep_bad_lines(connection)
    return names, made


def _csv_reader(path: Path, dialect: Dialect, skip: int) -> str:
    columns = ", ".join(f"'c{index}': 'VARCHAR'" for index in range(len(dialect.names)))
    return (
        f"read_csv({literal(str(path))}, auto_detect = false, columns = {{{columns}}}, "
        f"header = {dialect.header}, skip = {skip}, delim = {literal(dialect.delimiter)}, "
        f"quote = {literal(dialect.quote)}, escape = {literal(dialect.quote)}, nullstr = '', "
        f"store_rejects = true, {_LINES})"
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


def _load_parquet[T](
    connection: duckdb.DuckDBPyConnection, path: Path, make: Make[T]
) -> tuple[tuple[str, ...], T]:
    reader = f"read_parquet({literal(str(path))})"
    with _told("Parquet"):
        found = connection.execute(f"DESCRIBE FROM {reader}").fetchall()
        names = _checked([row[0] for row in found])
        cells = ", ".join(
            f"CAST({identifier(name)} AS VARCHAR) AS c{index}" for index, name in enumerate(names)
        )
        connection.execute(f"CREATE VIEW raw AS SELECT {cells} FROM {reader}")
        if not _has_rows(connection):
            raise _no_rows(connection)
        return names, make(names)


def _load_json[T](
    connection: duckdb.DuckDBPyConnection, plain: PlainFile, make: Make[T]
) -> tuple[tuple[str, ...], T]:
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
    connection.execute(f"""
        CREATE VIEW raw AS SELECT {cells} FROM (
            SELECT json_transform(line, {literal(form)}) AS row FROM ({objects})
            WHERE line IS NOT NULL)
    """)
    connection.execute(f"""
        INSERT INTO bad_lines SELECT 'not a JSON object', 'not a JSON object', line
        FROM json_lines WHERE line IS NOT NULL AND NOT {valid}
    """)
    made = make(names)
    connection.execute("DROP TABLE json_lines")
    return names, made


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
