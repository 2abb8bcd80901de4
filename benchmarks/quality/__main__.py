"""`make bench-quality [DATA=folder]`: every comparison, through the API of the local cloud."""

import argparse
import json
import re
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table
from sklearn.metrics import accuracy_score, f1_score, r2_score, roc_auc_score

from benchmarks.quality.data import COMPARISONS, Comparison
from benchmarks.quality.references import features
from local.client import Client
from local.cloud import LocalCloud

REPORT = Path("build/quality.json")
BATCH = 500
"""Instances per request."""

console = Console(highlight=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder of public data")
    parser.add_argument("--only", help="run the comparisons whose name holds this")
    arguments = parser.parse_args()
    chosen = [c for c in COMPARISONS if (arguments.only or "").lower() in c.name.lower()]
    rows = []
    with LocalCloud() as cloud:
        cloud.apply()
        client = cloud.client()
        for comparison in chosen:
            try:
                frame = comparison.read(arguments.data)
            except FileNotFoundError as error:
                console.print(f"{comparison.name}: left out, {error.filename} is missing")
                continue
            with console.status(comparison.name):
                rows.append(compare(comparison, frame, client))
            console.print(rows[-1])
        cloud.destroy()
    show(rows)
    REPORT.parent.mkdir(exist_ok=True)
    document = {"date": datetime.now(UTC).date().isoformat(), "comparisons": rows}
    REPORT.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def compare(comparison: Comparison, frame: pd.DataFrame, client: Client) -> dict[str, Any]:
    """The mean score of both sides over the same test rows."""
    reference, service, selected = [], [], []
    for number, (train, test) in enumerate(comparison.splits(frame)):
        reference.append(reference_score(comparison, frame.iloc[train], frame.iloc[test]))
        name = f"{_slug(comparison.name)}-{number}"
        score, candidate = service_score(comparison, frame, train, test, client, name)
        service.append(score)
        selected.append(candidate)
    return {
        "data": comparison.name,
        "rows": len(frame),
        "split": comparison.split,
        "metric": comparison.metric,
        "scikit-learn": round(float(np.mean(reference)), 4),
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


def show(rows: Sequence[dict[str, Any]]) -> None:
    table = Table("data", "rows", "split", "metric", "scikit-learn", "service", "selected")
    for row in rows:
        table.add_row(*[", ".join(v) if isinstance(v, list) else str(v) for v in row.values()])
    console.print(table)


if __name__ == "__main__":
    main()
