"""Test metrics with bootstrap intervals, and what else tells how good a model is."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.metrics import (
    accuracy_score,
    f1_score,
    log_loss,
    mean_absolute_error,
    r2_score,
    roc_auc_score,
    root_mean_squared_error,
)

RESAMPLES = 200
INTERVAL = (2.5, 97.5)
"""Percentiles of the bootstrap distribution: a 95% interval (Efron and Tibshirani, 1993)."""

IMPORTANCE_ROWS = 1000
"""Test rows whose values are shuffled to see what a feature is worth."""

type Metric = Callable[[np.ndarray, np.ndarray], float]
"""Truth, shape (n_samples,), and answers: values, or probabilities (n_samples, n_classes)."""


def classification_metrics(n_classes: int) -> dict[str, Metric]:
    """Truth is class numbers, answers are probabilities."""
    classes = np.arange(n_classes)

    def roc_auc(truth: np.ndarray, answers: np.ndarray) -> float:
        if n_classes == 2:
            return float(roc_auc_score(truth, answers[:, 1]))
        shares = answers / answers.sum(axis=1, keepdims=True)
        return float(roc_auc_score(truth, shares, multi_class="ovr", labels=classes))

    def logarithmic_loss(truth: np.ndarray, answers: np.ndarray) -> float:
        shares = answers / answers.sum(axis=1, keepdims=True)
        return float(log_loss(truth, shares, labels=classes))

    return {
        "accuracy": lambda truth, answers: float(accuracy_score(truth, answers.argmax(axis=1))),
        "f1_macro": lambda truth, answers: float(
            f1_score(truth, answers.argmax(axis=1), average="macro", zero_division=0)
        ),
        "roc_auc": roc_auc,
        "log_loss": logarithmic_loss,
    }


def regression_metrics() -> dict[str, Metric]:
    return {
        "r2": lambda truth, answers: float(r2_score(truth, answers)),
        "mean_absolute_error": lambda truth, answers: float(mean_absolute_error(truth, answers)),
        "root_mean_squared_error": lambda truth, answers: float(
            root_mean_squared_error(truth, answers)
        ),
    }


def measure(
    metrics: Mapping[str, Metric], truth: np.ndarray, answers: np.ndarray
) -> dict[str, float]:
    """Every metric that is defined on these rows: an AUC needs every class, R2 two rows."""
    values = {}
    for name, metric in metrics.items():
        value = _defined(name, metric, truth, answers)
        if value is not None:
            values[name] = value
    return values


def with_intervals(
    metrics: Mapping[str, Metric], truth: np.ndarray, answers: np.ndarray, seed: int
) -> dict[str, dict[str, float]]:
    """Every metric with the 95% interval of its bootstrap over rows: value, low, high."""
    random = np.random.default_rng(seed)
    drawn: dict[str, list[float]] = {name: [] for name in metrics}
    for _ in range(RESAMPLES):
        rows = random.integers(0, len(truth), len(truth))
        for name, value in measure(metrics, truth[rows], answers[rows]).items():
            drawn[name].append(value)
    measured = {}
    for name, value in measure(metrics, truth, answers).items():
        low, high = np.percentile(drawn[name] or [value], INTERVAL)
        measured[name] = {"value": value, "low": float(low), "high": float(high)}
    return measured


def residual_quantiles(truth: np.ndarray, answers: np.ndarray) -> dict[str, float]:
    """Quantiles of truth minus answer, by percent."""
    percents = (5, 25, 50, 75, 95)
    values = np.percentile(truth - answers, percents)
    return {str(percent): float(value) for percent, value in zip(percents, values, strict=True)}


def permutation_importance(
    predict: Callable[[np.ndarray], np.ndarray],
    metric: Metric,
    matrix: np.ndarray,
    truth: np.ndarray,
    groups: Sequence[tuple[str, range]],
    seed: int,
    repeats: int = 3,
) -> list[dict[str, Any]]:
    """How much the metric falls when a feature's values are shuffled (Breiman, 2001).

    groups gives each feature's name and its columns of matrix. Largest first; empty where the
    metric is not defined on these rows.
    """
    random = np.random.default_rng(seed)
    whole = _defined("", metric, truth, predict(matrix))
    if whole is None:
        return []
    found = []
    for name, columns in groups:
        falls = []
        for _ in range(repeats):
            shuffled = matrix.copy()
            shuffled[:, columns] = matrix[random.permutation(len(matrix))][:, columns]
            falls.append(whole - metric(truth, predict(shuffled)))
        found.append({"column": name, "mean": float(np.mean(falls)), "std": float(np.std(falls))})
    return sorted(found, key=lambda one: -float(one["mean"]))


def _defined(name: str, metric: Metric, truth: np.ndarray, answers: np.ndarray) -> float | None:
    """The metric, or None where these rows do not define it."""
    if len(truth) < 2 or (name in ("roc_auc", "") and _one_class_missing(truth, answers)):
        return None
    return metric(truth, answers)


def _one_class_missing(truth: np.ndarray, answers: np.ndarray) -> bool:
    return answers.ndim == 2 and len(np.unique(truth)) < answers.shape[1]
