"""Splits as columns in memory, and rows of them as instances."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import nanoarrow
import nanoarrow.ipc
import numpy as np

from common.datasets import Column, Split
from tasks import TrainingData

TEXT_BYTES, CELL_BYTES = 400, 16
"""What a text, any other value, and a row beside them are taken to need in memory."""

ROW_SHARE = 0.15
"""The part of the function's memory that the raw rows may fill; the models' arrays need more."""

MISSING = np.iinfo(np.int64).min
"""Stands for a missing datetime; no datetime is so early."""

SCORED_ROWS = 20_000
"""Test rows on which a new model is compared with the live one at most."""


_EPOCH, _MICROSECOND = datetime(1970, 1, 1), timedelta(microseconds=1)


@dataclass(frozen=True)
class Rows:
    """Some rows of a dataset, by column.

    Numbers and booleans (0, 1) are float64 with NaN for missing; datetimes are int64, microseconds
    since 1970 (UTC), with MISSING for missing; categories and texts are lists of str with None.
    """

    columns: Mapping[str, Any]
    count: int

    def __getitem__(self, name: str) -> Any:
        return self.columns[name]


def row_limit(columns: Sequence[Column], memory_mb: int) -> int:
    """How many rows a function of this memory can train on."""
    used = [column for column in columns if column.role != "ignored"]
    size = sum(TEXT_BYTES if column.type == "text" else CELL_BYTES for column in used)
    return int(memory_mb * 1_000_000 * ROW_SHARE / (CELL_BYTES + size))


def read(data: TrainingData, splits: Sequence[Split], limit: int) -> Rows:
    """The first rows of some splits, of each its share where they are more than limit.

    Files are in the order of a content hash, so that the first rows are a fair sample. The column
    that rows were split by is among the columns, feature or not.
    """
    by = data.split.column if data.split and data.split.by in ("time", "group") else None
    columns = data.schema.columns
    used = [column for column in columns if column.role != "ignored" or column.name == by]
    total = sum(data.rows[split] for split in splits)
    share = min(1.0, limit / max(1, total))
    parts: dict[str, list[Any]] = {column.name: [] for column in used}
    for split in splits:
        wanted = round(data.rows[split] * share)
        for batch in batches(data.files[split], wanted):
            for column in used:
                parts[column.name].append(batch[column.name])
    joined = {column.name: _joined(column, parts[column.name]) for column in used}
    count = len(joined[used[0].name]) if used else 0
    return Rows(joined, count)


def instances(data: TrainingData, split: Split, limit: int) -> list[dict[str, Any]]:
    """The first rows of a split as callers send them, in the forms of JSON."""
    features = [column for column in data.schema.columns if column.role == "feature"]
    rows: list[dict[str, Any]] = []
    for batch in batches(data.files[split], limit):
        columns = [_plain(column, batch[column.name]) for column in features]
        names = [column.name for column in features]
        rows += (dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True))
    return rows


def target(data: TrainingData) -> str:
    """The column to be learned."""
    assert data.target is not None  # processing requires one
    return data.target


def scored(data: TrainingData) -> tuple[list[dict[str, Any]], Any]:
    """Test rows that published models are compared on: as callers send them, and their targets."""
    rows = read(data, ("test",), SCORED_ROWS)
    return instances(data, "test", SCORED_ROWS), rows[target(data)]


def batches(path: Path, limit: int) -> Iterator[dict[str, Any]]:
    """Columns by name, batch by batch, until limit rows have come."""
    left = limit
    with nanoarrow.ipc.InputStream.from_path(str(path)) as stream:
        for batch in nanoarrow.ArrayStream(stream):
            if left <= 0:
                return
            names, columns = batch.to_columns_pysequence(handle_nulls=nanoarrow.nulls_as_sentinel())
            yield {name: column[:left] for name, column in zip(names, columns, strict=True)}
            left -= len(batch)


def _joined(column: Column, parts: list[Any]) -> Any:
    if column.type in ("category", "text", "id"):
        return list(itertools.chain.from_iterable(parts))
    if column.type == "datetime":
        moments = itertools.chain.from_iterable(parts)
        return np.array([MISSING if at is None else _micros(at) for at in moments], np.int64)
    numbers = [_numbers(part) for part in parts]
    return np.concatenate(numbers) if numbers else np.empty(0)


def _numbers(part: Any) -> np.ndarray:
    """Numbers or booleans as float64; a boolean column with nulls comes as objects."""
    array = np.asarray(part)
    if array.dtype == object:
        array = np.array([np.nan if value is None else value for value in part])
    return array.astype(np.float64)


def _micros(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND


def _plain(column: Column, values: Any) -> list[Any]:
    if column.type == "number":
        return [None if np.isnan(value) else float(value) for value in np.asarray(values)]
    if column.type == "boolean":
        return [None if np.isnan(value) else bool(value) for value in _numbers(values)]
    if column.type == "datetime":
        return [None if at is None else at.isoformat() for at in values]
    return list(values)
