"""All rows with their columns typed, most often in one pass over the source.

What each column is and does is guessed from the first rows, all rows are written as guessed, and
what was written is judged. Where a guess does not hold, rows are written again: everything follows
from all values, whatever the first ones are.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from itertools import batched
from pathlib import Path

import duckdb

from common.problems import Problem
from tasks.tables.processing.columns import odd_values
from tasks.tables.processing.columns.infer import infer
from tasks.tables.processing.columns.labels import all_as, label_form, with_merged
from tasks.tables.processing.columns.odd_values import Odd
from tasks.tables.processing.columns.plan import Plan
from tasks.tables.processing.columns.typed import Typed
from tasks.tables.processing.columns.values import Source, Values, survey, survey_typed
from tasks.tables.processing.columns.written import Asked, WrittenColumn
from tasks.tables.processing.database import (
    MANY_COLUMNS,
    keep_rows,
    literal,
    optimize_for,
    repetitive,
    room_for,
)

_HEAD_ROWS = 2048

_AT_ONCE = 32
"""Columns of a query that asks for much: expressions of many at once take memory, and time."""


def type_rows(
    connection: duckdb.DuckDBPyConnection,
    names: Sequence[str],
    asked: Asked,
    folder: Path,
    plan_of: Callable[[Sequence[Typed]], Plan],
    delimiter: str,
) -> Plan:
    """Makes the views typed and doubtful of raw, and the plan of what its columns do.

    typed reads a file in the folder. It has the typed columns c<i>, but given_split for the one
    that names the split; features_hash and row_hash; place, the row's number; odd, the values that
    are read as missing; and cells, which is null for most rows. doubtful has those that miss a
    value that is needed, with the text of all their cells as a list. odd_values counts odd ones.
    The plan's first_rows have a delimiter between their cells.
    """
    optimize_for(connection, len(names))
    columns = _guess(connection, names, asked)
    hashed = _guess_hashed(columns, asked, plan_of)
    connection.execute("DROP TABLE head; DROP TABLE head_values")
    rows = _rows(columns, asked)
    file = None
    while True:
        before, file = file, _write(connection, rows, columns, hashed, asked, folder)
        if before is not None:
            before.unlink()
        judged = _judge(connection, columns, asked, file)
        if (typed := _rows(judged, asked)) != _rows(columns, asked):
            columns, rows = judged, typed
            continue
        plan = plan_of([column.typed for column in judged])
        if (needed := [column.at for column in plan.hashed]) == hashed:
            if len(columns) < MANY_COLUMNS:
                plan = replace(plan, first_rows=_first_rows(columns, hashed, asked, delimiter))
            return _with_merged_labels(connection, plan, judged)
        hashed, rows = needed, "SELECT * EXCLUDE (features_hash, row_hash, place) FROM typed"


def _with_merged_labels(
    connection: duckdb.DuckDBPyConnection, plan: Plan, columns: Sequence[WrittenColumn]
) -> Plan:
    """The plan, whose target tells how many labels differed in spaces or Unicode form only."""
    plain = any(column.typed is plan.target and column.plain for column in columns)
    if plain or plan.label is None:
        return plan
    return replace(plan, target=with_merged(connection, plan.label))


def _guess(
    connection: duckdb.DuckDBPyConnection, names: Sequence[str], asked: Asked
) -> list[WrittenColumn]:
    """The columns as the first rows have them, of which it makes typed."""
    at = [f"c{index}" for index in range(len(names))]
    connection.execute(f"CREATE OR REPLACE TABLE head AS FROM raw LIMIT {_HEAD_ROWS}")
    connection.execute("CREATE OR REPLACE VIEW typed AS FROM head")
    columns = []
    for some in batched(zip(names, at, strict=True), _AT_ONCE, strict=False):
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
                plain = _is_plain(connection, "head", column.typed, asked)
                column = replace(column, plain=plain)
            columns.append(column)
    return columns


def _guess_hashed(
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
        return WrittenColumn(_untyped(typed), guessed=True)
    if typed.form is not None:
        return WrittenColumn(typed, guessed=True, exact=True)
    exact = typed.type == "number" and values.one_length and given is None
    return WrittenColumn(replace(typed, lenient=given is not None), guessed=True, exact=exact)


def _untyped(column: Typed) -> Typed:
    """The column as text, of which nothing is known yet."""
    return Typed(column.name, Values(column.at), "category", 0)


def _rows(columns: Sequence[WrittenColumn], asked: Asked, raw: str = "raw") -> str:
    """The SQL of the typed rows of raw, or of its first ones with the text of all their cells."""
    firsts = ", ".join(column.typed.first for column in columns)
    values = ", ".join(f"{column.expression(asked)} AS v_{column.typed.at}" for column in columns)
    outputs = ", ".join(column.output(asked) for column in columns)
    doubts = " OR ".join(doubt for column in columns if (doubt := _doubt(column.typed, asked)))
    doubts = (doubts or "false") if raw == "raw" else "true"
    cells = ", ".join(column.typed.at for column in columns)
    odd = ", ".join(filter(None, (column.odd(asked) for column in columns))) or "NULL::VARCHAR"
    return f"""
        SELECT {outputs}, nullif(concat_ws('{odd_values.FIELD}', {odd}), '') AS odd,
            CASE WHEN {doubts} THEN CAST(to_json([{cells}]) AS VARCHAR) END AS cells
        FROM (SELECT *, {values} FROM (SELECT *, {firsts} FROM {raw}))
    """


def _write(
    connection: duckdb.DuckDBPyConnection,
    rows: str,
    columns: Sequence[WrittenColumn],
    hashed: Sequence[str],
    asked: Asked,
    folder: Path,
) -> Path:
    """Makes typed of rows, with a hash of what decides a row's split and one of all that it has.

    DuckDB's hash, because md5 of the features' text took a fifth of all the time. A test tells
    when a version of DuckDB changes it.
    """
    query = _with_hashes(rows, columns, hashed, asked)
    with room_for(connection, len(columns)):
        file = keep_rows(connection, "typed", query, len(columns), folder)
    # As JSON, because a list takes a twentieth of all the time although hardly a row has one.
    connection.execute("""
        CREATE OR REPLACE VIEW doubtful AS
        SELECT * REPLACE (from_json(cells, '["VARCHAR"]') AS cells)
        FROM typed WHERE cells IS NOT NULL
    """)
    return file


def _with_hashes(
    rows: str, columns: Sequence[WrittenColumn], hashed: Sequence[str], asked: Asked
) -> str:
    others = [column.written(asked) for column in columns if column.typed.at not in hashed]
    return (
        f"SELECT *, hash({', '.join(['features_hash', *others])}) AS row_hash "
        f"FROM (SELECT *, hash({', '.join(hashed)}) AS features_hash FROM ({rows}))"
    )


def _first_rows(
    columns: Sequence[WrittenColumn], hashed: Sequence[str], asked: Asked, delimiter: str
) -> str:
    rows = _rows(columns, asked, f"(FROM raw LIMIT {_HEAD_ROWS})")
    cells = """list_transform(from_json(cells, '["VARCHAR"]'), lambda cell: coalesce(cell, ''))"""
    return (
        f"SELECT row_hash, array_to_string({cells}, {literal(delimiter)}) AS written "
        f"FROM ({_with_hashes(rows, columns, hashed, asked)})"
    )


def _doubt(column: Typed, asked: Asked) -> str:
    """SQL of whether a row may be of no use because of a column; empty where none can be."""
    needed = (
        asked.is_learned(column.name)
        or column.name in (asked.split, asked.split_by)
        or (asked.needs_text and column.is_text)
    )
    return f"v_{column.at} IS NULL" if needed else ""


def unparsable(column: Typed) -> str:
    """SQL of whether a doubtful row has an unparsable value in a column."""
    value = f"as_value(stripped({cell(column)}))"
    return f"CASE WHEN {column.at} IS NULL THEN {value} IS NOT NULL ELSE false END"


def cell(column: Typed) -> str:
    """SQL of the text of a column's cell, in doubtful rows."""
    return f"cells[{int(column.at[1:]) + 1}]"


def _judge(
    connection: duckdb.DuckDBPyConnection,
    columns: Sequence[WrittenColumn],
    asked: Asked,
    file: Path,
) -> list[WrittenColumn]:
    """The columns as all their values have them, which are in a file."""
    odd_values.collect(connection)
    judged = {column.typed.name: column for column in columns}
    others = [column.typed for column in columns if column.typed.name != asked.split]
    few = repetitive(connection, file) if len(columns) < MANY_COLUMNS else set()
    texts = [column for column in others if column.is_text]
    for column, values, source in _surveyed(connection, texts, few, len(columns)):
        judged[column.name] = _judge_text(judged[column.name], values, source, asked)
    typed = [column for column in others if not column.is_text]
    for some in batched(typed, _AT_ONCE, strict=False):
        for column in _counted(connection, some):
            held = replace(judged[column.name], typed=column)
            odd = odd_values.unreadable(connection, column.at) if column.unparsable else Odd()
            anew = WrittenColumn(_untyped(column), guessed=True)
            judged[column.name] = replace(held, guessed=False) if held.holds(odd) else anew
    found = [judged[column.name] for column in texts]
    for again in _as_others(Source(connection, "typed"), found, list(judged.values()), asked):
        judged[again.typed.name] = again
    return list(judged.values())


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
    for some in batched(many, _AT_ONCE, strict=False):
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


def _judge_text(
    column: WrittenColumn, values: Values, source: Source, asked: Asked
) -> WrittenColumn:
    """The column by its values, each of which is in the source."""
    name, form = column.typed.name, "{v}"
    if column.plain and not _is_plain(source.connection, source.rows, column.typed, asked):
        return WrittenColumn(_untyped(column.typed), guessed=True)
    typed = infer(source, name, values, asked.given(name), asked.conventions)
    if name == asked.target.name and typed.is_text and not asked.keeps_labels:
        typed, form = label_form(source, typed)
        if form == "{v}" and column.form != form and all_as(typed, column.form):
            # The labels have been written in this form already.
            before = column.typed
            typed = replace(typed, merged=before.merged, examples=before.examples)
            form = column.form
    return replace(column, typed=typed, guessed=False, form=form)


def _is_plain(
    connection: duckdb.DuckDBPyConnection, rows: str, column: Typed, asked: Asked
) -> bool:
    """Whether no text of a column has to be trimmed, or stands for a missing value."""
    value = f"trimmed({column.at})"
    value = value if asked.is_learned(column.name) else f"as_value({value})"
    query = f"SELECT 1 FROM {rows} WHERE {value} IS DISTINCT FROM {column.at} LIMIT 1"
    return connection.execute(query).fetchone() is None


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
