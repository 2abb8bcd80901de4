"""JSON Lines, or an array of JSON objects, as the view raw."""

import json
from collections.abc import Mapping, Sequence
from itertools import batched
from pathlib import Path
from typing import Any

import duckdb

from common.problems import Unprocessable
from common.warnings import EXAMPLES, Warning
from tasks.tables.processing.database import identifier, literal, one_row
from tasks.tables.processing.files.bad_lines import (
    MAX_LINE_BYTES,
    READER_OPTIONS,
    check_share,
    keep_bad_lines,
    kinds,
    readable,
)
from tasks.tables.processing.files.json_documents import check_array
from tasks.tables.processing.files.json_values import (
    IS_OBJECT,
    Found,
    Repeated,
    check_keys,
    flat_values,
    key_lists,
    nested_values,
)
from tasks.tables.processing.files.names import checked_names, normal_names
from tasks.tables.processing.files.nested import Unread, unread_warnings
from tasks.tables.processing.files.reading import Make, Reading, Table
from tasks.tables.processing.files.shape import shown

_NAN = "('NaN', 'Infinity', '-Infinity')"
_STRUCTURED = "('OBJECT', 'ARRAY')"
_ADVICE = "Send one object with values per line"

_PAIR = r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_HALF_PAIR = r"\\u[dD][89a-fA-F]"
_HAS_HALF_PAIR = (
    f"regexp_matches(regexp_replace(line, {literal(_PAIR)}, '', 'g'), {literal(_HALF_PAIR)})"
)
"""Of a line: whether it has an escape that is half a character, as a text has that was cut there.
JSON's grammar allows it, and no text can hold it."""


def load_json[T](
    reading: Reading, path: Path, is_array: bool, make: Make[T], repeated: Repeated | None = None
) -> Table[T]:
    """Makes raw, and of raw what is asked for. Raises Unprocessable.

    repeated are the keys that objects had twice in the document that the file was made of.
    """
    connection = reading.connection
    if is_array:
        _check_end(path)
    try:
        with readable("JSON"):
            connection.execute(f"CREATE TABLE json_lines AS {_lines(path, is_array)}")
    except Unprocessable:
        if is_array:
            check_array(path)  # which says where
        raise
    if not is_array:
        keep_bad_lines(connection)
    is_nested, has_nan = one_row(
        connection,
        "SELECT bool_or(contains(line, '[') OR line LIKE '%{%{%'), "
        "bool_or(contains(line, 'NaN') OR contains(line, 'Infinity')) FROM json_lines",
    )
    excluded = normal_names(reading.exclude)
    keys = key_lists(connection)
    repeated = repeated or Repeated(excluded)
    for one in keys:
        repeated.add(one.keys, one.rows, one.line)
    with readable("JSON"):  # what is nested without end
        found = nested_values(connection, excluded) if is_nested else flat_values(keys)
    check_keys(connection, found, None if is_array else path)
    _keep_others(connection)
    if not found:
        raise _no_objects(connection)
    left = [_described(connection, one) for one in found if not one.others and one.lists + one.deep]
    reading.unread.update((one.name, one.kind) for one in left)
    read = [one for one in found if one.others or not one.structured]
    if not read:
        raise Unprocessable("The objects have lists only: send numbers and texts, each by a name.")
    names = checked_names([one.name for one in read], reading.exclude, list(reading.unread))
    read = [read[position] for position in names.positions]
    reading.mixed.update((one.name, one.structured) for one in read if one.structured)
    nan = _nan_counts(connection, read) if has_nan else {}
    connection.execute(f"CREATE VIEW raw AS {_rows(read, nan)}")
    bad = check_share(connection, "format", _ADVICE)
    made = make(names.names, reading.facts)
    reading.warnings.extend(bad)
    reading.warnings.extend([*repeated.warnings(names.names), *unread_warnings(left)])
    reading.warnings.extend([*_mixed(connection, read), *_nan_warning(nan)])
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


def _keep_others(connection: duckdb.DuckDBPyConnection) -> None:
    """Moves the lines that are no JSON object into bad_lines."""
    connection.execute(f"""
        INSERT INTO bad_lines SELECT kind, kind, line FROM (
            SELECT line, CASE WHEN {_HAS_HALF_PAIR} THEN 'half a surrogate pair'
                ELSE 'not a JSON object' END AS kind
            FROM json_lines WHERE line IS NOT NULL AND NOT {IS_OBJECT})
    """)


def _no_objects(connection: duckdb.DuckDBPyConnection) -> Unprocessable:
    first = connection.execute("SELECT line FROM bad_lines LIMIT 1").fetchone()
    such = f" ({kinds(connection)}), such as {shown(first[0])}" if first else ""
    return Unprocessable(f"No line is a JSON object with values{such}. {_ADVICE}.")


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


def _rows(read: Sequence[Found], nan: Mapping[str, int]) -> str:
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
            FROM (SELECT CASE WHEN {IS_OBJECT} THEN line END AS line FROM json_lines)
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


def _is_nan(one: Found) -> str:
    value = f"json_extract_string(line, {one.at})"
    return f"coalesce(json_type(line, {one.at}) = 'DOUBLE' AND {value} IN {_NAN}, false)"


def _nan_counts(connection: duckdb.DuckDBPyConnection, read: Sequence[Found]) -> dict[str, int]:
    """The columns that have NaN or Infinity as JSON does not know them, and how many."""
    counts: dict[str, int] = {}
    for some in batched(read, 100, strict=False):
        row = one_row(
            connection,
            f"SELECT {', '.join(f'count_if({_is_nan(one)})' for one in some)} FROM json_lines "
            f"WHERE (contains(line, 'NaN') OR contains(line, 'Infinity')) AND {IS_OBJECT}",
        )
        counts |= {one.name: rows for one, rows in zip(some, row, strict=True) if rows}
    return counts


def _nan_warning(counts: dict[str, int]) -> list[Warning]:
    if not counts:
        return []
    return [
        Warning(
            code="json_nan",
            detail="NaN and Infinity, which JSON does not have, were read as missing, so many "
            f"times: {sum(counts.values()):,}. Send null.",
            count=sum(counts.values()),
            columns=counts,
            examples=["NaN"],
            option="null",
        )
    ]


def _described(connection: duckdb.DuckDBPyConnection, one: Found) -> Unread:
    return Unread(
        one.name, "list" if one.lists else "deep", one.structured, _example(connection, one)
    )


def _example(connection: duckdb.DuckDBPyConnection, one: Found) -> str:
    row = connection.execute(
        f"SELECT left(json_extract_string(line, {one.at}), 100) FROM json_lines "
        f"WHERE {IS_OBJECT} AND json_type(line, {one.at}) IN {_STRUCTURED} LIMIT 1"
    ).fetchone()
    return row[0] if row else ""


def _mixed(connection: duckdb.DuckDBPyConnection, read: Sequence[Found]) -> list[Warning]:
    mixed = [one for one in read if one.structured]
    if not mixed:
        return []
    return [
        Warning(
            code="mixed_values",
            detail="Plain values are in some rows, and lists or objects in others, of columns "
            f"{', '.join(repr(one.name) for one in mixed[:EXAMPLES])}. Lists and objects there are "
            "missing values; what is in objects has columns of its own.",
            count=len(mixed),
            columns={one.name: one.structured for one in mixed},
            examples=[_example(connection, one) for one in mixed[:EXAMPLES]],
            option="exclude",
        )
    ]
