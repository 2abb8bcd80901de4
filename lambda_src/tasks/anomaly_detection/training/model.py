"""A fitted model: detectors in a space, and the curves that make their scores comparable."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tasks.anomaly_detection.training import curves, space
from tasks.anomaly_detection.training.curves import Curve
from tasks.anomaly_detection.training.detectors import DETECTORS
from tasks.anomaly_detection.training.detectors.base import Detector
from tasks.anomaly_detection.training.space import Space
from tasks.tables.encoders.base import Feature

RANK_AVERAGE = "rank_average"
"""The candidate that is the mean of all others."""

RANK_KNOTS = 64
"""Of the curves of single detectors: fewer than of p-values, as only their mean is used."""

FITTED_ROWS = 50_000
"""Rows that detectors are fitted on at most; more change hardly anything but the time."""


@dataclass(frozen=True)
class Detectors:
    """Detectors by name, fitted on the same rows, and the space of these."""

    space: Space
    fitted: Mapping[str, Detector]

    def scores(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """The scores of a matrix of rows, by detector."""
        values = self.space.values(x)
        return {name: detector.scores(values) for name, detector in self.fitted.items()}


@dataclass(frozen=True)
class Fitted:
    """What a candidate makes of rows: scores, p-values and what features have to do with them.

    curves are of the scores of single detectors, for their mean; calibration is of the scores.
    """

    space: Space
    detectors: Mapping[str, Detector]
    curves: Mapping[str, Curve]
    calibration: Curve
    features: int

    @property
    def is_mean(self) -> bool:
        return bool(self.curves)

    def scores(self, x: np.ndarray) -> np.ndarray:
        """Scores of a matrix of rows, greater for more unusual ones, shape (n_samples,)."""
        return combined(Detectors(self.space, self.detectors).scores(x), self.curves)

    def p_values(self, scores: np.ndarray) -> np.ndarray:
        found: np.ndarray = np.exp(-self.calibration(scores))
        return found

    def shares(self, x: np.ndarray) -> np.ndarray:
        """Each feature's share of what makes a row unusual, shape (n_samples, n_features)."""
        values = self.space.values(x)
        each = [self._shares(one.contributions(values)) for one in self.detectors.values()]
        found: np.ndarray = np.mean(each, axis=0)
        return found

    def _shares(self, contributions: np.ndarray) -> np.ndarray:
        of_feature = contributions @ owners(self.space, self.features)
        totals = np.maximum(of_feature.sum(axis=1, keepdims=True), TINY)
        shares: np.ndarray = of_feature / totals
        return shares


TINY = 1e-6
"""Contributions of less in sum count as so much: what rounding leaves of none is no share."""


def owners(of: Space, features: int) -> np.ndarray:
    """Which feature each value is of, as a matrix of 0 and 1, shape (n_values, n_features)."""
    found = np.zeros((of.width, features))
    found[np.arange(of.width), of.owner] = 1.0
    return found


def combined(scores: Mapping[str, np.ndarray], by: Mapping[str, Curve]) -> np.ndarray:
    """The scores of a candidate from those of its detectors: the only ones, or their mean."""
    if not by:
        (only,) = scores.values()
        return only
    return curves.mean([by[name] for name in scores], list(scores.values()))


@dataclass(frozen=True)
class Learned:
    """The space of some rows, and their values in it, on which detectors are fitted."""

    space: Space
    values: np.ndarray

    def detector(self, name: str, seed: int) -> Detector:
        """The detector of a name, fitted. Raises ValueError and MemoryError."""
        return DETECTORS[name].fit(self.values, self.space, seed)


def learn(features: Sequence[Feature], x: np.ndarray) -> Learned:
    """What detectors are fitted on, from a matrix of rows."""
    some = x[:FITTED_ROWS]
    learned = space.learn(features, some)
    return Learned(learned, learned.values(some))


def fit(features: Sequence[Feature], x: np.ndarray, names: Sequence[str], seed: int) -> Detectors:
    """The detectors of some names, fitted on a matrix of rows."""
    learned = learn(features, x)
    return Detectors(learned.space, {name: learned.detector(name, seed) for name in names})


def calibrated(
    candidate: str, detectors: Detectors, held_out: Mapping[str, np.ndarray], features: int
) -> Fitted:
    """A candidate of some fitted detectors.

    held_out has the scores of rows that the detectors of a fold have not seen, by detector.
    """
    names = list(detectors.fitted) if candidate == RANK_AVERAGE else [candidate]
    some = {name: held_out[name] for name in names}
    by = rank_curves(some) if candidate == RANK_AVERAGE else {}
    return Fitted(
        space=detectors.space,
        detectors={name: detectors.fitted[name] for name in names},
        curves=by,
        calibration=curves.surprise(combined(some, by)),
        features=features,
    )


def rank_curves(held_out: Mapping[str, np.ndarray]) -> dict[str, Curve]:
    """The curves by which the scores of several detectors are averaged."""
    return {name: curves.surprise(scores, RANK_KNOTS) for name, scores in held_out.items()}
