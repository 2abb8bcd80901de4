"""Candidates get their turn, however long they take; time is told by a clock that fits move."""

from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin

from tasks.framework.training import selection
from tasks.framework.training.selection import Candidate, Outcome, choose
from tests.unit.tasks.splits import run

NOW = [0.0]


class Timed(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Is right about a share of the rows, and takes some seconds per 1,000 rows to fit."""

    def __init__(self, seconds: float = 1.0, right: float = 1.0, error: str = "") -> None:
        self.seconds, self.right, self.error = seconds, right, error

    def fit(self, x: np.ndarray, y: np.ndarray) -> "Timed":
        NOW[0] += self.seconds * len(y) / 1000
        if self.error:
            raise ValueError(self.error)
        self.classes_ = np.array([0, 1])
        return self

    def predict(self, x: np.ndarray) -> np.ndarray:
        truth = x[:, 0].astype(np.int64)
        wrong = np.arange(len(x)) >= self.right * len(x)
        return np.where(wrong, 1 - truth, truth)


def chosen(seconds: float, *candidates: Candidate, rows: int = 1250) -> list[Outcome]:
    """The outcomes of a choice on rows, a fold of which trains on 1,000 by default."""
    y = np.arange(rows) % 2
    NOW[0] = 0.0
    limited = run(seconds, clock=lambda: NOW[0])
    return choose(candidates, y.reshape(-1, 1), y, "accuracy", limited)


def one(name: str, **settings: Any) -> Candidate:
    return Candidate(name, [Timed(**settings)])


def test_the_best_of_all_folds_is_first() -> None:
    outcomes = chosen(100, one("poor", right=0.5), one("good", right=0.9))
    assert [outcome.name for outcome in outcomes] == ["good", "poor"]
    assert [len(outcome.fold_scores) for outcome in outcomes] == [5, 5]
    assert all(outcome.seconds == pytest.approx(5) for outcome in outcomes)


def test_every_candidate_has_a_fold_before_any_has_two() -> None:
    outcomes = chosen(8.5, one("poor", right=0.5), one("good", right=0.9), one("fair", right=0.7))
    assert [outcome.name for outcome in outcomes] == ["good", "fair", "poor"]
    assert [len(outcome.fold_scores) for outcome in outcomes] == [3, 3, 2]
    assert outcomes[2].reason == "2 of 5 folds in the time given"
    assert NOW[0] == 8


def test_the_first_one_is_tried_however_short_the_time() -> None:
    outcomes = chosen(0.5, one("first", seconds=3, right=0.5), one("second"))
    assert [(o.name, o.status) for o in outcomes] == [("first", "ok"), ("second", "skipped")]
    assert outcomes[1].reason == "the time budget is used up"
    assert NOW[0] == 3


def test_where_the_first_one_fails_the_next_is_tried() -> None:
    outcomes = chosen(0.5, one("first", error="no"), one("second", right=0.5), one("third"))
    assert [(o.name, o.status) for o in outcomes] == [
        ("second", "ok"),
        ("first", "failed"),
        ("third", "skipped"),
    ]
    assert outcomes[1].reason == "no"


def test_a_fit_that_would_take_too_long_is_not_begun() -> None:
    few = selection.PROBE_ROWS / 1000
    outcomes = chosen(90, one("quick"), one("slow", seconds=10), one("last"), rows=30_000)
    assert [(o.name, o.status) for o in outcomes][2] == ("slow", "skipped")
    assert outcomes[2].reason == "needs about 200 s, and 30 s are left"
    assert outcomes[2].seconds == pytest.approx(10 * few)


def test_the_best_setting_stands_for_a_candidate() -> None:
    settings = [Timed(right=right) for right in (0.6, 0.9, 0.7)]
    (outcome,) = chosen(100, Candidate("both", settings))
    assert outcome.estimator is settings[1]
    assert outcome.parameters == {"right": 0.9}
    assert outcome.score == pytest.approx(0.9, abs=0.01)
