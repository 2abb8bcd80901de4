"""A Parquet file as the view raw."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import batched
from pathlib import Path
from typing import Any

import duckdb

from common.problems import Unprocessable
from tasks.framework.nesting import MAX_DEPTH
from tasks.framework.unpacking import check_ratio, is_usual
from tasks.tables.processing.database import identifier, literal, one_row
from tasks.tables.processing.files.bad_lines import has_rows, no_rows, readable
from tasks.tables.processing.files.names import checked_names, normal_names
from tasks.tables.processing.files.nested import Kind, Unread, joined, unread_warnings
from tasks.tables.processing.files.reading import Make, Reading, Table

_LISTS = frozenset({"list", "array", "map", "union", "variant"})
_COLUMNS_AT_ONCE = 100
_SHOWN = 100

_MOST_LISTED = 10_000_000
"""Values of all lists. DuckDB holds the lists of a row at once, each value in up to 21 bytes."""

_UNPACKED = "total_uncompressed_size::HUGEINT"
"""Of the pages of a column, in which a text that is repeated may be there once."""

_BINARY = frozenset({"blob", "bit", "geometry"})


@dataclass(frozen=True)
class _Node:
    """A name in the file's schema, and those of the values inside."""

    name: str
    inner: "list[_Node]"


@dataclass(frozen=True)
class _Leaf:
    """A column, or a value of a struct: its path by the file's own names, and the SQL of it."""

    path: tuple[str, ...]
    sql: str
    type: Any

    @property
    def unread(self) -> Kind | None:
        if self.type.id in _BINARY:
            return "binary"
        return "list" if self.type.id in _LISTS else "deep" if self.type.id == "struct" else None


def load_parquet[T](reading: Reading, path: Path, make: Make[T]) -> Table[T]:
    """Makes raw, and of raw what is asked for. Raises Unprocessable."""
    connection, excluded = reading.connection, normal_names(reading.exclude)
    reader = f"read_parquet({literal(str(path))})"
    with readable("Parquet"):
        leaves = list(_leaves(connection, reader, path, excluded))
        used = [leaf for leaf in leaves if joined(leaf.path) not in excluded]
        _check_size(connection, path, reader, used)
        unread = [leaf for leaf in used if leaf.unread]
        has_lists = any(leaf.unread == "list" for leaf in unread)
        has_long = has_lists and _has_long_lists(connection, path)
        left = [_described(connection, reader, leaf, has_long) for leaf in unread]
        reading.unread.update((one.name, one.kind) for one in left)
        reading.warnings.extend(unread_warnings(left))
        leaves = [leaf for leaf in leaves if leaf not in unread]
        names = checked_names(
            [joined(leaf.path) for leaf in leaves], reading.exclude, [one.name for one in left]
        )
        cells = ", ".join(
            f"{_text(leaves[position], name in reading.wanted)} AS c{index}"
            for index, (position, name) in enumerate(zip(names.positions, names.names, strict=True))
        )
        if not cells:
            raise Unprocessable("No column of the file holds values that can be read.")
        connection.execute(f"CREATE VIEW raw AS SELECT {cells} FROM {reader}")
        if not has_rows(connection):
            raise no_rows(connection)
        return names.names, make(names.names, reading.facts)


def _check_size(
    connection: duckdb.DuckDBPyConnection, path: Path, reader: str, used: Sequence[_Leaf]
) -> None:
    """Raises Unprocessable for a file in which next to nothing is said of very many rows.

    A value that follows one like it takes no room in the file. It counts for a byte, as it does
    at least in CSV, and a text for its length.
    """
    packed, file = path.stat().st_size, literal(str(path))
    (rows,) = one_row(connection, f"SELECT sum(num_rows) FROM parquet_file_metadata({file})")
    unpacked, texts, values = one_row(
        connection,
        f"SELECT sum({_UNPACKED}), sum({_UNPACKED} * num_values) FILTER (type = 'BYTE_ARRAY'), "
        f"sum(num_values) FROM parquet_metadata({file})",
    )
    cells = int(rows or 0) * len(used)
    check_ratio(packed, max(cells, int(values or 0)))  # of lists, a row has any number
    check_ratio(packed, int(unpacked or 0))
    if is_usual(packed, cells + int(texts or 0)):  # were all texts as long as their part of it
        return
    of_text = [leaf.sql for leaf in used if leaf.type.id == "varchar"]
    for some in batched(of_text, _COLUMNS_AT_ONCE, strict=False):
        lengths = " + ".join(f"coalesce(sum(strlen({sql})), 0)" for sql in some)
        (length,) = one_row(connection, f"SELECT {lengths} FROM {reader}")
        cells += int(length)
        check_ratio(packed, cells)


def _leaves(
    connection: duckdb.DuckDBPyConnection, reader: str, path: Path, excluded: Collection[str]
) -> Iterator[_Leaf]:
    """The columns as the file names them; DuckDB renames those that differ in case only."""
    relation = connection.sql(f"FROM {reader}")
    written = _names(connection, path)
    for node, read_as, kind in zip(written, relation.columns, relation.types, strict=True):
        yield from _within(_Leaf((node.name,), identifier(read_as), kind), node.inner, excluded)


def _names(connection: duckdb.DuckDBPyConnection, path: Path) -> list[_Node]:
    """The names of the columns, each with those inside of it."""
    nodes = connection.execute(
        f"SELECT name, num_children FROM parquet_schema({literal(str(path))})"
    ).fetchall()
    columns: list[_Node] = []
    unfinished = [(columns, int(nodes[0][1] or 0))]
    for name, children in nodes[1:]:
        siblings, missing = unfinished.pop()
        siblings.append(_Node(name, []))
        if missing > 1:
            unfinished.append((siblings, missing - 1))
        if children:
            unfinished.append((siblings[-1].inner, children))
    return columns


def _within(leaf: _Leaf, names: Sequence[_Node], excluded: Collection[str]) -> Iterator[_Leaf]:
    if leaf.type.id != "struct" or len(leaf.path) >= MAX_DEPTH or joined(leaf.path) in excluded:
        yield leaf
        return
    for node, (read_as, kind) in zip(names, leaf.type.children, strict=True):
        sql = f"struct_extract({leaf.sql}, {literal(read_as)})"
        yield from _within(_Leaf((*leaf.path, node.name), sql, kind), node.inner, excluded)


def _text(leaf: _Leaf, is_wanted: bool) -> str:
    """The SQL of a value's text; an excluded one that cannot be read has none.

    A number of single precision is written as the double that callers send, with all its digits,
    but as the shortest text where it may be a label: 0.1 and not 0.10000000149011612.
    """
    if leaf.unread:
        return "NULL::VARCHAR"
    exact = leaf.type.id == "float" and not is_wanted
    return f"CAST({f'CAST({leaf.sql} AS DOUBLE)' if exact else leaf.sql} AS VARCHAR)"


def _has_long_lists(connection: duckdb.DuckDBPyConnection, path: Path) -> bool:
    (values,) = one_row(
        connection,
        "SELECT sum(num_values) FILTER (num_values > row_group_num_rows) "
        f"FROM parquet_metadata({literal(str(path))})",
    )
    return int(values or 0) > _MOST_LISTED


def _described(
    connection: duckdb.DuckDBPyConnection, reader: str, leaf: _Leaf, has_long: bool
) -> Unread:
    """What is left out. Where lists are long they are not read, and all rows count."""
    assert leaf.unread is not None
    if leaf.unread == "list" and has_long:
        (rows,) = one_row(connection, f"SELECT count(*) FROM {reader}")
        return Unread(joined(leaf.path), leaf.unread, rows, "")
    value = f"CAST({leaf.sql} AS VARCHAR)"
    if leaf.type.id == "blob":  # before it is written as text, which takes four times its room
        value = f"'0x' || hex(({leaf.sql})[1:{_SHOWN}])"
    (rows,) = one_row(connection, f"SELECT count({leaf.sql}) FROM {reader}")
    first = connection.execute(
        f"SELECT left({value}, {_SHOWN}) FROM {reader} WHERE {leaf.sql} IS NOT NULL LIMIT 1"
    ).fetchone()
    return Unread(joined(leaf.path), leaf.unread, rows, first[0] if first else "")
