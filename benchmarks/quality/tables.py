"""Scores of tables and texts, through the API and by plain scikit-learn, on the same rows."""

import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import accuracy_score, f1_score, r2_score, roc_auc_score
from sklearn.model_selection import KFold, StratifiedKFold, StratifiedShuffleSplit

from benchmarks.quality.references import Reference, features
from local.client import Client

BATCH = 500
"""Instances per request."""


@dataclass(frozen=True)
class Comparison:
    """One data set, its metric, and the plain scikit-learn pipeline to be met.

    frame holds all rows; splits yields train and test row numbers; read is given the folder.
    """

    name: str
    task: str
    target: str
    metric: str
    reference: Reference
    read: Callable[[Path], pd.DataFrame]
    split: str
    """official (a column `fold` says), or the number of folds, or a share held out."""

    def splits(self, frame: pd.DataFrame) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        target = frame[self.target]
        if self.split == "official":
            fold = frame["fold"]
            yield np.flatnonzero(fold == "train"), np.flatnonzero(fold == "test")
        elif self.split == "20% held out":
            holdout = StratifiedShuffleSplit(n_splits=1, test_size=0.2, random_state=0)
            yield from holdout.split(frame, target)
        else:
            folds = KFold if self.task == "regression" else StratifiedKFold
            yield from folds(5, shuffle=True, random_state=0).split(frame, target)

    def run(self, folder: Path, client: Client) -> dict[str, Any]:
        """The mean score of both sides over the same test rows."""
        frame = self.read(folder)
        reference, service, selected = [], [], []
        for number, (train, test) in enumerate(self.splits(frame)):
            reference.append(reference_score(self, frame.iloc[train], frame.iloc[test]))
            name = f"{_slug(self.name)}-{number}"
            score, candidate = service_score(self, frame, train, test, client, name)
            service.append(score)
            selected.append(candidate)
        return {
            "data": self.name,
            "rows": len(frame),
            "split": self.split,
            "metric": self.metric,
            "reference": round(float(np.mean(reference)), 4),
            "service": round(float(np.mean(service)), 4),
            "selected": sorted(set(selected)),
        }


def reference_score(comparison: Comparison, train: pd.DataFrame, test: pd.DataFrame) -> float:
    pipeline = comparison.reference()
    pipeline.fit(features(train, comparison.target), train[comparison.target])
    seen = features(test, comparison.target)
    truth = test[comparison.target]
    if comparison.metric == "roc_auc":
        positive = pipeline.classes_[1]
        return float(roc_auc_score(truth == positive, pipeline.predict_proba(seen)[:, 1]))
    return score(comparison.metric, truth, pipeline.predict(seen))


def service_score(
    comparison: Comparison,
    frame: pd.DataFrame,
    train: np.ndarray,
    test: np.ndarray,
    client: Client,
    name: str,
) -> tuple[float, str]:
    """The score of a model trained and asked through the API, and which candidate it is."""
    sides = np.full(len(frame), "train")
    sides[test] = "test"
    key = send(frame.assign(fold=sides), client, name)
    client.run(
        "/data_processing",
        {
            "dataset": name,
            "source": {"key": key},
            "task": comparison.task,
            "target": comparison.target,
            "split": {"column": "fold"},
        },
    )
    result = client.run("/model_training", {"model": name, "dataset": name})
    rows = frame.iloc[test]
    predictions = list(predict(features(rows, comparison.target), client, name))
    truth = rows[comparison.target]
    if comparison.metric == "roc_auc":
        positive = sorted(frame[comparison.target].unique())[1]
        probabilities = [answer["probabilities"][str(positive)] for answer in predictions]
        return float(roc_auc_score(truth == positive, probabilities)), result["selected"]
    answers = [answer.get("label", answer.get("value")) for answer in predictions]
    return score(comparison.metric, truth, answers), result["selected"]


def send(frame: pd.DataFrame, client: Client, name: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "data.csv"
        frame.to_csv(file, index=False)
        return client.upload(name, file)


def predict(rows: pd.DataFrame, client: Client, name: str) -> Iterator[dict[str, Any]]:
    plain = rows.astype(object).where(rows.notna(), None)
    for start in range(0, len(plain), BATCH):
        instances = plain.iloc[start : start + BATCH].to_dict("records")
        yield from client.post("/inference", {"model": name, "instances": instances})["predictions"]


def score(metric: str, truth: "pd.Series[Any]", answers: Sequence[Any]) -> float:
    if metric == "r2":
        return float(r2_score(truth, answers))
    labels = truth.astype(str)
    if metric == "accuracy":
        return float(accuracy_score(labels, answers))
    return float(f1_score(labels, answers, average="macro"))


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
