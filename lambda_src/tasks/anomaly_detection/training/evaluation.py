"""Every candidate's scores of rows that it was not fitted on, within the time that there is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from common.logs import log
from common.problems import Unprocessable
from tasks.anomaly_detection.training import model
from tasks.anomaly_detection.training.detectors import DETECTORS
from tasks.anomaly_detection.training.model import RANK_AVERAGE
from tasks.framework.training import metrics
from tasks.framework.training.folds import Folds
from tasks.framework.training.metrics import Metric
from tasks.framework.training.run import Run
from tasks.framework.training.selection import Outcome, failure
from tasks.tables.encoders.base import Feature

HELD_OUT_ROWS = 20_000
"""Rows that p-values follow from at most: at 1%, one standard deviation is 0.07 points."""


@dataclass
class _Trial:
    """A detector's scores of the held-out rows of each fold, and what became of it."""

    scores: list[np.ndarray] = field(default_factory=list)
    seconds: float = 0.0
    status: str = "ok"
    reason: str | None = None


@dataclass(frozen=True)
class Evaluated:
    """The candidates in the order of preference, and their detectors' scores of held-out rows.

    scores has, by detector, those of all folds; held_out has the rows of each fold. Detectors
    that could not be fitted are among the trials only.
    """

    candidates: Sequence[str]
    scores: Mapping[str, np.ndarray]
    held_out: Sequence[np.ndarray]
    trials: Mapping[str, _Trial]

    @property
    def rows(self) -> int:
        """How many rows were held out, in all folds."""
        return sum(map(len, self.held_out))

    def outcomes(self, truth: np.ndarray | None, metric: Metric) -> list[Outcome]:
        """What became of each candidate, best first.

        truth is 1 for anomalies, 0 for other rows and NaN for rows without a label. Where there is
        none, or no fold has both kinds, candidates have no score and keep their order.
        """
        found = [self._outcome(name, truth, metric) for name in self.candidates]
        for outcome in found:
            log("candidate tried", **outcome.record())
        return sorted(found, key=lambda one: (one.status != "ok", one.rank()))

    def _outcome(self, name: str, truth: np.ndarray | None, metric: Metric) -> Outcome:
        if name == RANK_AVERAGE:
            seconds = sum(trial.seconds for trial in self.trials.values())
            if not self.scores:
                return Outcome(name, "failed", seconds, "no detector could be fitted")
            status, reason = "ok", None
            scores = model.combined(self.scores, model.rank_curves(self.scores))
        else:
            trial = self.trials[name]
            seconds, status, reason = trial.seconds, trial.status, trial.reason
            if name not in self.scores:
                return Outcome(name, status, seconds, reason)
            scores = self.scores[name]
        each = [] if truth is None else self._fold_scores(scores, truth, metric)
        return Outcome(
            name,
            status,
            seconds,
            reason,
            score=float(np.mean(each)) if each else None,
            fold_scores=[round(one, 6) for one in each],
        )

    def _fold_scores(self, scores: np.ndarray, truth: np.ndarray, metric: Metric) -> list[float]:
        """The metric of each fold that defines it."""
        found, start = [], 0
        for rows in self.held_out:
            some, labels = scores[start : start + len(rows)], truth[rows]
            start += len(rows)
            known = np.isfinite(labels)
            if known.any():
                labelled = labels[known].astype(np.int64)
                found.append(metrics.value(metric, labelled, some[known]))
        return [one for one in found if np.isfinite(one)]


def evaluate(
    features: Sequence[Feature],
    x: np.ndarray,
    folds: Folds,
    candidates: Sequence[str] | None,
    run: Run,
) -> Evaluated:
    """Fits detectors on the rows of each fold, and scores those that are held out.

    Where time is short there are fewer folds. In the first one, a detector is left out when the
    time is used up, unless it would be the only one. Raises Unprocessable when none can be fitted.
    """
    ordered = [one for one in (RANK_AVERAGE, *DETECTORS) if candidates is None or one in candidates]
    names = list(DETECTORS) if RANK_AVERAGE in ordered else ordered
    trials = {name: _Trial() for name in names}
    held_out: list[np.ndarray] = []
    most = max(1, HELD_OUT_ROWS // len(folds))
    longest = 0.0
    for number, (fitted, rest) in enumerate(folds):
        before = run.budget.spent()
        if number and run.budget.left() < longest:
            break
        percent = 10 + round(60 * number / len(folds))
        run.progress("selecting", percent, f"Fold {number + 1} of {len(folds)}.")
        held_out.append(rest[:most])
        _fold(features, x[fitted], x[rest[:most]], trials, run, must=number == 0)
        longest = max(longest, run.budget.spent() - before)
    scores = {
        name: np.concatenate(trial.scores)
        for name, trial in trials.items()
        if len(trial.scores) == len(held_out)
    }
    if not scores:
        reasons = "; ".join(f"{name}: {trial.reason}" for name, trial in trials.items())
        raise Unprocessable(f"No candidate could be trained: {reasons}.")
    return Evaluated(ordered, scores, held_out, trials)


def _fold(
    features: Sequence[Feature],
    x: np.ndarray,
    rest: np.ndarray,
    trials: Mapping[str, _Trial],
    run: Run,
    must: bool,
) -> None:
    """Adds each detector's scores of the rest to its trial, or why there are none."""
    learned = model.learn(features, x)
    for name, trial in trials.items():
        if trial.status != "ok":
            continue
        before = run.budget.spent()
        if must and run.budget.left() <= 0 and any(one.scores for one in trials.values()):
            trial.status, trial.reason = "skipped", "the time budget is used up"
            continue
        try:
            detector = learned.detector(name, run.seed)
            trial.scores.append(detector.scores(learned.space.values(rest)))
        except (ValueError, FloatingPointError, MemoryError) as error:
            trial.status, trial.reason = "failed", failure(error)
        trial.seconds += run.budget.spent() - before
