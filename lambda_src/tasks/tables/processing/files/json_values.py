"""What is at each path of the JSON objects in json_lines, and how many of them have it."""

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import msgspec

from common.decoding import MAX_COLUMNS
from common.problems import Unprocessable, pointer
from common.warnings import EXAMPLES, Warning
from tasks.framework.nesting import MAX_DEPTH
from tasks.tables.processing.database import literal
from tasks.tables.processing.files.nested import joined
from tasks.tables.processing.files.shape import shown

IS_OBJECT = "CASE WHEN json_valid(line) THEN json_type(line) = 'OBJECT' ELSE false END"
"""Of a line. In this order: json_type fails for what is not JSON."""

_AT_ONCE = 10_000
_MOST_PATHS = 10 * MAX_COLUMNS


@dataclass
class Found:
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


class KeyList(NamedTuple):
    """The keys of objects as they stand, how many objects have them, and one of those."""

    keys: list[str]
    rows: int
    line: str


def key_lists(connection: duckdb.DuckDBPyConnection) -> list[KeyList]:
    """The keys that objects have, inner ones apart, with how many objects have those and a line."""
    found = connection.execute(f"""
        SELECT keys, count(*), min(left(line, 200)) FROM (
            SELECT json_keys(line) AS keys, line
            FROM (SELECT CASE WHEN {IS_OBJECT} THEN line END AS line FROM json_lines)
            WHERE line IS NOT NULL)
        GROUP BY keys
    """).fetchall()
    return [KeyList(*row) for row in found]


def flat_values(keys: Sequence[KeyList]) -> list[Found]:
    return [Found((key,), others=1) for key in sorted({key for one in keys for key in one.keys})]


class Repeated:
    """Objects that have a key more than once, but for those that are excluded."""

    def __init__(self, excluded: Collection[str]) -> None:
        self._excluded = frozenset(excluded)
        self._objects = 0
        self._keys = Counter[str]()
        self._examples: list[str] = []

    def object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        """An object of its pairs as Python's reader has them, with the first value of each key."""
        made = dict(pairs)
        if len(made) == len(pairs):
            return made
        first = dict(reversed(pairs))
        shown = ", ".join(f"{json.dumps(key)}: {_scalar(value)}" for key, value in pairs)
        self.add([key for key, _ in pairs], 1, f"{{{shown}}}")
        return {key: first[key] for key in made}

    def add(self, keys: Sequence[str], objects: int, example: str) -> None:
        """Counts so many objects with these keys, if there is one twice."""
        if len(set(keys)) == len(keys):
            return
        twice = {key for key, times in Counter(keys).items() if times > 1} - self._excluded
        if not twice:
            return
        self._objects += objects
        for key in twice:
            if key in self._keys or len(self._keys) < _MOST_PATHS:
                self._keys[key] += objects
        if len(self._examples) < EXAMPLES:
            self._examples.append(example)

    def warnings(self, names: Collection[str]) -> list[Warning]:
        """The warning that the first values were read, with the columns of these names."""
        if not self._objects:
            return []
        return [
            Warning(
                code="json_repeated_keys",
                detail="Objects have a key more than once, and the first value of each was read. "
                "Give every value a key of its own, or exclude the key.",
                count=self._objects,
                columns={name: self._keys[name] for name in names if name in self._keys},
                examples=self._examples,
                option="exclude",
            )
        ]


def _scalar(value: Any) -> str:
    return "…" if isinstance(value, dict | list) else json.dumps(value)


def nested_values(connection: duckdb.DuckDBPyConnection, excluded: Collection[str]) -> list[Found]:
    """What is at each path, by the structures that objects have."""
    found: dict[tuple[str, ...], Found] = {}
    connection.execute(f"""
        SELECT json_structure(line), count(*) FROM json_lines
        WHERE line IS NOT NULL AND {IS_OBJECT} GROUP BY ALL
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
    found: dict[tuple[str, ...], Found],
    path: tuple[str, ...],
    structure: Mapping[str, Any],
    rows: int,
    excluded: Collection[str],
) -> None:
    """Counts the values of an object, whose structure names their types as DuckDB does."""
    for key, kind in structure.items():
        one = found.setdefault((*path, key), Found((*path, key)))
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


def check_keys(
    connection: duckdb.DuckDBPyConnection, found: Sequence[Found], lines: Path | None
) -> None:
    """Raises Unprocessable for a key without a name."""
    bad = next((one for one in found if not all(key.strip() for key in one.path)), None)
    if bad is None:
        return
    row = connection.execute(
        f"SELECT line FROM json_lines WHERE {IS_OBJECT} AND json_exists(line, {bad.at}) LIMIT 1"
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
