"""How values are read that can be read in several ways."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tasks.framework.forms.dates import DateForm
from tasks.framework.forms.numbers import Decimal, NumberForm
from tasks.tables.options import ValueOptions
from tasks.tables.processing.columns import date_forms
from tasks.tables.processing.columns.typed import Typed


@dataclass(frozen=True)
class Conventions:
    """How values are read that can be read in several ways, as far as that is known."""

    decimal: Decimal | None = None
    day_first: bool | None = None
    asked: frozenset[str] = frozenset()
    """Which of them the caller has said: what they decide is no longer in doubt."""

    comma: bool = False
    """Whether a comma with three digits behind it rather stands before decimals."""

    clock: bool = False
    """Whether 13:45 is hours and minutes among times of three parts, as in Excel."""

    @classmethod
    def of(cls, options: ValueOptions, facts: Mapping[str, Any]) -> "Conventions":
        """What the caller has said, and what is known of the file."""
        said = {"decimal": options.csv.decimal, "day_first": options.day_first}
        return cls(
            decimal=options.csv.decimal,
            day_first=options.day_first,
            asked=frozenset(name for name, value in said.items() if value is not None),
            comma=facts.get("delimiter") == ";",
            clock="sheet" in facts,
        )

    def agreed(self, columns: Sequence[Typed]) -> "Conventions":
        """The conventions, and those that are certain of other columns of the file."""
        certain = [column.form for column in columns if not column.ambiguous]
        commas = any(isinstance(form, NumberForm) and form.decimal == "," for form in certain)
        firsts = {
            date_forms.is_day_first(form) for form in certain if isinstance(form, DateForm)
        } - {None}
        found = self
        if self.decimal is None and commas:
            found = replace(found, decimal=",")
        if self.day_first is None and len(firsts) == 1:
            found = replace(found, day_first=firsts.pop())
        return found
