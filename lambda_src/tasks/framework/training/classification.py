"""What classifiers of tables and of texts have in common in training."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.dummy import DummyClassifier

from common.problems import Unprocessable, cut
from common.registry import ModelManifest
from common.warnings import EXAMPLES, LONGEST_EXAMPLE, Warning
from tasks import Serving
from tasks.framework.training import measurement, metrics
from tasks.framework.training.estimators import Scorer
from tasks.framework.training.folds import Folds

FEW_TEST_ROWS = 10
"""With fewer test rows, the scores of a class say little."""

_NAMED = 20
"""Classes that a warning names at most."""


@dataclass(frozen=True)
class Classes:
    """The labels that a model tells apart, in alphabetical order; a class's number is its place."""

    labels: list[str]

    @classmethod
    def of(cls, targets: Iterable[str]) -> "Classes":
        """The classes of training rows. Raises Unprocessable when there are fewer than two."""
        labels = sorted(set(targets))
        if len(labels) < 2:
            raise Unprocessable(
                f"The training rows hold {len(labels)} class ({', '.join(labels)}): "
                "classification takes two or more. Send rows of other classes, or split in another "
                "way."
            )
        return cls(labels)

    def numbers(self, targets: Iterable[str]) -> np.ndarray:
        """The class number of each target, and -1 for a label that training has not seen."""
        numbers = {label: number for number, label in enumerate(self.labels)}
        return np.array([numbers.get(label, -1) for label in targets], dtype=np.int64)

    def metric(self, chosen: str | None) -> str:
        """The metric to choose by: AUC tells most of two classes, accuracy of more."""
        metric = chosen or ("roc_auc" if len(self.labels) == 2 else "accuracy")
        if metric == "roc_auc" and len(self.labels) > 2:
            return "roc_auc_ovr"
        return metric

    def scorer(self, metric: str) -> Scorer:
        """A metric of a fitted classifier, which need not have met all classes in its fold."""

        def scored(fitted: Any, x: Any, truth: np.ndarray) -> float:
            answers = np.zeros((len(truth), len(self.labels)))
            answers[:, fitted.classes_] = fitted.predict_proba(x)
            return score(metric, truth, answers)

        return scored

    def usable(self, folds: Folds, y: np.ndarray, metric: str) -> Folds:
        """The folds that have two classes to learn and define the metric.

        Raises Unprocessable when there is none.
        """
        needed = len(self.labels) if metric.startswith("roc_auc") else 1
        usable = [
            (fitted, held_out)
            for fitted, held_out in folds
            if len(np.unique(y[fitted])) > 1 and len(np.unique(y[held_out])) >= needed
        ]
        if not usable:
            counts = np.bincount(y, minlength=len(self.labels))
            rarest = int(counts.argmin())
            raise Unprocessable(
                f"Candidates cannot be compared by {metric}, which takes rows of every class in a "
                f"fold: class {self.labels[rarest]!r} has {counts[rarest]} training rows. Choose "
                'metric "accuracy" or "f1_macro", send more rows of it, or split in another way.'
            )
        return usable


def evaluated(
    classes: Classes, truth: np.ndarray, answers: np.ndarray, train: np.ndarray, seed: int
) -> tuple[dict[str, Any], dict[str, Any], list[list[int]]]:
    """Test metrics with intervals, the baseline's metrics, and the confusion matrix.

    truth and train are class numbers, answers the probabilities of the test rows. Test rows
    of a class that training has never seen (-1) are no row of the matrix.
    """
    dummy = DummyClassifier(strategy="prior").fit(np.zeros((len(train), 1)), train)
    constant = dummy.predict_proba(np.zeros((len(truth), 1)))
    baseline = {
        "name": "most frequent class, with the classes' shares as probabilities",
        "metrics": measurement.measure(metrics.CLASSIFICATION, truth, constant),
    }
    known, count = truth >= 0, len(classes.labels)
    matrix = np.zeros((count, count), dtype=np.int64)
    np.add.at(matrix, (truth[known], answers[known].argmax(axis=1)), 1)
    return (
        measurement.with_intervals(metrics.CLASSIFICATION, truth, answers, seed),
        baseline,
        matrix.tolist(),
    )


def unknown_test_classes(classes: Classes, target: str, targets: Iterable[str]) -> list[Warning]:
    """A warning of the test rows of classes that training has never seen."""
    unknown = Counter(targets)
    for label in classes.labels:
        unknown.pop(label, None)
    if not unknown:
        return []
    rows = unknown.total()
    named = ", ".join(
        f"{cut(label, LONGEST_EXAMPLE)!r} ({count:,})"
        for label, count in unknown.most_common(_NAMED)
    )
    more = f" and {len(unknown) - _NAMED:,} more" if len(unknown) > _NAMED else ""
    return [
        Warning(
            code="unknown_test_classes",
            detail=f"Test rows of classes that training has no row of: {named}{more}. They count "
            "as wrong in accuracy and f1_macro, and are left out of log_loss and roc_auc. Split in "
            "another way, or send more rows of them.",
            count=rows,
            columns={target: rows},
            examples=[label for label, _ in unknown.most_common(EXAMPLES)],
            option="split",
            blocks_promotion=True,
        )
    ]


def per_class(labels: Sequence[str], matrix: Sequence[Sequence[int]]) -> list[dict[str, Any]]:
    """Precision, recall, F1 and test rows of each class; null where they are not defined."""
    counts = np.array(matrix)
    right, truths, answers = counts.diagonal(), counts.sum(axis=1), counts.sum(axis=0)
    return [
        {
            "label": label,
            "precision": _share(right[number], answers[number]),
            "recall": _share(right[number], truths[number]),
            "f1": _share(2 * right[number], truths[number] + answers[number]),
            "test_rows": int(truths[number]),
        }
        for number, label in enumerate(labels)
    ]


def few_test_rows(target: str, scores: Sequence[Mapping[str, Any]]) -> list[Warning]:
    """A warning of all classes that the test rows say little about."""
    few = sorted(
        (one["test_rows"], one["label"]) for one in scores if one["test_rows"] < FEW_TEST_ROWS
    )
    if not few:
        return []
    named = ", ".join(f"{cut(label, LONGEST_EXAMPLE)!r} ({rows})" for rows, label in few[:_NAMED])
    more = f" and {len(few) - _NAMED:,} more" if len(few) > _NAMED else ""
    return [
        Warning(
            code="few_test_rows",
            detail=f"These classes have fewer than {FEW_TEST_ROWS} test rows, so that their scores "
            f"say little: {named}{more}. Send more rows of them, or ask for a larger test split.",
            count=len(few),
            columns={target: len(few)},
            examples=[label for _, label in few[:EXAMPLES]],
            option="split",
        )
    ]


def _share(part: int, whole: int) -> float | None:
    return float(part / whole) if whole else None


def served(
    serving: Serving,
    inputs: Mapping[str, Any],
    labels: Sequence[str],
    graph: bytes,
    instances: Sequence[Any],
) -> np.ndarray:
    """Probabilities as a task would answer them, shape (n_samples, n_classes)."""
    predictions, _ = serving.load(inputs, labels, {"model.onnx": graph}).infer(instances)
    return np.asarray(predictions.columns()["probabilities"], np.float64)


def score_published(
    serving: Serving,
    manifest: ModelManifest,
    files: Mapping[str, bytes],
    instances: Sequence[Any],
    targets: Sequence[str],
    metric: str,
) -> float:
    """The metric of a published model on instances and their targets; greater is better."""
    labels = manifest.labels or []
    answers = served(serving, manifest.inputs, labels, files["model.onnx"], instances)
    return score(metric, Classes(labels).numbers(targets), answers)


def score(metric: str, truth: np.ndarray, answers: np.ndarray) -> float:
    """A metric by its scorer's name; greater is better."""
    name = metric.removesuffix("_ovr").removeprefix("neg_")
    value = metrics.value(metrics.CLASSIFICATION[name], truth, answers)
    return -value if metric.startswith("neg_") else value
