"""Makes the files that training reads, from rows as JSON has them."""

import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import nanoarrow
import nanoarrow.ipc

from common.datasets import SPLITS, Column, Schema
from common.invocation import Invocation
from tasks import TrainingData
from tasks.framework.training.context import Budget, Clock, TrainingContext
from tasks.framework.training.trials import Evaluation

SQL_TYPES = {
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "category": "VARCHAR",
    "text": "VARCHAR",
    "datetime": "TIMESTAMP",
}

type Row = dict[str, Any]


def invocation(memory_mb: int = 3008, seconds: float = 900) -> Invocation:
    return Invocation("request", "arn", memory_mb, time.monotonic() + seconds)


class MemoryStore:
    """Keeps evaluations as JSON, and counts how often one was asked for and was there."""

    def __init__(self) -> None:
        self.stored: dict[str, bytes] = {}
        self.hits = 0

    def get(self, key: str) -> Evaluation | None:
        self.hits += key in self.stored
        return (
            msgspec.json.decode(self.stored[key], type=Evaluation) if key in self.stored else None
        )

    def put(self, key: str, evaluation: Evaluation) -> None:
        assert key not in self.stored
        self.stored[key] = msgspec.json.encode(evaluation)


def run(seconds: float = 600, clock: Clock = time.monotonic) -> TrainingContext:
    """The conditions of a training whose progress nobody watches, with time for a busy machine."""
    return TrainingContext(budget=Budget(seconds, clock), threads=invocation().threads)


def column(name: str, kind: Any, rows: Sequence[Row], role: Any = "feature") -> Column:
    """A column of the schema that processing would write for these rows."""
    values = [row.get(name) for row in rows]
    present = [value for value in values if value is not None]
    categories = sorted(set(present), key=lambda value: (-present.count(value), value))
    return Column(
        name=name,
        type=kind,
        role=role,
        nullable=len(present) < len(values),
        categories=categories if kind == "category" else None,
    )


def training_data(
    folder: Path, types: dict[str, str], target: str | None, splits: Sequence[Sequence[Row]]
) -> TrainingData:
    """A dataset of three sides; types gives each column's type."""
    rows = [row for side in splits for row in side]
    columns = [
        column(name, kind, rows, "target" if name == target else "feature")
        for name, kind in types.items()
    ]
    files = {}
    for split, side in zip(SPLITS, splits, strict=True):
        files[split] = folder / f"{split}.arrow"
        write_arrow(files[split], types, side)
    counts = {split: len(side) for split, side in zip(SPLITS, splits, strict=True)}
    return TrainingData(Schema(columns), target, counts, files)


def write_arrow(path: Path, types: dict[str, str], rows: Sequence[Row]) -> None:
    """Rows as an Arrow IPC stream, in the types that processing writes."""
    names = list(types)
    fields = ", ".join(
        f"CAST(r[{at}] AS {SQL_TYPES[types[name]]}) AS {_quoted(name)}"
        for at, name in enumerate(names, 1)
    )
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        for row in rows:
            values = [row.get(name) for name in names]
            file.write(json.dumps([None if v is None else _text(v) for v in values]) + "\n")
        file.flush()
        with duckdb.connect() as connection:
            relation = connection.sql(
                f"SELECT {fields} FROM read_json('{file.name}', format = 'newline_delimited', "
                "records = false, columns = {r: 'VARCHAR[]'})"
            )
            with nanoarrow.ipc.StreamWriter.from_path(str(path)) as writer:
                writer.write_stream(nanoarrow.ArrayStream(relation))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
