"""Any source as one table of text: `raw`, with columns c0, c1, ..., and `bad_lines`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from common.datasets import Warning
from common.problems import Unprocessable
from tasks.shared.processing.database import identifier, literal
from tasks.shared.processing.dialect import sniff
from tasks.shared.processing.text_files import PlainFile, head_text, plain_file
from tasks.shared.table_options import TableProcessing

MAX_COLUMNS = 2000
MAX_LINE_BYTES = 4 << 20
_BUFFER_BYTES = 4 * MAX_LINE_BYTES
_HEAD_BYTES = 256 << 10
_WHITESPACE = "concat(' ', chr(9), chr(10), chr(11), chr(12), chr(13), chr(160), chr(65279))"
_KINDS = {
    "MISSING COLUMNS": "too few columns",
    "TOO MANY COLUMNS": "too many columns",
    "UNQUOTED VALUE": "broken quotes",
    "INVALID ENCODING": "not UTF-8",
    "INVALID STATE": "broken quotes",
    "LINE SIZE OVER MAXIMUM": "line too long",
}


@dataclass(frozen=True)
class Loaded:
    """What was read: names[i] is the name of column c<i>."""

    names: tuple[str, ...]
    facts: dict[str, Any]
    warnings: list[Warning]


def load(
    connection: duckdb.DuckDBPyConnection,
    source: Path,
    folder: Path,
    options: TableProcessing,
    wanted: Sequence[str],
) -> Loaded:
    """Fills raw with every row's values as trimmed text, empty ones as null.

    bad_lines gets the lines that are no rows: reason, kind (the reason without particulars)
    and the line itself. Raises Unprocessable.
    """
    plain = plain_file(source, folder, options.format)
    connection.execute("CREATE TABLE bad_lines (kind VARCHAR, reason VARCHAR, line VARCHAR)")
    facts = dict(plain.facts)
    if plain.format == "parquet":
        names = _load_parquet(connection, plain.path)
    elif plain.format == "csv":
        names = _load_csv(connection, plain, options, wanted, facts)
    else:
        names = _load_json(connection, plain)
    return Loaded(names, facts, plain.warnings)


def _checked(names: Sequence[str]) -> tuple[str, ...]:
    """Raises Unprocessable for names that cannot be told apart, or too many."""
    if len(names) > MAX_COLUMNS:
        raise Unprocessable(f"The table has {len(names):,} columns: {MAX_COLUMNS:,} at most.")
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(name.casefold(), name)
        if other is not name:
            raise Unprocessable(
                f"Two columns are named {other!r} and {name!r}: give every column a name of "
                "its own (case does not count)."
            )
    return tuple(names)


def _trimmed(expression: str, index: int) -> str:
    return f"nullif(trim({expression}, {_WHITESPACE}), '') AS c{index}"


def _load_csv(
    connection: duckdb.DuckDBPyConnection,
    plain: PlainFile,
    options: TableProcessing,
    wanted: Sequence[str],
    facts: dict[str, Any],
) -> tuple[str, ...]:
    head, complete = head_text(plain.path, _HEAD_BYTES)
    dialect = sniff(head, complete, options.csv, wanted)
    names = _checked(dialect.names)
    facts |= {"delimiter": dialect.delimiter, "quote": dialect.quote, "header": dialect.header}
    columns = ", ".join(f"'c{index}': 'VARCHAR'" for index in range(len(names)))
    values = ", ".join(_trimmed(f"c{index}", index) for index in range(len(names)))
    connection.execute(f"""
        CREATE TABLE raw AS SELECT {values} FROM read_csv({literal(str(plain.path))},
            auto_detect = false, columns = {{{columns}}}, header = {dialect.header},
            delim = {literal(dialect.delimiter)}, quote = {literal(dialect.quote)},
            escape = {literal(dialect.quote)}, nullstr = '', store_rejects = true,
            max_line_size = {MAX_LINE_BYTES}, buffer_size = {_BUFFER_BYTES}, compression = 'none')
    """)
    kinds = " ".join(f"WHEN {literal(key)} THEN {literal(kind)}" for key, kind in _KINDS.items())
    connection.execute(f"""
        INSERT INTO bad_lines SELECT kind, kind, trim(line, {_WHITESPACE}) FROM (
            SELECT CASE error_type {kinds} ELSE 'unreadable line' END AS kind, csv_line AS line
            FROM reject_errors
            QUALIFY row_number() OVER (PARTITION BY line_byte_position ORDER BY error_type) = 1)
    """)
    return names


def _load_parquet(connection: duckdb.DuckDBPyConnection, path: Path) -> tuple[str, ...]:
    try:
        found = connection.execute(f"DESCRIBE FROM read_parquet({literal(str(path))})").fetchall()
        names = _checked([row[0] for row in found])
        values = ", ".join(
            _trimmed(f"CAST({identifier(name)} AS VARCHAR)", index)
            for index, name in enumerate(names)
        )
        connection.execute(
            f"CREATE TABLE raw AS SELECT {values} FROM read_parquet({literal(str(path))})"
        )
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        raise Unprocessable(f"The Parquet file cannot be read ({_first_line(error)}).") from error
    return names


def _load_json(connection: duckdb.DuckDBPyConnection, plain: PlainFile) -> tuple[str, ...]:
    connection.execute(f"CREATE VIEW json_lines AS {_json_lines(plain)}")
    try:
        keys = connection.execute("""
            SELECT DISTINCT unnest(json_keys(line)) AS key FROM json_lines
            WHERE json_valid(line) AND json_type(line) = 'OBJECT' ORDER BY key
        """).fetchall()
    except duckdb.InvalidInputException as error:
        raise Unprocessable(f"The JSON cannot be read ({_first_line(error)}).") from error
    names = _checked([key for (key,) in keys])
    if not names:
        raise Unprocessable("No line is a JSON object: send one object with values per line.")
    values = ", ".join(
        _trimmed(f"row.{identifier(name)}", index) for index, name in enumerate(names)
    )
    form = "{" + ", ".join(_json_string(name) + ':"VARCHAR"' for name in names) + "}"
    valid = "json_valid(line) AND json_type(line) = 'OBJECT'"
    connection.execute(f"""
        CREATE TABLE raw AS SELECT {values} FROM (
            SELECT json_transform(line, {literal(form)}) AS row FROM json_lines WHERE {valid})
    """)
    connection.execute(f"""
        INSERT INTO bad_lines
        SELECT 'not a JSON object', 'not a JSON object', line FROM json_lines
        WHERE line IS NOT NULL AND NOT coalesce({valid}, false)
    """)
    return names


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
        "header = false, delim = chr(1), quote = '', escape = '', "
        f"max_line_size = {MAX_LINE_BYTES}, buffer_size = {_BUFFER_BYTES}, compression = 'none')"
    )


def _json_string(text: str) -> str:
    import json

    return json.dumps(text, ensure_ascii=False)


def _first_line(error: duckdb.Error) -> str:
    return str(error).strip().splitlines()[0][:300]
