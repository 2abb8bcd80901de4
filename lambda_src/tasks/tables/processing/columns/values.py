"""What is in columns, all their values taken together."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import duckdb

from common.datasets import ColumnType
from tasks.tables.processing.columns.macros import TRAITS
from tasks.tables.processing.database import one_row


@dataclass(frozen=True)
class Source:
    """Where the values of a column are; weight is the column of how many rows have each."""

    connection: duckdb.DuckDBPyConnection
    rows: str
    weight: str | None = None
    samples: dict[str, list[str]] = field(default_factory=dict)
    """What has been sampled of columns, because several questions are asked of a sample."""

    def total(self, value: str) -> str:
        """SQL of how many rows have a value."""
        if self.weight is None:
            return f"count({value})"
        return f"coalesce(sum(CASE WHEN {value} IS NOT NULL THEN {self.weight} END), 0)"


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

    large: int = 0
    """Whole numbers that a double cannot tell from their neighbours."""

    lettered: int = 0
    """Numbers with an exponent, but no point: 5E1."""

    plus: int = 0
    """Whole numbers that begin with a plus."""

    pointed: int = 0
    """Numbers with a point that is surely one before decimals."""

    thousands: int = 0
    """Numbers with a point that may be one between thousands."""

    shortest: int = 0
    longest: int = 0
    """Lengths in bytes."""

    @property
    def magnitude(self) -> float:
        """The largest absolute value of the numbers; 0 where there are none."""
        return max(abs(self.smallest or 0.0), abs(self.largest or 0.0))

    @property
    def one_length(self) -> bool:
        return self.shortest == self.longest


class OfType(Protocol):
    """A column that has been typed."""

    @property
    def at(self) -> str: ...
    @property
    def type(self) -> ColumnType: ...


def survey(source: Source, at: Sequence[str]) -> list[Values]:
    """What is in columns of text, null where they have no value."""
    numbers = ", ".join(f"as_number({each}) AS n_{each}" for each in at)
    traits = ", ".join(f"trait({each}, n_{each}) AS t_{each}" for each in at)
    fields = ", ".join(_fields_of_text(each, source) for each in at)
    names = ", ".join([*at, source.weight] if source.weight else at)
    rows = f"(SELECT {names}, {numbers} FROM {source.rows})"
    query = f"SELECT {fields} FROM (SELECT *, {traits} FROM {rows})"
    return _values(source.connection, query, at)


def survey_typed(
    connection: duckdb.DuckDBPyConnection, rows: str, columns: Sequence[OfType]
) -> list[Values]:
    """What is in typed columns, as far as it can be told without their text."""
    fields = ", ".join(_fields_of_type(column.at, column.type) for column in columns)
    at = [column.at for column in columns]
    return _values(connection, f"SELECT {fields} FROM {rows}", at)


def _values(connection: duckdb.DuckDBPyConnection, query: str, at: Sequence[str]) -> list[Values]:
    row = one_row(connection, query)
    size = len(row) // len(at)
    return [Values(each, *row[size * i : size * (i + 1)]) for i, each in enumerate(at)]


def _fields_of_text(v: str, source: Source) -> str:
    """SQL of the fields of Values, for a column of text v and its numbers n_v."""
    n, total = f"n_{v}", source.total
    traits = {name: total(f"CASE WHEN t_{v} = {code} THEN 1 END") for name, code in TRAITS.items()}
    return f"""{total(v)}, {total(n)},
        {total(f"CASE WHEN {n} IS NULL THEN as_boolean({v}) END")},
        {total(f"CASE WHEN {n} IS NULL THEN as_datetime({v}) END")},
        approx_count_distinct({v}) > 2, min({n}), max({n}), approx_count_distinct({v}),
        {", ".join(traits.values())},
        coalesce(min(strlen({v})), 0), coalesce(max(strlen({v})), 0)"""


def _fields_of_type(v: str, type_: ColumnType) -> str:
    """SQL of the first fields of Values, for a column of a type."""
    counts = ", ".join(
        f"count({v})" if of in ("filled", type_) else "0"
        for of in ("filled", "number", "boolean", "datetime")
    )
    range_ = f"min({v}), max({v})" if type_ == "number" else "NULL, NULL"
    return f"{counts}, coalesce(min({v}) < max({v}), false), {range_}"
