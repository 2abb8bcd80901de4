"""What every task's processing keeps to; a new task is tested by being in TASKS."""

import hashlib
import random
from functools import cache

import pytest

from common.datasets import SPLITS
from tasks import TASKS
from tests.unit.tasks.tables import Dataset, csv_bytes, process

ARROW_TYPES = {
    "number": "DOUBLE",
    "boolean": "BOOL",
    "category": "STRING",
    "text": "STRING",
    "datetime": "TIMESTAMP",
}
HEADER = ["x", "color", "when", "active", "remark", "y"]
WORDS = ["good", "bad", "slow", "fast", "cheap", "dear", "warm", "cold"]


def rows(count: int = 300) -> list[list[object]]:
    chance = random.Random(7)
    return [
        [
            chance.choice([round(chance.random() * 50, 2), ""]),
            chance.choice(["red", "green", "blue", ""]),
            f"2024-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}",
            chance.choice(["true", "false"]),
            " ".join(chance.choices(WORDS, k=8)),
            chance.choice([0, 1, 2]),
        ]
        for _ in range(count)
    ]


@cache
def dataset(task: str) -> Dataset:
    table = rows()
    return process(csv_bytes(HEADER, [*table, *table[:20], [1, "red", "", "", "a", ""]]), task)


@pytest.fixture(params=TASKS)
def task(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def test_counts_add_up(task: str) -> None:
    about = dataset(task).about
    assert about.rows["read"] == 321
    assert about.rows["duplicates"] == 20
    assert about.rows["rejected"] == 1 == sum(about.rejected["reasons"].values())
    assert about.rows["used"] == 300 == sum(about.split_rows.values())


def test_schema_has_every_column_of_the_source_in_its_order(task: str) -> None:
    columns = dataset(task).about.schema.columns
    assert [column.name for column in columns] == HEADER
    assert [column.name for column in columns if column.role == "target"] == ["y"]
    assert any(column.role == "feature" for column in columns)
    for column in columns:
        assert (column.reason is not None) == (column.role == "ignored")


def test_files_hold_features_and_target_in_the_types_of_the_schema(task: str) -> None:
    made = dataset(task)
    expected = {
        column.name: ARROW_TYPES[column.type]
        for column in made.about.schema.columns
        if column.role != "ignored"
    }
    assert made.types == expected
    for side in SPLITS:
        assert len(made.rows[side]) == made.about.split_rows[side] > 0


def test_parquet_and_arrow_hold_the_same_rows_in_the_same_order(task: str) -> None:
    made = dataset(task)
    assert made.parquet == made.rows


def test_rows_with_the_same_features_are_on_one_side(task: str) -> None:
    made = dataset(task)
    sides: dict[str, set[str]] = {}
    for side in SPLITS:
        for row in made.rows[side]:
            key = repr({name: value for name, value in row.items() if name != "y"})
            sides.setdefault(key, set()).add(side)
    assert all(len(found) == 1 for found in sides.values())


def test_order_of_the_source_does_not_matter(task: str) -> None:
    table = rows()
    shuffled = table[:]
    random.Random(1).shuffle(shuffled)
    first, second = (process(csv_bytes(HEADER, order), task) for order in (table, shuffled))
    assert _hashes(first) == _hashes(second)


def test_target_is_never_missing_and_described_on_every_side(task: str) -> None:
    made = dataset(task)
    for side in SPLITS:
        values = [row["y"] for row in made.rows[side]]
        assert None not in values
        balance = made.about.split_targets[side]
        if made.column("y").type == "category":
            assert balance == {label: values.count(label) for label in balance}
            assert sum(balance.values()) == len(values)
        else:
            assert balance["min"] == min(values)
            assert balance["max"] == max(values)


def test_profile_counts_every_column(task: str) -> None:
    made = dataset(task)
    assert [column["name"] for column in made.about.profile["columns"]] == HEADER
    for column in made.about.profile["columns"]:
        assert column["count"] + column["nulls"] == 300


def test_rejected_rows_are_kept_with_their_reason(task: str) -> None:
    (row,) = dataset(task).rejected
    assert row["rejected_reason"] == "missing target"
    assert row["remark"] == "a"


def _hashes(made: Dataset) -> dict[str, str]:
    return {name: hashlib.sha256(data).hexdigest() for name, data in made.files.items()}
