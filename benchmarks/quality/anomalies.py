"""Unusual rows of ten public tables, through the API without labels, and by an Isolation Forest.

The tables are those of ADBench (Han et al., 2022), as CSV files whose column anomaly has the
labels: anomaly/<name>.csv.gz of the folder. Labels only measure the answers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, roc_auc_score

from benchmarks.quality.tables import predict, send
from local.client import Client

NAMES = (
    *("breastw", "cardio", "ionosphere", "mammography", "pageblocks"),
    *("pendigits", "pima", "satellite", "thyroid", "vowels"),
)
LABEL = "anomaly"
SEEDS = 5
HELD_OUT = 0.2

METRICS = {"roc_auc": roc_auc_score, "average_precision": average_precision_score}


@dataclass(frozen=True)
class Comparison:
    """The mean of a metric over all tables and seeds."""

    metric: str

    @property
    def name(self) -> str:
        return f"Anomalies, {self.metric}"

    def run(self, folder: Path, client: Client) -> dict[str, Any]:
        frames = {name: pd.read_csv(folder / "anomaly" / f"{name}.csv.gz") for name in NAMES}
        reference, service, selected = [], [], set()
        for name, frame in frames.items():
            for seed in range(SEEDS):
                held_out = np.random.default_rng(seed).random(len(frame)) < HELD_OUT
                truth, rows = frame[LABEL][held_out], frame.drop(columns=LABEL)
                score = METRICS[self.metric]
                forest = IsolationForest(random_state=seed).fit(rows[~held_out].to_numpy())
                theirs = -forest.score_samples(rows[held_out].to_numpy())
                reference.append(score(truth, theirs))
                ours, candidate = answers(rows, held_out, client, f"{name}-{seed}", seed)
                service.append(score(truth, ours))
                selected.add(candidate)
        return {
            "data": self.name,
            "rows": sum(map(len, frames.values())),
            "split": "20% held out, 5 times",
            "metric": self.metric,
            "reference": round(float(np.mean(reference)), 4),
            "service": round(float(np.mean(service)), 4),
            "selected": sorted(selected),
        }


def answers(
    rows: pd.DataFrame, held_out: np.ndarray, client: Client, name: str, seed: int
) -> tuple[list[float], str]:
    """The scores of the rows held out, and the candidate that gave them."""
    split = np.where(held_out, "test", "train")
    request: Mapping[str, Any] = {
        "dataset": name,
        "source": {"key": send(rows.assign(fold=split), client, name)},
        "task": "anomaly_detection",
        "split": {"column": "fold"},
        "types": dict.fromkeys(rows.columns, "number"),
    }
    client.run("/data_processing", request)
    # Versions without labels are not compared, so that only the first goes live by itself.
    asked = {"model": name, "dataset": name, "seed": seed, "promote": "always"}
    result = client.run("/model_training", asked)
    found = list(predict(rows[held_out], client, name))
    return [one["score"] for one in found], result["selected"]


COMPARISONS = tuple(Comparison(metric) for metric in METRICS)
