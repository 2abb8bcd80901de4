"""All rows with their columns typed, most often in one pass over the source.

What each column is and does is guessed from the first rows, all rows are written as guessed, and
what was written is judged. Where a guess does not hold, rows are written again: everything follows
from all values, whatever the first ones are.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import batched
from pathlib import Path

import duckdb

from common.datasets import ColumnType
from common.problems import Problem
from tasks.shared.processing.column_types import (
    PARSABLE_SHARE,
    Typed,
    Values,
    infer,
    survey,
    survey_typed,
)
from tasks.shared.processing.database import (
    MANY_COLUMNS,
    keep_rows,
    one_row,
    optimize_for,
    repetitive,
    room_for,
)
from tasks.shared.processing.plan import Plan, TargetKind

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
    """How a column is written. A guess may be exact: then one value that does not fit ends it.

    plain text is written as it stands, as no value needs to be trimmed or is no value. form is the
    SQL of what a label {v} is written as, where all are numbers or all booleans.
    """

    typed: Typed
    guessed: bool
    exact: bool = False
    plain: bool = False
    form: str = "{v}"

    def expression(self, asked: Asked) -> str:
        """The SQL of a cell's value."""
        at, name = self.typed.at, self.typed.name
        if name == asked.split:
            return SIDES.format(value=f"first_{at}")
        if self.plain and self.typed.is_text:
            return at
        if name == asked.target and self.typed.is_text:
            return f"as_label(first_{at})"
        if self.exact and self.typed.type == "number":
            return f"CASE WHEN {at} >= '+' AND NOT is_code({at}) THEN {self.typed.expression} END"
        return self.typed.expression

    def written(self, asked: Asked) -> str:
        """The column's name in typed."""
        return "side" if self.typed.name == asked.split else self.typed.at

    def output(self, asked: Asked) -> str:
        """The SQL of what is written of the value, with its name."""
        return f"{self.form.format(v=f'v_{self.typed.at}')} AS {self.written(asked)}"

    def holds(self) -> bool:
        """Whether what was guessed is true of all values."""
        typed = self.typed
        least = typed.values.filled if self.exact else PARSABLE_SHARE * typed.values.filled
        return not self.guessed or typed.parsed >= max(1.0, least)


def type_rows(
    connection: duckdb.DuckDBPyConnection,
    names: Sequence[str],
    asked: Asked,
    folder: Path,
    plan_of: Callable[[Sequence[Typed]], Plan],
) -> Plan:
    """Makes the views typed and doubtful of raw, and the plan of what its columns do.

    typed reads a file in the folder. It has the typed columns c<i>, but side for the one that
    names the split; features_hash and row_hash; place, the row's number; and cells, which is null
    for most rows. doubtful has those that have an unparsable value, or miss one that is needed,
    with the text of all their cells as a list.
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
            return plan
        hashed, rows = needed, "SELECT * EXCLUDE (features_hash, row_hash, place) FROM typed"


def _guess(
    connection: duckdb.DuckDBPyConnection, names: Sequence[str], asked: Asked
) -> list[_Column]:
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
        found = survey(connection, "head_values", [each for _, each in some])
        for (name, _), about in zip(some, found, strict=True):
            column = _guess_column(connection, name, about, asked)
            if column.typed.is_text and len(names) < MANY_COLUMNS:
                plain = _is_plain(connection, "head", column.typed, asked)
                column = replace(column, plain=plain)
            columns.append(column)
    return columns


def _guess_hashed(
    columns: Sequence[_Column], asked: Asked, plan_of: Callable[[Sequence[Typed]], Plan]
) -> list[str]:
    """The columns that a row's side follows from, as far as the first rows tell."""
    typed = [column.typed for column in columns]
    try:
        return [column.at for column in plan_of(typed).hashed]
    except Problem:
        # A few rows have none to learn from: all may have.
        return [column.at for column in typed if column.name != asked.split]


def _guess_column(
    connection: duckdb.DuckDBPyConnection, name: str, values: Values, asked: Asked
) -> _Column:
    given = asked.given(name)
    typed = infer(connection, "head_values", name, values, given)
    if given in ("number", "boolean"):
        return _Column(typed, guessed=False)
    if typed.date_format is not None:
        # Which format fits most values, and whether it alone does, only all of them can tell.
        doubtful = typed.ambiguous_dates or typed.unparsable
        return _Column(_untyped(typed) if doubtful else typed, guessed=True, exact=True)
    if typed.is_text:
        form = _form(connection, typed) if name == asked.target else "{v}"
        return _Column(typed, guessed=True, form=form)
    one_length = values.shortest == values.longest
    return _Column(typed, guessed=True, exact=typed.type == "number" and one_length)


def _untyped(column: Typed) -> Typed:
    """The column as text, of which nothing is known yet."""
    return Typed(column.name, Values(column.at), "category", 0)


def _rows(columns: Sequence[_Column], asked: Asked) -> str:
    """The SQL of the typed rows of raw."""
    firsts = ", ".join(column.typed.first for column in columns)
    values = ", ".join(f"{column.expression(asked)} AS v_{column.typed.at}" for column in columns)
    outputs = ", ".join(column.output(asked) for column in columns)
    doubts = " OR ".join(doubt for column in columns if (doubt := _doubt(column.typed, asked)))
    cells = ", ".join(column.typed.at for column in columns)
    return f"""
        SELECT {outputs}, CASE WHEN {doubts} THEN CAST(to_json([{cells}]) AS VARCHAR) END AS cells
        FROM (SELECT *, {values} FROM (SELECT *, {firsts} FROM raw))
    """


def _write(
    connection: duckdb.DuckDBPyConnection,
    rows: str,
    columns: Sequence[_Column],
    hashed: Sequence[str],
    asked: Asked,
    folder: Path,
) -> Path:
    """Makes typed of rows, with a hash of what decides a row's side and one of all that it has.

    DuckDB's hash, because md5 of the features' text took a fifth of all the time. A test tells
    when a version of DuckDB changes it.
    """
    others = [column.written(asked) for column in columns if column.typed.at not in hashed]
    with room_for(connection, len(columns)):
        file = keep_rows(
            connection,
            "typed",
            f"SELECT *, hash({', '.join(['features_hash', *others])}) AS row_hash "
            f"FROM (SELECT *, hash({', '.join(hashed)}) AS features_hash FROM ({rows}))",
            len(columns),
            folder,
        )
    # As JSON, because a list takes a twentieth of all the time although hardly a row has one.
    connection.execute("""
        CREATE OR REPLACE VIEW doubtful AS
        SELECT * REPLACE (from_json(cells, '["VARCHAR"]') AS cells)
        FROM typed WHERE cells IS NOT NULL
    """)
    return file


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
    """SQL of whether a doubtful row has an unparsable value in a column."""
    value = f"as_value(stripped({cell(column)}))"
    return f"CASE WHEN {column.at} IS NULL THEN {value} IS NOT NULL ELSE false END"


def cell(column: Typed) -> str:
    """SQL of the text of a column's cell, in doubtful rows."""
    return f"cells[{int(column.at[1:]) + 1}]"


def _judge(
    connection: duckdb.DuckDBPyConnection, columns: Sequence[_Column], asked: Asked, file: Path
) -> list[_Column]:
    """The columns as all their values have them, which are in a file."""
    judged = {column.typed.name: column for column in columns}
    others = [column.typed for column in columns if column.typed.name != asked.split]
    few = repetitive(connection, file) if len(columns) < MANY_COLUMNS else set()
    texts = [column for column in others if column.is_text]
    for column, values, rows in _surveyed(connection, texts, few):
        before = judged[column.name]
        judged[column.name] = _judge_text(connection, before, values, rows, asked)
    typed = [column for column in others if not column.is_text]
    for some in batched(typed, _AT_ONCE, strict=False):
        for column in _counted(connection, some):
            held = replace(judged[column.name], typed=column)
            again = _Column(_untyped(column), guessed=True)
            judged[column.name] = replace(held, guessed=False) if held.holds() else again
    return list(judged.values())


def _surveyed(
    connection: duckdb.DuckDBPyConnection, texts: Sequence[Typed], few: Collection[str]
) -> Iterator[tuple[Typed, Values, str]]:
    """Columns of text with what is in them, and the rows that have each value until the next one.

    Of a column of few values, each is looked at once, which takes a third of the time.
    """
    many = [column for column in texts if column.at not in few]
    for some in batched(many, _AT_ONCE, strict=False):
        about = survey(connection, "typed", [column.at for column in some])
        for column, values in zip(some, about, strict=True):
            yield column, values, "typed"
    for column in texts:
        if column.at in few:
            connection.execute(
                f"CREATE OR REPLACE TABLE counted AS SELECT {column.at}, count(*) AS rows "
                f"FROM typed GROUP BY {column.at}"
            )
            (values,) = survey(connection, "counted", [column.at], "rows")
            yield column, values, "counted"


def _judge_text(
    connection: duckdb.DuckDBPyConnection,
    column: _Column,
    values: Values,
    rows: str,
    asked: Asked,
) -> _Column:
    """The column by its values, each of which is in rows."""
    name, form = column.typed.name, "{v}"
    if column.plain and not _is_plain(connection, rows, column.typed, asked):
        return _Column(_untyped(column.typed), guessed=True)
    found = infer(connection, "typed", name, values, asked.given(name))
    if name == asked.target:
        form = _form(connection, found, column.form)
    return replace(column, typed=found, guessed=False, form=form)


def _is_plain(
    connection: duckdb.DuckDBPyConnection, rows: str, column: Typed, asked: Asked
) -> bool:
    """Whether no text of a column has to be trimmed, or stands for a missing value."""
    macro = "as_label" if column.name == asked.target else "as_value"
    value = f"{macro}(trimmed({column.at}))"
    query = f"SELECT 1 FROM {rows} WHERE {value} IS DISTINCT FROM {column.at} LIMIT 1"
    return connection.execute(query).fetchone() is None


def _counted(connection: duckdb.DuckDBPyConnection, columns: Sequence[Typed]) -> list[Typed]:
    """Typed columns with what is in them now."""
    counts = ", ".join(f"count(CASE WHEN {unparsable(column)} THEN 1 END)" for column in columns)
    odd = one_row(connection, f"SELECT {counts} FROM doubtful")
    found = survey_typed(connection, "typed", columns)
    return [
        replace(column, values=replace(values, filled=values.filled + wrong), parsed=values.filled)
        for column, values, wrong in zip(columns, found, odd, strict=True)
    ]


def _form(connection: duckdb.DuckDBPyConnection, target: Typed, written: str = "{v}") -> str:
    """The one form of labels that are all numbers or all booleans: 1.0 becomes 1.

    Labels that are something else, after all, stay what they are.
    """
    values = target.values
    if values.filled and values.numbers == values.filled and values.magnitude < 1e15:
        number = "as_number({v})"
        form = (
            f"CASE WHEN abs({number}) < 1e15 AND {number} = trunc({number}) "
            f"THEN CAST(CAST({number} AS BIGINT) AS VARCHAR) "
            f"ELSE coalesce(CAST({number} AS VARCHAR), {{v}}) END"
        )
    elif values.filled and values.booleans == values.filled:
        form = "lower({v})"
    else:
        return "{v}"
    if form == written:
        return form
    different = f"SELECT 1 FROM typed WHERE {target.at} <> {form.format(v=target.at)} LIMIT 1"
    return form if connection.execute(different).fetchone() else "{v}"
