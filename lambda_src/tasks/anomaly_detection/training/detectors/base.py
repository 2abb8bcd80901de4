"""What every detector of unusual rows does."""

from abc import ABC, abstractmethod

import numpy as np

NEAR = 1e-6
"""Added to squared distances: the root of what rounding leaves of zero would differ too much."""


class Detector(ABC):
    """What is fitted on rows, in the units of its scores."""

    @abstractmethod
    def scores(self, values: np.ndarray) -> np.ndarray:
        """Scores of values of the space, float64, shape (n_samples,)."""

    @abstractmethod
    def contributions(self, values: np.ndarray) -> np.ndarray:
        """What each value adds to the score, shape (n_samples, n_values)."""
