"""Values that no column of a table is made of, and what is said of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from common.datasets import Column, Schema
from common.warnings import EXAMPLES, Warning
from tasks.framework.forms.words import clean
from tasks.framework.nesting import SEPARATOR

Kind = Literal["list", "deep", "binary"]

REASONS: Mapping[Kind, str] = {
    "list": "it holds lists, which no task reads",
    "deep": "it holds objects within too many others",
    "binary": "it holds binary values, which no task reads",
}


@dataclass(frozen=True)
class Unread:
    """A column that is left out: rows that have a value there, and one of them as it is written."""

    name: str
    kind: Kind
    rows: int
    example: str


def joined(path: Sequence[str]) -> str:
    """The name of the value at a path."""
    return SEPARATOR.join(map(clean, path))


def unread_warnings(unread: Sequence[Unread]) -> list[Warning]:
    """One warning of lists and the like, and one of binary values."""
    binary = [column for column in unread if column.kind == "binary"]
    lists = [column for column in unread if column.kind != "binary"]
    return [
        *_warning("ignored_lists", "lists, or objects within too many others", lists),
        *_warning("ignored_binary", "binary values", binary),
    ]


def with_unread(schema: Schema, unread: Mapping[str, Kind], mixed: Mapping[str, int]) -> Schema:
    """The schema with the columns that are left out, as ignored ones.

    mixed counts the lists and objects of columns that hold other values as well.
    """
    for column in schema.columns:
        if column.role == "feature" and column.name in mixed:
            column.unreadable = (column.unreadable or 0) + mixed[column.name]
    columns = [
        Column(
            name=name,
            type="binary" if kind == "binary" else "list",
            role="ignored",
            nullable=True,
            reason=REASONS[kind],
        )
        for name, kind in unread.items()
    ]
    return Schema([*schema.columns, *columns])


def _warning(code: str, what: str, columns: Sequence[Unread]) -> list[Warning]:
    if not columns:
        return []
    return [
        Warning(
            code=code,
            detail=f"What holds {what} is ignored, because no task reads it: "
            f"{', '.join(repr(column.name) for column in columns[:EXAMPLES])}.",
            count=len(columns),
            columns={column.name: column.rows for column in columns},
            examples=[column.example[:100] for column in columns if column.example][:EXAMPLES],
            option="exclude",
        )
    ]
