"""What models answer: predictions as columns, and as the rows that an answer in JSON has."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tasks import FieldWarning


class Predictions(ABC):
    """One prediction for each instance, in order."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def columns(self) -> dict[str, Any]:
        """The fields of the predictions: name to values, a list or an array.

        An array's first axis is the instances; the others are the shape in the model's signature.
        """

    @abstractmethod
    def rows(self) -> list[dict[str, Any]]:
        """The predictions as objects of JSON."""


class Inference(NamedTuple):
    """Predictions, and warnings of what was read in one of several ways or not at all."""

    predictions: Predictions
    warnings: list[FieldWarning]


class Objects(Predictions):
    """Predictions that are made one by one."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def columns(self) -> dict[str, Any]:
        """Lists; None where a prediction has no such field.

        >>> Objects([{"a": 1}, {"a": 2, "b": 3}]).columns()
        {'a': [1, 2], 'b': [None, 3]}
        """
        names = dict.fromkeys(name for row in self._rows for name in row)
        return {name: [row.get(name) for row in self._rows] for name in names}

    def rows(self) -> list[dict[str, Any]]:
        return self._rows


class Classes(Predictions):
    """The predictions of a classifier.

    probabilities has shape (n_samples, n_classes), with a column for each label. Of equal
    probabilities the first label is predicted.
    """

    def __init__(self, probabilities: np.ndarray, labels: Sequence[str]) -> None:
        self.probabilities = probabilities
        self._labels = labels

    def __len__(self) -> int:
        return len(self.probabilities)

    def columns(self) -> dict[str, Any]:
        """label is a list, probability an array and probabilities the matrix.

        >>> Classes(np.array([[0.25, 0.75]]), ["a", "b"]).columns()
        {'label': ['b'], 'probability': array([0.75]), 'probabilities': array([[0.25, 0.75]])}
        """
        best = self.probabilities.argmax(axis=1)
        return {
            "label": [self._labels[index] for index in best.tolist()],
            "probability": np.take_along_axis(self.probabilities, best[:, None], axis=1)[:, 0],
            "probabilities": self.probabilities,
        }

    def rows(self) -> list[dict[str, Any]]:
        labels = self._labels
        best = self.probabilities.argmax(axis=1).tolist()
        return [
            {
                "label": labels[index],
                "probability": row[index],
                "probabilities": dict(zip(labels, row, strict=True)),
            }
            for index, row in zip(best, self.probabilities.tolist(), strict=True)
        ]


def least_bytes(labels: Sequence[str]) -> int:
    """The least that a classifier's prediction takes in an answer.

    >>> least_bytes(["a", "b"]) <= len(
    ...     '{"label":"a","probability":1.0,"probabilities":{"a":1.0,"b":0.0}}'
    ... )
    True
    """
    return 45 + sum(len(label) + 7 for label in labels)


class Numbers(Predictions):
    """The predictions of a regressor: values has shape (n_samples,)."""

    def __init__(self, values: np.ndarray) -> None:
        self._values = values

    def __len__(self) -> int:
        return len(self._values)

    def columns(self) -> dict[str, Any]:
        return {"value": self._values}

    def rows(self) -> list[dict[str, Any]]:
        return [{"value": value} for value in self._values.tolist()]
