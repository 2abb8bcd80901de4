"""Candidates for recommendation, and how they are judged."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse

from common.datasets import SPLITS
from common.logs import log
from common.registry import ModelManifest
from tasks import Incomparable, Trained, TrainingData
from tasks.framework.training import parity, threads
from tasks.framework.training.publication import first_faithful
from tasks.framework.training.run import Budget, Run
from tasks.framework.training.selection import Candidate, Outcome, failure, named
from tasks.recommendation import evaluation, learners
from tasks.recommendation.catalogue import Catalogue
from tasks.recommendation.graph import export
from tasks.recommendation.interactions import LEARNT, Interactions, limit, read
from tasks.recommendation.options import Training
from tasks.recommendation.serving import Recommender

MAX_ITEMS = 20_000
"""Most popular items that are learnt about; the memory that EASE needs grows with their square."""

MATRIX_SHARE = 0.4
"""The part of the function's memory that this square may fill."""

DENSE_ITEMS = 4_000
"""Up to here EASE keeps all weights, 64 MB of them; beyond, the strongest of each item."""

MANY_ITEMS = 1_000
"""From here on, a second thread computes more than it costs to wake."""

SCORED_INTERACTIONS = 10_000_000
"""Interactions that a published model is judged on at most."""

JUDGED_USERS = 5_000
"""Users on whom candidates and versions are judged: a mean over so many is sure to 0.005."""

EASE_SECONDS = 4e-11
"""Seconds of EASE for each n_items^3 on one vCPU, measured without haste."""


@dataclass(frozen=True)
class Setting:
    """One way to fit: from histories to a recommender, and whether counts weigh in."""

    parameters: Mapping[str, Any]
    fit: Callable[[sparse.csr_array], learners.Fitted]
    logarithmic: bool = False
    seconds: float = 0.0
    """What it is expected to take, where that is known beforehand."""


def train(source: TrainingData, options: Training, run: Run) -> Trained:
    """Chooses, fits, exports and checks a recommender."""
    run.progress("reading", 5, "Reading the dataset.")
    data = read(source, limit(run.invocation.memory_mb))
    n_items = modelled_items(data, run.invocation.memory_mb)
    threads.limit(threads.MANY_ROWS if n_items > MANY_ITEMS else 0, run.invocation.threads)
    metric = options.metric or "ndcg@20"
    rivals = candidates(data, n_items, run.seed)
    outcomes = choose(named(rivals, options.candidates), data, n_items, metric, run)

    run.progress("exporting", 75, f"Exporting {outcomes[0].name} and comparing it with its origin.")
    truth = data.truth("test")
    users = sorted(truth)[:JUDGED_USERS]
    published = first_faithful(
        outcomes,
        fit_again=lambda outcome: Ready.of(outcome.estimator, data, n_items),
        exported=lambda ready: export(ready.fitted),
        compare=lambda ready, graph: _compare(ready, graph, data, users[: parity.ROWS]),
    )

    run.progress("judging", 85, "Judging it on the test split.")
    ready: Ready = published.fitted
    model = ready.served(published.graph, data)
    recommended = served(model, [data.users[user] for user in users])
    truths = [{data.items[place] for place in truth[user]} for user in users]
    popular = _most_popular(data, users)
    return Trained(
        metric=metric,
        inputs=ready.inputs,
        labels=None,
        selected=published.outcome.name,
        candidates=[outcome.record() for outcome in outcomes],
        metrics=evaluation.with_intervals(evaluation.judged(recommended, truths), run.seed),
        baseline={
            "name": "most popular items that the user has not taken yet",
            "metrics": {
                name: float(values.mean())
                for name, values in evaluation.judged(popular, truths).items()
            },
        },
        details={
            "coverage": {
                "name": f"share of the items among the first {evaluation.K} of any test user",
                "value": evaluation.coverage(recommended, len(data.items)),
                "baseline": evaluation.coverage(popular, len(data.items)),
            },
            "catalogue": {
                "users": len(data.users),
                "items": len(data.items),
                "modelled_items": n_items,
                "judged_users": len(users),
            },
        },
        parity=published.parity.record(),
        files={
            "model.onnx": published.graph,
            # All that users took, so that none of it is recommended to them again.
            "catalogue.npz": data.catalogue(SPLITS, ready.logarithmic).encode(),
        },
    )


@dataclass(frozen=True)
class Ready:
    """A recommender fitted to all that is not for the test; n_items is what it scores."""

    fitted: learners.Fitted
    logarithmic: bool
    n_items: int

    @classmethod
    def of(cls, setting: Setting, data: Interactions, n_items: int) -> "Ready":
        histories = data.matrix(LEARNT, n_items, setting.logarithmic)
        return cls(setting.fit(histories), setting.logarithmic, n_items)

    @property
    def inputs(self) -> dict[str, Any]:
        """What serving and later judgement need to know of its graph."""
        fitted = self.fitted
        each = fitted.sources.shape[1] if isinstance(fitted, learners.Sparse) else 1
        return {
            "items": self.n_items,
            "cells_per_history": self.n_items * each,
            "personal": not isinstance(fitted, learners.Popularity),
            "log_counts": self.logarithmic,
        }

    def served(self, graph: bytes, data: Interactions) -> Recommender:
        """As inference serves it, before anybody took what is in the test."""
        return Recommender(self.inputs, data.catalogue(LEARNT, self.logarithmic), graph)


def modelled_items(data: Interactions, memory_mb: int) -> int:
    """How many of the most popular items are learnt about."""
    fit = int((memory_mb * 1e6 * MATRIX_SHARE / 4) ** 0.5)
    return min(data.popular, MAX_ITEMS, fit)


def candidates(data: Interactions, n_items: int, seed: int) -> list[Candidate]:
    """The settings of each candidate that compete, quick ones first."""
    weightings = (False, True) if data.counted else (False,)
    seconds = EASE_SECONDS * n_items**3

    def ease(regularization: float) -> Callable[[sparse.csr_array], learners.Fitted]:
        def fit(x: sparse.csr_array) -> learners.Fitted:
            weights = learners.ease(x, regularization)
            if n_items <= DENSE_ITEMS:
                return learners.Dense(weights)
            return learners.strongest(weights)

        return fit

    def knn(shrinkage: float, count: int) -> Callable[[sparse.csr_array], learners.Fitted]:
        return lambda x: learners.item_knn(x, shrinkage, count)

    def ials(factors: int, unobserved: float, penalty: float) -> Any:
        return lambda x: learners.ials(x, factors, unobserved, penalty, seed)

    return [
        Candidate("popularity", [Setting({}, learners.popularity)]),
        Candidate(
            "item_knn",
            [
                Setting({"shrinkage": s, "neighbours": 100, "log_counts": log}, knn(s, 100), log)
                for s in (10, 100)
                for log in weightings
            ],
        ),
        Candidate(
            "ease",
            [
                Setting({"regularization": r, "log_counts": log}, ease(r), log, seconds)
                for r in (200, 50, 800, 10)
                for log in weightings
            ],
        ),
        Candidate(
            "ials",
            [
                Setting({"factors": f, "unobserved": u, "regularization": r}, ials(f, u, r))
                for f, u, r in ((32, 0.3, 0.01), (32, 0.1, 0.02), (64, 0.3, 0.01), (32, 1.0, 0.003))
            ],
        ),
    ]


def choose(
    rivals: Sequence[Candidate],
    data: Interactions,
    n_items: int,
    metric: str,
    run: Run,
) -> list[Outcome]:
    """Every candidate's outcome on the validation side, best first.

    The first is always tried; others are skipped when they would not end in time.
    """
    truth = data.truth("validation")
    users = sorted(truth)[:JUDGED_USERS]
    truths = [truth[user] for user in users]

    def score(setting: Setting) -> float:
        histories = data.matrix(("train",), n_items, setting.logarithmic)
        found = evaluation.lists(setting.fit(histories), histories, users)
        return float(evaluation.judged(found, truths)[metric].mean())

    outcomes = []
    for number, candidate in enumerate(rivals):
        percent = 10 + round(60 * number / len(rivals))
        run.progress("selecting", percent, f"Validating {candidate.name}.")
        outcomes.append(_try(candidate, score, run.budget, must=number == 0))
        log("candidate tried", **outcomes[-1].record())
    return sorted(outcomes, key=Outcome.rank)


def _try(
    candidate: Candidate, score: Callable[[Setting], float], budget: Budget, must: bool
) -> Outcome:
    started = budget.spent()
    best = Outcome(candidate.name, "skipped", 0.0)
    longest = 0.0
    for number, setting in enumerate(candidate.estimators):
        before, left = budget.spent(), max(0.0, budget.left())
        needed = max(longest, setting.seconds)
        if not (must and number == 0) and needed >= left:
            if best.score is None:
                best.reason = f"needs about {needed:.0f} s more, and {left:.0f} s are left"
            break
        try:
            found = score(setting)
        except (ValueError, FloatingPointError, MemoryError) as error:
            best.reason = failure(error)
            best.status = "failed" if best.score is None else best.status
            continue
        longest = max(longest, budget.spent() - before)
        if best.score is None or found > best.score:
            parameters = dict(setting.parameters)
            best = Outcome(
                candidate.name, "ok", 0.0, score=found, parameters=parameters, estimator=setting
            )
    best.seconds = budget.spent() - started
    return best


def served(model: Recommender, users: Sequence[str]) -> list[list[str]]:
    """What inference would answer to each user, as ids."""
    answers = model.recommend([{"user": user, "k": evaluation.K} for user in users])
    return [[one["item"] for one in answer["items"]] for answer in answers]


def score(
    manifest: ModelManifest, files: Mapping[str, bytes], source: TrainingData, metric: str
) -> float:
    """The metric of a published model on the test split; greater is better.

    It is asked about the users of this dataset, in the items that it knows itself.
    """
    data = read(source, SCORED_INTERACTIONS)
    known = Catalogue.decode(files["catalogue.npz"])
    place = np.array([known.place_of.get(item, -1) for item in data.items])
    if (place < 0).all():
        raise Incomparable("it knows none of the items of the new dataset")
    taken = data.matrix(LEARNT, logarithmic=manifest.inputs["log_counts"]).tocoo()
    kept = place[taken.col] >= 0
    shape = (len(data.users), len(known.items))
    at = (taken.row[kept], place[taken.col[kept]])
    histories = sparse.csr_array((taken.data[kept], at), shape=shape)
    catalogue = replace(
        known,
        users=data.users,
        starts=histories.indptr,
        places=histories.indices,
        weights=histories.data,
    )
    truth = data.truth("test")
    users = sorted(truth)[:JUDGED_USERS]
    model = Recommender(manifest.inputs, catalogue, files["model.onnx"])
    recommended = served(model, [data.users[user] for user in users])
    truths = [{data.items[one] for one in truth[user]} for user in users]
    return float(evaluation.judged(recommended, truths)[metric].mean())


def _compare(ready: Ready, graph: bytes, data: Interactions, users: Sequence[int]) -> parity.Parity:
    """What is served to users, beside what was fitted. Raises ParityFailed.

    Users with nothing that the recommender knows are answered otherwise, and left out.
    """
    histories = data.matrix(LEARNT, ready.n_items, ready.logarithmic)
    asked = [user for user in users if histories.indptr[user] < histories.indptr[user + 1]]
    place = {item: at for at, item in enumerate(data.items)}
    model = ready.served(graph, data)
    answers = model.recommend([{"user": data.users[user], "k": evaluation.K} for user in asked])
    largest, differ = 0.0, 0
    fitted = ready.fitted.scores(histories[asked])
    fitted[histories[asked].nonzero()] = -np.inf
    for scores, answer in zip(fitted, answers, strict=True):
        at = [place[one["item"]] for one in answer["items"]]
        given = np.array([one["score"] for one in answer["items"]])
        largest = max(largest, float(np.abs(scores[at] - given).max(initial=0.0)))
        least = np.sort(scores)[-len(at)] if at else 0.0
        differ += bool((scores[at] < least - parity.TOLERANCE).any())
    return parity.checked(parity.Parity(len(asked), largest, differ))


def _most_popular(data: Interactions, users: Sequence[int]) -> list[list[str]]:
    histories = data.matrix(LEARNT)
    found = evaluation.lists(learners.popularity(histories), histories, users)
    return [[data.items[place] for place in places] for places in found]
