"""Rows of a table in, numbers out."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from tasks import FieldWarning, Model
from tasks.framework import onnx
from tasks.framework.answers import Report
from tasks.tables.serving import Table


class Regressor(Model):
    """A tabular regressor in memory."""

    def __init__(self, inputs: Mapping[str, Any], model: bytes) -> None:
        self._table = Table(inputs)
        # The graph answers in standard deviations from the mean: float32 keeps its digits so.
        self._centre, self._scale = inputs["target"]["centre"], inputs["target"]["scale"]
        self._session = onnx.session(model)

    def predict(self, instances: Sequence[Any]) -> tuple[list[dict[str, Any]], list[FieldWarning]]:
        """One prediction per instance, in order. Raises InvalidInstances."""
        matrix, report = self._table.encode(instances)
        (values,) = self._session.run(["variable"], {"X": matrix})
        found = [v * self._scale + self._centre for v in values.reshape(-1).tolist()]
        if not all(map(math.isfinite, found)):
            _check(found, report)
        return [{"value": value} for value in found], report.warnings


def _check(values: Sequence[float], report: Report) -> None:
    """Raises InvalidInstances for values that JSON has no number for."""
    for number, value in enumerate(values):
        if not math.isfinite(value):
            report.error(number, None, "The answer is beyond the largest number, 1.8e308.")
    report.check()


def load(
    inputs: Mapping[str, Any], labels: Sequence[str] | None, files: Mapping[str, bytes]
) -> Regressor:
    return Regressor(inputs, files["model.onnx"])
