"""Test metrics of many resamples at once.

A bootstrap draws some rows several times and others never: that often is a row's weight. A metric
is prepared once, from truth and answers, and takes the weights of all resamples together, as
products of matrices; scikit-learn's, called for each of them, took longer than some trainings.
Tests hold every one to scikit-learn's.
"""

from collections.abc import Callable, Mapping

import numpy as np
from scipy.sparse import csr_array

type Weighted = Callable[[np.ndarray], np.ndarray]
"""Whole weights, shape (n_resamples, n_rows), to the metric of each resample; NaN where these
rows do not define it."""

type Metric = Callable[[np.ndarray, np.ndarray], Weighted]
"""Truth, shape (n_rows,), and answers: values, or probabilities (n_rows, n_classes)."""


def accuracy(truth: np.ndarray, answers: np.ndarray) -> Weighted:
    return _mean(answers.argmax(axis=1) == truth)


def f1_macro(truth: np.ndarray, answers: np.ndarray) -> Weighted:
    """The mean of F1 over those classes that are there or were answered.

    Classes that training has not seen are one class, which is never answered.
    """
    classes = answers.shape[1] + 1
    answered, truth = answers.argmax(axis=1), truth % classes
    there, said = _one_hot(truth, classes), _one_hot(answered, classes)
    both = _one_hot(truth, classes, truth == answered)

    def of(weights: np.ndarray) -> np.ndarray:
        counted = weights @ there + weights @ said
        f1 = 2 * (weights @ both) / np.maximum(counted, 1)
        mean: np.ndarray = f1.sum(axis=1) / (counted > 0).sum(axis=1)
        return mean

    return of


def _of_known(metric: Metric) -> Metric:
    """A metric over the rows of known classes: answers give no probability to others."""

    def prepared(truth: np.ndarray, answers: np.ndarray) -> Weighted:
        known = truth >= 0
        if known.all():
            return metric(truth, answers)
        weighted = metric(truth[known], answers[known])

        def of(weights: np.ndarray) -> np.ndarray:
            some = weights[:, known]
            found = np.full(len(weights), np.nan)
            if (there := some.any(axis=1)).any():
                found[there] = weighted(some[there])
            return found

        return of

    return prepared


@_of_known
def roc_auc(truth: np.ndarray, answers: np.ndarray) -> Weighted:
    """Of two classes, or the mean of each one's against the rest; needs every class."""
    classes = answers.shape[1]
    if classes == 2:
        return _auc(truth == 1, answers[:, 1])
    shares = _shares(answers)
    each = [_auc(truth == number, shares[:, number]) for number in range(classes)]
    return lambda weights: np.mean([auc(weights) for auc in each], axis=0)


@_of_known
def log_loss(truth: np.ndarray, answers: np.ndarray) -> Weighted:
    shares = _shares(answers)
    least = np.finfo(shares.dtype).eps
    right = shares[np.arange(len(truth)), truth]
    return _mean(-np.log(np.clip(right, least, 1 - least)))


def mean_absolute_error(truth: np.ndarray, answers: np.ndarray) -> Weighted:
    return _mean(np.abs(truth - answers))


def root_mean_squared_error(truth: np.ndarray, answers: np.ndarray) -> Weighted:
    squared = _mean((truth - answers) ** 2)
    return lambda weights: np.sqrt(squared(weights))


def r2(truth: np.ndarray, answers: np.ndarray) -> Weighted:
    """1 for answers without error, else 0 where all truth is the same."""
    mean, error = _mean(truth), _mean((truth - answers) ** 2)

    def of(weights: np.ndarray) -> np.ndarray:
        spread = (truth - mean(weights)[:, np.newaxis]) ** 2
        total = (weights * spread).sum(axis=1) / weights.sum(axis=1)
        wrong = error(weights)
        explained = 1 - wrong / np.where(total > 0, total, 1)
        return np.where(total > 0, explained, np.where(wrong > 0, 0.0, 1.0))

    return of


def mean(truth: np.ndarray, answers: np.ndarray) -> Weighted:
    """Of answers that are scores already, whatever the truth."""
    return _mean(answers)


def roc_auc_of_scores(truth: np.ndarray, answers: np.ndarray) -> Weighted:
    """Of scores, shape (n_rows,), that are greater for rows of class 1; needs both classes."""
    return _auc(truth == 1, answers)


def average_precision(truth: np.ndarray, answers: np.ndarray) -> Weighted:
    """The mean precision at each row of class 1, of scores; needs one. Ties are one step."""
    positive = truth == 1
    order, starts = _ties(-answers)

    def of(weights: np.ndarray) -> np.ndarray:
        ones = np.add.reduceat((weights * positive)[:, order], starts, axis=1)
        every = np.add.reduceat(weights[:, order], starts, axis=1)
        precision = ones.cumsum(axis=1) / np.maximum(every.cumsum(axis=1), 1)
        total = ones.sum(axis=1)
        found = (ones * precision).sum(axis=1) / np.maximum(total, 1)
        return np.where(total > 0, found, np.nan)

    return of


CLASSIFICATION: Mapping[str, Metric] = {
    "accuracy": accuracy,
    "f1_macro": f1_macro,
    "roc_auc": roc_auc,
    "log_loss": log_loss,
}
"""Truth is class numbers, -1 for a class that training has not seen; answers are probabilities.

A row of such a class is a wrong one in accuracy and f1_macro, and is left out of the others."""

REGRESSION: Mapping[str, Metric] = {
    "r2": r2,
    "mean_absolute_error": mean_absolute_error,
    "root_mean_squared_error": root_mean_squared_error,
}

ANOMALIES: Mapping[str, Metric] = {
    "roc_auc": roc_auc_of_scores,
    "average_precision": average_precision,
}
"""Truth is 1 for anomalies and 0 for other rows; answers are scores."""


def value(metric: Metric, truth: np.ndarray, answers: np.ndarray) -> float:
    """A metric of all rows, each once; NaN where they do not define it."""
    return float(metric(truth, answers)(np.ones((1, len(truth))))[0])


def _mean(values: np.ndarray) -> Weighted:
    return lambda weights: weights @ values / weights.sum(axis=1)


def _auc(positive: np.ndarray, scores: np.ndarray) -> Weighted:
    """The share of pairs of a positive and a negative row in order; ties count half."""
    order, starts = _ties(scores)

    def of(weights: np.ndarray) -> np.ndarray:
        ones = np.add.reduceat((weights * positive)[:, order], starts, axis=1)
        rest = np.add.reduceat((weights * ~positive)[:, order], starts, axis=1)
        ordered = (ones * (rest.cumsum(axis=1) - rest / 2)).sum(axis=1)
        pairs = ones.sum(axis=1) * rest.sum(axis=1)
        return np.where(pairs > 0, ordered / np.maximum(pairs, 1), np.nan)

    return of


def _ties(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The order of scores, and where in it each different one begins."""
    order = np.argsort(scores, kind="stable")
    ranked = scores[order]
    return order, np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])


def _shares(answers: np.ndarray) -> np.ndarray:
    shares: np.ndarray = answers / answers.sum(axis=1, keepdims=True)
    return shares


def _one_hot(numbers: np.ndarray, classes: int, which: np.ndarray | None = None) -> csr_array:
    """Rows (all, or those that which says) by class, shape (n_rows, n_classes)."""
    rows = np.arange(len(numbers)) if which is None else np.flatnonzero(which)
    return csr_array((np.ones(len(rows)), (rows, numbers[rows])), shape=(len(numbers), classes))
