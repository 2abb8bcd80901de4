"""What principal components leave of a row, and the distance along them."""

from dataclasses import dataclass

import numpy as np
from sklearn.utils.extmath import randomized_svd

from tasks.anomaly_detection.training.detectors.base import NEAR, Detector
from tasks.anomaly_detection.training.space import Space

_LEAST_VARIANCE = 0.1
"""Of the mean variance: directions of less count as if they had it."""

_MOST_COMPONENTS, _MANY_VALUES = 64, 512
"""So many components are enough where values are so many that all would take long."""


@dataclass(frozen=True)
class Components(Detector):
    """PCA: the error of a row's reconstruction, and its distance along the components kept.

    Each component counts in its own standard deviations; the rest, which has little variance, in
    those of the least component that would be kept. components has shape (n_values, n_kept).
    """

    space: Space
    middle: np.ndarray
    components: np.ndarray
    variances: np.ndarray
    least: float

    @classmethod
    def fit(cls, values: np.ndarray, space: Space, seed: int) -> "Components":
        z = space.standardised(values)
        middle = z.mean(axis=0)
        z -= middle
        total = float((z * z).sum()) / len(z)
        least = max(_LEAST_VARIANCE * total / space.width, 1e-6)
        if space.width > _MANY_VALUES:
            _, singular, vectors = randomized_svd(z, _MOST_COMPONENTS, random_state=seed)
            variances, vectors = singular**2 / len(z), vectors.T
        else:
            variances, vectors = np.linalg.eigh(z.T @ z / len(z))
        kept = variances > least
        return cls(space, middle, vectors[:, kept], variances[kept], least)

    def _of(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows about the middle, what is left of them, and where they are along components."""
        z = self.space.standardised(values) - self.middle
        along = z @ self.components
        return z, z - along @ self.components.T, along

    def scores(self, values: np.ndarray) -> np.ndarray:
        _, left, along = self._of(values)
        squared = (left**2).sum(axis=1) / self.least + (along**2 / self.variances).sum(axis=1)
        found: np.ndarray = np.sqrt(squared + NEAR)
        return found

    def contributions(self, values: np.ndarray) -> np.ndarray:
        z, left, along = self._of(values)
        found = z * (left / self.least + (along / self.variances) @ self.components.T)
        positive: np.ndarray = np.maximum(found, 0.0)
        return positive
