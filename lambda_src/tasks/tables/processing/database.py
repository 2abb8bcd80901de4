"""DuckDB, held to the function's memory and disk, with its errors told as problems."""

import logging
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from common.invocation import Invocation
from common.problems import Problem, Unprocessable
from tasks.framework.forms.composition import composed_sql
from tasks.framework.forms.words import SPACES

MEMORY_SHARE = 0.45
"""DuckDB's part of the function's memory; it passes its limit by about 100 MB, and Python,
boto3 and the libraries themselves hold as much again."""

ROW_GROUP_SIZE = 2048 * 8
"""Rows that a table is written by: a group of all columns is held in memory at once."""

MANY_COLUMNS = 100

WIDE_COLUMNS = 400
"""From here on, rows are looked at in a table: a query of a view takes 0.1 s for 2,000 columns,
whatever it asks, and of a table 0.002 s. The table has the smallest row groups and blocks that
DuckDB has: a row group is in memory at once, and each of its columns takes a block."""

COLUMN_BYTES = 100_000
"""What the expressions of a column take beside what DuckDB counts, while its rows are typed."""

LEAST_MB = 64

_ROW_GROUP_BYTES = 8_000_000
"""A group of rows is in memory at once, of each thread."""

_DICTIONARY_BYTES = 1 << 16
"""Held for each column of text: of 2,000 columns, DuckDB's 1 MB each do not fit into memory."""

_DICTIONARY_VALUES = 1000
"""Of a column with more in a group, a dictionary is given up: looking for one in numbers took a
twentieth of all the time that typing and writing rows does. Room for as many is taken at once, so
that of many columns each has less."""

DISK_RESERVE_BYTES = 64_000_000

# A macro is planned anew, and its argument evaluated, wherever it stands: few places, and no
# functions of constants (spaces made by chr() took half the time of planning). Cheap questions
# come first, and in a CASE, because elsewhere both sides of an AND are evaluated. The first of a
# reversed text takes half the time of right(v, 1), but memory for all of the text.
_MACROS = """
CREATE MACRO stripped(v) AS nullif(trim(v, {spaces}), '');
CREATE MACRO trimmed(v) AS
    CASE WHEN strlen(v) > length(v)
    THEN stripped({composed})
    WHEN v < '!' OR CASE WHEN strlen(v) < 64 THEN reverse(v) ELSE right(v, 1) END < '!'
    THEN stripped(v) ELSE v END;
"""


def literal(text: str) -> str:
    """Text as an SQL string.

    >>> literal("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A name as an SQL identifier.

    >>> print(identifier('a "b" c'))
    "a ""b"" c"
    """
    return '"' + name.replace('"', '""') + '"'


@contextmanager
def open_database(folder: Path, invocation: Invocation) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in a folder's file that spills to disk what memory cannot hold.

    Raises Unprocessable when memory or disk do not suffice all the same, and Problem for any
    other failure of DuckDB.
    """
    free = shutil.disk_usage(folder).free - DISK_RESERVE_BYTES
    memory_mb = max(LEAST_MB, int(invocation.memory_mb * MEMORY_SHARE))
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{memory_mb}MB",
        "threads": invocation.threads,
        "temp_directory": str(folder / "spill"),
        "max_temp_directory_size": f"{max(0, free)}B",
        "preserve_insertion_order": False,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    try:
        with duckdb.connect(config=config) as connection:
            connection.execute(
                f"ATTACH {literal(str(folder / 'table.duckdb'))} AS disk "
                f"(ROW_GROUP_SIZE {ROW_GROUP_SIZE})"
            )
            connection.execute("USE disk")
            connection.execute(f"SET VARIABLE memory_mb = {memory_mb}")
            _prepare(connection)
            yield connection
    except duckdb.OutOfMemoryException as error:
        raise Unprocessable(_out_of_room(error, invocation)) from error
    except duckdb.Error as error:
        # A commit that runs out of memory says so in its hint only.
        if "No space left" in str(error) or "memory_limit" in str(error):
            raise Unprocessable(_out_of_room(error, invocation)) from error
        logging.getLogger("ml").error("DuckDB failed", exc_info=error)
        raise Problem(
            "The table could not be processed, for a reason that was not expected. "
            "The function's log has it."
        ) from error


def optimize_for(connection: duckdb.DuckDBPyConnection, columns: int) -> None:
    """Has expressions that occur in several places evaluated once, unless columns are many.

    It makes queries three times as quick, and takes a time that grows with the square of their
    expressions: minutes for a thousand columns. Lists of values stay lists: each would become a
    join that is made for every row, with a table of 256 KiB.
    """
    disabled = "in_clause, common_subexpressions" if columns >= MANY_COLUMNS else "in_clause"
    connection.execute(f"SET disabled_optimizers = {literal(disabled)}")


@contextmanager
def room_for(connection: duckdb.DuckDBPyConnection, columns: int) -> Iterator[None]:
    """Has DuckDB hold less, while the expressions of so many columns take memory uncounted."""
    (memory_mb,) = one_row(connection, "SELECT getvariable('memory_mb')")
    counted = max(LEAST_MB, memory_mb - columns * COLUMN_BYTES // 1_000_000)
    connection.execute(f"SET memory_limit = '{counted}MB'")
    yield
    connection.execute(f"SET memory_limit = '{memory_mb}MB'")


def repetitive(connection: duckdb.DuckDBPyConnection, file: Path) -> set[str]:
    """The columns of kept rows of which a group has few different values, each of them."""
    found = connection.execute(f"""
        SELECT path_in_schema FROM parquet_metadata({literal(str(file))})
        GROUP BY ALL HAVING bool_and(dictionary_page_offset IS NOT NULL)
    """).fetchall()
    return {name for (name,) in found}


def keep_rows(
    connection: duckdb.DuckDBPyConnection, view: str, query: str, columns: int, folder: Path
) -> Path:
    """Makes a view of a query's rows, which it writes to a new file; place is each row's number.

    Parquet, because a table of DuckDB took 0.4 s more of the processor for 1.8 million rows of 8
    columns, and what is known of rows only later could be added to it for as much again.
    """
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".parquet", delete=False) as file:
        path = literal(file.name)
    values = min(_DICTIONARY_VALUES, _DICTIONARY_VALUES * MANY_COLUMNS // columns)
    connection.execute(f"""
        COPY ({query}) TO {path}
        (FORMAT parquet, COMPRESSION uncompressed, ROW_GROUP_SIZE_BYTES {_ROW_GROUP_BYTES},
            DICTIONARY_SIZE_LIMIT {values},
            STRING_DICTIONARY_PAGE_SIZE_LIMIT {_DICTIONARY_BYTES})
    """)
    connection.execute(
        f"CREATE OR REPLACE VIEW {view} AS "
        f"SELECT *, file_row_number AS place FROM read_parquet({path})"
    )
    return Path(file.name)


def hold(connection: duckdb.DuckDBPyConnection, view: str, columns: int) -> None:
    """Makes a table of a view that has so many columns, in a database of its own."""
    (path,) = one_row(
        connection, "SELECT path FROM duckdb_databases() WHERE database_name = 'disk'"
    )
    wide = "ROW_GROUP_SIZE 2048, BLOCK_SIZE 16384"
    size = wide if columns >= WIDE_COLUMNS else f"ROW_GROUP_SIZE {ROW_GROUP_SIZE}"
    connection.execute(f"""
        ATTACH {literal(path + ".held")} AS held ({size});
        CREATE TABLE held.{view} AS SELECT * EXCLUDE (cells, place) FROM {view};
        DROP VIEW {view};
        SET search_path = 'held,disk';
    """)


def one_row(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...]:
    """The one row of a query: that of an aggregate without groups, or of a statement's count."""
    row = connection.execute(query).fetchone()
    assert row is not None
    return row


def _prepare(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET enable_progress_bar = false")
    # A file of 2,000 columns is otherwise read about for 0.08 s by each of thousands of queries.
    connection.execute("SET parquet_metadata_cache = true")
    optimize_for(connection, MANY_COLUMNS)
    connection.execute(_MACROS.format(spaces=literal(SPACES), composed=composed_sql("v")))


def _out_of_room(error: duckdb.Error, invocation: Invocation) -> str:
    if "No space left" in str(error) or "max_temp_directory_size" in str(error):
        return (
            "The function's /tmp is full: the table needs about three times the file's size "
            "there. Raise ephemeral_storage (10,240 MB at most), or send less data."
        )
    return (
        f"The table does not fit into the function's memory ({invocation.memory_mb} MB). "
        "Raise memory_size, or send fewer columns or shorter texts."
    )
