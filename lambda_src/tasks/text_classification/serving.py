"""Texts in, labels and probabilities out."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tasks import Model
from tasks.framework import onnx
from tasks.framework.answers import Report, is_blank, short
from tasks.framework.predictions import Classes, Inference, least_bytes
from tasks.text_classification.ngrams import Vocabulary


class TextClassifier(Model):
    """A text classifier in memory: n-grams are counted here, all else is in the graph."""

    def __init__(self, inputs: Mapping[str, Any], labels: Sequence[str], model: bytes) -> None:
        self._column = inputs["text"]
        self._known = {self._column, *inputs.get("ignored", ())}
        self._words = frozenset(inputs.get("missing_values", ()))
        self._labels = labels
        self._prediction_bytes = least_bytes(labels)
        self._session = onnx.session(model)
        grams = self._session.get_modelmeta().custom_metadata_map
        self._vocabulary = Vocabulary(
            [
                (b["analyzer"], *b["ngram_range"], grams[b["analyzer"]].split("\n"))
                for b in inputs["blocks"]
            ]
        )

    def least_bytes(self, instances: Sequence[Any]) -> int:
        """The least that the answer has as JSON."""
        return len(instances) * self._prediction_bytes

    def infer(self, instances: Sequence[Any], deadline: float = math.inf) -> Inference:
        """One prediction per instance, in order. Raises InvalidInstances."""
        texts, report = self._texts(instances)
        ids, counts, segments = self._vocabulary.count(texts)
        feeds = {
            "ids": ids,
            "counts": counts,
            "segments": segments,
            "rows": np.array([len(texts)], dtype=np.int64),
        }
        (probabilities,) = self._session.run(["probabilities"], feeds)
        return Inference(Classes(probabilities, self._labels), report.warnings)

    def _texts(self, instances: Sequence[Any]) -> tuple[list[str], Report]:
        report = Report()
        texts: list[str] = []
        for row, instance in enumerate(instances):
            if not isinstance(instance, dict):
                detail = (
                    f"Expected an object with the field {self._column!r}, got {short(instance)}."
                )
                report.error(row, None, detail)
                continue
            nested = any(type(value) is dict for value in instance.values())
            if nested or not self._known.issuperset(instance):
                instance = report.columns(row, instance, self._known)
            text = report.text(row, instance, self._column)
            if text is None:
                continue
            if is_blank(text) or text.lower() in self._words:
                detail = "The text is empty: the answer says little more than what is frequent."
                report.warning(row, self._column, "empty_text", detail)
            texts.append(text)
            if len(instance) > 1:
                report.unknown(row, instance, self._known)
        report.check()
        return texts, report


def load(
    inputs: Mapping[str, Any], labels: Sequence[str] | None, files: Mapping[str, bytes]
) -> TextClassifier:
    assert labels is not None  # every classifier's manifest has them
    return TextClassifier(inputs, labels, files["model.onnx"])
