"""The objects of images as arrays, in the square that a network sees."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tasks.object_detection.objects import Object


@dataclass(frozen=True)
class Truth:
    """One image's objects: label numbers (n,), and boxes (n, 4) of left, top, right, bottom.

    Boxes are in shares of the image's longer side, of which extent is its width and height.
    """

    labels: np.ndarray
    boxes: np.ndarray
    extent: tuple[float, float]

    @classmethod
    def of(cls, objects: Sequence[Object], size: tuple[int, int], names: Sequence[str]) -> "Truth":
        """The objects whose labels are among names, in an image of a size in pixels."""
        width, height = size
        longer = max(size)
        extent = width / longer, height / longer
        known = [one for one in objects if one.label in names]
        boxes = [(o.x, o.y, o.x + o.width, o.y + o.height) for o in known]
        return cls(
            np.array([names.index(one.label) for one in known], np.int64),
            np.array(boxes, np.float64).reshape(-1, 4) * (extent * 2),
            extent,
        )

    def mirrored(self) -> "Truth":
        """What the image shows when left and right are exchanged."""
        left, top, right, bottom = self.boxes.T
        width = self.extent[0]
        return Truth(
            self.labels, np.stack([width - right, top, width - left, bottom], 1), self.extent
        )
