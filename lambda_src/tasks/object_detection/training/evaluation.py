"""How good a detector is, beside one that has only learned where boxes usually are."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from common.datasets import Split
from tasks import TrainingData
from tasks.framework.training import measurement
from tasks.framework.training.metrics import Metric, Weighted
from tasks.framework.training.parity import TOLERANCE, Parity
from tasks.images.boxes import MIN_SCORE
from tasks.images.training import reading
from tasks.object_detection import serving
from tasks.object_detection.objects import decode
from tasks.object_detection.training import precision
from tasks.object_detection.training.detector import LEAST_SCORE, Detector, Found
from tasks.object_detection.training.maps import Maps
from tasks.object_detection.training.truth import Truth

METRIC = "ap50"


def ap50(images: np.ndarray, _: np.ndarray) -> Weighted:
    """The mean average precision of images that are Matched (see framework.training.metrics)."""

    def weighted(weights: np.ndarray) -> np.ndarray:
        drawn = (np.repeat(images, times) for times in weights.astype(np.int64))
        return np.array([precision.mean_average_precision(one) for one in drawn])

    return weighted


METRICS: Mapping[str, Metric] = {METRIC: ap50}


def truths(source: TrainingData, splits: Sequence[Split], labels: Sequence[str]) -> np.ndarray:
    """A Truth for each image of some splits, shape (n_images,)."""
    targets, sizes = reading.targets(source, splits), reading.sizes(source, splits)
    pairs = zip(targets, sizes, strict=True)
    return _array([Truth.of(decode(target), size, labels) for target, size in pairs])


def score(fitted: Detector, maps: Maps, truths: np.ndarray) -> float:
    """The metric as cross-validation asks for it."""
    return average(fitted.detect(maps), truths)


def threshold(fitted: Detector, maps: Maps, truths: np.ndarray) -> float:
    """The score that tells objects from what only looks like some, on images not learned from."""
    return precision.best_threshold(_matched(fitted.detect(maps), truths))


def served(
    inputs: Mapping[str, Any], labels: Sequence[str], graph: bytes, instances: Sequence[Any]
) -> list[Found]:
    """All that inference would find, however uncertain."""
    model = serving.load({**inputs, MIN_SCORE: 0.0}, labels, {"model.onnx": graph})
    return [_found(answer, labels) for answer in model.predict(instances)[0]]


def evaluated(
    answers: Sequence[Found],
    truths: tuple[np.ndarray, np.ndarray],
    labels: Sequence[str],
    least: float,
    seed: int,
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Test metrics with intervals over images, the baseline's, and details of the labels.

    truths are those that were learned from, and those of the test images.
    """
    learned, test = truths
    images = _array(_matched(answers, test))
    usual = _array(_matched(usual_boxes(learned, test, len(labels)), test))
    right, recalled = precision.precision_and_recall(images, least)
    counts = np.bincount(np.concatenate([one.labels for one in test]), minlength=len(labels))
    by_label = precision.by_label(images)
    return (
        measurement.with_intervals(METRICS, images, images, seed),
        {
            "name": "the mean box of each label, in every image",
            "metrics": measurement.measure(METRICS, usual, usual),
        },
        {
            "by_label": {
                label: {METRIC: by_label.get(number), "objects": int(counts[number])}
                for number, label in enumerate(labels)
            },
            "operating_point": {
                MIN_SCORE: least, "precision": right, "recall": recalled,
            },
        },
    )  # fmt: skip


def usual_boxes(learned: Collection[Truth], asked: Collection[Truth], labels: int) -> list[Found]:
    """For every image the mean box of each label, in shares of width and height."""
    boxes = np.concatenate([one.boxes / (one.extent * 2) for one in learned])
    of = np.concatenate([one.labels for one in learned])
    counts = np.bincount(of, minlength=labels)
    order = [label for label in np.argsort(-counts, kind="stable") if counts[label]]
    means = np.array([boxes[of == label].mean(axis=0) for label in order])
    scores = counts[order] / counts.sum()
    return [Found(scores, np.array(order), means * (one.extent * 2)) for one in asked]


def average(found: Sequence[Found], truths: Collection[Truth]) -> float:
    """The metric of what was found in images."""
    return precision.mean_average_precision(_matched(found, truths))


def compared(
    found: Sequence[Found], dense: tuple[np.ndarray, np.ndarray], truths: Collection[Truth]
) -> Parity:
    """What was served beside the scores and boxes of all cells, as they were fitted.

    Every object that was found has to be one of them. A label differs where the most certain
    object has another one than the most certain cell, beyond a tie.
    """
    largest, differ = 0.0, 0
    for one, scores, boxes, truth in zip(found, *dense, truths, strict=True):
        within = np.minimum(boxes, truth.extent * 2)
        for score, label, box in zip(one.scores, one.labels, one.boxes, strict=True):
            gaps = np.maximum(np.abs(scores[label] - score), np.abs(within - box).max(axis=1))
            largest = max(largest, float(gaps.min()))
        best = scores.max(axis=1)
        chosen = best[one.labels[0]] if len(one.labels) else LEAST_SCORE
        differ += bool(best.max() > chosen + TOLERANCE)
    return Parity(len(found), largest, differ)


def _matched(found: Sequence[Found], truths: Collection[Truth]) -> list[precision.Matched]:
    return [precision.matched(*pair) for pair in zip(found, truths, strict=True)]


def _found(answer: Mapping[str, Any], labels: Sequence[str]) -> Found:
    objects, longer = answer["objects"], max(answer["width"], answer["height"])
    boxes = [(b["x"], b["y"], b["x"] + b["width"], b["y"] + b["height"]) for b in
             (one["box"] for one in objects)]  # fmt: skip
    return Found(
        np.array([one["score"] for one in objects]),
        np.array([labels.index(one["label"]) for one in objects], np.int64),
        np.array(boxes).reshape(-1, 4) / longer,
    )


def _array(values: Sequence[Any]) -> np.ndarray:
    """Values of any kind as an array of them, of which rows can be taken."""
    found = np.empty(len(values), object)
    found[:] = values
    return found
