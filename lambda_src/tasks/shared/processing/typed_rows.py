"""All rows with their columns typed, most often in one pass over the source.

Types are guessed from the first rows, all rows are written as guessed, and what was written is
judged. Where a guess does not hold, rows are written again: types follow from all values, whatever
the first ones are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import batched
from typing import Literal

import duckdb

from common.datasets import ColumnType
from tasks.shared.processing.column_types import (
    PARSABLE_SHARE,
    Typed,
    Values,
    infer,
    survey,
    survey_typed,
)
from tasks.shared.processing.database import (
    change_rows,
    one_row,
    optimize_for,
    room_for,
    widen_for,
)

TargetKind = Literal["label", "number"]

SIDES = (
    "CASE WHEN lower({value}) IN ('train', 'training') THEN 'train' "
    "WHEN lower({value}) IN ('validation', 'valid', 'val', 'dev') THEN 'validation' "
    "WHEN lower({value}) IN ('test', 'testing') THEN 'test' END"
)
"""SQL of the side that a value names, null where it names none."""

_HEAD_ROWS = 2048

_AT_ONCE = 32
"""Columns of a query that asks for much: expressions of many at once take memory, and time."""


@dataclass(frozen=True)
class Asked:
    """What is asked of columns before anything is known of their values.

    Rows of no text are of no use where texts are needed.
    """

    target: str
    target_kind: TargetKind
    split: str | None
    types: Mapping[str, ColumnType]
    needs_text: bool

    def given(self, name: str) -> ColumnType | None:
        """The type that a column has whatever its values are."""
        if name == self.target:
            return "number" if self.target_kind == "number" else "category"
        return "category" if name == self.split else self.types.get(name)


@dataclass(frozen=True)
class _Column:
    """How a column is written. A guess may be exact: then one value that does not fit ends it."""

    typed: Typed
    guessed: bool
    exact: bool = False

    def expression(self, asked: Asked) -> str:
        """The SQL of what is written of a cell."""
        at, name = self.typed.at, self.typed.name
        if name == asked.target and self.typed.is_text:
            return f"as_label(first_{at})"
        if name == asked.split:
            return SIDES.format(value=f"first_{at}")
        if self.exact and self.typed.type == "number":
            return f"CASE WHEN {at} >= '+' AND NOT is_code({at}) THEN {self.typed.expression} END"
        return self.typed.expression

    def holds(self) -> bool:
        """Whether what was guessed is true of all values."""
        typed = self.typed
        least = typed.values.filled if self.exact else PARSABLE_SHARE * typed.values.filled
        return not self.guessed or typed.parsed >= max(1.0, least)


def type_rows(
    connection: duckdb.DuckDBPyConnection, names: Sequence[str], asked: Asked
) -> list[Typed]:
    """Makes the table clean of raw, and says what is in its columns.

    clean has the typed columns c<i>, but side for the one that names the split, and cells: null,
    or the text of all cells of a row that has an unparsable value, or misses one that is needed.
    """
    optimize_for(connection, len(names))
    widen_for(connection, len(names))
    columns = _guess(connection, names, asked)
    while True:
        _write(connection, columns, asked)
        judged = _judge(connection, columns, asked)
        if all(
            before.expression(asked) == after.expression(asked)
            for before, after in zip(columns, judged, strict=True)
        ):
            break
        columns = judged
    typed = [column.typed for column in judged]
    if asked.target_kind == "label":
        _unify_labels(connection, typed[names.index(asked.target)])
    return typed


def _guess(
    connection: duckdb.DuckDBPyConnection, names: Sequence[str], asked: Asked
) -> list[_Column]:
    at = [f"c{index}" for index in range(len(names))]
    connection.execute(f"CREATE OR REPLACE TABLE head AS FROM raw LIMIT {_HEAD_ROWS}")
    columns = []
    for some in batched(zip(names, at, strict=True), _AT_ONCE, strict=False):
        values = ", ".join(f"as_value(trimmed({each})) AS {each}" for _, each in some)
        rows = f"(SELECT {values} FROM head)"
        found = survey(connection, rows, [each for _, each in some])
        for (name, _), about in zip(some, found, strict=True):
            columns.append(_guess_column(connection, rows, name, about, asked.given(name)))
    connection.execute("DROP TABLE head")
    return columns


def _guess_column(
    connection: duckdb.DuckDBPyConnection,
    rows: str,
    name: str,
    values: Values,
    given: ColumnType | None,
) -> _Column:
    typed = infer(connection, rows, name, values, given)
    if given in ("number", "boolean"):
        return _Column(typed, guessed=False)
    if typed.date_format is not None:
        # Which format fits most values, and whether it alone does, only all of them can tell.
        doubtful = typed.ambiguous_dates or typed.unparsable
        return _Column(_untyped(typed) if doubtful else typed, guessed=True, exact=True)
    one_length = values.shortest == values.longest
    return _Column(typed, guessed=True, exact=typed.type == "number" and one_length)


def _untyped(column: Typed) -> Typed:
    """The column as text, of which nothing is known yet."""
    return Typed(column.name, Values(column.at), "category", 0)


def _write(connection: duckdb.DuckDBPyConnection, columns: Sequence[_Column], asked: Asked) -> None:
    firsts = ", ".join(column.typed.first for column in columns)
    values = ", ".join(f"{column.expression(asked)} AS v_{column.typed.at}" for column in columns)
    outputs = ", ".join(
        f"v_{column.typed.at} AS {'side' if column.typed.name == asked.split else column.typed.at}"
        for column in columns
    )
    doubts = " OR ".join(doubt for column in columns if (doubt := _doubt(column.typed, asked)))
    cells = ", ".join(column.typed.at for column in columns)
    with room_for(connection, len(columns)):
        connection.execute(f"""
            CREATE OR REPLACE TABLE clean AS
            SELECT {outputs}, CASE WHEN {doubts} THEN [{cells}] END AS cells,
                NULL::UBIGINT AS features_hash, NULL::UBIGINT AS row_hash
            FROM (SELECT *, {values} FROM (SELECT *, {firsts} FROM raw))
        """)


def _doubt(column: Typed, asked: Asked) -> str:
    """SQL of whether a row may be of no use because of a column; empty where none can be."""
    at = column.at
    if column.name in (asked.target, asked.split) or (asked.needs_text and column.is_text):
        return f"v_{at} IS NULL"
    if column.is_text:
        return ""
    return (
        f"CASE WHEN v_{at} IS NULL AND {at} IS NOT NULL "
        f"THEN as_value(stripped({at})) IS NOT NULL ELSE false END"
    )


def unparsable(column: Typed) -> str:
    """SQL of whether a row of clean that has cells has an unparsable value in a column."""
    return f"{column.at} IS NULL AND as_value(trimmed({cell(column)})) IS NOT NULL"


def cell(column: Typed) -> str:
    """SQL of the text of a column's cell, in rows of clean that have cells."""
    return f"cells[{int(column.at[1:]) + 1}]"


def _judge(
    connection: duckdb.DuckDBPyConnection, columns: Sequence[_Column], asked: Asked
) -> list[_Column]:
    """The columns as all their values have them."""
    judged = {column.typed.name: column for column in columns}
    others = [column.typed for column in columns if column.typed.name != asked.split]
    texts = [column for column in others if column.is_text]
    for some in batched(texts, _AT_ONCE, strict=False):
        about = survey(connection, "clean", [column.at for column in some])
        for column, values in zip(some, about, strict=True):
            found = infer(connection, "clean", column.name, values, asked.given(column.name))
            judged[column.name] = _Column(found, guessed=False)
    typed = [column for column in others if not column.is_text]
    for some in batched(typed, _AT_ONCE, strict=False):
        for column in _counted(connection, some):
            held = replace(judged[column.name], typed=column)
            again = _Column(_untyped(column), guessed=True)
            judged[column.name] = replace(held, guessed=False) if held.holds() else again
    return list(judged.values())


def _counted(connection: duckdb.DuckDBPyConnection, columns: Sequence[Typed]) -> list[Typed]:
    """Typed columns with what is in them now."""
    counts = ", ".join(f"count(CASE WHEN {unparsable(column)} THEN 1 END)" for column in columns)
    odd = one_row(connection, f"SELECT {counts} FROM clean WHERE cells IS NOT NULL")
    found = survey_typed(connection, "clean", columns)
    return [
        replace(column, values=replace(values, filled=values.filled + wrong), parsed=values.filled)
        for column, values, wrong in zip(columns, found, odd, strict=True)
    ]


def _unify_labels(connection: duckdb.DuckDBPyConnection, target: Typed) -> None:
    """Gives labels that are all numbers or all booleans one form each: 1.0 becomes 1."""
    at, values = target.at, target.values
    safe = max(abs(values.smallest or 0.0), abs(values.largest or 0.0)) < 1e15
    if values.filled and values.numbers == values.filled and safe:
        number = f"as_number({at})"
        form = (
            f"CASE WHEN {number} = trunc({number}) THEN CAST(CAST({number} AS BIGINT) AS VARCHAR) "
            f"ELSE CAST({number} AS VARCHAR) END"
        )
    elif values.filled and values.booleans == values.filled:
        form = f"lower({at})"
    else:
        return
    change_rows(connection, f"UPDATE clean SET {at} = {form} WHERE {at} <> {form}")
