"""What every task's processing keeps to; a new task is tested by being in TASKS."""

import csv
import json
from typing import Any

import duckdb
import msgspec
import nanoarrow
import nanoarrow.ipc
import pytest

from common.datasets import SPLITS
from tasks import TASKS
from tests.unit.tasks.samples import Made, processed, sample

ARROW_TYPES = {
    "number": "DOUBLE",
    "boolean": "BOOL",
    "category": "STRING",
    "text": "STRING",
    "id": "STRING",
    "datetime": "TIMESTAMP",
    "binary": "BINARY",
}

every_task = pytest.mark.parametrize("task", TASKS)


def arrow(made: Made, side: str) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """The types and rows of one side."""
    with nanoarrow.ipc.InputStream.from_path(str(made.folder / f"{side}.arrow")) as file:
        stream = nanoarrow.ArrayStream(file)
        types = {field.name: field.type.name for field in stream.schema.fields}
        return types, stream.read_all().to_pylist()


def parquet(made: Made, side: str) -> list[dict[str, Any]]:
    found = duckdb.execute(f"FROM '{made.folder / side}.parquet'")
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


@every_task
def test_counts_add_up(task: str) -> None:
    about = processed(task).about
    rows = about.rows
    assert rows == sample(task).counts
    assert rows["read"] == rows["duplicates"] + rows["rejected"] + rows["used"]
    assert rows["rejected"] == sum(about.rejected["reasons"].values())
    assert rows["used"] == sum(about.split_rows.values())


@every_task
def test_files_hold_the_columns_of_the_schema_in_their_types(task: str) -> None:
    made = processed(task)
    used = [column for column in made.about.schema.columns if column.role != "ignored"]
    assert used
    for side in SPLITS:
        types, rows = arrow(made, side)
        assert types == {column.name: ARROW_TYPES[column.type] for column in used}
        assert len(rows) == made.about.split_rows[side] > 0
        for column in used:
            assert column.nullable or all(row[column.name] is not None for row in rows)


@every_task
def test_parquet_and_arrow_hold_the_same_rows_in_the_same_order(task: str) -> None:
    made = processed(task)
    for side in SPLITS:
        assert parquet(made, side) == arrow(made, side)[1]


@every_task
def test_order_of_the_source_does_not_matter(task: str) -> None:
    one, other = processed(task, order=1), processed(task, order=2)
    for side in SPLITS:
        name = f"{side}.parquet"
        assert (one.folder / name).read_bytes() == (other.folder / name).read_bytes()


@every_task
def test_rejected_rows_are_kept_with_their_reason(task: str) -> None:
    made = processed(task)
    with (made.folder / "rejected.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == made.about.rows["rejected"]
    assert all(row["rejected_reason"] for row in rows)


@every_task
def test_the_description_is_plain_json(task: str) -> None:
    about = processed(task).about
    plain = msgspec.json.encode([about.profile, about.split_targets, about.source, about.warnings])
    assert json.loads(plain, parse_constant=lambda name: pytest.fail(name))
