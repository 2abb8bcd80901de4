"""Learning the encoding of a table's features, and applying it to whole columns.

The matrix is the one that tasks.tables.serving makes of instances, value for value; a
property test holds the two together.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from common.datasets import Column
from tasks import TrainingData
from tasks.framework.forms.words import MISSING_WORDS
from tasks.framework.training.data import MISSING, Rows
from tasks.tables.encoders.base import Feature
from tasks.tables.encoders.datetimes import datetime_parts
from tasks.tables.serving import finish


def learn(columns: Sequence[Column], rows: Rows) -> list[dict[str, Any]]:
    """The encoding of every feature, learnt from rows."""
    return [_feature(column, rows[column.name]) for column in columns if column.role == "feature"]


def inputs(data: TrainingData, features: Sequence[Feature]) -> dict[str, Any]:
    """What serving needs to read instances: features, and how text and other fields are taken."""
    used = {feature["name"] for feature in features}
    return {
        "features": list(features),
        "ignored": [column.name for column in data.schema.columns if column.name not in used],
        "missing_values": missing_words(data),
    }


def missing_words(data: TrainingData) -> list[str]:
    """The words that stand for a missing value, in lower case."""
    words = MISSING_WORDS if data.missing_values is None else data.missing_values
    return sorted({word.lower() for word in words})


def encode(features: Sequence[Feature], rows: Rows) -> np.ndarray:
    """Rows as the float32 matrix, shape (n_samples, n_columns)."""
    return finish(np.column_stack([_ENCODERS[f["type"]](f, rows[f["name"]]) for f in features]))


def _feature(column: Column, values: Any) -> dict[str, Any]:
    feature: dict[str, Any] = {
        "name": column.name,
        "type": column.type,
        "nullable": column.nullable,
    }
    if column.type in ("number", "datetime"):
        amounts = seconds(values) if column.type == "datetime" else values
        feature["centre"], feature["scale"] = centre_and_scale(amounts)
    elif column.type == "category":
        feature["categories"] = column.categories or []
        if column.distinct is not None:
            feature["distinct"] = column.distinct
    if column.form is not None:
        feature["form"] = column.form
    if column.unreadable:
        feature["unreadable"] = True
    return feature


def centre_and_scale(values: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation of the values that are there; 0 and 1 for none."""
    present = values[np.isfinite(values)]
    if present.size == 0:
        return 0.0, 1.0
    # Divided first, so that the squares of the largest doubles stay finite.
    largest = float(np.abs(present).max()) or 1.0
    scaled = present / largest
    deviation = float(scaled.std()) * largest
    return float(scaled.mean()) * largest, deviation if deviation > 0 else 1.0


def _numbers(feature: Feature, values: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):  # beyond the largest double is infinite, and then bounded
        scaled: np.ndarray = (values - feature["centre"]) / feature["scale"]
    return scaled


def _booleans(feature: Feature, values: np.ndarray) -> np.ndarray:
    return values


def seconds(micros: np.ndarray) -> np.ndarray:
    """Datetimes as float64 seconds since 1970, NaN where they are missing."""
    found: np.ndarray = np.where(micros == MISSING, np.nan, micros / 1e6)
    return found


def _datetimes(feature: Feature, micros: np.ndarray) -> np.ndarray:
    missing = micros == MISSING
    parts = datetime_parts(np.where(missing, 0, micros))
    parts[:, 0] = _numbers(feature, parts[:, 0])
    parts[missing] = np.nan
    return parts


def _categories(feature: Feature, values: Sequence[str | None]) -> np.ndarray:
    names = feature["categories"]
    codes: Mapping[str | None, int] = {
        None: len(names),
        **{name: code for code, name in enumerate(names)},
    }
    other = len(names) + 1
    return np.array([codes.get(value, other) for value in values], dtype=np.float64)


_ENCODERS: dict[str, Callable[[Feature, Any], np.ndarray]] = {
    "number": _numbers,
    "boolean": _booleans,
    "datetime": _datetimes,
    "category": _categories,
}
