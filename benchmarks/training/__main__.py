"""`python -m benchmarks.training`: model_training in turn with the same fits called directly.

The direct side knows already what is to be learned, and does the least that gives the same
choice: the matrix, every setting on every fold with its score, the best one on all rows.
model_training adds the reading, the order by time, export, comparison with ONNX, and judgement.
"""

import argparse
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
from common.invocation import Invocation
from tasks import TrainingData
from tasks.shared.training import selection, threads

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
        for task in ("classification", "regression"):
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


def dataset(task: str, rows: int, folder: Path) -> tuple[TrainingData, np.ndarray, np.ndarray]:
    """A made table as processing leaves it, and its train and validation rows as arrays."""
    make: Any = make_classification if task == "classification" else make_regression
    noise = {"flip_y": 0.05} if task == "classification" else {"noise": 10.0}
    x, y = make(rows, COLUMNS, n_informative=6, random_state=0, **noise)
    table = np.column_stack([x, y])
    names = [*(f"x{index}" for index in range(COLUMNS)), "y"]
    source = folder / "source.csv"
    np.savetxt(source, table, delimiter=",", header=",".join(names), comments="", fmt="%.6g")
    options = msgspec.convert({"target": "y"}, tasks.options(task).Processing)
    out = folder / "out"
    out.mkdir()
    processed = tasks.processing(task).process(source, options, out, _invocation(), _silent)
    files = {split: out / f"{split}.arrow" for split in processed.split_rows}
    data = TrainingData(processed.schema, processed.target, processed.split_rows, files)
    learned = processed.split_rows["train"] + processed.split_rows["validation"]
    scaled = (x - x.mean(axis=0)) / x.std(axis=0)
    truth = y.astype(np.int64) if task == "classification" else (y - y.mean()) / y.std()
    return data, scaled[:learned].astype(np.float32), truth[:learned]


def trained(task: str, data: TrainingData) -> float:
    options = tasks.options(task).Training()
    made = tasks.training(task).train(data, options, 0, _invocation(), BUDGET_SECONDS, _silent)
    return max(float(one["score"]) for one in made.candidates if one["score"] is not None)


def direct(task: str, x: np.ndarray, y: np.ndarray) -> float:
    """The score of the best setting; the settings are those of model_training."""
    module: Any = tasks.training(task)
    features: list[Mapping[str, Any]] = [
        {"name": f"x{index}", "type": "number"} for index in range(COLUMNS)
    ]
    count = _invocation().threads
    threads.limit(len(y), count)
    scorer = get_scorer("roc_auc" if task == "classification" else "r2")
    folds = selection.FEW_FOLDS if len(y) > selection.MANY_ROWS else selection.FOLDS
    kind: Any = StratifiedKFold if task == "classification" else KFold
    cut = list(kind(folds, shuffle=True, random_state=0).split(x, y))
    best = SimpleNamespace(score=-np.inf, estimator=None)
    for candidate in module.candidates(features, len(y), 0, count):
        for estimator in candidate.estimators:
            scores = []
            for train, test in cut:
                fitted = clone(estimator).fit(x[train], y[train])
                scores.append(scorer(fitted, x[test], y[test]))
            if np.mean(scores) > best.score:
                best = SimpleNamespace(score=float(np.mean(scores)), estimator=estimator)
    clone(best.estimator).fit(x, y)
    return float(best.score)


def _invocation() -> Invocation:
    return Invocation("benchmark", "", MEMORY_MB, time.time() + 2 * BUDGET_SECONDS)


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
