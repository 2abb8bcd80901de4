"""What type each column has, judged by every one of its values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import duckdb

from common.datasets import ColumnType
from tasks.shared.processing.database import literal, optimize_for

PARSABLE_SHARE = 0.95
"""A column is of a type when at least this share of its values parse; the rest is set aside."""

DATE_FORMATS = tuple(
    date + time
    for date in ("%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%Y/%m/%d", "%Y.%m.%d")
    for time in ("", " %H:%M", " %H:%M:%S")
)


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
                return f"as_number({self.at})"
            case "boolean":
                return f"as_boolean{'_widely' if self.given else ''}({self.at})"
            case "datetime" if self.date_format is not None:
                return f"try_strptime({self.at}, {literal(self.date_format)})"
            case "datetime":
                return f"as_datetime({self.at})"
            case _:
                return f"as_value({self.at})"


def infer(
    connection: duckdb.DuckDBPyConnection, names: Sequence[str], given: Mapping[str, ColumnType]
) -> list[Typed]:
    """Types of the columns of raw, the given ones as told."""
    optimize_for(connection, 1)
    values = [_values(connection, f"c{index}") for index in range(len(names))]
    typed = [
        _as_given(connection, name, column, given[name])
        if name in given
        else _inferred(connection, name, column)
        for name, column in zip(names, values, strict=True)
    ]
    optimize_for(connection, len(names))
    return typed


def infer_column(connection: duckdb.DuckDBPyConnection, name: str, at: str) -> Typed:
    """The type of one column of raw."""
    return _inferred(connection, name, _values(connection, at))


def _values(connection: duckdb.DuckDBPyConnection, at: str) -> Values:
    row = _one(
        connection,
        f"""SELECT count(v), count(n),
            count(CASE WHEN n IS NULL THEN as_boolean(v) END),
            count(CASE WHEN n IS NULL THEN as_datetime(v) END),
            approx_count_distinct(v),
            count(CASE WHEN n IS NOT NULL AND strlen(v) > 1 AND left(v, 1) = '0'
                AND v[2:2] BETWEEN '0' AND '9' THEN 1 END),
            coalesce(min(strlen(v)), 0), coalesce(max(strlen(v)), 0), min(n), max(n),
            count(CASE WHEN n = trunc(n) THEN 1 END)
        FROM (SELECT v, as_number(v) AS n FROM (SELECT as_value({at}) AS v FROM raw))""",
    )
    return Values(at, *row)


def _inferred(connection: duckdb.DuckDBPyConnection, name: str, values: Values) -> Typed:
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
    c = f"as_value({values.at})"
    words, characters, size = _one(
        connection,
        f"""SELECT avg(length({c}) - length(replace({c}, ' ', '')) + 1), avg(length({c})),
            avg(strlen({c})) FROM raw""",
    )
    return bool(words >= 3 or (characters >= 8 and size >= 1.5 * characters))


def _one(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...]:
    row = connection.execute(query).fetchone()
    assert row is not None  # an aggregate without groups has one row
    return row
