"""Test metrics with bootstrap intervals, and what else tells how good a model is."""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tasks.framework.training.metrics import Metric, value

RESAMPLES = 200
INTERVAL = (2.5, 97.5)
"""Percentiles of the bootstrap distribution: a 95% interval (Efron and Tibshirani, 1993)."""

MISSED = 0.05
"""The chance that rows without a mistake hide one more frequent than the interval says. The
bootstrap cannot see what none of its rows has (Hanley and Lippman-Hand, 1983)."""

IMPORTANCE_ROWS = 1000
"""Test rows whose values are shuffled to see what a feature is worth."""

BATCH = 1_000_000
"""Weights of rows that are held at a time."""


def measure(
    metrics: Mapping[str, Metric], truth: np.ndarray, answers: np.ndarray
) -> dict[str, float]:
    """Every metric that is defined on these rows: an AUC needs every class, any two rows."""
    if len(truth) < 2:
        return {}
    values = {name: value(metric, truth, answers) for name, metric in metrics.items()}
    return {name: found for name, found in values.items() if np.isfinite(found)}


def with_intervals(
    metrics: Mapping[str, Metric], truth: np.ndarray, answers: np.ndarray, seed: int
) -> dict[str, dict[str, float]]:
    """Every metric with the 95% interval of its bootstrap over rows: value, low, high."""
    values = measure(metrics, truth, answers)
    if not values:
        return {}
    prepared = {name: metrics[name](truth, answers) for name in values}
    drawn: dict[str, list[np.ndarray]] = {name: [] for name in values}
    for weights in _resamples(len(truth), seed):
        for name, weighted in prepared.items():
            drawn[name].append(weighted(weights))
    measured = {}
    for name, found in values.items():
        resampled = np.concatenate(drawn[name])
        defined = resampled[np.isfinite(resampled)]
        low, high = np.percentile(defined if len(defined) else [found], INTERVAL)
        if low == high == 1.0:
            low = MISSED ** (1 / len(truth))
        measured[name] = {"value": found, "low": float(low), "high": float(high)}
    return measured


def _resamples(count: int, seed: int) -> Iterator[np.ndarray]:
    """How often each of count rows is drawn, some resamples at a time."""
    random = np.random.default_rng(seed)
    for some in itertools.batched(range(RESAMPLES), max(1, BATCH // count), strict=False):
        drawn = (random.integers(0, count, count) for _ in some)
        yield np.array([np.bincount(rows, minlength=count) for rows in drawn], dtype=np.float64)


def residual_quantiles(truth: np.ndarray, answers: np.ndarray) -> dict[str, float]:
    """Quantiles of truth minus answer, by percent."""
    percents = (5, 25, 50, 75, 95)
    values = np.percentile(truth - answers, percents)
    return {str(percent): float(value) for percent, value in zip(percents, values, strict=True)}


def permutation_importance(
    predict: Callable[[np.ndarray], np.ndarray],
    metric: Callable[[np.ndarray, np.ndarray], float],
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
    whole = metric(truth, predict(matrix))
    if np.isnan(whole):
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
