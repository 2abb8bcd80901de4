"""Folds follow the rule that rows were split by."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.problems import Unprocessable
from tasks.framework.training.classification import Classes
from tasks.framework.training.folds import Folds, grouped, together, usual, windows

SEED = 0


def same(one: Folds, other: Folds) -> bool:
    """Whether two lists of folds are equal."""
    pairs = zip(one, other, strict=True)
    return all(np.array_equal(a, b) for x, y in pairs for a, b in zip(x, y, strict=True))


def test_rows_that_all_differ_have_the_usual_folds() -> None:
    x, y = np.arange(100, dtype=np.float32).reshape(50, 2), np.arange(50) % 2
    assert same(together(x, y, SEED), usual(y, SEED))
    assert same(together(list("abcdefghij"), y[:10], SEED), usual(y[:10], SEED))


@given(st.lists(st.integers(0, 12), min_size=30, max_size=80))
def test_equal_rows_are_in_one_fold(values: list[int]) -> None:
    x = np.array(values, dtype=np.float32).reshape(-1, 1)
    y = np.arange(len(values)) % 2
    folds = together(x, y, SEED)
    assert sorted(np.concatenate([judged for _, judged in folds])) == list(range(len(values)))
    if len(set(values)) > 1:
        for fitted, judged in folds:
            assert not set(x[fitted, 0]) & set(x[judged, 0])


def test_missing_values_are_equal() -> None:
    x = np.array([[np.nan], [1], [np.nan], [2], [3], [4]], dtype=np.float32)
    for _, judged in together(x, np.arange(6) / 2, SEED):
        assert (0 in judged) == (2 in judged)


def test_windows_of_time_grow_and_are_judged_by_what_comes_next() -> None:
    times = np.random.default_rng(0).permutation(np.repeat(np.arange(60), 2))
    folds = windows(times)
    assert len(folds) == 5
    for fitted, judged in folds:
        assert times[fitted].max() < times[judged].min()
    assert [len(fitted) for fitted, _ in folds] == [20, 40, 60, 80, 100]
    assert sum(len(judged) for _, judged in folds) == 100


@pytest.mark.parametrize(("times", "folds"), [([0, 0, 0, 0], 0), ([0, 0, 0, 1], 1), ([1, 0], 1)])
def test_few_times_make_few_windows(times: list[int], folds: int) -> None:
    found = windows(np.array(times))
    assert len(found) == folds
    assert all(len(fitted) and len(judged) for fitted, judged in found)


@pytest.mark.parametrize("y", [np.arange(90) % 2, np.arange(90) / 7])
def test_groups_stay_together(y: np.ndarray) -> None:
    groups = np.arange(90) // 2 % 9
    folds = grouped(groups, y, SEED)
    assert len(folds) == 5
    assert all(not set(groups[fitted]) & set(groups[judged]) for fitted, judged in folds)
    assert grouped(np.zeros(90), y, SEED) == []


def test_folds_that_do_not_define_the_metric_are_left_out() -> None:
    classes = Classes.of(["a", "b", "c"])
    y = np.array([0, 0, 1, 1, 2])
    rows = np.arange(5)
    both = (rows[:3], rows[3:])
    whole = (rows, rows)
    single = (rows[:2], rows)
    assert classes.usable([both, whole, single], y, "roc_auc_ovr") == [whole]
    assert classes.usable([both, single], y, "accuracy") == [both]
    with pytest.raises(Unprocessable, match="class 'c' has 1 training rows"):
        classes.usable([both], y, "roc_auc_ovr")
