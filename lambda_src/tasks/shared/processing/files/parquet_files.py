"""A Parquet file as the view raw."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from common.problems import Unprocessable
from tasks.shared.nesting import MAX_DEPTH
from tasks.shared.processing.database import identifier, literal, one_row
from tasks.shared.processing.files.bad_lines import has_rows, no_rows, readable
from tasks.shared.processing.files.names import checked_names, normal_names
from tasks.shared.processing.files.nested import Kind, Unread, joined, unread_warnings
from tasks.shared.processing.files.reading import Make, Reading, Table

_LISTS = frozenset({"list", "array", "map", "union", "variant"})
_BINARY = frozenset({"blob", "bit", "geometry"})


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
        unread = [leaf for leaf in leaves if leaf.unread and joined(leaf.path) not in excluded]
        left = [_described(connection, reader, leaf) for leaf in unread]
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


def _leaves(
    connection: duckdb.DuckDBPyConnection, reader: str, path: Path, excluded: Collection[str]
) -> Iterator[_Leaf]:
    """The columns as the file names them; DuckDB renames those that differ in case only."""
    relation = connection.sql(f"FROM {reader}")
    written = _names(connection, path)
    for name, read_as, kind in zip(written, relation.columns, relation.types, strict=True):
        yield from _within(_Leaf((name,), identifier(read_as), kind), excluded)


def _names(connection: duckdb.DuckDBPyConnection, path: Path) -> list[str]:
    """The names of the columns, without those inside of them."""
    nodes = connection.execute(
        f"SELECT name, num_children FROM parquet_schema({literal(str(path))})"
    ).fetchall()
    names, open_nodes = [], [int(nodes[0][1] or 0)]
    for name, children in nodes[1:]:
        if len(open_nodes) == 1:
            names.append(name)
        open_nodes[-1] -= 1
        if children:
            open_nodes.append(children)
        while len(open_nodes) > 1 and not open_nodes[-1]:
            open_nodes.pop()
    return names


def _within(leaf: _Leaf, excluded: Collection[str]) -> Iterator[_Leaf]:
    if leaf.type.id != "struct" or len(leaf.path) >= MAX_DEPTH or joined(leaf.path) in excluded:
        yield leaf
        return
    for name, kind in leaf.type.children:
        inner = _Leaf((*leaf.path, name), f"struct_extract({leaf.sql}, {literal(name)})", kind)
        yield from _within(inner, excluded)


def _text(leaf: _Leaf, is_wanted: bool) -> str:
    """The SQL of a value's text; an excluded one that cannot be read has none.

    A number of single precision is written as the double that callers send, with all its digits,
    but as the shortest text where it may be a label: 0.1 and not 0.10000000149011612.
    """
    if leaf.unread:
        return "NULL::VARCHAR"
    exact = leaf.type.id == "float" and not is_wanted
    return f"CAST({f'CAST({leaf.sql} AS DOUBLE)' if exact else leaf.sql} AS VARCHAR)"


def _described(connection: duckdb.DuckDBPyConnection, reader: str, leaf: _Leaf) -> Unread:
    value = f"'0x' || hex({leaf.sql})" if leaf.type.id == "blob" else f"CAST({leaf.sql} AS VARCHAR)"
    (rows,) = one_row(connection, f"SELECT count({leaf.sql}) FROM {reader}")
    first = connection.execute(
        f"SELECT left({value}, 100) FROM {reader} WHERE {leaf.sql} IS NOT NULL LIMIT 1"
    ).fetchone()
    assert leaf.unread is not None
    return Unread(joined(leaf.path), leaf.unread, rows, first[0] if first else "")
