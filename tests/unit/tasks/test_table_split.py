"""Rows stay on their side; every class is on every side; a column can decide instead."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.datasets import SPLITS, SplitRule
from common.problems import Unprocessable
from tests.unit.tasks.tables import csv_bytes, process

numbers = st.integers(-1000, 1000).map(lambda value: value / 4)
records = st.lists(
    st.tuples(numbers, st.sampled_from(["red", "green", "blue"]), numbers), min_size=40, max_size=80
)
HEADER = ["x", "color", "y"]


def sides(rows: list[tuple[float, str, float]]) -> dict[tuple[float, str], set[str]]:
    made = process(csv_bytes(HEADER, [list(row) for row in rows]), "regression")
    found: dict[tuple[float, str], set[str]] = {}
    for side in SPLITS:
        for row in made.rows[side]:
            found.setdefault((row["x"], row["color"]), set()).add(side)
    assert made.about.rows["used"] == len(rows)
    return found


BASE = [(value / 3, ["red", "green", "blue"][value % 3], float(value % 11)) for value in range(60)]


@settings(max_examples=15, deadline=None)
@given(records, st.randoms(use_true_random=False))
def test_no_row_moves_when_rows_are_added_or_reordered(
    added: list[tuple[float, str, float]], chance: object
) -> None:
    before = sides(BASE)
    together = [*BASE, *added]
    chance.shuffle(together)  # type: ignore[attr-defined]
    after = sides(together)
    assert all(after[features] == found for features, found in before.items())
    assert all(len(found) == 1 for found in after.values())


def test_sides_and_order_follow_from_hashes_that_change_with_the_processing_version_only() -> None:
    """DuckDB may change its hash with any version: then UPGRADE.md has to say that rows move."""
    made = process(csv_bytes(HEADER, [list(row) for row in BASE]), "regression")
    assert [len(made.rows[side]) for side in SPLITS] == [49, 5, 6]
    assert [round(row["x"] * 3) for row in made.rows["test"]] == [21, 11, 3, 13, 57, 38]


def test_same_features_with_another_target_stay_together() -> None:
    rows = [[i % 90, "ab"[i % 2], i] for i in range(300)]
    made = process(csv_bytes(["x", "c", "y"], rows), "regression")
    assert made.about.split == SplitRule("features")
    assert made.about.rows["duplicates"] == 0
    assert all(len(found) == 1 for found in made.side_of("x").values())


@pytest.mark.parametrize("count", [3, 4, 7])
def test_every_class_with_three_rows_is_on_every_side(count: int) -> None:
    rows = [[i / 7, "common"] for i in range(200)] + [[i / 3 + 1e3, "rare"] for i in range(count)]
    made = process(csv_bytes(["x", "y"], rows))
    for side in SPLITS:
        assert made.about.split_targets[side]["rare"] >= 1
    assert "rare_classes" not in made.codes


def test_classes_too_rare_to_split_have_one_warning() -> None:
    rare = [[i + 1e3, f"rare {i // 2}"] for i in range(8)]
    made = process(csv_bytes(["x", "y"], [[i / 7, "ab"[i % 2]] for i in range(200)] + rare))
    (warning,) = made.about.warnings
    assert (warning.code, warning.count, warning.columns) == ("rare_classes", 4, {"y": 4})
    assert warning.examples == ["rare 0", "rare 1", "rare 2"]
    assert "'rare 3' (2, none in" in warning.detail


def test_shares_are_those_asked_for() -> None:
    rows = [[i / 7, i % 5] for i in range(4000)]
    split = {"train": 0.5, "validation": 0.3, "test": 0.2}
    made = process(csv_bytes(["x", "y"], rows), split=split)
    for side, share in split.items():
        assert made.about.split_rows[side] == pytest.approx(share * 4000, rel=0.1)  # type: ignore[index]


def test_shares_that_do_not_sum_to_one_are_refused() -> None:
    split = {"train": 0.5, "validation": 0.3, "test": 0.3}
    with pytest.raises(Unprocessable, match="summing to 1"):
        process(csv_bytes(["x", "y"], [[1, 2]]), split=split)


def folds(*names: str) -> bytes:
    rows = [[i / 7, names[i % len(names)], "ab"[i // 7 % 2]] for i in range(200)]
    return csv_bytes(["x", "fold", "y"], rows)


def test_a_column_decides_the_sides() -> None:
    made = process(folds("train", "Validation", "test"), split={"column": "fold"})
    assert made.about.split_rows == {"train": 67, "validation": 67, "test": 66}
    assert made.column("fold").role == "ignored"
    assert "fold" not in made.types


def test_validation_is_cut_from_train_where_the_column_has_none() -> None:
    made = process(folds("train", "test"), split={"column": "fold"})
    assert made.about.split_rows["test"] == 100
    assert made.about.split_rows["validation"] > 0
    assert "validation_from_train" in made.codes


def test_rows_of_no_side_are_set_aside() -> None:
    made = process(folds("train", "test", "later"), split={"column": "fold"})
    assert made.about.rejected["reasons"] == {"split column 'fold' names no split": 66}
    assert {row["rejected_reason"] for row in made.rejected} == {
        "split column 'fold' names no split: \"later\""
    }


def test_a_column_without_test_rows_is_refused() -> None:
    with pytest.raises(Unprocessable, match="needs rows of train and test"):
        process(folds("train"), split={"column": "fold"})


def test_features_on_both_sides_of_a_given_split_are_told() -> None:
    rows = [[i % 20, ["train", "test"][i // 20 % 2], "ab"[i % 2]] for i in range(80)]
    made = process(csv_bytes(["x", "fold", "y"], rows), split={"column": "fold"})
    assert "split_overlap" in made.codes


def test_too_few_rows_are_refused() -> None:
    with pytest.raises(Unprocessable, match="send more rows"):
        process(csv_bytes(["x", "y"], [[1, "a"], [2, "b"]]))
