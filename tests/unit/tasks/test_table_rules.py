"""By what rows are split: features, rows with their copies, a time, groups."""

import itertools
import random
from collections import Counter
from typing import Any

import pytest

from common.datasets import SPLITS, SplitRule
from common.problems import Unprocessable
from tests.unit.tasks.tables import Dataset, csv_bytes, process

CLASSES = ["1st", "2nd", "3rd", "crew"]


def passengers(count: int = 2000, seed: int = 0) -> list[list[Any]]:
    """Three categories, of which 16 combinations are; whoever is first or a woman survives."""
    chance = random.Random(seed)
    rows: list[list[Any]] = []
    for _ in range(count):
        where, sex, age = chance.choice(CLASSES), chance.choice("mf"), chance.choice(["old", "new"])
        survived = chance.random() < (0.9 if where == "1st" or sex == "f" else 0.2)
        rows.append([where, sex, age, "yes" if survived else "no"])
    return rows


HEADER = ["class", "sex", "age", "y"]


def contents(made: Dataset) -> list[str]:
    return [repr(row) for side in SPLITS for row in made.rows[side]]


def test_rows_that_repeat_others_are_kept() -> None:
    made = process(csv_bytes(HEADER, passengers()))
    assert made.about.rows == {"read": 2000, "duplicates": 0, "rejected": 0, "used": 2000}
    assert made.about.split == SplitRule("rows")
    (warning,) = made.about.warnings
    assert (warning.code, warning.option) == ("repeated_rows", "duplicates")
    assert warning.count == 2000 - len({tuple(row) for row in passengers()})
    assert "16 different combinations" in warning.detail
    most = Counter(",".join(row) for row in passengers()).most_common(1)[0][0]
    assert most in warning.examples


def test_every_split_has_the_class_shares_of_the_file() -> None:
    made = process(csv_bytes(HEADER, passengers()))
    whole = Counter(row[-1] for row in passengers())["yes"] / 2000
    for side, share in zip(SPLITS, (0.8, 0.1, 0.1), strict=True):
        rows = made.rows[side]
        assert len(rows) == pytest.approx(2000 * share, rel=0.1)
        assert sum(row["y"] == "yes" for row in rows) / len(rows) == pytest.approx(whole, abs=0.02)


def test_the_first_rows_of_a_file_with_copies_are_a_fair_sample() -> None:
    made = process(csv_bytes(HEADER, passengers()))
    train = made.rows["train"]
    equal = sum(one == other for one, other in itertools.pairwise(train))
    assert equal / len(train) < 0.15  # of independent rows, one of about twelve
    yes = [sum(row["y"] == "yes" for row in rows) for rows in (train[:400], train)]
    assert yes[0] / 400 == pytest.approx(yes[1] / len(train), abs=0.05)


def test_the_same_rows_in_another_order_are_split_and_written_alike() -> None:
    rows = passengers()
    made = process(csv_bytes(HEADER, rows))
    random.Random(1).shuffle(rows)
    assert process(csv_bytes(HEADER, rows)).files == made.files


def test_rows_stay_where_they_are_when_others_are_added() -> None:
    before, after = (process(csv_bytes(HEADER, passengers(count))) for count in (1000, 1200))
    for side in SPLITS:
        counted = [Counter(repr(row) for row in made.rows[side]) for made in (before, after)]
        assert counted[0] <= counted[1]


def test_features_keep_equal_rows_together_where_that_is_asked() -> None:
    made = process(csv_bytes(HEADER, passengers()), split={"by": "features"})
    assert made.about.split == SplitRule("features")
    sides: dict[str, set[str]] = {}
    for side in SPLITS:
        for row in made.rows[side]:
            sides.setdefault(f"{row['class']}{row['sex']}{row['age']}", set()).add(side)
    assert {len(found) for found in sides.values()} == {1}
    assert "equal ones are in the same split" in made.about.warnings[0].detail


def test_copies_of_a_few_rows_are_not_neighbours() -> None:
    rows = [[index / 7, "ab"[index % 2]] for index in range(300)]
    made = process(csv_bytes(["x", "y"], rows + rows[:100] * 2))
    assert made.about.split == SplitRule("features")
    assert all(len(found) == 1 for found in made.side_of("x").values())
    train = [row["x"] for row in made.rows["train"]]
    assert sum(one == other for one, other in itertools.pairwise(train)) < 10
    (warning,) = made.about.warnings
    assert (warning.code, warning.count) == ("repeated_rows", 200)


def test_features_of_groups_that_repeat_stay_together() -> None:
    """100 schools of ten pupils each: what is known of a school alone is no table of categories."""
    chance = random.Random(0)
    schools = [[chance.random(), chance.random() * 9] for _ in range(100)]
    rows = [[*schools[index % 100], "ab"[chance.random() < 0.5]] for index in range(1000)]
    assert process(csv_bytes(["size", "fees", "y"], rows)).about.split == SplitRule("features")


def test_dropped_repeats_are_told() -> None:
    made = process(csv_bytes(HEADER, passengers()), duplicates="drop")
    different = len({tuple(row) for row in passengers()})
    assert made.about.rows["used"] == different
    (warning,) = (one for one in made.about.warnings if one.code == "repeated_rows")
    assert (warning.count, warning.detail.endswith("They were dropped.")) == (
        2000 - different,
        True,
    )


def dated(count: int = 400) -> list[list[Any]]:
    days = [f"2024-{1 + index // 28 % 12:02}-{1 + index % 28:02}" for index in range(100)]
    rows = [[days[index // 4], index % 13 * 1.1, "ab"[index % 2]] for index in range(count)]
    random.Random(0).shuffle(rows)
    return rows


def test_the_last_rows_by_time_are_the_test() -> None:
    split = {"by": "time", "column": "when", "train": 0.7, "validation": 0.1, "test": 0.2}
    made = process(csv_bytes(["when", "x", "y"], dated()), split=split)
    assert made.about.split == SplitRule("time", "when")
    assert made.about.split_rows == {"train": 280, "validation": 40, "test": 80}
    times = {side: [row["when"] for row in made.rows[side]] for side in SPLITS}
    assert max(times["train"]) < min(times["validation"])
    assert max(times["validation"]) < min(times["test"])
    assert made.column("when").role == "feature"


def test_rows_without_a_time_are_set_aside() -> None:
    rows = [*dated(), ["", 1.1, "a"], ["", 2.2, "b"]]
    made = process(csv_bytes(["when", "x", "y"], rows), split={"by": "time", "column": "when"})
    reason = "missing 'when', by which rows are split"
    assert made.about.rejected["reasons"] == {reason: 2}
    assert [row["x"] for row in made.rejected] == ["1.1", "2.2"]


def test_a_time_that_is_excluded_or_an_id_still_decides() -> None:
    rows = [[index, index % 13 * 1.1, "ab"[index % 2]] for index in range(400)]
    made = process(csv_bytes(["at", "x", "y"], rows), split={"by": "time", "column": "at"})
    assert made.column("at").role == "ignored"
    assert [row["at"] for row in made.rows["test"]] != []
    assert min(row["at"] for row in made.rows["test"]) == 360


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ("abc", "holds categories, and a split by time takes dates or numbers"),
        ("12", "2 different"),
    ],
)
def test_what_is_no_time_is_refused(values: str, says: str) -> None:
    rows = [[values[index % len(values)], index / 7, "ab"[index % 2]] for index in range(100)]
    with pytest.raises(Unprocessable, match=says):
        process(csv_bytes(["t", "x", "y"], rows), split={"by": "time", "column": "t"})


@pytest.mark.parametrize("task", ["classification", "regression", "text_classification"])
def test_a_group_is_in_one_split_and_no_feature(task: str) -> None:
    chance = random.Random(0)
    words = ["good", "bad", "slow", "fast", "cheap", "dear", "warm", "cold"]
    rows = [
        [100 + index % 40, " ".join(chance.choices(words, k=9)), index / 7, index % 3]
        for index in range(600)
    ]
    made = process(
        csv_bytes(["shop", "remark", "x", "y"], rows), task, split={"by": "group", "column": "shop"}
    )
    assert made.about.split == SplitRule("group", "shop")
    assert made.column("shop").role == "ignored"
    assert {len(found) for found in made.side_of("shop").values()} == {1}
    assert set(made.side_of("shop")) == {str(100 + index) for index in range(40)}


def test_rows_without_a_group_are_set_aside() -> None:
    rows = [[f"g{index % 40}", index / 7, "ab"[index // 40 % 2]] for index in range(400)]
    rows += [["", 1.1, "a"], ["", 2.2, "b"]]
    made = process(csv_bytes(["g", "x", "y"], rows), split={"by": "group", "column": "g"})
    assert made.about.rejected["reasons"] == {"missing 'g', by which rows are split": 2}
    assert [row["x"] for row in made.rejected] == ["1.1", "2.2"]
    assert "rejected_rows" in made.codes


def test_shares_that_groups_miss_are_told() -> None:
    rows = [["uvw"[index % 3], index / 7, "ab"[index // 3 % 2]] for index in range(90)]
    made = process(csv_bytes(["g", "x", "y"], rows), split={"by": "group", "column": "g"})
    (warning,) = (one for one in made.about.warnings if one.code == "split_shares")
    assert "train 33.3% where 80.0% was asked for" in warning.detail
    assert (warning.option, warning.blocks_promotion) == ("split", False)


def test_shares_that_ties_of_a_time_miss_are_told() -> None:
    rows = [[2000 + min(index, 60), index % 13 * 1.1, "ab"[index % 2]] for index in range(100)]
    made = process(csv_bytes(["t", "x", "y"], rows), split={"by": "time", "column": "t"})
    assert made.about.split_rows["test"] == 40
    assert "split_shares" in made.codes


def test_classes_that_a_time_keeps_from_a_split_are_told_why() -> None:
    rows = [[index, index % 13 * 1.1, "ab"[index // 200]] for index in range(400)]
    made = process(csv_bytes(["t", "x", "y"], rows), split={"by": "time", "column": "t"})
    (warning,) = (one for one in made.about.warnings if one.code == "rare_classes")
    assert "no rows in some splits, because rows are split by time: 'a'" in warning.detail
    assert (warning.option, "too few" in warning.detail) == ("split", False)


def test_few_combinations_without_repeats_are_no_repeats() -> None:
    rows = [["uv"[index % 2], "st"[index // 2 % 2], index / 7] for index in range(100)]
    (warning,) = process(csv_bytes(["a", "b", "y"], rows), "regression").about.warnings
    assert (warning.code, warning.count, warning.option) == ("split_by_rows", 4, "split.by")


def test_three_groups_suffice() -> None:
    rows = [["uvw"[index % 3], index / 7, "ab"[index // 3 % 2]] for index in range(90)]
    made = process(csv_bytes(["g", "x", "y"], rows), split={"by": "group", "column": "g"})
    assert sorted(made.about.split_rows.values()) == [30, 30, 30]
    with pytest.raises(Unprocessable, match="differ in column 'g'"):
        process(csv_bytes(["g", "x", "y"], rows[::3]), split={"by": "group", "column": "g"})


@pytest.mark.parametrize(
    "split",
    [
        {"by": "time"},
        {"by": "group"},
        {"by": "rows", "column": "x"},
        {"by": "features", "column": "x"},
    ],
)
def test_rules_and_columns_that_do_not_go_together_are_refused(split: dict[str, str]) -> None:
    with pytest.raises(Unprocessable) as raised:
        process(csv_bytes(["x", "y"], [[1, "a"], [2, "b"]]), split=split)
    assert raised.value.errors[0].pointer == "/split/column"


def test_shares_and_a_column_of_splits_are_refused() -> None:
    split = {"column": "x", "train": 0.7, "validation": 0.1, "test": 0.2}
    with pytest.raises(Unprocessable) as raised:
        process(csv_bytes(["x", "y"], [["train", "a"], ["test", "b"]]), split=split)
    assert raised.value.errors[0].pointer == "/split"
