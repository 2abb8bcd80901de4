"""Choosing among candidates by cross-validation, within a time that is never overrun."""

import math
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import get_scorer

from common.logs import log
from tasks.framework.training.folds import Folds, usual
from tasks.framework.training.run import Budget, Run

PROBE_ROWS = 4_000
"""A fit on so many rows tells how long one on all of them will take."""

type Scorer = Callable[[Any, Any, np.ndarray], float]
"""A fitted estimator's score on x and y; greater is better."""


def failure(error: Exception) -> str:
    """Why a candidate cannot be fitted, as its library says in the first line."""
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else "for a reason that its library does not give"


@dataclass(frozen=True)
class Candidate:
    """A kind of model, and the settings of it that compete; the best one stands for it."""

    name: str
    estimators: Sequence[Any]


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
    """What a refit takes; tasks with more than an estimator put theirs here."""

    def rank(self) -> float:
        """Less is better; without a score it is last."""
        return math.inf if self.score is None else -self.score

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


def named(candidates: Iterable[Candidate], names: Sequence[str] | None) -> list[Candidate]:
    """The candidates that a caller has named; all where none was."""
    return [one for one in candidates if names is None or one.name in names]


def choose(
    candidates: Sequence[Candidate],
    x: Any,
    y: np.ndarray,
    metric: str | Scorer,
    run: Run,
    folds: Folds | None = None,
) -> list[Outcome]:
    """Every candidate's outcome, best first; those without a score come last.

    x has shape (n_samples, ...), y (n_samples,). All candidates are scored on a first fold, in
    the given order, then on a second one, and so on: where time is short, all have had their
    turn, and the best ones have more folds. A fit that would not end in time is not begun, unless
    there is no score at all yet, so that there is a model however short the time. Without
    folds, they are those of cross-validation.
    """
    judge = _Judge(x, y, metric, run.budget)
    entries = [_Entry(candidate, one) for candidate in candidates for one in candidate.estimators]
    folds = folds or usual(y, run.seed)
    for number, fold in enumerate(folds):
        running = _in_time(entries, run.budget) if number else entries
        for place, entry in enumerate(running):
            percent = 10 + round(60 * (number + place / len(running)) / len(folds))
            done = f"fold {number + 1} of {len(folds)}"
            run.progress("selecting", percent, f"Cross-validating {entry.candidate.name}, {done}.")
            judge.score(entry, fold, must=not any(one.scores for one in entries))
    outcomes = [_outcome(candidate, entries, len(folds)) for candidate in candidates]
    for outcome in outcomes:
        log("candidate tried", **outcome.record())
    return sorted(outcomes, key=lambda outcome: (-len(outcome.fold_scores), outcome.rank()))


def fit(estimator: Any, x: Any, y: np.ndarray) -> Any:
    """A fitted copy of an estimator; a solver that stops at its limit is judged by its score."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return clone(estimator).fit(x, y)


@dataclass
class _Entry:
    """One setting of a candidate, and how it fared."""

    candidate: Candidate
    estimator: Any
    scores: list[float] = field(default_factory=list)
    seconds: float = 0.0
    last_seconds: float = 0.0
    status: str = "ok"
    reason: str | None = None

    def rank(self) -> tuple[int, float]:
        """Greater is better: a score of more folds is worth more than one of fewer."""
        return len(self.scores), float(np.mean(self.scores)) if self.scores else 0.0


def _in_time(entries: Sequence[_Entry], budget: Budget) -> list[_Entry]:
    """Those that another fold of all of them leaves time for; the worst ones go first.

    One that is left alone has won.
    """
    most = max(len(entry.scores) for entry in entries)
    running = [entry for entry in entries if entry.status == "ok" and len(entry.scores) == most]
    running.sort(key=_Entry.rank, reverse=True)
    left = budget.left()
    while len(running) > 1 and sum(entry.last_seconds for entry in running) > left:
        running.pop()
    return running if len(running) > 1 else []


class _Judge:
    """Scores estimators, each fitted on the one part of a fold and scored on the other."""

    def __init__(self, x: Any, y: np.ndarray, metric: str | Scorer, budget: Budget) -> None:
        self._x, self._y = x, y
        self._scorer = get_scorer(metric)
        self._budget = budget

    def score(self, entry: _Entry, fold: tuple[np.ndarray, np.ndarray], must: bool) -> None:
        """Adds the score of a fold to an entry, or why there is none."""
        train, test = fold
        before = self._budget.spent()
        try:
            seconds = entry.last_seconds if must or entry.scores else self._probe(entry, len(train))
            left = max(0.0, self._budget.left())
            if seconds > left or (left <= 0 and not must):
                entry.status = "skipped"
                entry.reason = (
                    f"needs about {seconds:.0f} s, and {left:.0f} s are left"
                    if left
                    else "the time budget is used up"
                )
            else:
                fitted = fit(entry.estimator, _rows(self._x, train), self._y[train])
                found = self._scorer(fitted, _rows(self._x, test), self._y[test])
                entry.scores.append(float(found))
        except (ValueError, FloatingPointError, MemoryError) as error:
            entry.status, entry.reason = "failed", failure(error)
        entry.last_seconds = self._budget.spent() - before
        entry.seconds += entry.last_seconds

    def _probe(self, entry: _Entry, rows: int) -> float:
        """The seconds that a fit on rows will take, as one on a few of them tells."""
        if rows <= 4 * PROBE_ROWS or self._budget.left() <= 0:
            return 0.0
        before = self._budget.spent()
        some = np.arange(PROBE_ROWS)
        fit(entry.estimator, _rows(self._x, some), self._y[some])
        return (self._budget.spent() - before) * rows / PROBE_ROWS


def _outcome(candidate: Candidate, entries: Sequence[_Entry], folds: int) -> Outcome:
    """What became of a candidate, whose best setting stands for it."""
    mine = [entry for entry in entries if entry.candidate is candidate]
    seconds = sum(entry.seconds for entry in mine)
    best = max(mine, key=_Entry.rank)
    if not best.scores:
        return Outcome(candidate.name, best.status, seconds, best.reason)
    short = f"{len(best.scores)} of {folds} folds in the time given"
    return Outcome(
        name=candidate.name,
        status="ok",
        seconds=seconds,
        reason=short if len(best.scores) < folds else None,
        score=float(np.mean(best.scores)),
        fold_scores=[round(one, 6) for one in best.scores],
        parameters=_differences(best.estimator, candidate.estimators),
        estimator=best.estimator,
    )


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
