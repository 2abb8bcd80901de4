"""What type each column has, judged by every one of its values."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import duckdb

from common.datasets import ColumnType
from tasks.shared.processing.database import literal, one_row

PARSABLE_SHARE = 0.95
"""A column is of a type when at least this share of its values parse; the rest is set aside."""

DATE_FORMATS = tuple(
    date + time
    for date in ("%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%Y/%m/%d", "%Y.%m.%d")
    for time in ("", " %H:%M", " %H:%M:%S")
)


_BOOLEANS = ("true", "false", "True", "False", "TRUE", "FALSE")


@dataclass(frozen=True)
class Values:
    """A column's values, all its rows taken together."""

    at: str
    filled: int = 0
    numbers: int = 0
    booleans: int = 0
    datetimes: int = 0
    varies: bool = False
    """Whether there are two different values; where there are, it may not be known."""

    smallest: float | None = None
    largest: float | None = None
    distinct: int = 0
    """Approximately; this and what follows are of text only."""

    codes: int = 0
    """Numbers with leading zeros."""

    shortest: int = 0
    longest: int = 0
    """Lengths in bytes."""

    @property
    def magnitude(self) -> float:
        """The largest absolute value of the numbers; 0 where there are none."""
        return max(abs(self.smallest or 0.0), abs(self.largest or 0.0))


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
    def is_text(self) -> bool:
        """Whether its values are kept as they stand."""
        return self.type in ("category", "text")

    @property
    def first(self) -> str:
        """The SQL of what the expression is made of, with its name, first_<at>."""
        is_number = self.type == "number"
        first = f"TRY_CAST({self.at} AS DOUBLE)" if is_number else f"trimmed({self.at})"
        return f"{first} AS first_{self.at}"

    @property
    def expression(self) -> str:
        """The SQL of a cell's typed value; null where there is none or it does not parse.

        The usual forms come first, which takes a third of the time. What stands for a missing
        value parses as nothing else, and need not be looked for.
        """
        v, first, stripped = self.at, f"first_{self.at}", f"stripped({self.at})"
        match self.type:
            case "number":
                usual = f"isfinite({first}) AND NOT contains({v}, '_')"
                return f"CASE WHEN {usual} THEN {first} + 0.0 ELSE as_number({stripped}) END"
            case "boolean" if self.given:
                return f"as_boolean_widely({first})"
            case "boolean":
                usual = " ".join(f"WHEN '{word}' THEN {word}" for word in _BOOLEANS)
                return f"CASE {v} {usual} ELSE as_boolean({stripped}) END"
            case "datetime" if self.date_format is not None:
                return f"try_strptime({first}, {literal(self.date_format)})"
            case "datetime":
                usual = f"{v} >= '0' AND {v} LIKE '____-__-__'"
                other = f"as_datetime({stripped})"
                return f"CASE WHEN {usual} THEN TRY_CAST({v} AS TIMESTAMP) ELSE {other} END"
            case _:
                return f"as_value({first})"


def survey(
    connection: duckdb.DuckDBPyConnection, rows: str, at: Sequence[str], weight: str | None = None
) -> list[Values]:
    """What is in columns of text, null where they have no value.

    weight is a column that tells how many rows a row stands for.
    """
    numbers = ", ".join(f"as_number({each}) AS n_{each}" for each in at)
    fields = ", ".join(_fields_of_text(each, weight) for each in at)
    names = ", ".join([*at, weight] if weight else at)
    return _values(connection, f"SELECT {fields} FROM (SELECT {names}, {numbers} FROM {rows})", at)


def survey_typed(
    connection: duckdb.DuckDBPyConnection, rows: str, columns: Sequence[Typed]
) -> list[Values]:
    """What is in typed columns, as far as it can be told without their text."""
    fields = ", ".join(_fields_of_type(column.at, column.type) for column in columns)
    at = [column.at for column in columns]
    return _values(connection, f"SELECT {fields} FROM {rows}", at)


def _values(connection: duckdb.DuckDBPyConnection, query: str, at: Sequence[str]) -> list[Values]:
    row = one_row(connection, query)
    size = len(row) // len(at)
    return [Values(each, *row[size * i : size * (i + 1)]) for i, each in enumerate(at)]


def _fields_of_text(v: str, weight: str | None) -> str:
    """SQL of the fields of Values, for a column of text v and its numbers n_v."""

    def count(value: str) -> str:
        if weight is None:
            return f"count({value})"
        return f"coalesce(sum(CASE WHEN {value} IS NOT NULL THEN {weight} END), 0)"

    n = f"n_{v}"
    return f"""{count(v)}, {count(n)},
        {count(f"CASE WHEN {n} IS NULL THEN as_boolean({v}) END")},
        {count(f"CASE WHEN {n} IS NULL THEN as_datetime({v}) END")},
        approx_count_distinct({v}) > 2, min({n}), max({n}), approx_count_distinct({v}),
        {count(f"CASE WHEN is_code({v}) THEN {n} END")},
        coalesce(min(strlen({v})), 0), coalesce(max(strlen({v})), 0)"""


def _fields_of_type(v: str, type_: ColumnType) -> str:
    """SQL of the first fields of Values, for a column of a type."""
    counts = ", ".join(
        f"count({v})" if of in ("filled", type_) else "0"
        for of in ("filled", "number", "boolean", "datetime")
    )
    range_ = f"min({v}), max({v})" if type_ == "number" else "NULL, NULL"
    return f"{counts}, coalesce(min({v}) < max({v}), false), {range_}"


def infer(
    connection: duckdb.DuckDBPyConnection,
    rows: str,
    name: str,
    values: Values,
    given: ColumnType | None = None,
) -> Typed:
    """The type that a column of text has by its values, or the given one with its format."""
    if given is not None:
        return _as_given(connection, rows, name, values, given)
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
    if 8 <= values.longest <= 40 and (dated := _dated(connection, rows, text, enough)) is not None:
        return dated
    return replace(text, type="text") if _is_text(connection, rows, values) else text


def _as_given(
    connection: duckdb.DuckDBPyConnection,
    rows: str,
    name: str,
    values: Values,
    type_: ColumnType,
) -> Typed:
    typed = Typed(name, values, type_, values.filled, given=True)
    if type_ == "datetime" and values.datetimes < PARSABLE_SHARE * values.filled:
        return _dated(connection, rows, typed, 1.0) or typed
    return typed


def _dated(
    connection: duckdb.DuckDBPyConnection, rows: str, column: Typed, enough: float
) -> Typed | None:
    """The column as dates in the format that fits most values; None where none fits enough."""
    counts = ", ".join(
        f"count(try_strptime({column.at}, {literal(form)}))" for form in DATE_FORMATS
    )
    # All formats begin with a digit, and most texts do not.
    digit = f"{column.at} >= '0' AND {column.at} < ':'"
    first = f"(SELECT {column.at} FROM {rows} WHERE {column.at} IS NOT NULL LIMIT 1000)"
    if not any(one_row(connection, f"SELECT {counts} FROM {first} WHERE {digit}")):
        return None
    fits = one_row(connection, f"SELECT {counts} FROM {rows} WHERE {digit}")
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


def _is_text(connection: duckdb.DuckDBPyConnection, rows: str, values: Values) -> bool:
    """Whether strings are prose rather than names of categories.

    Prose hardly repeats, and has several words, or is long in a script that writes none.
    """
    if values.distinct < 20 or values.distinct < 0.2 * values.filled:
        return False
    c = values.at
    words, characters, size = one_row(
        connection,
        f"""SELECT avg(length({c}) - length(replace({c}, ' ', '')) + 1), avg(length({c})),
            avg(strlen({c})) FROM {rows}""",
    )
    return bool(words >= 3 or (characters >= 8 and size >= 1.5 * characters))
