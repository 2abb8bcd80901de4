"""Choosing among candidates by cross-validation, within a time that is never overrun."""

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import get_scorer
from sklearn.model_selection import KFold, StratifiedKFold

from common.jobs import Progress
from common.logs import log

FOLDS = 5
FEW_FOLDS = 3
MANY_ROWS = 20_000
"""From here on, three folds judge as well as five, and leave more time for candidates."""

PROBE_ROWS = 4_000
"""A fit on so many rows tells how long one on all of them will take."""

type Clock = Callable[[], float]


@dataclass(frozen=True)
class Candidate:
    """A kind of model, and the settings of it that compete; the best one stands for it."""

    name: str
    estimators: Sequence[Any]


@dataclass
class Budget:
    """The time that selection may take, in seconds from when it is made."""

    seconds: float
    clock: Clock = time.monotonic
    _started: float = field(init=False)

    def __post_init__(self) -> None:
        self._started = self.clock()

    def spent(self) -> float:
        return self.clock() - self._started

    def left(self) -> float:
        return self.seconds - self.spent()


@dataclass
class Outcome:
    """What became of a candidate; score is the mean over folds, greater is better."""

    name: str
    status: str
    seconds: float
    reason: str | None = None
    score: float | None = None
    fold_scores: list[float] = field(default_factory=list)
    parameters: dict[str, Any] = field(default_factory=dict)
    estimator: Any = None

    def record(self) -> dict[str, Any]:
        """The outcome as the manifest keeps it."""
        record: dict[str, Any] = {
            "name": self.name,
            "status": self.status,
            "score": self.score,
            "fold_scores": self.fold_scores,
            "seconds": round(self.seconds, 3),
        }
        if self.parameters:
            record["parameters"] = self.parameters
        if self.reason:
            record["reason"] = self.reason
        return record


class _OutOfTime(Exception):
    """A fit would take more time than is left; its text says how much."""


def choose(
    candidates: Sequence[Candidate],
    x: Any,
    y: np.ndarray,
    metric: str,
    seed: int,
    budget: Budget,
    progress: Progress,
) -> list[Outcome]:
    """Every candidate's outcome, best first; those without a score come last.

    x has shape (n_samples, ...), y (n_samples,). Candidates are tried in the given order, the
    quick ones first; one whose folds would not end in time is skipped. The first is always
    tried, so that there is a model however short the time.
    """
    judge = _Judge(x, y, metric, seed, budget)
    outcomes: list[Outcome] = []
    for number, candidate in enumerate(candidates):
        percent = 10 + round(60 * number / len(candidates))
        progress("selecting", percent, f"Cross-validating {candidate.name}.")
        outcomes.append(_try(candidate, judge, must=number == 0))
        done = outcomes[-1].record()
        log("candidate tried", **done)
    return sorted(outcomes, key=_rank)


def fit(estimator: Any, x: Any, y: np.ndarray) -> Any:
    """A fitted copy of an estimator; a solver that stops at its limit is judged by its score."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return clone(estimator).fit(x, y)


def _rank(outcome: Outcome) -> float:
    return float("inf") if outcome.score is None else -outcome.score


def _try(candidate: Candidate, judge: "_Judge", must: bool) -> Outcome:
    started = judge.budget.spent()
    best: Outcome | None = None
    reason = None
    for estimator in candidate.estimators:
        try:
            scores = judge.scores(estimator, must=must and best is None)
        except _OutOfTime as error:
            reason = str(error)
            break
        except (ValueError, FloatingPointError, MemoryError) as error:
            reason = f"{type(error).__name__}: {error}"
            continue
        score = float(np.mean(scores))
        if best is None or best.score is None or score > best.score:
            best = Outcome(
                name=candidate.name,
                status="ok",
                seconds=0.0,
                score=score,
                fold_scores=[round(one, 6) for one in scores],
                parameters=_differences(estimator, candidate.estimators),
                estimator=estimator,
            )
    seconds = judge.budget.spent() - started
    if best is None:
        status = "skipped" if reason and reason.startswith("needs") else "failed"
        return Outcome(candidate.name, status, seconds, reason)
    best.seconds = seconds
    return best


class _Judge:
    """Scores estimators on the same folds."""

    def __init__(self, x: Any, y: np.ndarray, metric: str, seed: int, budget: Budget) -> None:
        self.budget = budget
        self._x, self._y = x, y
        self._scorer = get_scorer(metric)
        self._folds = list(_folds(y, seed))

    def scores(self, estimator: Any, must: bool) -> list[float]:
        """One score per fold. Raises _OutOfTime; must keeps going all the same."""
        scores: list[float] = []
        if not must:
            self._probe(estimator)
        for train, test in self._folds:
            before = self.budget.spent()
            fitted = fit(estimator, _rows(self._x, train), self._y[train])
            scores.append(float(self._scorer(fitted, _rows(self._x, test), self._y[test])))
            seconds = self.budget.spent() - before
            remaining = len(self._folds) - len(scores)
            if not must:
                self._require(seconds * remaining)
        return scores

    def _probe(self, estimator: Any) -> None:
        """Raises _OutOfTime when a fit on a few rows says that one on all would be too long."""
        count = len(self._y)
        if self.budget.left() <= 0:
            raise _OutOfTime("needs time, and none is left")
        if count <= 4 * PROBE_ROWS:
            return
        before = self.budget.spent()
        some = np.arange(PROBE_ROWS)
        fit(estimator, _rows(self._x, some), self._y[some])
        seconds = self.budget.spent() - before
        self._require(seconds * count / PROBE_ROWS * len(self._folds))

    def _require(self, seconds: float) -> None:
        left = max(0.0, self.budget.left())
        if seconds > left:
            raise _OutOfTime(f"needs about {seconds:.0f} s more, and {left:.0f} s are left")


def _folds(y: np.ndarray, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Stratified folds for classes (integers), plain ones for numbers."""
    folds = FEW_FOLDS if len(y) > MANY_ROWS else FOLDS
    if y.dtype.kind == "i":
        folds = max(2, min(folds, int(np.bincount(y).min())))
        splitter: Any = StratifiedKFold(folds, shuffle=True, random_state=seed)
    else:
        splitter = KFold(max(2, min(folds, len(y))), shuffle=True, random_state=seed)
    yield from splitter.split(np.zeros(len(y)), y)


def _rows(x: Any, rows: np.ndarray) -> Any:
    return [x[row] for row in rows] if isinstance(x, list) else x[rows]


def _differences(estimator: Any, rivals: Sequence[Any]) -> dict[str, Any]:
    """The parameters in which an estimator differs from its rivals, in plain values."""
    if len(rivals) == 1:
        return {}
    mine = estimator.get_params()
    others = [rival.get_params() for rival in rivals if rival is not estimator]
    return {
        name: value
        for name, value in mine.items()
        if isinstance(value, int | float | str | bool)
        and value == value  # not NaN
        and any(other.get(name) != value for other in others)
    }
