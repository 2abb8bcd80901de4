"""Rows of a table in, scores, p-values and unusual columns out."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tasks import Model
from tasks.framework import onnx
from tasks.framework.predictions import Inference, Objects
from tasks.tables.serving import Table

COLUMNS = 5
"""Columns of a prediction at most."""

_CHUNK = 1_000
"""Rows that the graph takes at once: it holds the distances of each to a thousand others."""

_LEAST_SHARE = 0.005
"""A column with less is left out: rounded to two digits it has none."""

ROUNDING = 1 + 1e-9
"""A p-value that equals the rate is within it, whatever the last digit."""

_PREDICTION_BYTES = len('{"score":1.0,"p_value":1.0,"is_anomaly":true,"columns":[]}')


class AnomalyDetector(Model):
    """A detector of unusual rows in memory."""

    def __init__(self, inputs: Mapping[str, Any], model: bytes) -> None:
        self._table = Table(inputs)
        self._names = [feature["name"] for feature in inputs["features"]]
        self._rate = inputs["false_alarm_rate"] * ROUNDING
        self._session = onnx.session(model)

    def least_bytes(self, instances: Sequence[Any]) -> int:
        """The least that the answer has as JSON."""
        return len(instances) * _PREDICTION_BYTES

    def infer(self, instances: Sequence[Any], deadline: float = math.inf) -> Inference:
        """One prediction per instance, in order. Raises InvalidInstances."""
        matrix, report = self._table.encode(instances)
        predictions: list[dict[str, Any]] = []
        for start in range(0, len(matrix), _CHUNK):
            score, p_value, shares = self._session.run(
                ["score", "p_value", "shares"], {"X": matrix[start : start + _CHUNK]}
            )
            predictions += [
                {"score": one, "p_value": p, "is_anomaly": p <= self._rate, "columns": columns}
                for one, p, columns in zip(
                    score.tolist(), p_value.tolist(), self._columns(shares), strict=True
                )
            ]
        return Inference(Objects(predictions), report.warnings)

    def _columns(self, shares: np.ndarray) -> list[list[dict[str, Any]]]:
        """The columns that make each row unusual, the greatest contribution first."""
        most = np.argsort(-shares, axis=1, kind="stable")[:, :COLUMNS]
        contributions = np.take_along_axis(shares, most, axis=1)
        return [
            [
                {"column": self._names[at], "contribution": share}
                for at, share in zip(places, row, strict=True)
                if share >= _LEAST_SHARE
            ]
            for places, row in zip(most.tolist(), contributions.tolist(), strict=True)
        ]


def load(
    inputs: Mapping[str, Any], labels: Sequence[str] | None, files: Mapping[str, bytes]
) -> AnomalyDetector:
    return AnomalyDetector(inputs, files["model.onnx"])
