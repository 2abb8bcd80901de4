"""Boxes of what a picture shows: from a network's input back to the picture, and as answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

MIN_SCORE = "min_score"
"""The field of an instance that says how certain an object has to be to be told of."""

DIGITS = 3
"""Decimals of a box's pixels in answers."""


@dataclass(frozen=True)
class Placement:
    """Where a picture of width x height pixels lies in a network's input.

    The input's point (x, y) is ((x - left) * across, (y - top) * down) in the picture.
    """

    width: int
    height: int
    left: float = 0.0
    top: float = 0.0
    across: float = 1.0
    down: float = 1.0

    def in_picture(self, boxes: np.ndarray) -> np.ndarray:
        """Boxes of the input in pixels of the picture, cut at its edges.

        Boxes have shape (n_boxes, 4): left, top, right, bottom.
        """
        moved = (boxes - [self.left, self.top] * 2) * ([self.across, self.down] * 2)
        cut: np.ndarray = np.clip(moved, 0, [self.width, self.height] * 2)
        return cut


def shown(
    size: tuple[int, int], labels: Sequence[str], scores: np.ndarray, boxes: np.ndarray
) -> dict[str, Any]:
    """The prediction for a picture of a size: its objects, boxes as in_picture has them."""
    certainties = scores.astype(np.float64).tolist()
    objects = [
        {"label": label, "score": score, "box": answered(box)}
        for label, score, box in zip(labels, certainties, boxes, strict=True)
    ]
    width, height = size
    return {"objects": objects, "width": width, "height": height}


def answered(box: np.ndarray) -> dict[str, float]:
    """A box (left, top, right, bottom) as answers have it."""
    left, top, right, bottom = box.astype(np.float64).tolist()
    sides = {"x": left, "y": top, "width": right - left, "height": bottom - top}
    return {name: round(value, DIGITS) for name, value in sides.items()}


def overlaps(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Intersection over union of every box with every other one: shape (n_boxes, n_others)."""
    one, two = boxes[:, None], others[None]
    low = np.maximum(one[..., :2], two[..., :2])
    high = np.minimum(one[..., 2:], two[..., 2:])
    common = np.clip(high - low, 0, None).prod(-1)
    union = _areas(one) + _areas(two) - common
    shares: np.ndarray = common / np.maximum(union, 1e-12)
    return shares


def _areas(boxes: np.ndarray) -> np.ndarray:
    areas: np.ndarray = (boxes[..., 2:] - boxes[..., :2]).prod(-1)
    return areas
