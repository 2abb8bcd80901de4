"""JSON Lines, or an array of JSON objects, as the view raw."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import batched
from pathlib import Path
from typing import Any

import duckdb
import msgspec

from common.problems import Unprocessable, pointer
from common.warnings import EXAMPLES, Warning
from tasks.shared.nesting import MAX_DEPTH
from tasks.shared.processing.bad_lines import (
    MAX_LINE_BYTES,
    READER_OPTIONS,
    check_share,
    keep_bad_lines,
    readable,
)
from tasks.shared.processing.database import identifier, literal, one_row
from tasks.shared.processing.names import MAX_COLUMNS, checked_names, cleans
from tasks.shared.processing.nested import Unread, joined, unread_warnings
from tasks.shared.processing.reading import Make, Reading, Table
from tasks.shared.processing.shape import shown

_OBJECT = "CASE WHEN json_valid(line) THEN json_type(line) = 'OBJECT' ELSE false END"
"""In this order: json_type fails for what is not JSON."""

_NAN = "('NaN', 'Infinity', '-Infinity')"
_STRUCTURED = "('OBJECT', 'ARRAY')"
_AT_ONCE = 10_000
_MOST_PATHS = 10 * MAX_COLUMNS


@dataclass
class _Found:
    """How many objects have a list, an object, one nested too deep, or other values at a path."""

    path: tuple[str, ...]
    lists: int = 0
    objects: int = 0
    deep: int = 0
    others: int = 0

    @property
    def name(self) -> str:
        return joined(self.path)

    @property
    def at(self) -> str:
        """The SQL of where it is in a line."""
        return literal(pointer(*self.path))

    @property
    def structured(self) -> int:
        return self.lists + self.objects + self.deep


def load_json[T](reading: Reading, path: Path, is_array: bool, make: Make[T]) -> Table[T]:
    """Makes raw, and of raw what is asked for. Raises Unprocessable."""
    connection = reading.connection
    if is_array:
        _check_end(path)
    with readable("JSON"):
        connection.execute(f"CREATE TABLE json_lines AS {_lines(path, is_array)}")
    if not is_array:
        keep_bad_lines(connection)
    is_nested, has_nan = one_row(
        connection,
        "SELECT bool_or(contains(line, '[') OR line LIKE '%{%{%'), "
        "bool_or(contains(line, 'NaN') OR contains(line, 'Infinity')) FROM json_lines",
    )
    found = _nested(connection, cleans(reading.exclude)) if is_nested else _flat(connection)
    _check_keys(connection, found, None if is_array else path)
    if not found:
        raise Unprocessable("No line is a JSON object: send one object with values per line.")
    left = [_described(connection, one) for one in found if not one.others and one.lists + one.deep]
    reading.unread.update((one.name, one.kind) for one in left)
    read = [one for one in found if one.others or not one.structured]
    names = checked_names([one.name for one in read], reading.exclude)
    read = [read[position] for position in names.positions]
    nan = _nan_counts(connection, read) if has_nan else {}
    connection.execute(f"CREATE VIEW raw AS {_rows(read, nan)}")
    connection.execute(f"""
        INSERT INTO bad_lines SELECT 'not a JSON object', 'not a JSON object', line
        FROM json_lines WHERE line IS NOT NULL AND NOT {_OBJECT}
    """)
    bad = check_share(connection, "format", "Send one object with values per line")
    made = make(names.names)
    reading.warnings.extend(bad)
    reading.warnings.extend(unread_warnings(left))
    reading.warnings.extend([*_mixed(connection, read), *_nan_warning(nan)])
    connection.execute("DROP TABLE json_lines")
    return names.names, made


def _lines(path: Path, is_array: bool) -> str:
    file = literal(str(path))
    if is_array:
        return (
            f"SELECT CAST(json AS VARCHAR) AS line FROM read_json_objects({file}, "
            f"format = 'array', maximum_object_size = {MAX_LINE_BYTES})"
        )
    # A character that JSON never holds as a delimiter: every line is one column.
    return (
        f"SELECT line FROM read_csv({file}, auto_detect = false, columns = {{'line': 'VARCHAR'}}, "
        "header = false, delim = chr(1), quote = '', escape = '', store_rejects = true, "
        f"{READER_OPTIONS})"
    )


def _check_end(path: Path) -> None:
    """Raises Unprocessable for an array without an end, of which DuckDB takes what there is."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - 4096))
        tail = file.read().rstrip()
    if not tail.endswith(b"]"):
        end = tail[-60:].decode(errors="replace")
        raise Unprocessable(
            f"The JSON array is cut off: the file ends after {size:,} bytes without ], with "
            f"{end!r}. Send the whole file again."
        )


def _flat(connection: duckdb.DuckDBPyConnection) -> list[_Found]:
    keys = connection.execute(f"""
        SELECT DISTINCT unnest(json_keys(line)) AS key
        FROM (SELECT CASE WHEN {_OBJECT} THEN line END AS line FROM json_lines) ORDER BY key
    """).fetchall()
    return [_Found((key,), others=1) for (key,) in keys]


def _nested(connection: duckdb.DuckDBPyConnection, excluded: Collection[str]) -> list[_Found]:
    """What is at each path, by the structures that objects have."""
    found: dict[tuple[str, ...], _Found] = {}
    connection.execute(f"""
        SELECT json_structure(line), count(*) FROM json_lines
        WHERE line IS NOT NULL AND {_OBJECT} GROUP BY ALL
    """)
    while structures := connection.fetchmany(_AT_ONCE):
        for structure, rows in structures:
            _add(found, (), msgspec.json.decode(structure), rows, excluded)
        if len(found) > _MOST_PATHS:
            raise Unprocessable(
                f"The objects have over {_MOST_PATHS:,} different keys, with those inside of them: "
                f"a table has {MAX_COLUMNS:,} columns at most."
            )
    return [found[path] for path in sorted(found)]


def _add(
    found: dict[tuple[str, ...], _Found],
    path: tuple[str, ...],
    structure: Mapping[str, Any],
    rows: int,
    excluded: Collection[str],
) -> None:
    """Counts the values of an object, whose structure names their types as DuckDB does."""
    for key, kind in structure.items():
        one = found.setdefault((*path, key), _Found((*path, key)))
        if one.name in excluded:
            one.others += rows
        elif isinstance(kind, list):
            one.lists += rows
        elif isinstance(kind, dict) and len(one.path) < MAX_DEPTH:
            one.objects += rows
            _add(found, one.path, kind, rows, excluded)
        elif isinstance(kind, dict) or kind == "JSON":  # JSON: an object without keys
            one.deep += rows if len(one.path) >= MAX_DEPTH else 0
            one.objects += rows if len(one.path) < MAX_DEPTH else 0
        elif kind != "NULL":
            one.others += rows


def _check_keys(
    connection: duckdb.DuckDBPyConnection, found: Sequence[_Found], lines: Path | None
) -> None:
    """Raises Unprocessable for a key without a name."""
    bad = next((one for one in found if not all(key.strip() for key in one.path)), None)
    if bad is None:
        return
    row = connection.execute(
        f"SELECT line FROM json_lines WHERE {_OBJECT} AND json_exists(line, {bad.at}) LIMIT 1"
    ).fetchone()
    line = row[0] if row else ""
    number = _line_number(lines, line) if lines else None
    where = f"Line {number:,}" if number else "An object"
    raise Unprocessable(
        f"{where} has an empty key ({shown(line)}): give every value a name of its own."
    )


def _line_number(path: Path, line: str) -> int | None:
    with path.open("rb") as file:
        for number, other in enumerate(file, 1):
            if other.strip() == line.strip().encode():
                return number
    return None


def _rows(read: Sequence[_Found], nan: Mapping[str, int]) -> str:
    """The SQL of the text of all values, most of which one function reads at once."""
    form: dict[str, Any] = {}
    cells = []
    for index, one in enumerate(read):
        if (one.structured and one.others) or not _insert(form, one.path):
            cell = f"json_extract_string(line, {one.at})"
        else:
            cell = ".".join(["row", *map(identifier, one.path)])
        if one.structured:
            cell = f"CASE WHEN json_type(line, {one.at}) NOT IN {_STRUCTURED} THEN {cell} END"
        if one.name in nan:
            cell = f"CASE WHEN NOT {_is_nan(one)} THEN {cell} END"
        cells.append(f"{cell} AS c{index}")
    text = literal(json.dumps(form, ensure_ascii=False))
    return f"""
        SELECT {", ".join(cells)} FROM (
            SELECT line, json_transform(line, {text}) AS row
            FROM (SELECT CASE WHEN {_OBJECT} THEN line END AS line FROM json_lines)
            WHERE line IS NOT NULL)
    """


def _insert(form: dict[str, Any], path: Sequence[str]) -> bool:
    """Adds a path to the form of a struct, unless names there would differ in case only."""
    for key in path[:-1]:
        if not _is_new(form, key) and key not in form:
            return False
        form = form.setdefault(key, {})
        if not isinstance(form, dict):
            return False
    if not _is_new(form, path[-1]):
        return False
    form[path[-1]] = "VARCHAR"
    return True


def _is_new(form: Mapping[str, Any], key: str) -> bool:
    return all(key.casefold() != other.casefold() for other in form)


def _is_nan(one: _Found) -> str:
    value = f"json_extract_string(line, {one.at})"
    return f"coalesce(json_type(line, {one.at}) = 'DOUBLE' AND {value} IN {_NAN}, false)"


def _nan_counts(connection: duckdb.DuckDBPyConnection, read: Sequence[_Found]) -> dict[str, int]:
    """The columns that have NaN or Infinity as JSON does not know them, and how many."""
    counts: dict[str, int] = {}
    for some in batched(read, 100, strict=False):
        row = one_row(
            connection,
            f"SELECT {', '.join(f'count_if({_is_nan(one)})' for one in some)} FROM json_lines "
            f"WHERE (contains(line, 'NaN') OR contains(line, 'Infinity')) AND {_OBJECT}",
        )
        counts |= {one.name: rows for one, rows in zip(some, row, strict=True) if rows}
    return counts


def _nan_warning(counts: dict[str, int]) -> list[Warning]:
    if not counts:
        return []
    return [
        Warning(
            code="json_nan",
            detail=f"{sum(counts.values()):,} values are NaN or Infinity, which JSON does not "
            "know: they were read as missing. Send null.",
            count=sum(counts.values()),
            columns=counts,
            examples=["NaN"],
        )
    ]


def _described(connection: duckdb.DuckDBPyConnection, one: _Found) -> Unread:
    return Unread(
        one.name, "list" if one.lists else "deep", one.structured, _example(connection, one)
    )


def _example(connection: duckdb.DuckDBPyConnection, one: _Found) -> str:
    row = connection.execute(
        f"SELECT left(json_extract_string(line, {one.at}), 100) FROM json_lines "
        f"WHERE {_OBJECT} AND json_type(line, {one.at}) IN {_STRUCTURED} LIMIT 1"
    ).fetchone()
    return row[0] if row else ""


def _mixed(connection: duckdb.DuckDBPyConnection, read: Sequence[_Found]) -> list[Warning]:
    mixed = [one for one in read if one.structured]
    if not mixed:
        return []
    return [
        Warning(
            code="mixed_values",
            detail=f"{len(mixed):,} columns hold plain values in some rows, and lists or objects "
            "in others: those were read as missing (what is in objects has columns of its own).",
            count=len(mixed),
            columns={one.name: one.structured for one in mixed},
            examples=[_example(connection, one) for one in mixed[:EXAMPLES]],
            option="exclude",
        )
    ]
