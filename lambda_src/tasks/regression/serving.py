"""Rows of a table in, numbers out."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tasks import Model
from tasks.framework import onnx
from tasks.framework.answers import Report
from tasks.framework.predictions import Inference, Numbers
from tasks.tables.serving import Table


class Regressor(Model):
    """A tabular regressor in memory."""

    def __init__(self, inputs: Mapping[str, Any], model: bytes) -> None:
        self._table = Table(inputs)
        # The graph answers in standard deviations from the mean: float32 keeps its digits so.
        self._centre, self._scale = inputs["target"]["centre"], inputs["target"]["scale"]
        self._session = onnx.session(model)

    def infer(self, instances: Sequence[Any], deadline: float = math.inf) -> Inference:
        """One prediction per instance, in order. Raises InvalidInstances."""
        matrix, report = self._table.encode(instances)
        (scaled,) = self._session.run(["variable"], {"X": matrix})
        with np.errstate(over="ignore"):  # what is infinite is reported
            values = scaled.reshape(-1).astype(np.float64) * self._scale + self._centre
        if not np.isfinite(values).all():
            _check(values, report)
        return Inference(Numbers(values), report.warnings)


def _check(values: np.ndarray, report: Report) -> None:
    """Raises InvalidInstances for values that JSON has no number for."""
    for number in np.flatnonzero(~np.isfinite(values)).tolist():
        report.error(number, None, "The answer is beyond the largest number, 1.8e308.")
    report.check()


def load(
    inputs: Mapping[str, Any], labels: Sequence[str] | None, files: Mapping[str, bytes]
) -> Regressor:
    return Regressor(inputs, files["model.onnx"])
