"""A column with its type and its form, and the SQL that reads it."""

from dataclasses import dataclass
from typing import Any

import msgspec

from common.datasets import ColumnType
from tasks.framework.forms.dates import DateForm
from tasks.framework.forms.numbers import NumberForm
from tasks.tables.processing.columns import date_forms, number_forms
from tasks.tables.processing.columns.values import Values

Form = NumberForm | DateForm | None

_BOOLEANS = ("true", "false", "True", "False", "TRUE", "FALSE")


@dataclass(frozen=True)
class Typed:
    """A column with its type; parsed counts the values that are of it.

    form is how its values are written, where that is not the usual way; ambiguous, that they may
    be read in another way as well; kept, why numbers are text; lenient, that leading zeros and
    digits beyond a double's are given up; merged, how many labels were brought into one form.
    """

    name: str
    values: Values
    type: ColumnType
    parsed: int
    form: Form = None
    ambiguous: bool = False
    kept: str | None = None
    lenient: bool = False
    given: bool = False
    merged: int = 0
    examples: tuple[str, ...] = ()

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
    def description(self) -> dict[str, Any] | None:
        """The form as the schema has it; None for the usual one."""
        if self.form is not None:
            described: dict[str, Any] = msgspec.to_builtins(self.form)
            return described
        return {"wide": True} if self.type == "boolean" and self.given else None

    @property
    def first(self) -> str:
        """The SQL of what the expression is made of, with its name, first_<at>."""
        is_number = self.type == "number" and self.form is None
        first = f"TRY_CAST({self.at} AS DOUBLE)" if is_number else f"trimmed({self.at})"
        return f"{first} AS first_{self.at}"

    @property
    def expression(self) -> str:
        """The SQL of a cell's typed value; null where there is none or it does not parse.

        The usual forms come first, which takes a third of the time. What stands for a missing
        value parses as nothing else, and need not be looked for.
        """
        v, first, stripped = self.at, f"first_{self.at}", f"stripped({self.at})"
        match self.form:
            case NumberForm():
                return number_forms.number_sql(self.form, first)
            case DateForm():
                return date_forms.date_sql(self.form, first)
        match self.type:
            case "number" if self.lenient:
                usual = f"isfinite({first}) AND NOT contains({v}, '_')"
                return f"CASE WHEN {usual} THEN {first} + 0.0 ELSE as_number({stripped}) END"
            case "number":
                usual = (
                    f"isfinite({first}) AND strlen({v}) < 16 AND NOT is_code({v}) "
                    f"AND NOT contains({v}, '_')"
                )
                return f"CASE WHEN {usual} THEN {first} + 0.0 ELSE as_exact_number({stripped}) END"
            case "boolean" if self.given:
                return f"as_boolean_widely({first})"
            case "boolean":
                usual = " ".join(f"WHEN '{word}' THEN {word}" for word in _BOOLEANS)
                return f"CASE {v} {usual} ELSE as_boolean({stripped}) END"
            case "datetime":
                usual = f"{v} >= '0001' AND {v} LIKE '____-__-__'"
                day, other = f"TRY_CAST({v} AS TIMESTAMP)", f"as_datetime({first})"
                return f"CASE WHEN {usual} THEN {day} ELSE {other} END"
            case _:
                return f"as_value({first})"
