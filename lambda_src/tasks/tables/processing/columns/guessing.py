"""What each column is, as the first rows have it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import batched

import duckdb

from common.problems import Problem
from tasks.tables.processing.columns.infer import infer
from tasks.tables.processing.columns.labels import label_form
from tasks.tables.processing.columns.plan import Plan
from tasks.tables.processing.columns.typed import Typed
from tasks.tables.processing.columns.values import Source, Values, survey
from tasks.tables.processing.columns.written import Asked, WrittenColumn
from tasks.tables.processing.database import MANY_COLUMNS

HEAD_ROWS = 2048
"""The first rows, from which columns are guessed."""

AT_ONCE = 32
"""Columns of a query that asks for much: expressions of many at once take memory, and time."""


def guessed_columns(
    connection: duckdb.DuckDBPyConnection, names: Sequence[str], asked: Asked
) -> list[WrittenColumn]:
    """The columns as the first rows have them, of which it makes typed."""
    at = [f"c{index}" for index in range(len(names))]
    connection.execute(f"CREATE OR REPLACE TABLE head AS FROM raw LIMIT {HEAD_ROWS}")
    connection.execute("CREATE OR REPLACE VIEW typed AS FROM head")
    columns = []
    for some in batched(zip(names, at, strict=True), AT_ONCE, strict=False):
        cells = ", ".join(f"trimmed({each}) AS {each}" for _, each in some)
        values = ", ".join(f"as_value({each}) AS {each}" for _, each in some)
        connection.execute(f"""
            CREATE OR REPLACE TABLE head_values AS SELECT {values} FROM (SELECT {cells} FROM head)
        """)
        source = Source(connection, "head_values")
        found = survey(source, [each for _, each in some])
        for (name, _), about in zip(some, found, strict=True):
            column = _guess_column(source, name, about, asked)
            if column.typed.is_text and (len(names) < MANY_COLUMNS or name == asked.target.name):
                plain = is_plain(connection, "head", column.typed, asked)
                column = replace(column, plain=plain)
            columns.append(column)
    return columns


def guess_hashed(
    columns: Sequence[WrittenColumn], asked: Asked, plan_of: Callable[[Sequence[Typed]], Plan]
) -> list[str]:
    """The columns that a row's split follows from, as far as the first rows tell."""
    typed = [column.typed for column in columns]
    try:
        return [column.at for column in plan_of(typed).hashed]
    except Problem:
        # A few rows have none to learn from: all may have.
        return [column.at for column in typed if column.name != asked.split]


def _guess_column(source: Source, name: str, values: Values, asked: Asked) -> WrittenColumn:
    given = asked.given(name)
    typed = infer(source, name, values, given, asked.conventions)
    if given == "boolean":
        return WrittenColumn(typed, guessed=False)
    if typed.is_text:
        form = "{v}"
        if name == asked.target.name and not asked.keeps_labels:
            typed, form = label_form(source, typed)
        return WrittenColumn(typed, guessed=True, form=form)
    # What fits most values, and whether it alone does, only all of them can tell.
    if typed.ambiguous or (typed.unparsable and typed.form is not None):
        return WrittenColumn(untyped(typed), guessed=True)
    if typed.form is not None:
        return WrittenColumn(typed, guessed=True, exact=True)
    exact = typed.type == "number" and values.one_length and given is None
    return WrittenColumn(replace(typed, lenient=given is not None), guessed=True, exact=exact)


def untyped(column: Typed) -> Typed:
    """The column as text, of which nothing is known yet."""
    return Typed(column.name, Values(column.at), "category", 0)


def is_plain(connection: duckdb.DuckDBPyConnection, rows: str, column: Typed, asked: Asked) -> bool:
    """Whether no text of a column has to be trimmed, or stands for a missing value."""
    value = f"trimmed({column.at})"
    value = value if asked.is_learned(column.name) else f"as_value({value})"
    query = f"SELECT 1 FROM {rows} WHERE {value} IS DISTINCT FROM {column.at} LIMIT 1"
    return connection.execute(query).fetchone() is None
