"""Thresholds of trees that float32 graphs can hold exactly."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline


def round_thresholds(fitted: Any) -> None:
    """Rounds every threshold of a fitted model down to the next float32.

    For x in float32, `x <= t` and `x <= rounded down t` are the same question, so that the model
    answers as before, and its float32 graph answers exactly as it does. Rounded to the nearest
    instead, as converters do, a threshold may pass over a value that lies between the two.
    """
    model = fitted.steps[-1][1] if isinstance(fitted, Pipeline) else fitted
    for thresholds in _thresholds(model):
        thresholds[:] = floor32(thresholds)


def floor32(values: np.ndarray) -> np.ndarray:
    """The largest float32 values that are not above the given ones, as float64."""
    nearest = values.astype(np.float32)
    below = np.nextafter(nearest, np.float32(-np.inf))
    return np.where(nearest > values, below, nearest).astype(np.float64)


def _thresholds(model: Any) -> Iterator[np.ndarray]:
    """The arrays in which a model keeps its thresholds."""
    if hasattr(model, "_predictors"):  # histogram gradient boosting: a list per iteration
        for iteration in model._predictors:
            for predictor in iteration:
                yield predictor.nodes["num_threshold"]
    for tree in getattr(model, "estimators_", [model]):
        if hasattr(tree, "tree_"):
            yield tree.tree_.threshold
