"""Runs a task's processing on bytes, and reads what it wrote."""

import csv
import io
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import nanoarrow
import nanoarrow.ipc

import tasks
from common.datasets import SPLITS
from common.decoding import convert
from common.invocation import Invocation

INVOCATION = Invocation("request", "arn", memory_mb=1024, deadline=time.monotonic() + 1e6)


@dataclass
class Dataset:
    """What processing gave back, and its files' contents."""

    about: tasks.Processed
    rows: dict[str, list[dict[str, Any]]]
    parquet: dict[str, list[dict[str, Any]]]
    types: dict[str, str]
    rejected: list[dict[str, str]]
    files: dict[str, bytes]

    def side_of(self, column: str) -> dict[Any, set[str]]:
        """On which sides each value of a column is."""
        sides: dict[Any, set[str]] = {}
        for side, rows in self.rows.items():
            for row in rows:
                sides.setdefault(row[column], set()).add(side)
        return sides

    @property
    def codes(self) -> list[str]:
        return [warning.code for warning in self.about.warnings]

    def column(self, name: str) -> Any:
        return next(column for column in self.about.schema.columns if column.name == name)

    def profile(self, name: str) -> Any:
        return next(c for c in self.about.profile["columns"] if c["name"] == name)


def process(
    content: bytes, task: str = "classification", target: str | None = "y", **options: Any
) -> Dataset:
    """The dataset that a file becomes."""
    with tempfile.TemporaryDirectory() as name:
        source, folder = Path(name, "source"), Path(name, "output")
        source.write_bytes(content)
        folder.mkdir()
        named = {} if target is None else {"target": target}
        given = convert({**named, **options}, tasks.task(task).processing_options)
        about = tasks.processing(task).process(
            source, given, folder, INVOCATION, lambda stage, percent, message: None
        )
        return read_back(about, folder)


def read_back(about: tasks.Processed, folder: Path) -> Dataset:
    """What processing wrote into a folder."""
    rows: dict[str, list[dict[str, Any]]] = {}
    parquet: dict[str, list[dict[str, Any]]] = {}
    types: dict[str, str] = {}
    for side in SPLITS:
        with nanoarrow.ipc.InputStream.from_path(str(folder / f"{side}.arrow")) as file:
            stream = nanoarrow.ArrayStream(file)
            types = {field.name: field.type.name for field in stream.schema.fields}
            rows[side] = stream.read_all().to_pylist()
        found = duckdb.execute(f"FROM '{folder / side}.parquet'")
        names = [column[0] for column in found.description]
        parquet[side] = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    text = files["rejected.csv"].decode()
    return Dataset(about, rows, parquet, types, list(csv.DictReader(io.StringIO(text))), files)


def csv_bytes(header: list[str], rows: list[list[Any]], **dialect: Any) -> bytes:
    """A CSV file as Python's own writer writes it."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, **dialect)
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue().encode()
