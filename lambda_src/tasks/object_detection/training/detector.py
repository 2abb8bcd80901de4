"""Linear heads on maps: what each cell belongs to, and where that thing's box is."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression, Ridge

from tasks.images.boxes import overlaps
from tasks.object_detection.training.cells import (
    BACKGROUND,
    boxes,
    centres,
    features,
    learned_from,
)
from tasks.object_detection.training.maps import Maps
from tasks.object_detection.training.truth import Truth

ALIKE = 0.5
"""Boxes of cells that overlap more are of one thing, and are averaged, the more the more.

A step instead would make rounding errors visible."""

SUPPRESSED = 0.45
"""Of two boxes with one label that overlap more than this, the less certain one is dropped."""

LEAST_SCORE = 0.02
MOST_OBJECTS = 50
"""Of one label in an image."""

ITERATIONS = 100
FAINT = 1e-9
"""Added to what a box counts in an average, so that no average is of nothing."""

_AT_ONCE = 16


@dataclass(frozen=True)
class Found:
    """What was found in one image, the most certain first: boxes (n, 4) as Truth has them."""

    scores: np.ndarray
    labels: np.ndarray
    boxes: np.ndarray


class Detector(BaseEstimator):  # type: ignore[misc]
    """A logistic regression of the label and a ridge regression of the box, both per cell.

    strength is what the ridge's coefficients are held back by; the other's in proportion.
    """

    def __init__(self, labels: int = 1, strength: float = 300.0, seed: int = 0) -> None:
        self.labels = labels
        self.strength = strength
        self.seed = seed

    def fit(self, maps: Maps, truths: Collection[Truth]) -> "Detector":
        """Raises ValueError where no object is shown."""
        cells = learned_from(maps, truths, self.seed)
        objects = cells.classes != BACKGROUND
        if not objects.any() or objects.all():
            raise ValueError("there is no object, or nothing but objects")
        self.components_ = maps.fine.shape[-1], maps.coarse.shape[-1]
        self.classifier_ = LogisticRegression(C=1 / self.strength, max_iter=ITERATIONS)
        self.classifier_.fit(cells.x, cells.classes, cells.counts)
        self.regressor_ = Ridge(self.strength)
        self.regressor_.fit(cells.x[objects], cells.shapes[objects], cells.weights[objects])
        return self

    def heads(self) -> tuple[np.ndarray, np.ndarray]:
        """Coefficients (1 + labels + 4, n_features) and intercepts: classes, then shapes.

        A label that was never seen is held impossible.
        """
        classifier, seen = self.classifier_, self.classifier_.classes_
        rows, offsets = classifier.coef_, classifier.intercept_
        if len(seen) == 2:  # the sigmoid of z is the softmax of 0 and z
            rows = np.vstack([np.zeros_like(rows), rows])
            offsets = np.append(0.0, offsets)
        coefficients = np.zeros((1 + self.labels, rows.shape[1]))
        intercepts = np.full(1 + self.labels, -30.0)
        coefficients[seen], intercepts[seen] = rows, offsets
        return (
            np.vstack([coefficients, self.regressor_.coef_]),
            np.concatenate([intercepts, self.regressor_.intercept_]),
        )

    def dense(self, maps: Maps) -> tuple[np.ndarray, np.ndarray]:
        """Of each cell of upright images: scores (n_images, labels, n_cells) and boxes.

        Boxes have the shape (n_images, n_cells, 4), and are averages of those of their thing.
        """
        coefficients, intercepts = self.heads()
        scores, found = [], []
        for start in range(0, len(maps), _AT_ONCE):
            x = features(maps[np.arange(start, min(start + _AT_ONCE, len(maps)))])[:, 0]
            values = x @ coefficients.T + intercepts
            logits, shapes = values[..., : 1 + self.labels], values[..., 1 + self.labels :]
            raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
            shares = (raised / raised.sum(axis=-1, keepdims=True))[..., 1:]
            scores += list(shares.reshape(len(x), -1, self.labels).transpose(0, 2, 1))
            found += list(boxes(shapes, centres(x.shape[1])).reshape(len(x), -1, 4))
        pairs = zip(found, scores, strict=True)
        return np.array(scores), np.array([_averaged(*pair) for pair in pairs])

    def detect(self, maps: Maps) -> list[Found]:
        """What is found in each upright image."""
        return [_kept(*pair) for pair in zip(*self.dense(maps), strict=True)]


def _averaged(found: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Each box as the mean of those like it, the more certain ones counting more."""
    certain = scores.max(axis=0) ** 2 + FAINT
    like = np.clip(overlaps(found, found) - ALIKE, 0, None)
    np.fill_diagonal(like, 1 - ALIKE)
    weights = like * certain
    mean: np.ndarray = weights @ found / weights.sum(axis=1, keepdims=True)
    return mean


def _kept(scores: np.ndarray, found: np.ndarray) -> Found:
    """Non-maximum suppression, label by label."""
    kept: list[tuple[float, int, np.ndarray]] = []
    for label, row in enumerate(scores):
        order = np.argsort(-row, kind="stable")
        order = order[row[order] > LEAST_SCORE]
        for _ in range(MOST_OBJECTS):
            if not len(order):
                break
            first, order = order[0], order[1:]
            kept.append((float(row[first]), label, found[first]))
            order = order[overlaps(found[[first]], found[order])[0] <= SUPPRESSED]
    kept.sort(key=lambda one: -one[0])
    return Found(
        np.array([score for score, _, _ in kept]),
        np.array([label for _, label, _ in kept], np.int64),
        np.array([box for _, _, box in kept]).reshape(-1, 4),
    )
