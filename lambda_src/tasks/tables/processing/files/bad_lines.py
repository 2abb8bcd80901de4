"""Lines of a file that are no rows: kept with their reason, counted, and too many refused."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from common.problems import Unprocessable
from common.warnings import EXAMPLES, Warning
from tasks.tables.processing.database import literal, one_row
from tasks.tables.processing.files.shape import shown

MAX_LINE_BYTES = 4 << 20
READER_OPTIONS = (
    f"max_line_size = {MAX_LINE_BYTES}, buffer_size = {4 * MAX_LINE_BYTES}, parallel = false, "
    "compression = 'none'"
)
"""Of DuckDB's reader of CSV. In parallel it cuts a file into pieces, and leaves out all of one that
begins with bad lines or within a quoted cell of several lines, without a word: 20,000 rows of a
valid file of 58,581. With one thread it is not slower by itself."""

MANY = 0.1
"""From this share of bad lines on, no version goes live by itself."""

TOO_MANY = 0.5
"""From this share of bad lines on, the file is refused."""

_KINDS = {
    "MISSING COLUMNS": "too few columns",
    "TOO MANY COLUMNS": "too many columns",
    "UNQUOTED VALUE": "broken quotes",
    "INVALID ENCODING": "not UTF-8",
    "INVALID STATE": "broken quotes",
    "LINE SIZE OVER MAXIMUM": "line too long",
}


def has_rows(connection: duckdb.DuckDBPyConnection) -> bool:
    return connection.execute("SELECT 1 FROM raw LIMIT 1").fetchone() is not None


def no_rows(connection: duckdb.DuckDBPyConnection, advice: str = "") -> Unprocessable:
    """The problem of a file of which raw has nothing; its lines become bad_lines.

    advice is what may help where lines are no rows.
    """
    first = None
    if _has_rejects(connection):
        first = connection.execute(
            "SELECT line, csv_line FROM reject_errors ORDER BY line_byte_position LIMIT 1"
        ).fetchone()
        keep_bad_lines(connection)
    if first is not None and (bad := kinds(connection)):
        number, line = first
        return Unprocessable(
            f"No line of the file is a row of its columns ({bad}), line {number:,} the first: "
            f"{shown(line)}. {_escaped(line)}{advice}."
        )
    return Unprocessable("The file has a header and no rows: send at least a few.")


def keep_bad_lines(connection: duckdb.DuckDBPyConnection) -> None:
    """Moves what the reader could not make a row of into bad_lines; one reason per line.

    A line of spaces is not among them.
    """
    if not _has_rejects(connection):
        return
    kinds = " ".join(f"WHEN {literal(key)} THEN {literal(kind)}" for key, kind in _KINDS.items())
    connection.execute(f"""
        INSERT INTO bad_lines SELECT kind, kind, coalesce(trimmed(line), '') FROM (
            SELECT CASE error_type {kinds} ELSE 'unreadable line' END AS kind, csv_line AS line
            FROM reject_errors
            QUALIFY row_number() OVER (PARTITION BY line_byte_position ORDER BY error_type) = 1)
        WHERE kind <> 'too few columns' OR trimmed(line) IS NOT NULL;
        DROP TABLE reject_errors;
        DROP TABLE reject_scans;
    """)


def _has_rejects(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether a reading came to an end, and has told of its lines."""
    tables = "SELECT 1 FROM duckdb_tables() WHERE table_name = 'reject_errors'"
    return connection.execute(tables).fetchone() is not None


def check_share(connection: duckdb.DuckDBPyConnection, option: str, advice: str) -> list[Warning]:
    """The warning that there are bad lines. Raises Unprocessable when most lines are bad."""
    (bad,) = one_row(connection, "SELECT count(*) FROM bad_lines")
    if not bad:
        return []
    (rows,) = one_row(connection, "SELECT count(*) FROM raw")
    found = connection.execute(f"SELECT line FROM bad_lines LIMIT {EXAMPLES}").fetchall()
    examples = [line[:200] for (line,) in found]
    of = f"{bad:,} of {bad + rows:,} lines are no rows of the table ({kinds(connection)})"
    if bad > TOO_MANY * (bad + rows):
        raise Unprocessable(f"{of}, such as {shown(examples[0])}. {_escaped(examples[0])}{advice}.")
    return [
        Warning(
            code="rejected_lines",
            detail=f"{of} and were left out: rejected.csv has them.",
            count=bad,
            examples=examples,
            option=option,
            blocks_promotion=bad > MANY * (bad + rows),
        )
    ]


def _escaped(line: str) -> str:
    """What to do where quotes within a value stand behind a backslash.

    Such lines are not read: backslashes that escape nothing would be lost.
    """
    return (
        'Write a quote within a value twice (""), not behind a backslash. ' if '\\"' in line else ""
    )


@contextmanager
def readable(form: str) -> Iterator[None]:
    """Raises DuckDB's complaints about a file as Unprocessable."""
    try:
        yield
    except (duckdb.OutOfMemoryException, duckdb.InternalException):
        raise
    except duckdb.Error as error:
        if "No space left" in str(error):
            raise
        if "recursion depth" in str(error):
            raise Unprocessable(
                f"The {form} file has lists or objects nested too deep: send values that are in "
                "one another 100 times at most."
            ) from error
        line = re.search(r"\b[Ll]ine:? (\d+)", str(error))
        where = f" from line {line[1]} on" if line else ""
        raise Unprocessable(
            f"The {form} file cannot be read{where}: it is damaged, or in another format."
        ) from error


def kinds(connection: duckdb.DuckDBPyConnection) -> str:
    """Why lines are bad, and how many for each reason."""
    found = connection.execute(
        "SELECT kind, count(*) FROM bad_lines GROUP BY kind ORDER BY kind"
    ).fetchall()
    return ", ".join(f"{kind}: {count:,}" for kind, count in found)
