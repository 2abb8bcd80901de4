"""What each column is, as all of its values have it, however it was guessed."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import batched
from pathlib import Path

import duckdb

from tasks.tables.processing.columns import odd_values
from tasks.tables.processing.columns.guessing import AT_ONCE, is_plain, untyped
from tasks.tables.processing.columns.infer import infer
from tasks.tables.processing.columns.labels import all_as, label_form
from tasks.tables.processing.columns.odd_values import Odd
from tasks.tables.processing.columns.typed import Typed
from tasks.tables.processing.columns.values import Source, Values, survey, survey_typed
from tasks.tables.processing.columns.written import Asked, WrittenColumn
from tasks.tables.processing.database import MANY_COLUMNS, repetitive


def checked_columns(
    connection: duckdb.DuckDBPyConnection,
    columns: Sequence[WrittenColumn],
    asked: Asked,
    file: Path,
) -> list[WrittenColumn]:
    """The columns as all their values have them, which are in a file."""
    odd_values.collect(connection)
    checked = {column.typed.name: column for column in columns}
    others = [column.typed for column in columns if column.typed.name != asked.split]
    few = repetitive(connection, file) if len(columns) < MANY_COLUMNS else set()
    texts = [column for column in others if column.is_text]
    for column, values, source in _surveyed(connection, texts, few, len(columns)):
        checked[column.name] = _checked_text(checked[column.name], values, source, asked)
    typed = [column for column in others if not column.is_text]
    for some in batched(typed, AT_ONCE, strict=False):
        for column in _counted(connection, some):
            held = replace(checked[column.name], typed=column)
            odd = odd_values.unreadable(connection, column.at) if column.unparsable else Odd()
            anew = WrittenColumn(untyped(column), guessed=True)
            checked[column.name] = replace(held, guessed=False) if held.holds(odd) else anew
    found = [checked[column.name] for column in texts]
    for again in _as_others(Source(connection, "typed"), found, list(checked.values()), asked):
        checked[again.typed.name] = again
    return list(checked.values())


def _as_others(
    source: Source, found: Sequence[WrittenColumn], columns: Sequence[WrittenColumn], asked: Asked
) -> Iterator[WrittenColumn]:
    """The columns that may be read in several ways, read as the file's other columns are."""
    conventions = asked.conventions.agreed([column.typed for column in columns])
    if conventions == asked.conventions:
        return
    for column in found:
        if (typed := column.typed).ambiguous:
            given = asked.given(typed.name)
            yield replace(column, typed=infer(source, typed.name, typed.values, given, conventions))


def _surveyed(
    connection: duckdb.DuckDBPyConnection,
    texts: Sequence[Typed],
    few: Collection[str],
    columns: int,
) -> Iterator[tuple[Typed, Values, Source]]:
    """Columns of text with what is in them, and where their values are until the next one.

    Of a column of few values, each is looked at once, which takes a third of the time. columns is
    how many typed has.
    """
    many = [column for column in texts if column.at not in few]
    for some in batched(many, AT_ONCE, strict=False):
        at = [column.at for column in some]
        source = Source(connection, _narrow(connection, at, columns))
        about = survey(source, at)
        for column, values in zip(some, about, strict=True):
            yield column, values, source
    for column in texts:
        if column.at in few:
            connection.execute(
                f"CREATE OR REPLACE TABLE counted AS SELECT {column.at}, count(*) AS rows "
                f"FROM typed GROUP BY {column.at}"
            )
            counted = Source(connection, "counted", "rows")
            (values,) = survey(counted, [column.at])
            yield column, values, counted


def _narrow(connection: duckdb.DuckDBPyConnection, at: Sequence[str], columns: int) -> str:
    """What has the values of some columns: typed, or a table where typed has many columns.

    Several queries ask for each column, and one of a view takes a time for each column it has.
    """
    if columns < MANY_COLUMNS:
        return "typed"
    connection.execute(f"CREATE OR REPLACE TABLE some_columns AS SELECT {', '.join(at)} FROM typed")
    return "some_columns"


def _checked_text(
    column: WrittenColumn, values: Values, source: Source, asked: Asked
) -> WrittenColumn:
    """The column by its values, each of which is in the source."""
    name, form = column.typed.name, "{v}"
    if column.plain and not is_plain(source.connection, source.rows, column.typed, asked):
        return WrittenColumn(untyped(column.typed), guessed=True)
    typed = infer(source, name, values, asked.given(name), asked.conventions)
    if name == asked.target.name and typed.is_text and not asked.keeps_labels:
        typed, form = label_form(source, typed)
        if form == "{v}" and column.form != form and all_as(typed, column.form):
            # The labels have been written in this form already.
            before = column.typed
            typed = replace(typed, merged=before.merged, examples=before.examples)
            form = column.form
    return replace(column, typed=typed, guessed=False, form=form)


def _counted(connection: duckdb.DuckDBPyConnection, columns: Sequence[Typed]) -> list[Typed]:
    """Typed columns with what is in them now."""
    odd = odd_values.count(connection)
    found = survey_typed(connection, "typed", columns)
    return [
        replace(
            column,
            values=replace(values, filled=values.filled + odd.get(column.at, 0)),
            parsed=values.filled,
        )
        for column, values in zip(columns, found, strict=True)
    ]
