"""Candidates as data: what is to be evaluated, and how it was evaluated.

A candidate is a kind of model. Its trials are the settings of it that compete; the best one
represents it.
"""

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import msgspec
import numpy as np

from common.settings import code_version
from tasks import TrainingData

type Status = Literal["ok", "skipped", "failed", "parity_failed"]


class Skipped(Exception):
    """A trial is not evaluated; the text says why."""


class Trial(msgspec.Struct, frozen=True):
    """One setting of a candidate.

    parameters are plain JSON values, from which, with the candidate's name, its task makes an
    estimator. All trials of a candidate have the same names of parameters.
    """

    candidate: str
    parameters: Mapping[str, Any] = {}
    expected_seconds: float = 0.0
    """What an evaluation is expected to take, where that is known beforehand."""


class Evaluation(msgspec.Struct, frozen=True):
    """How a trial did on one fold; a greater score is better.

    An evaluation that is ok has no score where the fold does not define the metric.
    """

    trial: Trial
    fold: int
    status: Status
    seconds: float
    score: float | None = None
    reason: str | None = None


class EvaluationStore(Protocol):
    """Keeps evaluations by their keys (see Plan.key)."""

    def get(self, key: str) -> Evaluation | None:
        """The evaluation of a key; None where it is not stored, or damaged."""
        ...

    def put(self, key: str, evaluation: Evaluation) -> None: ...


@dataclass(frozen=True)
class Plan:
    """What a training evaluates: every trial, in this order, on each of so many folds.

    rows are those that a model is fitted on, by which threads are limited; None does not limit
    them. The candidates required are evaluated however short the time is; where it is None, that
    is whichever comes while nothing has a score yet.
    """

    trials: Sequence[Trial]
    folds: int
    metric: str
    rows: int | None = None
    required: Sequence[str] | None = None
    every_fold: bool = False
    """Whether a candidate without competitors is evaluated on all folds, as finish needs them."""
    conditions: Mapping[str, Any] | None = None
    """What else evaluations follow from, as plain JSON values; see conditions.

    None: they follow from what cannot be recorded, and are not stored."""

    @property
    def candidates(self) -> list[str]:
        return list(dict.fromkeys(trial.candidate for trial in self.trials))

    def key(self, trial: Trial, fold: int, seed: int) -> str:
        """The hash of all that an evaluation follows from."""
        content = {
            "candidate": trial.candidate,
            "parameters": trial.parameters,
            "fold": fold,
            "folds": self.folds,
            "seed": seed,
            "metric": self.metric,
            "rows": self.rows,
            "conditions": self.conditions,
        }
        return hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()


def conditions(data: TrainingData, task: str, **others: Any) -> dict[str, Any] | None:
    """What every evaluation on a dataset follows from, beside its plan and what else is given.

    None where the version of the dataset is not known.
    """
    if data.version is None:
        return None
    return {"task": task, "dataset": data.version, "code": code_version(), **others}


def trials(candidate: str, *settings: Mapping[str, Any]) -> list[Trial]:
    """The trials of a candidate, one for each setting; a single one without any."""
    return [Trial(candidate, parameters) for parameters in settings or ({},)]


def named(every: Iterable[Trial], candidates: Sequence[str] | None) -> list[Trial]:
    """The trials of the candidates that a caller has named; all where none was."""
    return [trial for trial in every if candidates is None or trial.candidate in candidates]


@dataclass(frozen=True)
class CandidateResult:
    """What became of a candidate: of its best trial, and in all its time.

    score is the mean over folds.
    """

    trial: Trial
    status: Status
    seconds: float
    reason: str | None = None
    score: float | None = None
    fold_scores: Sequence[float] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.trial.candidate

    def rank(self) -> tuple[int, float]:
        """Less is better: first those that have more folds, then those with a better score."""
        return -len(self.fold_scores), math.inf if self.score is None else -self.score

    def record(self) -> dict[str, Any]:
        """The result as the manifest keeps it."""
        record: dict[str, Any] = {
            "name": self.name,
            "status": self.status,
            "score": self.score,
            "fold_scores": list(self.fold_scores),
            "seconds": round(self.seconds, 3),
        }
        if self.trial.parameters and self.score is not None:
            record["parameters"] = dict(self.trial.parameters)
        if self.reason:
            record["reason"] = self.reason
        return record


def results(plan: Plan, evaluations: Iterable[Evaluation]) -> list[CandidateResult]:
    """Every candidate's result, in the plan's order."""
    of_trial: dict[int, list[Evaluation]] = {index: [] for index in range(len(plan.trials))}
    for evaluation in sorted(evaluations, key=lambda one: one.fold):
        of_trial[plan.trials.index(evaluation.trial)].append(evaluation)
    return [
        _result(plan, {i: of_trial[i] for i in of_trial if plan.trials[i].candidate == candidate})
        for candidate in plan.candidates
    ]


def _result(plan: Plan, of_trial: Mapping[int, Sequence[Evaluation]]) -> CandidateResult:
    scores = {
        index: [one.score for one in evaluations if one.score is not None]
        for index, evaluations in of_trial.items()
    }
    best = max(scores, key=lambda index: rank(scores[index]))
    seconds = sum(one.seconds for evaluations in of_trial.values() for one in evaluations)
    if not of_trial[best]:
        return CandidateResult(plan.trials[best], "skipped", seconds, "it was not evaluated")
    if not scores[best]:
        last = of_trial[best][-1]
        return CandidateResult(plan.trials[best], last.status, seconds, last.reason)
    count = sum(one.status == "ok" for one in of_trial[best])
    return CandidateResult(
        trial=plan.trials[best],
        status="ok",
        seconds=seconds,
        reason=f"{count} of {plan.folds} folds in the time given" if count < plan.folds else None,
        score=float(np.mean(scores[best])),
        fold_scores=[round(score, 6) for score in scores[best]],
    )


def rank(scores: Sequence[float]) -> tuple[int, float]:
    """Greater is better: a score of more folds is worth more than one of fewer."""
    return len(scores), float(np.mean(scores)) if scores else 0.0
