"""What every task says about instances."""

from collections.abc import Set
from typing import Any

from common.problems import MAX_ERRORS, FieldError, pointer
from tasks import FieldWarning, InvalidInstances
from tasks.framework.forms.words import clean

MAX_WARNINGS = 62_000
"""Warnings that are kept: each takes 100 bytes of an answer at least, and more do not fit."""


class Report:
    """The errors and warnings met while instances are read; others counts errors left out."""

    def __init__(self) -> None:
        self.errors: list[FieldError] = []
        self.others = 0
        self.warnings: list[FieldWarning] = []

    def error(self, row: int, field: str | None, detail: str) -> None:
        self.add_error(FieldError(_where(row, field), detail))

    def add_error(self, error: FieldError) -> None:
        if len(self.errors) < MAX_ERRORS:
            self.errors.append(error)
        else:
            self.others += 1

    def warning(self, row: int, field: str | None, code: str, detail: str) -> None:
        self.add_warning(FieldWarning(_where(row, field), code, detail))

    def add_warning(self, warning: FieldWarning) -> None:
        if len(self.warnings) < MAX_WARNINGS:
            self.warnings.append(warning)

    def check(self) -> None:
        """Raises InvalidInstances where there are errors."""
        if self.errors:
            raise InvalidInstances(self.errors, self.others)

    def unknown(self, row: int, instance: dict[str, Any], known: set[str]) -> None:
        """Warns of the fields that no model column has the name of."""
        for field in instance:
            if field not in known:
                self.warning(row, field, "unknown_field", "The model has no such input.")

    def columns(self, row: int, instance: dict[str, Any], known: Set[str]) -> dict[str, Any]:
        """An instance by the names of its columns; reports fields that are one known column."""
        from tasks.framework.nesting import Taken, flattened  # few instances are nested

        twice: list[Taken] = []
        columns = flattened(instance, twice)
        for name, path in twice:
            if name in known:
                detail = f"Another field is the column {name!r:.200} as well: send one of the two."
                self.add_error(FieldError(pointer("instances", row, *path), detail))
        return columns

    def text(self, row: int, instance: dict[str, Any], field: str) -> str | None:
        """The text in a field, as processing cleans it; reports what is none."""
        value = instance.get(field)
        if isinstance(value, str):
            return clean(value)
        if value is None:
            got = "null" if field in instance else "nothing"
            detail = f"Expected a text, got {got}: send a text, or leave the instance out."
        else:
            detail = f"Expected a text, got {short(value)}: send it in quotes."
        self.error(row, field, detail)
        return None

    def number(
        self, row: int, instance: dict[str, Any], field: str, least: float, most: float
    ) -> float | None:
        """What an instance says in a field, if anything; reports what is no number within."""
        value = instance.get(field)
        if value is None:
            return None
        plain = isinstance(value, int | float) and not isinstance(value, bool)
        if plain and least <= value <= most:
            return float(value)
        self.error(row, field, f"Expected a number from {least} to {most}, got {short(value)}.")
        return None


def _where(row: int, field: str | None) -> str:
    """A pointer to an instance, or to a field of it."""
    return pointer("instances", row, *(() if field is None else (field,)))


def is_blank(text: str) -> bool:
    """Whether a text holds nothing that can be seen."""
    return not any(one.isprintable() and one != " " for one in text)


def short(value: Any) -> str:
    """A value as an error message shows it."""
    text = repr(value)
    return text if len(text) <= 60 else text[:59] + "…"
