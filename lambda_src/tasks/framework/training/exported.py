"""Estimators that answer as what is served does, for people's own notebooks.

A file holds one estimator of scikit-learn's own classes and numpy's own functions: it needs no
code of this project. It is a plain pickle. joblib reads it, and so do scanners of pickles, which
can read neither joblib's compression nor the raw arrays that joblib writes between opcodes.
"""

import copy
import pickle
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

PROTOCOL = 4
"""The newest protocol that all scanners read."""


def pickled(estimator: Any) -> bytes:
    """The content of model.joblib."""
    return pickle.dumps(estimator, PROTOCOL)


def function(call: Callable[..., Any], **arguments: Any) -> FunctionTransformer:
    """A function of numpy or scikit-learn as a step; its first argument is the data."""
    return FunctionTransformer(call, kw_args=arguments)


def chained(*steps: Any) -> Pipeline:
    """Steps in a row, named by their positions."""
    return Pipeline([(f"step_{number}", step) for number, step in enumerate(steps)])


def scaled(centre: Sequence[float], scale: Sequence[float]) -> FrozenEstimator:
    """The step from x to (x - centre) / scale, with one value of each per column."""
    return FrozenEstimator(_scaler(centre, scale))


def _scaler(centre: Sequence[float], scale: Sequence[float]) -> StandardScaler:
    made = StandardScaler().fit(np.zeros((1, len(centre))))
    made.mean_ = np.array(centre, dtype=np.float64)
    made.scale_ = np.array(scale, dtype=np.float64)
    made.var_ = made.scale_**2
    return made


def labelled(fitted: Any, labels: Sequence[str]) -> Any:
    """A copy of a fitted classifier of the numbers of labels that answers with the labels."""
    if isinstance(fitted, Pipeline):
        *steps, (name, model) = fitted.steps
        return Pipeline([*steps, (name, labelled(model, labels))])
    model = copy.copy(fitted)
    model.classes_ = np.array(labels, dtype=object)[fitted.classes_]
    if hasattr(model, "_label_binarizer"):  # a network looks its answers up there
        model._label_binarizer = copy.copy(model._label_binarizer)
        model._label_binarizer.classes_ = model.classes_
    return model


def in_units(fitted: Any, target: Mapping[str, float]) -> TransformedTargetRegressor:
    """A fitted regressor of (y - centre) / scale as one of y; target has centre and scale."""
    made = TransformedTargetRegressor(fitted, transformer=StandardScaler())
    made.regressor_ = fitted
    made.transformer_ = _scaler([target["centre"]], [target["scale"]])
    made._training_dim = 1
    return made
