"""How often the answers for the images of the test split are right.

The figures of open-set identification (ISO/IEC 19795-1): of enrolled people, those who were
accepted as themselves; of strangers, those who were refused.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tasks.face_recognition import UNKNOWN
from tasks.face_recognition.training.enrolment import PAIRED, cross_enrol, means, unit
from tasks.framework.training import measurement, metrics

STRANGER = -1
"""The number of somebody who is not enrolled."""


@dataclass(frozen=True)
class Answers:
    """Who was nearest to each face, by number, and whether near enough."""

    nearest: np.ndarray
    accepted: np.ndarray

    @classmethod
    def of(
        cls, descriptors: np.ndarray, seen: np.ndarray, gallery: np.ndarray, threshold: float
    ) -> "Answers":
        """Answers for descriptors (n_images, n_values) by means of people (n_people, n_values).

        seen says which of the images show a face at all.
        """
        similarities = descriptors @ gallery.T
        nearest = np.where(seen, similarities.argmax(axis=1), STRANGER)
        return cls(nearest, seen & (similarities.max(axis=1) >= threshold))

    def table(self) -> np.ndarray:
        return np.column_stack([self.nearest, self.accepted]).astype(np.int64)


def _share_of(which: np.ndarray, right: np.ndarray) -> metrics.Weighted:
    """The share of right ones among those that which says; NaN where there are none."""

    def of(weights: np.ndarray) -> np.ndarray:
        counted = weights @ which
        return np.where(counted > 0, weights @ (which & right) / np.maximum(counted, 1), np.nan)

    return of


def _right(truth: np.ndarray, answers: np.ndarray) -> np.ndarray:
    right: np.ndarray = np.where(
        truth == STRANGER, answers[:, 1] == 0, (answers[:, 1] == 1) & (answers[:, 0] == truth)
    )
    return right


METRICS: Mapping[str, metrics.Metric] = {
    "accuracy": lambda truth, answers: _share_of(np.ones(len(truth), bool), _right(truth, answers)),
    "closed_set_accuracy": lambda truth, answers: _share_of(
        truth != STRANGER, answers[:, 0] == truth
    ),
    "known_accepted": lambda truth, answers: _share_of(truth != STRANGER, _right(truth, answers)),
    "strangers_refused": lambda truth, answers: _share_of(
        truth == STRANGER, _right(truth, answers)
    ),
}
"""Truth is numbers of people, answers are a table of Answers."""


def everybody(enrolled: Sequence[str], others: Sequence[str]) -> list[str]:
    """The enrolled people in their order, and then the others who have a name."""
    return [*enrolled, *sorted(set(others) - {UNKNOWN, *enrolled})]


def numbers(names: Sequence[str], people: Sequence[str]) -> np.ndarray:
    """The place of each name among people, STRANGER for one that is not there."""
    places = {name: number for number, name in enumerate(people)}
    return np.array([places.get(name, STRANGER) for name in names], np.int64)


def evaluated(truth: np.ndarray, answers: Answers, seed: int) -> dict[str, dict[str, float]]:
    """Every metric with its interval; those of strangers only where there are some."""
    return measurement.with_intervals(METRICS, truth, answers.table(), seed)


def score(metric: str, truth: np.ndarray, answers: Answers) -> float:
    """A metric of the options."""
    return metrics.value(METRICS[metric], truth, answers.table())


def baseline(
    pictures: np.ndarray, y: np.ndarray, test: np.ndarray, truth: np.ndarray, seed: int
) -> dict[str, Any]:
    """The same by the pictures themselves, grey and small, of uint8 (n, side, side, 1)."""
    x, asked = (unit(some.reshape(len(some), -1).astype(float)) for some in (pictures, test))
    try:
        threshold = cross_enrol(x, y, lambda *_: unit, seed).threshold()
    except ValueError:  # too little is enrolled: everybody is accepted
        threshold = -1.0
    seen = np.ones(len(asked), bool)
    answers = Answers.of(asked, seen, means(x, y, int(y.max()) + 1), threshold)
    values = measurement.measure(METRICS, truth, answers.table())
    return {"name": "nearest mean picture, 32 x 32 grey pixels", "metrics": values}


def pairs(descriptors: np.ndarray, people: Sequence[str], threshold: float) -> dict[str, Any]:
    """How often two faces are rightly said to be of one person, or of two; of the first ones."""
    some, names = descriptors[:PAIRED], np.array(people[:PAIRED])
    one, other = np.triu_indices(len(some), 1)
    accepted = (some @ some.T)[one, other] >= threshold
    same = names[one] == names[other]
    return {
        "same": int(same.sum()),
        "different": int((~same).sum()),
        "same_accepted": _share(accepted[same]),
        "different_refused": _share(~accepted[~same]),
    }


def _share(values: np.ndarray) -> float | None:
    return float(values.mean()) if len(values) else None
