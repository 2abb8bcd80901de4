"""How a column is written into typed rows, as far as that is known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from common.datasets import ColumnType
from tasks.framework.forms.numbers import NumberForm, read_plain
from tasks.tables.processing.columns.conventions import Conventions
from tasks.tables.processing.columns.infer import BOOLEAN_SHARE
from tasks.tables.processing.columns.number_forms import READABLE_SHARE
from tasks.tables.processing.columns.odd_values import Odd, odd_sql
from tasks.tables.processing.columns.plan import Target
from tasks.tables.processing.columns.typed import Typed

NAMED_SPLIT = (
    "CASE WHEN lower({value}) IN ('train', 'training') THEN 'train' "
    "WHEN lower({value}) IN ('validation', 'valid', 'val', 'dev') THEN 'validation' "
    "WHEN lower({value}) IN ('test', 'testing') THEN 'test' END"
)
"""SQL of the split that a value names, null where it names none."""

GIVEN_SPLIT = "given_split"
"""The column of the split that each row names."""


@dataclass(frozen=True)
class Asked:
    """What is asked of columns before anything is known of their values.

    Rows are of no use that have no value in split_by, a time or a group, or no text where texts
    are needed. conventions say how values are read that can be read in several ways.
    """

    target: Target
    split: str | None
    split_by: str | None
    types: Mapping[str, ColumnType]
    needs_text: bool
    words: Sequence[str] = ()
    """The words that stand for a missing value, where the caller names them: they may be
    numbers."""

    conventions: Conventions = field(default_factory=Conventions)

    def given(self, name: str) -> ColumnType | None:
        """The type that a column has whatever its values are."""
        if name == self.target.name:
            return "number" if self.target.kind == "number" else "category"
        return "category" if name == self.split else self.types.get(name)

    @property
    def keeps_labels(self) -> bool:
        """Whether labels stay as they are written, though all are numbers or booleans."""
        return self.types.get(self.target.name or "") == "text"

    def is_learned(self, name: str) -> bool:
        """Whether a column is the target: without it a row is of no use, and any text is a label.

        In labels that what is learned is compared with, words for missing values are missing.
        """
        return name == self.target.name and self.target.is_learned


@dataclass(frozen=True)
class WrittenColumn:
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
            return NAMED_SPLIT.format(value=f"first_{at}")
        if self.plain and self.typed.is_text:
            return at
        if asked.is_learned(name) and self.typed.is_text:
            return f"first_{at}"
        read = self.typed.expression
        if self.exact and self.typed.type == "number":
            read = f"CASE WHEN {at} >= '+' THEN {read} END"
        if asked.words and not self.typed.is_text:
            read = f"CASE WHEN as_value(trimmed({at})) IS NOT NULL THEN {read} END"
        if numbers := self._missing(asked):
            read = f"nullif_any({read}, [{', '.join(map(repr, numbers))}])"
        return read

    def _missing(self, asked: Asked) -> list[float]:
        """The numbers that words for missing values are, in the column's form."""
        if self.typed.type != "number":
            return []
        form = self.typed.form
        read = form.read if isinstance(form, NumberForm) else read_plain
        numbers = (read(word) for word in asked.words)
        return sorted({number for number in numbers if number is not None})

    def written(self, asked: Asked) -> str:
        """The column's name in typed."""
        return GIVEN_SPLIT if self.typed.name == asked.split else self.typed.at

    def output(self, asked: Asked) -> str:
        """The SQL of what is written of the value, with its name."""
        return f"{self.form.format(v=f'v_{self.typed.at}')} AS {self.written(asked)}"

    def odd(self, asked: Asked) -> str | None:
        """The SQL of a value that is written, but read as missing; None where there is none."""
        is_label = asked.is_learned(self.typed.name) and self.typed.is_text
        if is_label or self.typed.name == asked.split or (self.plain and self.typed.is_text):
            return None
        numbers = self._missing(asked)
        return odd_sql(
            self.typed.at, f"v_{self.typed.at}", self.typed.expression if numbers else None
        )

    def holds(self, odd: Odd) -> bool:
        """Whether what was guessed is true of all values, of which some could not be read."""
        typed = self.typed
        if not self.guessed or not typed.unparsable:
            return typed.parsed > 0 or not self.guessed
        if self.exact or odd.digits or odd.codes:
            return False
        least = BOOLEAN_SHARE if typed.type == "boolean" else READABLE_SHARE
        return typed.parsed >= max(1.0, least * (typed.values.filled - odd.marks))
