"""How good lists of recommendations are, user by user."""

from collections.abc import Iterable, Sequence, Set
from typing import Any

import numpy as np
from scipy import sparse

from tasks.framework.training import measurement
from tasks.framework.training.metrics import mean
from tasks.recommendation.learners import Fitted

K = 20
"""Length of the lists that are evaluated."""

_BATCH = 256
_DISCOUNTS = 1 / np.log2(np.arange(2, K + 2))


def lists(fitted: Fitted, histories: sparse.csr_array, users: Sequence[int]) -> list[list[int]]:
    """The first K places for each user, without what is in the history."""
    places: list[list[int]] = []
    for start in range(0, len(users), _BATCH):
        part = histories[np.array(users[start : start + _BATCH])]
        scores = fitted.scores(part)
        scores[part.nonzero()] = -np.inf
        places += np.argsort(-scores, axis=1, kind="stable")[:, :K].tolist()
    return places


def measured(recommended: Sequence[Sequence[Any]], truths: Sequence[Set[Any]]) -> dict[str, Any]:
    """Recall and normalised discounted cumulative gain of each user, by metric."""
    recall, ndcg = [], []
    for items, truth in zip(recommended, truths, strict=True):
        hits = np.array([item in truth for item in items[:K]], dtype=bool)
        recall.append(hits.sum() / len(truth))
        ndcg.append(_DISCOUNTS[: len(hits)][hits].sum() / _DISCOUNTS[: len(truth)].sum())
    return {f"ndcg@{K}": np.array(ndcg), f"recall@{K}": np.array(recall)}


def with_intervals(values: dict[str, np.ndarray], seed: int) -> dict[str, dict[str, float]]:
    """Means over users with the 95% interval of their bootstrap: value, low, high."""
    metrics: dict[str, dict[str, float]] = {}
    for name, per_user in values.items():
        metrics |= measurement.with_intervals({name: mean}, per_user, per_user, seed)
    return metrics


def coverage(recommended: Iterable[Sequence[Any]], n_items: int) -> float:
    """The share of the items that are recommended to anybody."""
    return len({item for items in recommended for item in items}) / n_items
