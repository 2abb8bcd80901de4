"""Metrics of resamples are those that scikit-learn gives for the rows that were drawn."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    f1_score,
    log_loss,
    mean_absolute_error,
    r2_score,
    roc_auc_score,
    root_mean_squared_error,
)

from tasks.framework.training import measurement, metrics

type Theirs = Callable[[np.ndarray, np.ndarray], float]


def shares(answers: np.ndarray) -> np.ndarray:
    found: np.ndarray = answers / answers.sum(axis=1, keepdims=True)
    return found


def their_auc(truth: np.ndarray, answers: np.ndarray) -> float:
    classes = np.arange(answers.shape[1])
    if len(np.unique(truth)) < len(classes):
        return np.nan
    if len(classes) == 2:
        return float(roc_auc_score(truth, answers[:, 1]))
    return float(roc_auc_score(truth, shares(answers), multi_class="ovr", labels=classes))


CLASSIFICATION: dict[str, Theirs] = {
    "accuracy": lambda truth, answers: accuracy_score(truth, answers.argmax(axis=1)),
    "f1_macro": lambda truth, answers: f1_score(
        truth, answers.argmax(axis=1), average="macro", zero_division=0
    ),
    "roc_auc": their_auc,
    "log_loss": lambda truth, answers: log_loss(
        truth, shares(answers), labels=np.arange(answers.shape[1])
    ),
}
ANOMALIES: dict[str, Theirs] = {
    "roc_auc": lambda truth, answers: (
        roc_auc_score(truth, answers) if 0 < truth.sum() < len(truth) else np.nan
    ),
    "average_precision": lambda truth, answers: (
        average_precision_score(truth, answers) if truth.any() else np.nan
    ),
}
REGRESSION: dict[str, Theirs] = {
    "r2": r2_score,
    "mean_absolute_error": mean_absolute_error,
    "root_mean_squared_error": root_mean_squared_error,
}

SEEDS = st.integers(0, 2**32 - 1)


def same_as_theirs(
    name: str, ours: metrics.Metric, theirs: Theirs, truth: np.ndarray, answers: np.ndarray
) -> None:
    count = len(truth)
    drawn = np.random.default_rng(0).integers(0, count, (5, count))
    weights = np.array([np.bincount(rows, minlength=count) for rows in drawn], dtype=np.float64)
    found = ours(truth, answers)(weights)
    wanted = [theirs(truth[rows], answers[rows]) for rows in drawn]
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12, err_msg=name)
    np.testing.assert_allclose(metrics.value(ours, truth, answers), theirs(truth, answers))


@settings(max_examples=40)
@given(SEEDS, st.integers(2, 40), st.integers(2, 4), st.booleans())
def test_classification(seed: int, rows: int, classes: int, ties: bool) -> None:
    random = np.random.default_rng(seed)
    truth = random.integers(0, classes, rows)
    answers = random.integers(1, 4, (rows, classes)) if ties else random.random((rows, classes))
    assert metrics.CLASSIFICATION.keys() == CLASSIFICATION.keys()
    for name, theirs in CLASSIFICATION.items():
        same_as_theirs(name, metrics.CLASSIFICATION[name], theirs, truth, answers)


@settings(max_examples=40)
@given(SEEDS, st.integers(2, 40), st.booleans())
def test_anomalies(seed: int, rows: int, ties: bool) -> None:
    random = np.random.default_rng(seed)
    truth = random.integers(0, 2, rows)
    answers = random.integers(0, 4, rows).astype(float) if ties else random.normal(size=rows)
    assert metrics.ANOMALIES.keys() == ANOMALIES.keys()
    for name, theirs in ANOMALIES.items():
        same_as_theirs(name, metrics.ANOMALIES[name], theirs, truth, answers)


@given(SEEDS, st.integers(2, 40), st.floats(-1e6, 1e6))
def test_regression(seed: int, rows: int, centre: float) -> None:
    random = np.random.default_rng(seed)
    truth = np.round(random.normal(centre, 10, rows), 3)
    truth[0] = truth[-1] + 1
    answers = truth + random.normal(0, 5, rows)
    assert metrics.REGRESSION.keys() == REGRESSION.keys()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, theirs in REGRESSION.items():
            same_as_theirs(name, metrics.REGRESSION[name], theirs, truth, answers)


@pytest.mark.parametrize("answers", [[3.0, 3.0], [3.0, 4.0]])
def test_r2_where_all_truth_is_the_same(answers: list[float]) -> None:
    truth, given_ = np.array([3.0, 3.0]), np.array(answers)
    assert metrics.value(metrics.r2, truth, given_) == r2_score(truth, given_)


def test_certain_and_wrong_is_a_finite_loss() -> None:
    truth, answers = np.array([0, 1]), np.array([[0.0, 1.0], [0.0, 1.0]])
    found = metrics.value(metrics.log_loss, truth, answers)
    assert found == pytest.approx(log_loss(truth, answers, labels=[0, 1]))


def test_intervals_are_the_percentiles_of_metrics_of_drawn_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(measurement, "BATCH", 250)  # several batches, the last one smaller
    random = np.random.default_rng(1)
    truth = random.integers(0, 3, 60)
    answers = random.dirichlet(np.ones(3), 60)
    found = measurement.with_intervals(metrics.CLASSIFICATION, truth, answers, seed=7)
    again = np.random.default_rng(7)
    drawn = [again.integers(0, 60, 60) for _ in range(measurement.RESAMPLES)]
    for name, theirs in CLASSIFICATION.items():
        values = [theirs(truth[rows], answers[rows]) for rows in drawn]
        wanted: Any = np.percentile(values, measurement.INTERVAL)
        assert (found[name]["low"], found[name]["high"]) == pytest.approx(tuple(wanted))


def test_what_the_rows_do_not_define_is_left_out() -> None:
    one_class = np.zeros(4, dtype=np.int64)
    answers = np.full((4, 2), 0.5)
    found = measurement.with_intervals(metrics.CLASSIFICATION, one_class, answers, seed=0)
    assert found.keys() == {"accuracy", "f1_macro", "log_loss"}
    assert measurement.measure(metrics.CLASSIFICATION, one_class[:1], answers[:1]) == {}


def test_a_class_that_a_resample_lacks_counts_in_no_interval() -> None:
    truth = np.array([0, 0, 0, 1])
    answers = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.4, 0.6]])
    found = measurement.with_intervals({"roc_auc": metrics.roc_auc}, truth, answers, seed=0)
    assert (found["roc_auc"]["value"], found["roc_auc"]["high"]) == (1.0, 1.0)


@pytest.mark.parametrize(("rows", "low"), [(4, 0.473), (34, 0.916), (1000, 0.997)])
def test_no_mistake_in_a_few_rows_leaves_room_for_some(rows: int, low: float) -> None:
    truth = np.arange(rows) % 2
    found = measurement.with_intervals(metrics.CLASSIFICATION, truth, np.eye(2)[truth], seed=0)
    for name in ("accuracy", "f1_macro", "roc_auc"):
        assert found[name] == {"value": 1.0, "low": pytest.approx(low, abs=5e-4), "high": 1.0}
