"""Average precision of boxes that overlap the true ones by half at least.

As PASCAL VOC has it since 2010 (Everingham et al.): the area below the curve of precision
over recall, precision made monotonous; the mean over labels.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from tasks.images.boxes import overlaps
from tasks.object_detection.training.detector import Found
from tasks.object_detection.training.truth import Truth

OVERLAP = 0.5


@dataclass(frozen=True)
class Matched:
    """One image: scores, labels and hits (n_found,), and the labels of its objects (n_true,)."""

    scores: np.ndarray
    labels: np.ndarray
    hits: np.ndarray
    objects: np.ndarray


def matched(found: Found, truth: Truth) -> Matched:
    """Which of what was found is there; an object is found once, by the most certain box."""
    hits = np.zeros(len(found.scores), bool)
    free = np.ones(len(truth.labels), bool)
    if len(free):
        shares = overlaps(found.boxes, truth.boxes)
        for at in np.argsort(-found.scores, kind="stable"):
            fitting = np.where(truth.labels == found.labels[at], shares[at], 0.0)
            best = fitting.argmax()
            if fitting[best] >= OVERLAP and free[best]:
                hits[at], free[best] = True, False
    return Matched(found.scores, found.labels, hits, truth.labels)


def by_label(images: Collection[Matched]) -> dict[int, float]:
    """The average precision of each label that some image shows."""
    if not len(images):
        return {}
    scores, labels, hits, objects = (
        np.concatenate([getattr(one, name) for one in images])
        for name in ("scores", "labels", "hits", "objects")
    )
    found = {}
    for label, count in enumerate(np.bincount(objects)):
        if count:
            mine = labels == label
            order = np.argsort(-scores[mine], kind="stable")
            found[label] = _area(hits[mine][order], int(count))
    return found


def mean_average_precision(images: Collection[Matched]) -> float:
    """The mean over labels; 0 where no object is shown."""
    values = list(by_label(images).values())
    return float(np.mean(values)) if values else 0.0


def best_threshold(images: Collection[Matched]) -> float:
    """The score from which on what is found has the best F1 together with what is missed."""
    scores, hits = (
        np.concatenate([getattr(m, name) for m in images]) for name in ("scores", "hits")
    )
    objects = sum(len(one.objects) for one in images)
    if not hits.any():
        return 0.5
    order = np.argsort(-scores, kind="stable")
    f1 = 2 * hits[order].cumsum() / (np.arange(1, len(order) + 1) + objects)
    return float(scores[order][f1.argmax()])


def precision_and_recall(images: Collection[Matched], least: float) -> tuple[float, float]:
    """Of what is found with a score of least or more."""
    hits = sum(int(one.hits[one.scores >= least].sum()) for one in images)
    found = sum(int((one.scores >= least).sum()) for one in images)
    objects = sum(len(one.objects) for one in images)
    return hits / max(1, found), hits / max(1, objects)


def _area(hits: np.ndarray, objects: int) -> float:
    """hits in the order of certainty."""
    right = hits.cumsum()
    precision = right / np.arange(1, len(hits) + 1)
    highest = np.maximum.accumulate(precision[::-1])[::-1]
    steps = np.diff(right, prepend=0) / objects
    return float((highest * steps).sum())
