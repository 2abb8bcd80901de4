"""`python -m benchmarks.training`: model_training in turn with the same fits called directly.

The direct side knows already what is to be learned, and does the least that gives the same
choice: the matrix, every setting on every fold with its score, the best one on all rows.
model_training adds the reading, the order by time, export, comparison with ONNX, and measurement.
"""

import argparse
import csv
import json
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
from rich.console import Console
from rich.table import Table
from sklearn.base import clone
from sklearn.datasets import make_classification, make_regression
from sklearn.metrics import get_scorer
from sklearn.model_selection import KFold, StratifiedKFold

import tasks
from benchmarks.processes import quartiles, shown
from benchmarks.training import texts
from common.invocation import Invocation
from tasks import TrainingData
from tasks.framework.training import folds, threads
from tasks.framework.training.context import Budget, TrainingContext
from tasks.tables.training import tables

REPORT = Path("build/bench-training.json")
COLUMNS = 12
MEMORY_MB = 3008
BUDGET_SECONDS = 3600.0

console = Console(highlight=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="*", default=[1_000, 10_000])
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    found = []
    for rows in arguments.rows:
        for task in ("classification", "regression", "text_classification"):
            with console.status(f"{task}, {rows:,} rows"):
                found.append(compare(task, rows, arguments.rounds))
    show(found)
    REPORT.parent.mkdir(exist_ok=True)
    document = {"date": datetime.now(UTC).date().isoformat(), "trainings": found}
    REPORT.write_text(json.dumps(document, indent=2) + "\n")


def compare(task: str, rows: int, rounds: int) -> dict[str, Any]:
    """Processor seconds of both sides in turn, after a first round that loads the libraries."""
    taken: dict[str, list[float]] = {"model_training": [], "scikit-learn": []}
    with tempfile.TemporaryDirectory() as folder:
        data, x, y = dataset(task, rows, Path(folder))
        for round_number in range(rounds + 1):
            for side in taken:
                started = time.process_time()
                score = trained(task, data) if side == "model_training" else direct(task, x, y)
                if round_number:
                    taken[side].append(time.process_time() - started)
                else:
                    console.print(f"  {task}, {rows:,} rows, {side}: best score {score:.4f}")
    ratios = [ours / theirs for ours, theirs in zip(*taken.values(), strict=True)]
    return {
        "task": task,
        "rows": rows,
        "rounds": rounds,
        **{side: quartiles(seconds) for side, seconds in taken.items()},
        "overhead": quartiles([ratio - 1 for ratio in ratios]),
    }


def dataset(task: str, rows: int, folder: Path) -> tuple[TrainingData, Any, np.ndarray]:
    """What was made, as processing leaves it, and its train and validation rows in memory."""
    source = folder / "source.csv"
    x: Any
    if task == "text_classification":
        x, truth = texts.made(rows)
        with source.open("w", newline="") as file:
            csv.writer(file).writerows([("text", "y"), *zip(x, truth, strict=True)])
    else:
        x, truth = _table(task, rows, source)
    options = msgspec.convert({"target": "y"}, tasks.task(task).processing_options)
    out = folder / "out"
    out.mkdir()
    processed = tasks.processing(task).process(source, options, out, _invocation(), _silent)
    files = {split: out / f"{split}.arrow" for split in processed.split_rows}
    data = TrainingData(processed.schema, processed.target, processed.split_rows, files)
    learned = processed.split_rows["train"] + processed.split_rows["validation"]
    return data, x[:learned], truth[:learned]


def _table(task: str, rows: int, source: Path) -> tuple[np.ndarray, np.ndarray]:
    """A table of numbers, written as CSV; scaled, and its target as it is learned."""
    make: Any = make_classification if task == "classification" else make_regression
    noise = {"flip_y": 0.05} if task == "classification" else {"noise": 10.0}
    x, y = make(rows, COLUMNS, n_informative=6, random_state=0, **noise)
    names = [*(f"x{index}" for index in range(COLUMNS)), "y"]
    header = ",".join(names)
    np.savetxt(source, np.column_stack([x, y]), "%.6g", ",", header=header, comments="")
    scaled = ((x - x.mean(axis=0)) / x.std(axis=0)).astype(np.float32)
    return scaled, y.astype(np.int64) if task == "classification" else (y - y.mean()) / y.std()


def trained(task: str, data: TrainingData) -> float:
    options = tasks.task(task).training_options()
    made = tasks.training(task).train(data, options, _context())
    return max(float(one["score"]) for one in made.candidates if one["score"] is not None)


def direct(task: str, x: Any, y: np.ndarray) -> float:
    """The score of the best setting; the settings are those of model_training."""
    with threads.limited(len(y), _context().threads):
        return _direct(task, x, y)


def _direct(task: str, x: Any, y: np.ndarray) -> float:
    scorer = get_scorer("r2" if task == "regression" else "roc_auc")
    count = folds.FEW_FOLDS if len(y) > folds.MANY_ROWS else folds.FOLDS
    kind: Any = KFold if task == "regression" else StratifiedKFold
    cut = list(kind(count, shuffle=True, random_state=0).split(x, y))
    best = SimpleNamespace(score=-np.inf, estimator=None)
    for estimator in settings(task, x, y):
        scores = []
        for train, test in cut:
            fitted = clone(estimator).fit(_rows(x, train), y[train])
            scores.append(scorer(fitted, _rows(x, test), y[test]))
        if np.mean(scores) > best.score:
            best = SimpleNamespace(score=float(np.mean(scores)), estimator=estimator)
    clone(best.estimator).fit(x, y)
    return float(best.score)


def settings(task: str, x: Any, y: np.ndarray) -> list[Any]:
    if task == "text_classification":
        return texts.settings(x)
    module: Any = tasks.training(task)
    features: list[Mapping[str, Any]] = [
        {"name": f"x{index}", "type": "number"} for index in range(COLUMNS)
    ]
    layout = tables.Layout.of(features, classifier=task == "classification")
    return [
        module.estimator(trial, layout, len(y), 0, _context().threads)
        for trial in module.candidates(layout)
    ]


def _rows(x: Any, rows: np.ndarray) -> Any:
    return [x[row] for row in rows] if isinstance(x, list) else x[rows]


def _invocation() -> Invocation:
    return Invocation("benchmark", "", MEMORY_MB, time.monotonic() + 2 * BUDGET_SECONDS)


def _context() -> TrainingContext:
    budget = Budget(BUDGET_SECONDS)
    return TrainingContext(0, budget, MEMORY_MB, _invocation().threads)


def _silent(stage: str, percent: int, message: str) -> None:
    """Progress that nobody watches."""


def show(found: list[dict[str, Any]]) -> None:
    seen = Table("task", "rows", "model_training, CPU s", "scikit-learn, CPU s", "overhead")
    for one in found:
        seen.add_row(
            one["task"],
            f"{one['rows']:,}",
            shown(one["model_training"]),
            shown(one["scikit-learn"]),
            f"{one['overhead']['median']:+.0%}",
        )
    console.print(seen)


if __name__ == "__main__":
    main()
