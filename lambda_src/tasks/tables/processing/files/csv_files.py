"""A CSV file as the view raw."""

import re
from pathlib import Path

import duckdb

from common.problems import Unprocessable
from common.warnings import EXAMPLES, Warning
from tasks.tables.options import Csv
from tasks.tables.processing.database import literal, one_row
from tasks.tables.processing.files.bad_lines import (
    READER_OPTIONS,
    check_share,
    has_rows,
    keep_bad_lines,
    no_rows,
    readable,
)
from tasks.tables.processing.files.dialect import Dialect, sniff
from tasks.tables.processing.files.header_again import comes_again, is_header, keep_headers
from tasks.tables.processing.files.hints import with_hint
from tasks.tables.processing.files.names import checked_names
from tasks.tables.processing.files.quoted_lines import unwrapped
from tasks.tables.processing.files.reading import Make, Reading, Table
from tasks.tables.processing.files.shape import advice, shown
from tasks.tables.processing.files.text_files import head_text, with_equal_line_ends

_HEAD_BYTES = 256 << 10
_LINE_END = re.compile(rb"\r\n|\r|\n")


def load_csv[T](reading: Reading, path: Path, given: Csv, option: str, make: Make[T]) -> Table[T]:
    """Makes raw, and of raw what is asked for.

    option is the name of the caller's option that given is. Raises Unprocessable.
    """
    connection = reading.connection
    if option == "csv" and given.quote is None:
        path, wrapped = unwrapped(path, reading.folder, given.delimiter)
        reading.warnings.extend(wrapped)
    head, complete = head_text(path, _HEAD_BYTES)
    if not complete and len(head.splitlines()) == 1:
        raise Unprocessable(
            f"The first line of the file has more than {_HEAD_BYTES >> 10} KB, which a header may "
            "have at most: shorten the names of columns, or send fewer of them."
        )
    dialect = sniff(head, complete, given, reading.wanted, option)
    names = checked_names(dialect.names, reading.exclude)
    if option == "csv":
        reading.facts.update(delimiter=dialect.delimiter, quote=dialect.quote)
    reading.facts["header"] = dialect.header
    path, skip = _without_first_lines(path, dialect, reading.folder)
    found: list[Warning] = []
    again: list[str] = []

    def read(path: Path) -> T:
        file = _file(path, dialect, skip)
        again[:] = [file] if dialect.line and comes_again(path, dialect.line) else []
        rows = f"{file} WHERE NOT ({is_header(dialect.cells)})" if again else file
        cells = ", ".join(f"c{at} AS c{index}" for index, at in enumerate(names.positions))
        connection.execute(f"CREATE OR REPLACE VIEW raw AS SELECT {cells} FROM {rows}")
        if not has_rows(connection):
            raise no_rows(connection, advice(option))
        found[:] = [_row_names(connection, dialect, option)] if dialect.row_names else []
        try:
            return make(names.names, reading.facts)
        except Unprocessable as problem:
            keep_bad_lines(connection)
            check_share(connection, option, advice(option))  # which explains it better
            raise with_hint(problem, reading, dialect, head, option) from None

    try:
        made = read(path)
    except duckdb.InvalidInputException:
        # Most often lines that end now in one way, now in another, which the parser refuses.
        connection.execute("DROP TABLE IF EXISTS reject_errors")
        connection.execute("DROP TABLE IF EXISTS reject_scans")
        with readable("CSV"):
            made = read(with_equal_line_ends(path, reading.folder))
    for file in again:
        keep_headers(connection, f"{file} WHERE {is_header(dialect.cells)}", dialect.line)
    keep_bad_lines(connection)
    bad = check_share(connection, option, advice(option))
    reading.warnings.extend([*dialect.warnings, *found, *bad])
    return names.names, made


def _without_first_lines(path: Path, dialect: Dialect, folder: Path) -> tuple[Path, int]:
    """The file without the lines that DuckDB would not skip one by one, and how many it will.

    Those have quotes, or end in another way than the others.
    """
    if not dialect.skip:
        return path, 0
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
        ends = list(_LINE_END.finditer(head))
        if len(ends) < dialect.skip:
            raise Unprocessable("The file has no header: it ends with the lines to be skipped.")
        cut = ends[dialect.skip - 1].end()
        quoted = dialect.quote and dialect.quote.encode() in head[:cut]
        if not quoted and len({end[0] for end in ends[: dialect.skip + 1]}) == 1:
            return path, dialect.skip
        file.seek(cut)
        result = folder / "without_first_lines"
        with result.open("wb") as copy:
            while chunk := file.read(4 << 20):
                copy.write(chunk)
    return result, 0


def _file(path: Path, dialect: Dialect, skip: int) -> str:
    """The SQL of all columns of a file."""
    columns = ", ".join(f"'c{index}': 'VARCHAR'" for index in range(len(dialect.names)))
    return (
        f"read_csv({literal(str(path))}, auto_detect = false, columns = {{{columns}}}, "
        f"header = {dialect.below}, skip = {skip}, delim = {literal(dialect.delimiter)}, "
        f"quote = {literal(dialect.quote)}, escape = {literal(dialect.quote)}, nullstr = '', "
        f"store_rejects = true, {READER_OPTIONS})"
    )


def _row_names(connection: duckdb.DuckDBPyConnection, dialect: Dialect, option: str) -> Warning:
    """The warning that rows have names. Raises Unprocessable where the first cells are none."""
    first = [
        row[0] for row in connection.execute(f"SELECT c0 FROM raw LIMIT {EXAMPLES}").fetchall()
    ]
    rows, different, integers, span, numbers = one_row(
        connection,
        "SELECT count(*), count(DISTINCT c0), count(TRY_CAST(c0 AS BIGINT)), "
        "max(TRY_CAST(c0 AS BIGINT)) - min(TRY_CAST(c0 AS BIGINT)) + 1, "
        "count(TRY_CAST(c0 AS DOUBLE)) FROM raw",
    )
    numbered = integers == rows and span == rows
    if different < rows or not (numbered or numbers == 0):
        width = len(dialect.names)
        raise Unprocessable(
            f"The lines below the header have {width:,} cells and the header {width - 1:,}. The "
            f"first cells are no names of rows: they are {different:,} different values in "
            f"{rows:,} lines, such as {shown(str(first[0]))}. Give every column a name, put values "
            f"that hold the delimiter into quotes, or set {option}.delimiter or {option}.quote."
        )
    return Warning(
        code="row_names",
        detail="Lines have one cell more than the header. The first is different in every line and "
        "was read as the row's name, as R writes it, in a column 'column0'. Give the first column "
        "a name if it is one.",
        count=rows,
        examples=first,
        option=f"{option}.header",
    )
