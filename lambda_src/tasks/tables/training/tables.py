"""Training on tables, up to what only classification or only regression knows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from tasks.framework.training.estimators import fit
from tasks.tables.encoders.base import Feature, width
from tasks.tables.training import forests, targets
from tasks.tables.training.networks import make_plain
from tasks.tables.training.trees import round_thresholds

OPSET = {"": 18, "ai.onnx.ml": 3}
DENSE_COLUMNS = 300
"""More one-hot columns than this are kept sparse in training."""


MANY_CATEGORIES = 100
"""A column of more may be encoded by its targets."""

ONE_HOT = 300
"""Categories of such a column that have a column of their own at most. Where there are no more,
models of sums need no targets: of 220 shops that decide on sales, R2 is 0.93, and 0.86 with
them, because a shop's few rows say less of its mean when one is left out."""


@dataclass(frozen=True)
class Layout:
    """Which columns of the matrix hold numbers and which hold codes, and how many codes.

    many are those of more categories than MANY_CATEGORIES, which are not among codes.
    """

    numbers: list[int]
    codes: list[int]
    sizes: list[int]
    many: list[int] = field(default_factory=list)
    many_sizes: list[int] = field(default_factory=list)
    classifier: bool = True
    seed: int = 0

    @classmethod
    def of(cls, features: Sequence[Feature], classifier: bool = True, seed: int = 0) -> "Layout":
        layout = cls([], [], [], [], [], classifier, seed)
        at = 0
        for feature in features:
            columns = range(at, at + width(feature))
            if feature["type"] != "category":
                layout.numbers.extend(columns)
            elif len(feature["categories"]) > MANY_CATEGORIES:
                layout.many.extend(columns)
                layout.many_sizes.append(len(feature["categories"]) + 2)
            else:
                layout.codes.extend(columns)
                layout.sizes.append(len(feature["categories"]) + 2)
            at = columns.stop
        return layout

    @property
    def width(self) -> int:
        return len(self.numbers) + len(self.codes) + len(self.many)

    def with_targets(self, model: Any, others: Iterable[int]) -> Any:
        """The model behind an encoder by targets, where there are columns for it.

        others are the columns that are passed on to the model, before those of targets.
        """
        if not self.many:
            return model
        encoder = targets.encoder(self.many, sorted(others), self.classifier, self.seed)
        steps = model.steps if isinstance(model, Pipeline) else make_pipeline(model).steps
        return Pipeline([(targets.STEP, encoder), *steps])


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
    steps: list[tuple[str, Any, Any]] = []
    frequent = [min(size - 2, ONE_HOT) for size in layout.many_sizes]
    # Dense least squares blow up where a fold lacks some of many categories.
    sparse = bool(layout.many) or sum(layout.sizes) > DENSE_COLUMNS

    def encoder(categories: list[np.ndarray]) -> OneHotEncoder:
        return OneHotEncoder(
            categories=categories,
            handle_unknown="ignore",
            dtype=np.float32,
            sparse_output=sparse,
        )

    if layout.numbers:
        numbers = make_pipeline(_median(), StandardScaler())
        steps.append(("numbers", numbers, layout.numbers))
    if layout.codes:
        codes = [np.arange(size, dtype=np.float32) for size in layout.sizes]
        steps.append(("categories", encoder(codes), layout.codes))
    if layout.many:
        codes = [
            # The last two codes are those of missing and of other values.
            np.r_[np.arange(most), size - 2, size - 1].astype(np.float32)
            for most, size in zip(frequent, layout.many_sizes, strict=True)
        ]
        steps.append(("frequent", encoder(codes), layout.many))
    if max(layout.many_sizes, default=0) - 2 <= ONE_HOT:
        return make_pipeline(ColumnTransformer(steps), model)
    steps.append(("targets", StandardScaler(), slice(layout.width, None)))
    pipeline = make_pipeline(ColumnTransformer(steps), model)
    return layout.with_targets(pipeline, range(layout.width))


def imputed(layout: Layout, model: Any) -> Pipeline:
    """For trees that split codes by their order and take no missing values."""
    return make_pipeline(_median(), model)


CODES, TARGETS = "codes", "targets"
"""How trees take columns of many categories: by the order of their codes, or by their targets."""


def encodings(layout: Layout, *settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Settings of trees that split codes by their order, and the same behind an encoder by targets.

    Codes do well where a column of many categories says little, targets where it says much: of
    flights, boosted trees reach an R2 of 0.967 and 0.954 for the time in the air, and of 0.72 and
    0.95 for the seats of the aircraft.
    """
    if not layout.many:
        return [dict(one) for one in settings]
    return [{"encoding": kind, **one} for kind in (CODES, TARGETS) for one in settings]


def with_parameters(layout: Layout, model: Any, parameters: Mapping[str, Any]) -> Any:
    """The model with a trial's parameters, behind the encoding that they name, if any."""
    parameters = dict(parameters)
    encoding = parameters.pop("encoding", None)
    model.set_params(**parameters)
    if encoding == TARGETS:
        return layout.with_targets(model, [*layout.numbers, *layout.codes])
    if encoding == CODES and not isinstance(model, Pipeline):
        return make_pipeline(model)
    return model


def _median() -> SimpleImputer:
    return SimpleImputer(strategy="median", keep_empty_features=True)


def refit(estimator: Any, x: np.ndarray, y: np.ndarray) -> Any:
    """The estimator fitted on all rows, ready to be exported without loss."""
    fitted = fit(estimator, x, y)
    encoder, _ = targets.parted(fitted)
    if encoder is not None:
        targets.round_encodings(encoder)
        _number_columns(fitted)
    round_thresholds(fitted)
    make_plain(fitted)
    return fitted


def _number_columns(fitted: Pipeline) -> None:
    """Names the columns of slices one by one, as the converter wants them."""
    for _, step in fitted.steps:
        if isinstance(step, ColumnTransformer):
            step.transformers_ = [
                (name, part, _numbers(at, step.n_features_in_))
                for name, part, at in step.transformers_
            ]


def _numbers(columns: Any, count: int) -> Any:
    return list(range(count))[columns] if isinstance(columns, slice) else columns


def export(fitted: Any, columns: int, classifier: bool, many_sizes: Sequence[int] = ()) -> bytes:
    """The fitted estimator as a graph from float32 X to probabilities, or to variable.

    X has so many columns; many_sizes are those of the layout.
    """
    encoder, model = targets.parted(fitted)
    if encoder is None:
        return _export(model, columns, classifier)
    graph = _export(model, targets.width(encoder), classifier)
    return targets.prefixed(encoder, graph, columns, many_sizes)


def _export(fitted: Any, columns: int, classifier: bool) -> bytes:
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
