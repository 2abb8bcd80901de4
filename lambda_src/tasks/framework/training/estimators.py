"""Learners whose candidates are estimators of scikit-learn, which are cross-validated."""

import warnings
from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from tasks.framework.training.engine import Learner
from tasks.framework.training.folds import Folds
from tasks.framework.training.trials import Trial

PROBE_ROWS = 4_000
"""A fit on so many rows tells how long one on all of them will take."""

type Scorer = Callable[[Any, Any, np.ndarray], float]
"""A fitted estimator's score on x and y; greater is better."""


class EstimatorLearner(Learner):
    """Fits an estimator on the one part of each fold, and scores it on the other.

    y has shape (n_samples,).
    """

    y: np.ndarray
    folds: Folds
    scorer: Scorer

    @abstractmethod
    def estimator(self, trial: Trial) -> Any:
        """A trial's estimator, not fitted."""

    @abstractmethod
    def features(self, trial: Trial) -> Any:
        """What a trial learns from, shape (n_samples, ...)."""

    def score(self, trial: Trial, fold: int) -> float:
        learned, held_out = self.folds[fold]
        x = self.features(trial)
        fitted = fit(self.estimator(trial), x[learned], self.y[learned])
        return self.scorer(fitted, x[held_out], self.y[held_out])

    def expected_seconds(self, trial: Trial, fold: int) -> float:
        """As a fit on a few of many rows tells."""
        rows = len(self.folds[fold][0])
        if rows <= 4 * PROBE_ROWS:
            return 0.0
        budget, some = self.context.budget, np.arange(PROBE_ROWS)
        before = budget.spent()
        fit(self.estimator(trial), self.features(trial)[some], self.y[some])
        return (budget.spent() - before) * rows / PROBE_ROWS


def fit(estimator: Any, x: Any, y: np.ndarray) -> Any:
    """A fitted copy of an estimator; where a solver stops at its limit, its score says enough."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return clone(estimator).fit(x, y)
