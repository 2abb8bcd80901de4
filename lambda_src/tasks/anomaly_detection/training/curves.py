"""Continuous curves of scores: how rare a score is among those of held-out rows.

A curve is linear between its knots and level beyond them. Steps would be simpler, but a float32
graph may be on the other side of a step than what was fitted.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

KNOTS = 256
"""The first ranks are knots, then each is 3% after the one before: a p-value of 1% is off by a
hundredth of itself at most."""

_CLOSEST, _LEAST = 1e-4, 1e-6
"""Knots are this part of the scores' range apart at least, and that much: what two computations
round in another way must not become a step."""


@dataclass(frozen=True)
class Curve:
    """Knots in ascending order, and the value at each."""

    knots: np.ndarray
    values: np.ndarray

    def __call__(self, scores: np.ndarray) -> np.ndarray:
        found: np.ndarray = np.interp(scores, self.knots, self.values)
        return found

    @property
    def bends(self) -> np.ndarray:
        """By how much the slope changes at each knot: the curve is values[0] plus the sum of
        bends times what the score is above the knots."""
        slopes = np.diff(self.values) / np.diff(self.knots)
        return np.diff(np.concatenate([[0.0], slopes, [0.0]]))


def surprise(scores: np.ndarray, knots: int = KNOTS) -> Curve:
    """The negative logarithm of the conformal p-value of a score, by the scores of held-out rows.

    The p-value is (1 + the rows with such a score or a greater one) / (1 + all rows): of rows like
    these, a share of at most alpha has one of alpha or less (Vovk, Gammerman and Shafer, 2005).
    Between knots it is not less than that.

    >>> curve = surprise(np.arange(99.0))
    >>> [round(float(p), 2) for p in np.exp(-curve(np.array([-5, 0, 49, 98, 200])))]
    [1.0, 1.0, 0.51, 0.02, 0.01]
    """
    ascending = np.sort(scores)
    count = len(ascending)
    least = max(_CLOSEST * float(ascending[-1] - ascending[0]), _LEAST)
    ranks = _ranks(count, knots)
    # The greatest score of each rank; the first of equal ones is what at least as many have.
    chosen = np.unique(ascending[count - ranks])
    at = _apart(chosen, least)
    greater = count - np.searchsorted(ascending, at, side="left")
    values = -np.log((1 + greater) / (1 + count))
    gap = max(float(at[-1] - at[-2]) if len(at) > 1 else 0.0, least)
    return Curve(np.append(at, at[-1] + gap), np.append(values, np.log(1 + count)))


def _ranks(count: int, knots: int) -> np.ndarray:
    """Ranks from the greatest score (1) to the least (count)."""
    return np.unique(np.geomspace(1, count, knots).round().astype(np.int64))


def _apart(ascending: np.ndarray, least: float) -> np.ndarray:
    """Values, of which those that are too near to a greater one are left out."""
    kept: list[float] = []
    for value in ascending[::-1]:
        if not kept or kept[-1] - value >= least:
            kept.append(float(value))
    return np.array(kept[::-1])


def mean(curves: Sequence[Curve], scores: Sequence[np.ndarray]) -> np.ndarray:
    """The mean of the surprises of several scores of the same rows."""
    found: np.ndarray = np.mean([one(each) for one, each in zip(curves, scores, strict=True)], 0)
    return found
