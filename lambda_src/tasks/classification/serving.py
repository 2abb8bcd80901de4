"""Rows of a table in, labels and probabilities out."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from tasks import Model
from tasks.framework import onnx
from tasks.framework.predictions import Classes, Inference, least_bytes
from tasks.tables.serving import Table


class Classifier(Model):
    """A tabular classifier in memory."""

    def __init__(self, inputs: Mapping[str, Any], labels: Sequence[str], model: bytes) -> None:
        self._table = Table(inputs)
        self._labels = labels
        self._prediction_bytes = least_bytes(labels)
        self._session = onnx.session(model)

    def least_bytes(self, instances: Sequence[Any]) -> int:
        """The least that the answer has as JSON."""
        return len(instances) * self._prediction_bytes

    def infer(self, instances: Sequence[Any], deadline: float = math.inf) -> Inference:
        """One prediction per instance, in order. Raises InvalidInstances."""
        matrix, report = self._table.encode(instances)
        (probabilities,) = self._session.run(["probabilities"], {"X": matrix})
        return Inference(Classes(probabilities, self._labels), report.warnings)


def load(
    inputs: Mapping[str, Any], labels: Sequence[str] | None, files: Mapping[str, bytes]
) -> Classifier:
    assert labels is not None  # every classifier's manifest has them
    return Classifier(inputs, labels, files["model.onnx"])
