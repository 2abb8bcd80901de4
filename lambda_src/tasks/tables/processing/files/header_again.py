"""Lines that repeat the header, as joined files have them."""

import mmap
from pathlib import Path

import duckdb

from tasks.tables.processing.database import literal

KIND = "repeated header"
_LINE_ENDS = b"\r\n"
_BEFORE = (b"\n", b"\r", b"\n\xef\xbb\xbf", b"\r\xef\xbb\xbf")


def comes_again(path: Path, header: str) -> bool:
    """Whether a line below the first like it is the header, by its bytes alone.

    Most files have none, and cost a search of their bytes and no comparison of their cells.
    """
    line = header.rstrip("\r\n").encode()
    if not line or path.stat().st_size == 0:
        return False
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        at = content.find(line)
        while at >= 0 and (at := content.find(line, at + len(line))) >= 0:
            end = content[at + len(line) : at + len(line) + 1]
            if end in _LINE_ENDS and content[max(0, at - 4) : at].endswith(_BEFORE):
                return True
    return False


def is_header(cells: tuple[str, ...]) -> str:
    """The SQL of whether a row has the header's cells, of which the first tells most apart."""
    equal = [f"c{index} IS NOT DISTINCT FROM {_value(cell)}" for index, cell in enumerate(cells)]
    marked = literal(chr(0xFEFF) + cells[0])
    first = f"({equal[0]} OR c0 IS NOT DISTINCT FROM {marked})"
    return " AND ".join([first, *equal[1:]])


def keep_headers(connection: duckdb.DuckDBPyConnection, rows: str, header: str) -> None:
    """Adds the repeated headers among rows to bad_lines."""
    line = literal(header.rstrip("\r\n"))
    connection.execute(f"INSERT INTO bad_lines SELECT '{KIND}', '{KIND}', {line} FROM {rows}")


def _value(cell: str) -> str:
    return literal(cell) if cell else "NULL"
