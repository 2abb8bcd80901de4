"""Folds of cross-validation, by the rule that rows were split by."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold

from common.datasets import SplitRule
from tasks import TrainingData
from tasks.framework.training.data import Rows

FOLDS = 5
FEW_FOLDS = 3
MANY_ROWS = 20_000
"""From here on, three folds are as good as five."""

_MANY_GROUPS = 2_000
"""From here on, groups alone make folds of about equal classes, and quickly."""

type Folds = Sequence[tuple[np.ndarray, np.ndarray]]
"""The rows to fit on and the rows to evaluate on, of each fold."""


def folds_of(source: TrainingData, rows: Rows, x: Any, y: np.ndarray, seed: int) -> Folds:
    """Folds of rows, which are encoded as x (a matrix, or a list of texts) with targets y.

    Where rows were split by time, a model of the past is evaluated on what comes next. Where they
    were split by group, groups stay together. Else rows that are equal in x stay together, unless
    each was split by itself.
    """
    rule = source.split or SplitRule()
    if rule.by == "rows":
        return usual(y, seed)
    if rule.by in ("time", "group"):
        assert rule.column is not None  # these rules have one
        numbers = _numbered(rows[rule.column])
        found = windows(numbers) if rule.by == "time" else grouped(numbers, y, seed)
        return found or usual(y, seed)
    return together(x, y, seed)


def usual(y: np.ndarray, seed: int, rows: int | None = None) -> Folds:
    """Stratified folds for classes (integers), plain ones for numbers.

    rows is what their number follows from, where that is not the length of y.
    """
    folds = _how_many(len(y) if rows is None else rows)
    present = np.unique(y, return_counts=True)[1] if y.dtype.kind == "i" else np.empty(0)
    if present.max(initial=0) > 1:
        folds = max(2, min(folds, int(present.min())))
        splitter: Any = StratifiedKFold(folds, shuffle=True, random_state=seed)
    else:
        splitter = KFold(max(2, min(folds, len(y))), shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a class of one row is in one fold only
        return list(splitter.split(np.zeros(len(y)), y))


def together(x: Any, y: np.ndarray, seed: int) -> Folds:
    """The usual folds of different rows; those that are equal to one of them go with it."""
    keys = x if isinstance(x, list) else [hash(row.tobytes()) for row in x]
    numbers: dict[Any, int] = {}
    number = np.array([numbers.setdefault(key, len(numbers)) for key in keys])
    if len(numbers) == len(keys):
        return usual(y, seed)
    _, first = np.unique(number, return_index=True)
    if len(first) < 2:
        return usual(y, seed)
    fold_of = np.empty(len(first), dtype=np.int64)
    for fold, (_, held_out) in enumerate(usual(y[first], seed, len(y))):
        fold_of[held_out] = fold
    return _parted(fold_of[number])


def windows(times: np.ndarray) -> Folds:
    """Growing windows of time, each evaluated on what comes next; equal times stay together.

    Empty where all times are equal.
    """
    ordered = np.sort(times)
    folds = _how_many(len(times))
    starts = np.unique([ordered[len(times) * part // (folds + 1)] for part in range(1, folds + 1)])
    starts = starts[starts > ordered[0]]
    if not len(starts):
        return []
    ends = [*starts[1:], ordered[-1] + 1]
    return [
        (np.flatnonzero(times < start), np.flatnonzero((times >= start) & (times < end)))
        for start, end in zip(starts, ends, strict=True)
    ]


def grouped(groups: np.ndarray, y: np.ndarray, seed: int) -> Folds:
    """Folds of whole groups, with about equal shares of classes; empty where there is one group."""
    count = len(np.unique(groups))
    folds = min(_how_many(len(y)), count)
    if folds < 2:
        return []
    stratified = y.dtype.kind == "i" and count <= _MANY_GROUPS
    kind = StratifiedGroupKFold if stratified else GroupKFold
    splitter = kind(folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        found = list(splitter.split(np.zeros(len(y)), y, groups))
    return [(fitted, held_out) for fitted, held_out in found if len(fitted) and len(held_out)]


def _how_many(rows: int) -> int:
    return FEW_FOLDS if rows > MANY_ROWS else FOLDS


def _numbered(values: Any) -> np.ndarray:
    """The position of each value among the different ones; a missing one is first."""
    if isinstance(values, list):
        values = np.array(["" if value is None else f"={value}" for value in values])
    _, numbers = np.unique(values, return_inverse=True)
    return numbers


def _parted(fold_of: np.ndarray) -> Folds:
    """Folds from the number of the one that each row is evaluated in."""
    return [
        (np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold))
        for fold in np.unique(fold_of)
    ]
