"""Training on tables, up to what only classification or only regression knows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from tasks.shared.serving.table import Feature, width
from tasks.shared.training import forests
from tasks.shared.training.selection import fit
from tasks.shared.training.trees import round_thresholds

OPSET = {"": 18, "ai.onnx.ml": 3}
DENSE_COLUMNS = 300
"""More one-hot columns than this are kept sparse in training."""


@dataclass(frozen=True)
class Layout:
    """Which columns of the matrix hold numbers and which hold codes, and how many codes."""

    numbers: list[int]
    codes: list[int]
    sizes: list[int]

    @classmethod
    def of(cls, features: Sequence[Feature]) -> "Layout":
        layout = cls([], [], [])
        at = 0
        for feature in features:
            columns = range(at, at + width(feature))
            if feature["type"] == "category":
                layout.codes.extend(columns)
                layout.sizes.append(len(feature["categories"]) + 2)
            else:
                layout.numbers.extend(columns)
            at = columns.stop
        return layout


def groups(features: Sequence[Feature]) -> list[tuple[str, range]]:
    """Each feature's name and its columns of the matrix."""
    found = []
    at = 0
    for feature in features:
        found.append((str(feature["name"]), range(at, at + width(feature))))
        at += width(feature)
    return found


def one_hot(layout: Layout, model: Any) -> Pipeline:
    """For models of distances and sums: imputed, standardised, one column per category."""
    steps: list[tuple[str, Any, list[int]]] = []
    if layout.numbers:
        numbers = make_pipeline(_median(), StandardScaler())
        steps.append(("numbers", numbers, layout.numbers))
    if layout.codes:
        encoder = OneHotEncoder(
            categories=[np.arange(size, dtype=np.float32) for size in layout.sizes],
            handle_unknown="ignore",
            dtype=np.float32,
            sparse_output=sum(layout.sizes) > DENSE_COLUMNS,
        )
        steps.append(("categories", encoder, layout.codes))
    return make_pipeline(ColumnTransformer(steps), model)


def imputed(layout: Layout, model: Any) -> Pipeline:
    """For trees that split codes by their order and take no missing values."""
    return make_pipeline(_median(), model)


def _median() -> SimpleImputer:
    return SimpleImputer(strategy="median", keep_empty_features=True)


def refit(estimator: Any, x: np.ndarray, y: np.ndarray) -> Any:
    """The estimator fitted on all rows, ready to be exported without loss."""
    fitted = fit(estimator, x, y)
    round_thresholds(fitted)
    return fitted


def export(fitted: Any, columns: int, classifier: bool) -> bytes:
    """The fitted estimator as a graph from float32 X to probabilities, or to variable."""
    if forests.suits(fitted):
        return forests.export(fitted, columns)
    options = {id(fitted): {"zipmap": False}} if classifier else None
    model = to_onnx(
        fitted,
        initial_types=[("X", FloatTensorType([None, columns]))],
        target_opset=OPSET,
        options=options,
    )
    graph: bytes = model.SerializeToString()
    return graph
