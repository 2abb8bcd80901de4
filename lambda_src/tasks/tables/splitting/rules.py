"""What decides the split of a row."""

from collections import Counter
from dataclasses import dataclass

import duckdb

from common.datasets import Split

ASSIGNED = "assigned"
"""The relation of rows with their split, in its column of that name."""

type Counts = dict[str, Counter[Split]]
"""Rows in each split, by class, the most frequent first; without classes, all rows are of one."""

type Shares = tuple[float, float, float]
"""Of train, validation and test, which sum to one."""


@dataclass(frozen=True)
class Rows:
    """Rows to be split: a table or view of a database.

    stratum is SQL of the class of a row, some of which every split should have. what names the rows
    in errors, and differing what they have to differ in, so that they are in several splits.
    """

    connection: duckdb.DuckDBPyConnection
    relation: str
    stratum: str = "''"
    what: str = "rows"
    differing: str = "their features"


@dataclass(frozen=True)
class ByHash:
    """at is SQL of a hash, a UBIGINT as good as random."""

    at: str
    shares: Shares


@dataclass(frozen=True)
class ByTime:
    """at is SQL of a time, or of a number; column is the name of its column."""

    at: str
    column: str
    shares: Shares


@dataclass(frozen=True)
class ByOrder:
    """group is SQL of what rows are grouped by, order of what they are ordered by in a group."""

    group: str
    order: str
    shares: Shares


@dataclass(frozen=True)
class ByColumn:
    """at is SQL of the name of each row's split; column is the name of its column.

    hash is SQL of a hash of each row, by which validation is cut from train if it has no rows.
    """

    at: str
    column: str
    hash: str


type Rule = ByHash | ByTime | ByOrder | ByColumn
