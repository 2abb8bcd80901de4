"""Labelled boxes of what a detector found, in pixels of the image that was sent."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tasks.framework.answers import short
from tasks.images.boxes import overlaps, shown
from tasks.onnx.codecs.form import Arrays, Decode, Encoded
from tasks.onnx.codecs.tensors import activated
from tasks.onnx.codecs.unfit import Unfit
from tasks.onnx.spec import Columns, Detection, Output

CANDIDATES = 3000
"""The best boxes, which alone are compared with one another."""


def detection(spec: Output, labels: Sequence[str]) -> Decode:
    how = spec.detection
    assert how is not None  # a manifest with this codec has it

    def decode(outputs: Arrays, encoded: Encoded) -> dict[str, Any]:
        placement = encoded.placement
        assert placement is not None  # a manifest with this codec has an image
        table = _Table(spec.name, how, outputs)
        scores, classes = _scored(table, spec, how, len(labels))
        boxes = _corners(table.part(how.boxes), how.form)
        least = how.min_score if encoded.min_score is None else encoded.min_score
        kept = _kept(np.where(scores < least, 0.0, scores), classes, boxes, how)
        found = boxes[kept]
        if how.unit == "shares":
            found = found * (encoded.image_input * 2)
        if how.unit == "image_pixels":
            placement = replace(placement, left=0, top=0, across=1, down=1)
        names = [labels[one] if one < len(labels) else str(one) for one in classes[kept].tolist()]
        size = placement.width, placement.height
        placed = placement.in_picture(found)
        if np.isnan(placed).any() or not np.isfinite(scores[kept]).all():
            raise Unfit("it finds objects whose boxes or scores are no numbers")
        return shown(size, names, scores[kept], placed)

    return decode


class _Table:
    """What a detector says of one image, a row per box."""

    def __init__(self, name: str, how: Detection, outputs: Arrays) -> None:
        self._name, self._outputs = name, outputs
        self._transposed = how.transposed
        self._rows = None if how.count is None else _count(how.count, outputs)

    def part(self, columns: Columns) -> np.ndarray:
        """Some columns of an output. Raises Unfit."""
        name = columns.output or self._name
        found = self._outputs[name]
        while found.ndim > 2 and found.shape[0] == 1:
            found = found[0]
        if found.ndim == 1:
            found = found[:, None]
        elif found.ndim == 2 and self._transposed:
            found = found.T
        end = found.shape[-1] if columns.end is None else columns.end
        if found.ndim != 2 or not columns.first < end <= found.shape[1]:
            raise Unfit(
                f"{name} has the shape {list(self._outputs[name].shape)}: a row per box with the "
                f"columns {columns.first} to {end - 1} is expected"
            )
        return found[: self._rows, columns.first : end].astype(np.float64)


def _count(name: str, outputs: Arrays) -> int:
    """How many rows are meant. Raises Unfit."""
    found = outputs[name].reshape(-1)
    if not (found.size == 1 and 0 <= found[0] < math.inf):
        raise Unfit(f"{name} has {short(found.tolist())} where a count of boxes is expected")
    return int(found[0])


def _scored(
    table: _Table, spec: Output, how: Detection, labels: int
) -> tuple[np.ndarray, np.ndarray]:
    """Score and class of each box; background has no score. Raises Unfit."""
    scores = activated(table.part(how.scores), spec.activation)
    if how.classes is not None:
        numbers = table.part(how.classes)[:, 0]
        if not np.isfinite(numbers).all():
            raise Unfit("it finds classes that are no numbers")
        classes = numbers.astype(np.int64)
        scores = scores[:, 0]
    else:
        if scores.shape[1] != labels:
            raise Unfit(f"there are scores of {scores.shape[1]} classes, and labels has {labels}")
        if how.background is not None:
            scores[:, how.background] = 0.0
        classes = scores.argmax(axis=1)
        scores = scores.max(axis=1)
    if how.objectness is not None:
        scores = scores * activated(table.part(how.objectness), spec.activation)[:, 0]
    if np.isnan(scores).any():
        raise Unfit("it finds scores that are no numbers")
    return np.where(classes == how.background, 0.0, scores), np.maximum(classes, 0)


def _corners(boxes: np.ndarray, form: str) -> np.ndarray:
    """Boxes as left, top, right, bottom. Raises Unfit."""
    if boxes.shape[1] != 4:
        raise Unfit(f"boxes have {boxes.shape[1]} columns and not 4")
    if form == "yxyx":
        return boxes[:, [1, 0, 3, 2]]
    if form == "xyxy":
        return boxes
    first, size = boxes[:, :2], boxes[:, 2:]
    if form == "cxcywh":
        first = first - size / 2
    return np.concatenate([first, first + size], axis=1)


def _kept(scores: np.ndarray, classes: np.ndarray, boxes: np.ndarray, how: Detection) -> np.ndarray:
    """The boxes to answer with, best first; with overlap, by non-maximum suppression."""
    order = np.argsort(-scores, kind="stable")
    order = order[scores[order] > 0]
    if how.overlap is None:
        return order[: how.most]
    order = order[:CANDIDATES]
    kept: list[int] = []
    while len(order) and len(kept) < how.most:
        best, order = order[0], order[1:]
        kept.append(best)
        alike = overlaps(boxes[[best]], boxes[order])[0] > how.overlap
        if how.by_label:
            alike &= classes[order] == classes[best]
        order = order[~alike]
    return np.array(kept, np.int64)
