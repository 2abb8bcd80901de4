"""A model is published only when what is served answers as what was fitted.

Held-out rows go through the very code that serves them, instances in and predictions out, and
through scikit-learn; the largest difference must stay within the tolerance.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

ROWS = 1000
"""Held-out rows that are compared."""

TOLERANCE = 1e-4
"""Largest difference of a probability, or of a value in standard deviations of the target.

float32 graphs differ from scikit-learn's float64 by 4e-6 at most where they are faithful."""


class ParityFailed(Exception):
    """What would be served is not what was fitted."""


@dataclass(frozen=True)
class Parity:
    """What the comparison found; labels_differ counts beyond ties within the tolerance."""

    rows: int
    max_difference: float
    labels_differ: int
    tolerance: float = TOLERANCE

    def record(self) -> dict[str, Any]:
        return asdict(self)


def compare_probabilities(served: np.ndarray, fitted: np.ndarray) -> Parity:
    """Two arrays of probabilities, shape (n_samples, n_classes). Raises ParityFailed."""
    largest = _largest(served, fitted)
    rows = np.arange(len(fitted))
    ahead = fitted.max(axis=1) - fitted[rows, served.argmax(axis=1)]
    return checked(Parity(len(fitted), largest, int((ahead > TOLERANCE).sum())))


def compare_values(served: np.ndarray, fitted: np.ndarray, scale: float) -> Parity:
    """Two arrays of values, shape (n_samples,), in the target's unit. Raises ParityFailed."""
    return checked(Parity(len(fitted), _largest(served / scale, fitted / scale), 0))


def _largest(served: np.ndarray, fitted: np.ndarray) -> float:
    if not np.isfinite(served).all():
        raise ParityFailed("the exported graph answers with values that are not finite")
    return float(np.abs(served - fitted).max(initial=0.0))


def checked(parity: Parity) -> Parity:
    """The comparison, if it is within the tolerance. Raises ParityFailed."""
    if parity.max_difference > TOLERANCE or parity.labels_differ:
        raise ParityFailed(
            f"the exported graph differs from what was fitted by {parity.max_difference:.2g} "
            f"(at most {TOLERANCE:g} is allowed), and in {parity.labels_differ} of "
            f"{parity.rows} labels"
        )
    return parity
