"""What processing makes of tables and texts, whichever task they are for."""

import random
from functools import cache
from pathlib import Path

import duckdb
import pytest

from common.datasets import SPLITS
from common.problems import Unprocessable
from tasks.tables.processing.database import open_database
from tests.unit.tasks.tables import INVOCATION, Dataset, csv_bytes, process

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


@pytest.fixture(params=["classification", "regression", "text_classification"])
def task(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def test_schema_has_every_column_of_the_source_in_its_order(task: str) -> None:
    columns = dataset(task).about.schema.columns
    assert [column.name for column in columns] == HEADER
    assert [column.name for column in columns if column.role == "target"] == ["y"]
    assert any(column.role == "feature" for column in columns)
    for column in columns:
        assert (column.reason is not None) == (column.role == "ignored")


def test_rows_with_the_same_features_are_on_one_side(task: str) -> None:
    made = dataset(task)
    sides: dict[str, set[str]] = {}
    for side in SPLITS:
        for row in made.rows[side]:
            key = repr({name: value for name, value in row.items() if name != "y"})
            sides.setdefault(key, set()).add(side)
    assert all(len(found) == 1 for found in sides.values())


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
        assert column["count"] + column["nulls"] == 320


def test_rejected_rows_are_kept_with_their_reason(task: str) -> None:
    (row,) = dataset(task).rejected
    assert row["rejected_reason"] == "missing target"
    assert row["remark"] == "a"


def test_repeats_behind_rejected_rows_are_dropped_too() -> None:
    rejected: list[list[object]] = [[number, None] for number in range(25_000)]
    table: list[list[object]] = [[number, number % 3] for number in range(25_000)]
    source = csv_bytes(["x", "y"], rejected + table + table[-500:])
    made = process(source, duplicates="drop", types={"x": "number"})
    expected = {"read": 50_500, "duplicates": 500, "rejected": 25_000, "used": 25_000}
    assert made.about.rows == expected
    kept = sorted(row["x"] for side in SPLITS for row in made.rows[side])
    assert kept == list(range(25_000))


def test_a_commit_without_room_is_told_as_such(tmp_path: Path) -> None:
    """DuckDB calls it a failed transaction, and names the memory in its hint only."""
    told = pytest.raises(Unprocessable, match=r"memory \(1024 MB\)")
    with told, open_database(tmp_path, INVOCATION):
        raise duckdb.TransactionException(
            "TransactionContext Error: Failed to commit: failed to pin block of size 256.0 KiB\n"
            "* Increasing the memory limit (SET memory_limit='...GB')"
        )
