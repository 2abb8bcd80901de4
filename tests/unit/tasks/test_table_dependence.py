"""Warnings of rows that tell of each other, where they are in different splits."""

import random
from typing import Any

import pytest

from tests.unit.tasks.tables import Dataset, csv_bytes, process


def series(task: str, smooth: bool, count: int = 300) -> list[list[Any]]:
    """A value per day, which hardly changes from day to day, or is drawn anew."""
    chance, value = random.Random(0), 0.0
    rows: list[list[Any]] = []
    for day in range(count):
        value = value + chance.gauss(0, 1) if smooth else chance.gauss(0, 1)
        label: Any = value if task == "regression" else "ab"[value > 0]
        rows.append(
            [
                f"20{10 + day // 336}-{day // 28 % 12 + 1:02}-{day % 28 + 1:02}",
                chance.random(),
                label,
            ]
        )
    chance.shuffle(rows)
    return rows


def made(rows: list[list[Any]], task: str, **options: Any) -> Dataset:
    return process(csv_bytes(["when", "x", "y"], rows), task, **options)


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_similar_neighbours_in_time_are_told(task: str) -> None:
    (warning,) = made(series(task, smooth=True), task).about.warnings
    assert (warning.code, warning.columns) == ("time_order", {"when": 300})
    assert (warning.option, warning.blocks_promotion) == ("split", False)


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_neighbours_in_time_that_differ_are_not(task: str) -> None:
    assert made(series(task, smooth=False), task).codes == []


def test_a_split_by_time_answers_the_warning() -> None:
    split = {"by": "time", "column": "when"}
    assert made(series("regression", smooth=True), "regression", split=split).codes == []


def groups(task: str, known: float, count: int = 600, named: str = "p") -> list[list[Any]]:
    """Ten visits of each of sixty patients, whose target is a share of known their own."""
    chance = random.Random(0)
    own = [chance.gauss(0, 1) for _ in range(count // 10)]
    rows: list[list[Any]] = []
    for index in range(count):
        value = known * own[index % len(own)] + (1 - known) * chance.gauss(0, 1)
        label: Any = value if task == "regression" else "ab"[value > 0]
        rows.append([f"{named}{index % len(own)}", chance.random(), label])
    return rows


@pytest.mark.parametrize("task", ["classification", "regression"])
@pytest.mark.parametrize(("name", "named"), [("patient", "p"), ("patient_id", "")])
def test_groups_that_know_the_target_are_told(task: str, name: str, named: str) -> None:
    rows = groups(task, known=0.9, named=named)
    (warning,) = process(csv_bytes([name, "x", "y"], rows), task).about.warnings
    assert (warning.code, warning.columns) == ("looks_like_group", {name: 60})
    assert (warning.option, warning.blocks_promotion) == ("split", False)
    split = {"by": "group", "column": name}
    assert process(csv_bytes([name, "x", "y"], rows), task, split=split).codes == []


def test_groups_that_determine_the_target_are_told_as_groups_too() -> None:
    rows = groups("classification", known=1.0)
    made = process(csv_bytes(["patient", "x", "y"], rows))
    assert made.codes == ["determines_target", "looks_like_group"]


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_groups_that_know_little_are_not(task: str) -> None:
    rows = groups(task, known=0.3)
    assert process(csv_bytes(["patient", "x", "y"], rows), task).codes == []


@pytest.mark.parametrize("name", ["citric acid", "no"])
def test_measurements_are_no_groups(name: str) -> None:
    rows = groups("regression", known=0.9, named="0.")
    made = process(csv_bytes([name, "x", "y"], rows), "regression", types={name: "number"})
    assert made.codes == []


def test_leaks_of_a_kind_have_one_warning() -> None:
    rows = [[i / 7, i % 4, i % 8, "ab"[i % 2]] for i in range(200)]
    (warning,) = process(csv_bytes(["x", "one", "other", "y"], rows)).about.warnings
    assert (warning.code, warning.columns) == ("determines_target", {"one": 200, "other": 200})


def test_columns_of_which_not_all_categories_are_listed_have_one_warning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tasks.tables.processing.describing.MAX_CATEGORIES", 200)
    chance = random.Random(0)
    rows = [
        [f"a{i % 300}", f"b{i % 250}", f"c{i % 150}", i / 7, "yn"[chance.random() < 0.5]]
        for i in range(3000)
    ]
    dataset = process(csv_bytes(["a", "b", "c", "x", "y"], rows))
    (warning,) = dataset.about.warnings
    assert (warning.code, warning.columns) == ("many_categories", {"a": 300, "b": 250})
    listed = [dataset.column(name) for name in "abc"]
    assert [len(column.categories) for column in listed] == [200, 200, 150]
    assert [column.distinct for column in listed] == [300, 250, None]


def test_columns_share_what_may_be_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.tables.processing.describing.TOTAL_CATEGORIES", 400)
    chance = random.Random(0)
    rows = [
        [f"a{i % 300}", f"b{i % 250}", "uvw"[i % 3], "yn"[chance.random() < 0.5]]
        for i in range(3000)
    ]
    dataset = process(csv_bytes(["a", "b", "c", "y"], rows))
    assert [len(dataset.column(name).categories) for name in "abc"] == [199, 198, 3]
