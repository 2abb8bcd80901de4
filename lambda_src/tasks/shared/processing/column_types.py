"""What type each column has, judged by every one of its values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import duckdb

from common.datasets import ColumnType
from tasks.shared.processing.database import literal

PARSABLE_SHARE = 0.95
"""A column is of a type when at least this share of its values parse; the rest is set aside."""

DATE_FORMATS = tuple(
    date + time
    for date in ("%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%Y/%m/%d", "%Y.%m.%d")
    for time in ("", " %H:%M", " %H:%M:%S")
)


_HEAD_ROWS = 2048


@dataclass(frozen=True)
class Values:
    """A column's values, all its rows taken together; distinct is approximate."""

    at: str
    filled: int
    numbers: int
    booleans: int
    datetimes: int
    distinct: int
    codes: int
    shortest: int
    longest: int
    smallest: float | None
    largest: float | None
    integers: int
    plain: bool = False
    """Every cell has a value, which its type is made of without trimming."""

    @property
    def value(self) -> str:
        """The SQL of a cell's value, null where it has none."""
        return self.at if self.plain else f"as_value({self.at})"

    @property
    def label(self) -> str:
        """The SQL of a cell's value where it is a label."""
        return self.at if self.plain else f"as_label({self.at})"

    @property
    def number(self) -> str:
        """The SQL of a cell's number, null where it is none."""
        if self.plain and self.numbers == self.filled:
            return f"(CAST({self.at} AS DOUBLE) + 0.0)"
        return f"as_number({self.at})"


@dataclass(frozen=True)
class Typed:
    """A column with its type; parsed counts the values that are of it.

    date_format is strptime's, or None for ISO 8601.
    """

    name: str
    values: Values
    type: ColumnType
    parsed: int
    date_format: str | None = None
    ambiguous_dates: bool = False
    given: bool = False

    @property
    def at(self) -> str:
        return self.values.at

    @property
    def unparsable(self) -> int:
        return self.values.filled - self.parsed

    @property
    def expression(self) -> str:
        """The SQL of the typed value; null where there is none or it does not parse.

        What stands for a missing value parses as nothing else, and need not be looked for.
        """
        match self.type:
            case "number":
                return self.values.number
            case "boolean" if not self.given and self.values.plain:
                return f"lower({self.at}) = 'true'"
            case "boolean":
                return f"as_boolean{'_widely' if self.given else ''}({self.at})"
            case "datetime" if self.date_format is not None:
                return f"try_strptime({self.at}, {literal(self.date_format)})"
            case "datetime":
                return f"as_datetime({self.at})"
            case _:
                return self.values.value


def survey(connection: duckdb.DuckDBPyConnection, cells: str, at: Sequence[str]) -> list[Values]:
    """What is in each column of a table of text, untrimmed, in one pass over it.

    A column whose first rows are all of one type is looked at for that type alone, which takes a
    third of the time; where later rows differ, it is looked at again. No query names more of the
    table than these columns: of a table of 2,000, that alone takes a quarter of a second.
    """
    cells = f"(SELECT {', '.join(at)} FROM {cells})"
    head = _survey(connection, f"(FROM {cells} LIMIT {_HEAD_ROWS})", dict.fromkeys(at))
    expected = {values.at: _expected(values) for values in head}
    found = {values.at: values for values in _survey(connection, cells, expected)}
    unlike = [at for at, type_ in expected.items() if type_ and not found[at].plain]
    if unlike:
        again = _survey(connection, cells, dict.fromkeys(unlike))
        found |= {values.at: values for values in again}
    return list(found.values())


def _expected(head: Values) -> ColumnType | None:
    """The type of all values; numbers of one length might be codes, if not those, then others."""
    if 0 < head.filled == head.numbers and head.shortest < head.longest:
        return "number"
    if 0 < head.filled == head.booleans:
        return "boolean"
    return "datetime" if 0 < head.filled == head.datetimes else None


def _survey(
    connection: duckdb.DuckDBPyConnection, cells: str, expected: Mapping[str, ColumnType | None]
) -> list[Values]:
    """Step by step, as a macro's argument is evaluated wherever it stands."""
    steps = [
        (f"trimmed({at}) AS t_{at}", f"as_value(t_{at}) AS v_{at}", f"as_number(v_{at}) AS n_{at}")
        if type_ is None
        else (f"as_{type_}({at}) AS v_{at}", f"v_{at}", f"v_{at}")
        for at, type_ in expected.items()
    ]
    query = f"FROM {cells}"
    for step in zip(*steps, strict=True):
        query = f"FROM (SELECT *, {', '.join(step)} {query})"
    fields = [
        _fields(at) if type_ is None else _fields_of_type(at, type_)
        for at, type_ in expected.items()
    ]
    # All rows of the result, as lines that are no rows are told at a query's end.
    (row,) = connection.execute(f"SELECT {', '.join(fields)} {query}").fetchall()
    size = len(row) // len(fields)
    return [Values(at, *row[size * i : size * (i + 1)]) for i, at in enumerate(expected)]


def _fields(at: str) -> str:
    """SQL of the fields of Values, for a cell, its value v and its number n."""
    v, n = f"v_{at}", f"n_{at}"
    return f"""count({v}), count({n}),
        count(CASE WHEN {n} IS NULL THEN as_boolean({v}) END),
        count(CASE WHEN {n} IS NULL THEN as_datetime({v}) END),
        approx_count_distinct({v}),
        count(CASE WHEN {v} >= '00' AND {v} < '0:' AND {n} IS NOT NULL
            AND {v}[2:2] BETWEEN '0' AND '9' THEN 1 END),
        coalesce(min(strlen({v})), 0), coalesce(max(strlen({v})), 0), min({n}), max({n}),
        count(CASE WHEN {n} = trunc({n}) THEN 1 END),
        count({at}) = count(CASE WHEN {at} = {v} THEN 1 END)"""


def _fields_of_type(at: str, type_: ColumnType) -> str:
    """SQL of the same fields, where v is the typed value; numbers and dates may have spaces."""
    v = f"v_{at}"
    counts = [f"count({v})" if type_ == of else "0" for of in ("number", "boolean", "datetime")]
    number = f"min({v}), max({v}), count(CASE WHEN {v} = trunc({v}) THEN 1 END)"
    return f"""count({at}), {", ".join(counts)}, approx_count_distinct({v}), 0,
        coalesce(min(strlen({at})), 0), coalesce(max(strlen({at})), 0),
        {number if type_ == "number" else "NULL, NULL, 0"},
        count({at}) = count({v}) AND least(min({at}), min(reverse({at}))) >= '!'"""


def infer(
    connection: duckdb.DuckDBPyConnection,
    names: Sequence[str],
    values: Sequence[Values],
    given: Mapping[str, ColumnType],
) -> list[Typed]:
    """Types of the columns of raw, the given ones as told."""
    return [
        _as_given(connection, name, column, given[name])
        if name in given
        else infer_column(connection, name, column)
        for name, column in zip(names, values, strict=True)
    ]


def infer_column(connection: duckdb.DuckDBPyConnection, name: str, values: Values) -> Typed:
    """The type that a column of raw has by its values."""
    enough = max(1.0, PARSABLE_SHARE * values.filled)
    if values.booleans >= enough:
        return Typed(name, values, "boolean", values.booleans)
    if values.numbers >= enough:
        # Postcodes and the like: of one length, some with leading zeros that a number would lose.
        if values.codes and values.shortest == values.longest:
            return Typed(name, values, "category", values.filled)
        return Typed(name, values, "number", values.numbers)
    if values.datetimes >= enough:
        return Typed(name, values, "datetime", values.datetimes)
    text = Typed(name, values, "category", values.filled)
    if values.filled == 0:
        return text
    if 8 <= values.longest <= 40 and (dated := _dated(connection, text, enough)) is not None:
        return dated
    return replace(text, type="text") if _is_text(connection, values) else text


def _as_given(
    connection: duckdb.DuckDBPyConnection, name: str, values: Values, type_: ColumnType
) -> Typed:
    typed = Typed(name, values, type_, values.filled, given=True)
    if type_ == "datetime" and values.datetimes < PARSABLE_SHARE * values.filled:
        dated = _dated(connection, typed, 1.0)
        typed = replace(dated, given=True) if dated is not None else typed
    if type_ in ("number", "boolean", "datetime"):
        (parsed,) = _one(connection, f"SELECT count({typed.expression}) FROM raw")
        typed = replace(typed, parsed=parsed)
    return typed


def _dated(connection: duckdb.DuckDBPyConnection, column: Typed, enough: float) -> Typed | None:
    """The column as dates in the format that fits most values; None where none fits enough."""
    counts = ", ".join(
        f"count(try_strptime({column.at}, {literal(form)}))" for form in DATE_FORMATS
    )
    look = f"SELECT {counts} FROM (SELECT {column.at} FROM raw WHERE {column.at} IS NOT NULL"
    if not any(_one(connection, f"{look} LIMIT 1000)")):
        return None
    fits = _one(connection, f"{look})")
    best = max(fits)
    if best < enough:
        return None
    form = DATE_FORMATS[fits.index(best)]
    return replace(
        column,
        type="datetime",
        parsed=best,
        date_format=form,
        ambiguous_dates=fits.count(best) > 1,
    )


def _is_text(connection: duckdb.DuckDBPyConnection, values: Values) -> bool:
    """Whether strings are prose rather than names of categories.

    Prose hardly repeats, and has several words, or is long in a script that writes none.
    """
    if values.distinct < 20 or values.distinct < 0.2 * values.filled:
        return False
    c = values.value
    words, characters, size = _one(
        connection,
        f"""SELECT avg(length({c}) - length(replace({c}, ' ', '')) + 1), avg(length({c})),
            avg(strlen({c})) FROM raw""",
    )
    return bool(words >= 3 or (characters >= 8 and size >= 1.5 * characters))


def _one(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...]:
    # All rows, as a query is at its end only then: lines that are no rows are told at its end.
    (row,) = connection.execute(query).fetchall()
    return tuple(row)
