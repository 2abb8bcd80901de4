"""The one loop of every training: it evaluates what a learner plans, within a time budget.

A learner is a task's training on one dataset. It has three verbs: plan, evaluate and finish. An
evaluation is a pure function of what Plan.key hashes, so that it can be made anywhere, in any
order, and need not be made twice.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import msgspec

from common.logs import log
from tasks import Trained
from tasks.framework.training import threads
from tasks.framework.training.context import Budget, TrainingContext
from tasks.framework.training.trials import Evaluation, Plan, Skipped, Status, Trial, rank, results

FAILURES = (ValueError, FloatingPointError, MemoryError)
"""What libraries raise when a candidate cannot be fitted to the data."""

NO_MEMORY = "it needs more memory than the function has"


class Learner(ABC):
    """A task's training on one dataset, whose data it has read."""

    context: TrainingContext
    plan: Plan

    @abstractmethod
    def score(self, trial: Trial, fold: int) -> float | None:
        """Fits a trial on a fold's training rows and scores it on the others; greater is better.

        None where the others do not define the metric, as rows without labels. Raises Skipped, and
        ValueError, FloatingPointError or MemoryError when it cannot be fitted.
        """

    @abstractmethod
    def finish(self, evaluations: Sequence[Evaluation]) -> Trained:
        """Refits, exports, compares and evaluates the best candidate."""

    def evaluate(self, trial: Trial, fold: int) -> Evaluation:
        """How a trial does on a fold, from 0 on."""
        before = self.context.budget.spent()
        status: Status = "ok"
        score, reason = None, None
        try:
            value = self.score(trial, fold)
            score = None if value is None else float(value)
        except Skipped as why:
            status, reason = "skipped", str(why)
        except FAILURES as error:
            status, reason = "failed", failure(error)
        seconds = self.context.budget.spent() - before
        return Evaluation(trial, fold, status, seconds, score, reason)

    def prepare(self, trial: Trial, limit: Budget | None = None) -> None:
        """Fills a cache of what the evaluations of several trials share, if there is such.

        Raises Skipped where that would take longer than limit. score does the same without a limit
        where it was not done before.
        """
        return

    def expected_seconds(self, trial: Trial, fold: int) -> float:
        """About how long an evaluation will take; it may try a small part of it to find out."""
        return trial.expected_seconds

    def message(self, trial: Trial, fold: int) -> str | None:
        """What is reported as progress before an evaluation; None: nothing is."""
        if self.plan.folds == 1:
            return f"Validating {trial.candidate}."
        return f"Cross-validating {trial.candidate}, fold {fold + 1} of {self.plan.folds}."


def train(learner: Learner) -> Trained:
    """Evaluates what the learner plans in this process, and finishes."""
    with threads.limited(learner.plan.rows, learner.context.threads):
        return learner.finish(evaluated(learner))


def evaluated(learner: Learner) -> list[Evaluation]:
    """The evaluations of a learner's plan that the budget allows.

    All trials are evaluated on the first fold, in the plan's order, then on the second one, and so
    on. Where time is short, all have had their turn, and the best ones have more folds. An
    evaluation that would not end in time is not begun, unless its candidate is required, so that
    there is a model however short the time.
    """
    plan, context = learner.plan, learner.context
    entries = [_Progressing(trial) for trial in plan.trials]
    for fold in range(plan.folds):
        running = _in_time(entries, context.budget, plan.every_fold) if fold else entries
        for index, entry in enumerate(running):
            percent = 10 + round(60 * (fold + index / len(running)) / plan.folds)
            if message := learner.message(entry.trial, fold):
                context.progress("selecting", percent, message)
            entry.add(*_evaluation(learner, entry, fold, _required(plan, entry, entries)))
    evaluations = [evaluation for entry in entries for evaluation in entry.evaluations]
    for result in results(plan, evaluations):
        log("candidate tried", **result.record())
    return evaluations


def failure(error: Exception) -> str:
    """Why a candidate cannot be fitted, as its library says in the first line."""
    lines = str(error).strip().splitlines()
    if not lines and isinstance(error, MemoryError):
        return NO_MEMORY
    return lines[0][:300] if lines else "for a reason that its library does not give"


@dataclass
class _Progressing:
    """A trial, and its evaluations up to now."""

    trial: Trial
    evaluations: list[Evaluation] = field(default_factory=list)
    expected_seconds: float = 0.0
    """What another fold is expected to take, once there is one."""

    @property
    def scores(self) -> list[float]:
        return [one.score for one in self.evaluations if one.score is not None]

    @property
    def folds(self) -> int:
        """On how many folds it was evaluated."""
        return sum(one.status == "ok" for one in self.evaluations)

    @property
    def is_ok(self) -> bool:
        return all(one.status == "ok" for one in self.evaluations)

    def add(self, evaluation: Evaluation, shared_seconds: float) -> None:
        self.expected_seconds = evaluation.seconds - shared_seconds
        self.evaluations.append(evaluation)


def _required(plan: Plan, entry: _Progressing, entries: Iterable[_Progressing]) -> bool:
    """Whether a trial is evaluated however short the time is."""
    if plan.required is None:
        return not any(one.folds for one in entries)
    candidate = entry.trial.candidate
    others = [one for one in entries if one.trial.candidate == candidate]
    return candidate in plan.required and not any(one.folds for one in others)


def _in_time(
    entries: Sequence[_Progressing], budget: Budget, every_fold: bool
) -> list[_Progressing]:
    """Those that another fold of all of them leaves time for; the worst ones are left out first.

    One that is left alone has won, and is only evaluated again where every fold is needed.
    """
    most = max(entry.folds for entry in entries)
    running = [entry for entry in entries if entry.is_ok and entry.folds == most]
    running.sort(key=lambda entry: rank(entry.scores), reverse=True)
    left = budget.left()
    least = 1 if every_fold else 2
    while len(running) >= least and sum(entry.expected_seconds for entry in running) > left:
        running.pop()
    return running if len(running) >= least else []


def _evaluation(
    learner: Learner, entry: _Progressing, fold: int, required: bool
) -> tuple[Evaluation, float]:
    """The evaluation of a trial, and how many of its seconds were spent before its fit."""
    context, trial = learner.context, entry.trial
    store = context.store if learner.plan.conditions is not None else None
    key = learner.plan.key(trial, fold, context.seed)
    done = store.get(key) if store is not None else None
    if done is not None and (done.trial, done.fold, done.status) == (trial, fold, "ok"):
        return msgspec.structs.replace(done, trial=trial), 0.0
    before = context.budget.spent()
    obstacle = _obstacle(learner, entry, fold, required)
    seconds = context.budget.spent() - before
    if obstacle is not None:
        return msgspec.structs.replace(obstacle, seconds=seconds), seconds
    evaluation = learner.evaluate(trial, fold)
    evaluation = msgspec.structs.replace(evaluation, seconds=evaluation.seconds + seconds)
    if store is not None and evaluation.score is not None and math.isfinite(evaluation.score):
        store.put(key, evaluation)
    return evaluation, seconds


def _obstacle(
    learner: Learner, entry: _Progressing, fold: int, required: bool
) -> Evaluation | None:
    """What an evaluation ends in before it begins, if so: skipped for want of time, or failed."""
    budget, trial = learner.context.budget, entry.trial
    try:
        if required:
            learner.prepare(trial)
            return None
        if budget.left() <= 0:
            raise Skipped("the time budget is used up")
        learner.prepare(trial, budget)
        known = entry.expected_seconds if entry.folds else None
        seconds = learner.expected_seconds(trial, fold) if known is None else known
        left = max(0.0, budget.left())
        if not left:
            raise Skipped("the time budget is used up")
        if seconds > left:
            raise Skipped(f"needs about {seconds:.0f} s, and {left:.0f} s are left")
    except Skipped as why:
        return Evaluation(trial, fold, "skipped", 0.0, reason=str(why))
    except FAILURES as error:
        return Evaluation(trial, fold, "failed", 0.0, reason=failure(error))
    return None
