"""What the readers of all formats are given, and what they return."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from common.warnings import Warning
from tasks.tables.processing.files.nested import Kind

type Make[T] = Callable[[tuple[str, ...], Mapping[str, Any]], T]
"""What makes something of raw, given the names of its columns and what is known of the file; it
may be called twice."""

type Table[T] = tuple[tuple[str, ...], T]
"""The names of raw's columns, and what was made of it."""


@dataclass(frozen=True)
class Reading:
    """The reading of one file: wanted are columns that the caller names, excluded are others.

    Files are written to the folder. Readers add to facts and warnings, to unread the columns that
    are not in raw, each with what it holds, and to mixed those in which some rows have lists or
    objects, which are missing there.
    """

    connection: duckdb.DuckDBPyConnection
    folder: Path
    wanted: Sequence[str] = ()
    exclude: Collection[str] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    warnings: list[Warning] = field(default_factory=list)
    unread: dict[str, Kind] = field(default_factory=dict)
    mixed: dict[str, int] = field(default_factory=dict)
