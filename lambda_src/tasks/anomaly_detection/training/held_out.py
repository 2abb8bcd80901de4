"""Scores of rows that a candidate was not fitted on, fold by fold."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from tasks.anomaly_detection.training import model
from tasks.anomaly_detection.training.detectors import DETECTORS
from tasks.anomaly_detection.training.model import RANK_AVERAGE, Learned
from tasks.framework.training.engine import FAILURES
from tasks.framework.training.folds import Folds
from tasks.tables.encoders.base import Feature

MOST_ROWS = 20_000
"""Rows that p-values follow from at most: at 1%, one standard deviation is 0.07 points."""


@dataclass
class HeldOut:
    """The scores of the rows that each fold holds out; each is computed once.

    x is the matrix of all rows, seed that of the detectors.
    """

    features: Sequence[Feature]
    x: np.ndarray
    folds: Folds
    seed: int
    _scores: dict[tuple[str, int], np.ndarray] = field(default_factory=dict)
    _learned: tuple[int, Learned] | None = None

    def rows(self, fold: int) -> np.ndarray:
        """The rows that a fold holds out."""
        return self.folds[fold][1][: max(1, MOST_ROWS // len(self.folds))]

    def detectors(self, candidate: str, folds: Iterable[int]) -> list[str]:
        """The detectors of a candidate: the rank average has those that can be fitted."""
        if candidate != RANK_AVERAGE:
            return [candidate]
        return [name for name in DETECTORS if all(self._can_be_fitted(name, at) for at in folds)]

    def scores(self, candidate: str, fold: int) -> np.ndarray:
        """Scores of the rows that a fold holds out, shape (n_samples,).

        Raises ValueError, FloatingPointError or MemoryError where nothing can be fitted.
        """
        if candidate != RANK_AVERAGE:
            return self._of_detector(candidate, fold)
        scores = {name: self._of_detector(name, fold) for name in self.detectors(candidate, [fold])}
        if not scores:
            raise ValueError("no detector could be fitted")
        return model.combined(scores, model.rank_curves(scores))

    def of_detectors(self, names: Iterable[str], folds: Sequence[int]) -> dict[str, np.ndarray]:
        """The scores of all rows that some folds hold out, by detector."""
        return {
            name: np.concatenate([self._of_detector(name, fold) for fold in folds])
            for name in names
        }

    def _can_be_fitted(self, name: str, fold: int) -> bool:
        try:
            self._of_detector(name, fold)
        except FAILURES:
            return False
        return True

    def _of_detector(self, name: str, fold: int) -> np.ndarray:
        if (name, fold) not in self._scores:
            if self._learned is None or self._learned[0] != fold:
                self._learned = fold, model.learn(self.features, self.x[self.folds[fold][0]])
            learned = self._learned[1]
            values = learned.space.values(self.x[self.rows(fold)])
            self._scores[name, fold] = learned.detector(name, self.seed).scores(values)
        return self._scores[name, fold]
