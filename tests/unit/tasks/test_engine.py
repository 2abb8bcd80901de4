"""Candidates get their turn, however long they take; time is told by a clock that fits move."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import get_scorer

from tasks import Trained
from tasks.framework.training import estimators
from tasks.framework.training.context import Budget, TrainingContext
from tasks.framework.training.engine import NO_MEMORY, evaluated
from tasks.framework.training.estimators import EstimatorLearner
from tasks.framework.training.folds import usual
from tasks.framework.training.publication import best_first
from tasks.framework.training.trials import (
    CandidateResult,
    Evaluation,
    Plan,
    Trial,
    results,
    trials,
)
from tests.unit.tasks.splits import MemoryStore

NOW = [0.0]


class Timed(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Is right about a share of the rows, and takes some seconds per 1,000 rows to fit."""

    def __init__(self, seconds: float = 1.0, right: float = 1.0, error: str = "") -> None:
        self.seconds, self.right, self.error = seconds, right, error

    def fit(self, x: np.ndarray, y: np.ndarray) -> "Timed":
        NOW[0] += self.seconds * len(y) / 1000
        if self.error == "MEMORY":
            raise MemoryError
        if self.error:
            raise ValueError(self.error)
        self.classes_ = np.array([0, 1])
        return self

    def predict(self, x: np.ndarray) -> np.ndarray:
        truth = x[:, 0].astype(np.int64)
        wrong = np.arange(len(x)) >= self.right * len(x)
        return np.where(wrong, 1 - truth, truth)


class Choosing(EstimatorLearner):
    """A training of Timed estimators, which publishes nothing."""

    def __init__(self, context: TrainingContext, every: Sequence[Trial], rows: int) -> None:
        self.context = context
        self.y = np.arange(rows) % 2
        self.folds = usual(self.y, context.seed)
        self.scorer = get_scorer("accuracy")
        self.plan = Plan(every, len(self.folds), "accuracy", conditions={"rows": rows})

    def features(self, trial: Trial) -> np.ndarray:
        return self.y.reshape(-1, 1)

    def estimator(self, trial: Trial) -> Timed:
        return Timed(**trial.parameters)

    def finish(self, evaluations: Sequence[Evaluation]) -> Trained:
        raise NotImplementedError


def learning(
    seconds: float, every: Sequence[Trial], store: MemoryStore | None = None, rows: int = 1250
) -> Choosing:
    NOW[0] = 0.0
    context = TrainingContext(budget=Budget(seconds, lambda: NOW[0]), store=store)
    return Choosing(context, every, rows)


def chosen(seconds: float, *candidates: list[Trial], rows: int = 1250) -> list[CandidateResult]:
    """The results of a choice on rows, a fold of which trains on 1,000 by default."""
    every = [trial for candidate in candidates for trial in candidate]
    learner = learning(seconds, every, rows=rows)
    return best_first(results(learner.plan, evaluated(learner)))


def one(name: str, **parameters: Any) -> list[Trial]:
    return trials(name, parameters)


def test_the_best_of_all_folds_is_first() -> None:
    found = chosen(100, one("poor", right=0.5), one("good", right=0.9))
    assert [result.name for result in found] == ["good", "poor"]
    assert [len(result.fold_scores) for result in found] == [5, 5]
    assert all(result.seconds == pytest.approx(5) for result in found)


def test_every_candidate_has_a_fold_before_any_has_two() -> None:
    found = chosen(8.5, one("poor", right=0.5), one("good", right=0.9), one("fair", right=0.7))
    assert [result.name for result in found] == ["good", "fair", "poor"]
    assert [len(result.fold_scores) for result in found] == [3, 3, 2]
    assert found[2].reason == "2 of 5 folds in the time given"
    assert NOW[0] == 8


def test_the_first_one_is_tried_however_short_the_time() -> None:
    found = chosen(0.5, one("first", seconds=3, right=0.5), one("second"))
    assert [(one.name, one.status) for one in found] == [("first", "ok"), ("second", "skipped")]
    assert found[1].reason == "the time budget is used up"
    assert NOW[0] == 3


def test_where_the_first_one_fails_the_next_is_tried() -> None:
    found = chosen(0.5, one("first", error="no"), one("second", right=0.5), one("third"))
    assert [(one.name, one.status) for one in found] == [
        ("second", "ok"),
        ("first", "failed"),
        ("third", "skipped"),
    ]
    assert found[1].reason == "no"


def test_a_fit_that_would_take_too_long_is_not_begun() -> None:
    few = estimators.PROBE_ROWS / 1000
    found = chosen(90, one("quick"), one("slow", seconds=10), one("last"), rows=30_000)
    assert [(one.name, one.status) for one in found][2] == ("slow", "skipped")
    assert found[2].reason == "needs about 200 s, and 30 s are left"
    assert found[2].seconds == pytest.approx(10 * few)


def test_the_best_trial_represents_a_candidate() -> None:
    (result,) = chosen(100, trials("both", *({"right": right} for right in (0.6, 0.9, 0.7))))
    assert result.trial.parameters == {"right": 0.9}
    assert result.record()["parameters"] == {"right": 0.9}
    assert result.score == pytest.approx(0.9, abs=0.01)


VALUES = st.one_of(st.integers(), st.floats(allow_nan=False), st.booleans(), st.text())
PARAMETERS = st.dictionaries(st.text(), VALUES, max_size=4)


@given(PARAMETERS, st.randoms(use_true_random=False))
def test_a_key_follows_from_the_parameters_whatever_their_order(
    parameters: dict[str, Any], chance: Any
) -> None:
    plan = Plan([], 5, "accuracy", conditions={"dataset": "v1"})
    names = list(parameters)
    chance.shuffle(names)
    shuffled = {name: parameters[name] for name in names}
    assert plan.key(Trial("a", shuffled), 0, 0) == plan.key(Trial("a", parameters), 0, 0)


def test_all_that_an_evaluation_follows_from_is_in_its_key() -> None:
    plan, trial = (
        Plan([], 5, "accuracy", rows=9, conditions={"dataset": "v1"}),
        Trial("a", {"b": 1}),
    )
    others = [
        replace(plan, folds=3).key(trial, 0, 0),
        replace(plan, metric="f1_macro").key(trial, 0, 0),
        replace(plan, rows=8).key(trial, 0, 0),
        replace(plan, conditions={"dataset": "v2"}).key(trial, 0, 0),
        plan.key(Trial("b", {"b": 1}), 0, 0),
        plan.key(Trial("a", {"b": 2}), 0, 0),
        plan.key(trial, 1, 0),
        plan.key(trial, 0, 1),
    ]
    assert len({plan.key(trial, 0, 0), *others}) == len(others) + 1
    waiting = Trial("a", {"b": 1}, expected_seconds=5.0)
    assert plan.key(waiting, 0, 0) == plan.key(trial, 0, 0)


def test_what_was_evaluated_before_takes_no_time() -> None:
    store, every = MemoryStore(), [*one("poor", right=0.5), *one("good", right=0.9)]
    found = [
        best_first(results(learner.plan, evaluated(learner)))
        for learner in (learning(8.5, every, store) for _ in range(2))
    ]
    assert [len(result.fold_scores) for result in found[0]] == [4, 4]
    assert [len(result.fold_scores) for result in found[1]] == [5, 5]
    assert [result.seconds for result in found[1]] == [5, 5]
    assert NOW[0] == 2


def test_what_failed_or_was_skipped_is_not_stored() -> None:
    store = MemoryStore()
    every = [*one("bad", error="no"), *one("good"), *one("late")]
    evaluated(learning(1.5, every, store))
    assert len(store.stored) == 1


def test_a_training_is_cancelled_by_its_progress() -> None:
    class Cancelled(Exception):
        pass

    def cancelling(stage: str, percent: int, message: str) -> None:
        if NOW[0] >= 2:
            raise Cancelled

    learner = learning(100, [*one("one"), *one("other")])
    learner.context = replace(learner.context, progress=cancelling)
    with pytest.raises(Cancelled):
        evaluated(learner)
    assert NOW[0] == 2


def test_lack_of_memory_is_a_reason() -> None:
    result = chosen(100, one("large", error="MEMORY"), one("small"))[1]
    assert (result.name, result.status, result.reason) == ("large", "failed", NO_MEMORY)
