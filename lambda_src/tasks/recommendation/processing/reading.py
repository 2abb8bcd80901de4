"""How the columns of interactions are read: numbers and times in the forms that tables know."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb

from common.problems import invalid
from tasks.framework.forms.dates import EPOCHS
from tasks.tables.processing.columns.conventions import Conventions
from tasks.tables.processing.columns.date_columns import as_years, epoch_unit
from tasks.tables.processing.columns.infer import infer
from tasks.tables.processing.columns.number_forms import READABLE_SHARE
from tasks.tables.processing.columns.odd_values import odd_sql
from tasks.tables.processing.columns.typed import Typed
from tasks.tables.processing.columns.values import Source, Values, survey


@dataclass(frozen=True)
class ReadColumn:
    """A column of raw and the SQL of its values, which is made of typed.first."""

    typed: Typed
    value: str

    @property
    def at(self) -> str:
        return self.typed.at

    @property
    def odd(self) -> str:
        """SQL of a value that is read as missing, though something is written there."""
        return odd_sql(self.at, self.value)


def read_columns(
    connection: duckdb.DuckDBPyConnection,
    names: Sequence[str],
    roles: Mapping[str, str],
    conventions: Conventions,
    words: bool,
) -> dict[str, ReadColumn]:
    """How the column c<i> of each role is read. Ids stay as they are written.

    words says whether the caller names the words that stand for a missing value, which may be
    numbers. Raises Unprocessable where a time is none.
    """
    typed = {role: _id(names, at) for role, at in roles.items()}
    measured = {role: at for role, at in roles.items() if role not in ("user", "item")}
    if measured:
        values = ", ".join(f"as_value(trimmed({at})) AS {at}" for at in measured.values())
        source = Source(connection, f"(SELECT {values} FROM raw)")
        found = dict(zip(measured, survey(source, list(measured.values())), strict=True))
        for role, about in found.items():
            typed[role] = _typed(source, role, typed[role].name, about, conventions)
        agreed = conventions.agreed(list(typed.values()))
        for role, about in found.items():
            if typed[role].ambiguous and agreed != conventions:
                typed[role] = _typed(source, role, typed[role].name, about, agreed)
    return {
        role: ReadColumn(column, _value(connection, role, column, words))
        for role, column in typed.items()
    }


def _id(names: Sequence[str], at: str) -> Typed:
    return Typed(names[int(at[1:])], Values(at), "category", 0)


def _typed(source: Source, role: str, name: str, values: Values, conventions: Conventions) -> Typed:
    """The column as numbers, or as times: dates, years, or numbers that count from 1970 on."""
    if role != "time":
        return infer(source, name, values, "number", conventions)
    typed = infer(source, name, values, None, conventions)
    if typed.is_text and values.large:  # as nanoseconds are, and numbers that are no times
        numbers = infer(source, name, values, "number", conventions)
        typed = numbers if numbers.parsed >= READABLE_SHARE * values.filled else typed
    if typed.type not in ("datetime", "number"):
        raise invalid(["time"], "the column holds neither dates nor numbers: name another, or none")
    return as_years(source, typed)


def _value(connection: duckdb.DuckDBPyConnection, role: str, column: Typed, words: bool) -> str:
    value = column.expression
    if role == "time" and column.type == "number":
        unit = epoch_unit(Source(connection, f"(SELECT *, {column.first} FROM raw)"), value)
        value = f"moment_since_1970({value}, {EPOCHS[unit]})"
    if words:
        value = f"CASE WHEN as_value(trimmed({column.at})) IS NOT NULL THEN {value} END"
    return value
