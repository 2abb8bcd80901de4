"""Fields in, the graph's outputs out, both by the codecs that the model was brought with."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from tasks import FieldWarning, InvalidInstances
from tasks.onnx.codecs import Unfit, decoder, encoder
from tasks.onnx.spec import Served
from tasks.shared.serving import onnx
from tasks.shared.serving.answers import Report, short

type Arrays = dict[str, np.ndarray]


class Imported:
    """A model that was brought, in memory."""

    def __init__(
        self, inputs: Mapping[str, Any], labels: Sequence[str] | None, graph: bytes
    ) -> None:
        spec = msgspec.convert(inputs, Served)
        self._batched = spec.batched
        self._encoders = {one.name: encoder(one) for one in spec.inputs}
        self._decoders = {one.name: decoder(one, labels) for one in spec.outputs}
        self._session = onnx.session(graph)

    def predict(self, instances: Sequence[Any]) -> tuple[list[dict[str, Any]], list[FieldWarning]]:
        """One prediction per instance, in order. Raises InvalidInstances."""
        report = Report()
        outputs = self.run(self.encode(instances, report))
        return [self._decoded(one) for one in outputs], report.warnings

    def encode(self, instances: Sequence[Any], report: Report) -> list[Arrays]:
        """Each instance's inputs, without the batch's axis. Raises InvalidInstances."""
        encoded = [self._encoded(row, one, report) for row, one in enumerate(instances)]
        if report.errors:
            raise InvalidInstances(report.errors)
        return encoded

    def run(self, encoded: Sequence[Arrays]) -> list[Arrays]:
        """Each instance's outputs; those whose inputs have the same shapes are run together."""
        outputs: list[Arrays] = [{} for _ in encoded]
        for rows in self._together(encoded):
            feeds = {name: np.stack([encoded[row][name] for row in rows]) for name in encoded[0]}
            found = self._session.run(list(self._decoders), feeds)
            for place, row in enumerate(rows):
                outputs[row] = {
                    name: np.asarray(array[place])
                    for name, array in zip(self._decoders, found, strict=True)
                }
        return outputs

    def _together(self, encoded: Sequence[Arrays]) -> list[list[int]]:
        groups: dict[Any, list[int]] = {}
        for row, arrays in enumerate(encoded):
            shapes = tuple(array.shape for array in arrays.values())
            groups.setdefault(shapes if self._batched else row, []).append(row)
        return list(groups.values())

    def _encoded(self, row: int, instance: Any, report: Report) -> Arrays:
        if not isinstance(instance, dict):
            report.error(row, None, f"Expected an object of fields, got {short(instance)}.")
            return {}
        arrays: Arrays = {}
        for name, encode in self._encoders.items():
            if name not in instance:
                report.error(row, name, "Required: the model has an input of this name.")
                continue
            try:
                arrays[name] = encode(instance[name])
            except Unfit as reason:
                report.error(row, name, f"{reason}.")
        report.unknown(row, instance, set(self._encoders))
        return arrays

    def _decoded(self, outputs: Arrays) -> dict[str, Any]:
        prediction: dict[str, Any] = {}
        for name, decode in self._decoders.items():
            for field, value in decode(outputs[name]).items():
                if field == "outputs":
                    value = prediction.get(field, {}) | value
                prediction[field] = value
        return prediction


def load(
    inputs: Mapping[str, Any], labels: Sequence[str] | None, files: Mapping[str, bytes]
) -> Imported:
    return Imported(inputs, labels, files["model.onnx"])
