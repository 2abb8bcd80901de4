"""How far out in the tails of its column each value is."""

from dataclasses import dataclass

import numpy as np

from tasks.anomaly_detection.training.detectors.base import Detector
from tasks.anomaly_detection.training.space import Space

_LEAVES, _TOTAL_LEAVES = 128, 40_000
"""Of a value's tails, and of those of all values together."""


@dataclass(frozen=True)
class Tails(Detector):
    """ECOD (Li et al., 2022): how far in the tail of its own distribution each value is.

    thresholds and surprises are of each value: the surprise before the first threshold, and after
    each. A row's score is their sum.
    """

    thresholds: list[np.ndarray]
    surprises: list[np.ndarray]
    width: int

    @classmethod
    def fit(cls, values: np.ndarray, space: Space, seed: int) -> "Tails":
        leaves = max(8, min(_LEAVES, _TOTAL_LEAVES // max(1, space.tails)))
        found = [_tails(values[:, at], leaves) for at in range(space.tails)]
        return cls([one for one, _ in found], [one for _, one in found], space.width)

    def scores(self, values: np.ndarray) -> np.ndarray:
        found: np.ndarray = self.contributions(values).sum(axis=1)
        return found

    def contributions(self, values: np.ndarray) -> np.ndarray:
        added = np.zeros(values.shape)
        for at, (cuts, surprises) in enumerate(zip(self.thresholds, self.surprises, strict=True)):
            added[:, at] = surprises[np.searchsorted(cuts, values[:, at], side="left")]
        return added


def _tails(column: np.ndarray, leaves: int) -> tuple[np.ndarray, np.ndarray]:
    """Thresholds, float32, and the surprise of values up to each of them and beyond the last."""
    count = len(column)
    ascending = np.sort(column)
    half = np.geomspace(1, count, leaves // 2).round().astype(np.int64)
    at = np.unique(ascending[np.concatenate([half - 1, count - half])])
    below = (np.searchsorted(ascending, at, side="right") + 1) / (count + 1)
    above = (count - np.searchsorted(ascending, at, side="left") + 1) / (count + 1)
    surprises = np.maximum(-np.log(below), -np.log(above)).clip(0)
    # A row between two of these counts as the nearer one; beyond all, as more than any.
    cuts = (at[:-1] / 2 + at[1:] / 2).astype(np.float32)
    gap = np.float32(max(float(np.abs(at).max()), 1.0) * 1e-5)
    cuts = np.concatenate([[at[0] - gap], cuts, [at[-1] + gap]]).astype(np.float32)
    most = np.log(count + 1.0)
    return cuts, np.concatenate([[most], surprises, [most]]).astype(np.float32)
