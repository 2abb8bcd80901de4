"""Candidates for recommendation, and how they are evaluated."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse

from common.datasets import SPLITS
from common.registry import ModelManifest
from tasks import Incomparable, Trained, TrainingData
from tasks.framework.training import engine, parity, threads
from tasks.framework.training.context import TrainingContext
from tasks.framework.training.engine import Learner
from tasks.framework.training.publication import Comparison, first_faithful, to_export
from tasks.framework.training.trials import Evaluation, Plan, Trial, conditions, named, trials
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
"""Interactions that a published model is evaluated on at most."""

EVALUATED_USERS = 5_000
"""Users on whom candidates and versions are evaluated: a mean over so many is sure to 0.005."""

EASE_SECONDS = 4e-11
"""Seconds of EASE for each n_items^3 on one vCPU, measured without haste."""


def learner(
    source: TrainingData, options: Training, context: TrainingContext
) -> "RecommendationLearner":
    """The training on a dataset, as plan, evaluate and finish."""
    return RecommendationLearner(source, options, context)


def train(source: TrainingData, options: Training, context: TrainingContext) -> Trained:
    """Chooses, fits, exports and checks a recommender."""
    return engine.train(learner(source, options, context))


class RecommendationLearner(Learner):
    """The training of a recommender, whose candidates are compared on the validation split."""

    def __init__(self, source: TrainingData, options: Training, context: TrainingContext) -> None:
        self.context = context
        context.progress("reading", 5, "Reading the dataset.")
        limit_of_rows = limit(context.memory_mb)
        self._data = read(source, limit_of_rows)
        self._n_items = modelled_items(self._data, context.memory_mb)
        self._longest: dict[str, float] = {}
        every = named(candidates(self._data, self._n_items), options.candidates)
        self.plan = Plan(
            trials=every,
            folds=1,
            metric=options.metric or "ndcg@20",
            rows=threads.MANY_ROWS if self._n_items > MANY_ITEMS else 0,
            required=[every[0].candidate],
            conditions=conditions(
                source, "recommendation", interactions=limit_of_rows, items=self._n_items
            ),
        )

    def score(self, trial: Trial, fold: int) -> float:
        data = self._data
        truth = data.truth("validation")
        users = sorted(truth)[:EVALUATED_USERS]
        histories = data.matrix(("train",), self._n_items, takes_logarithms(trial))
        model = fitted(trial, histories, self.context.seed)
        lists = evaluation.lists(model, histories, users)
        measured = evaluation.measured(lists, [truth[user] for user in users])
        return float(measured[self.plan.metric].mean())

    def evaluate(self, trial: Trial, fold: int) -> Evaluation:
        found = super().evaluate(trial, fold)
        name = trial.candidate
        self._longest[name] = max(self._longest.get(name, 0.0), found.seconds)
        return found

    def expected_seconds(self, trial: Trial, fold: int) -> float:
        """No less than the candidate's other trials took."""
        return max(trial.expected_seconds, self._longest.get(trial.candidate, 0.0))

    def finish(self, evaluations: Sequence[Evaluation]) -> Trained:
        context, data, n_items = self.context, self._data, self._n_items
        ranked = to_export(self, evaluations)
        truth = data.truth("test")
        users = sorted(truth)[:EVALUATED_USERS]
        published = first_faithful(
            ranked,
            refit=lambda trial: Ready.of(trial, data, n_items, context.seed),
            export=lambda ready: export(ready.fitted),
            compare=lambda ready, graph: _compared(ready, graph, data, users[: parity.ROWS]),
        )

        context.progress("evaluating", 85, "Evaluating it on the test split.")
        ready = published.fitted
        model = ready.served(published.graph, data)
        recommended = served(model, [data.users[user] for user in users])
        truths = [{data.items[index] for index in truth[user]} for user in users]
        popular = _most_popular(data, users)
        measured = evaluation.measured(recommended, truths)
        return Trained(
            metric=self.plan.metric,
            inputs=ready.inputs,
            labels=None,
            selected=published.selected,
            candidates=published.candidates(),
            metrics=evaluation.with_intervals(measured, context.seed),
            baseline={
                "name": "most popular items that the user has not taken yet",
                "metrics": {
                    name: float(values.mean())
                    for name, values in evaluation.measured(popular, truths).items()
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
    def of(cls, trial: Trial, data: Interactions, n_items: int, seed: int) -> "Ready":
        logarithmic = takes_logarithms(trial)
        histories = data.matrix(LEARNT, n_items, logarithmic)
        return cls(fitted(trial, histories, seed), logarithmic, n_items)

    @property
    def inputs(self) -> dict[str, Any]:
        """What serving and later evaluations need to know of its graph."""
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


def candidates(data: Interactions, n_items: int) -> list[Trial]:
    """The trials of each candidate, quick ones first."""
    weightings = (False, True) if data.counted else (False,)
    ease = (
        {"regularization": regularization, "log_counts": log}
        for regularization in (200, 50, 800, 10)
        for log in weightings
    )
    knn = (
        {"shrinkage": shrinkage, "neighbours": 100, "log_counts": log}
        for shrinkage in (10, 100)
        for log in weightings
    )
    ials = (
        {"factors": factors, "unobserved": unobserved, "regularization": regularization}
        for factors, unobserved, regularization in (
            (32, 0.3, 0.01),
            (32, 0.1, 0.02),
            (64, 0.3, 0.01),
            (32, 1.0, 0.003),
        )
    )
    return [
        *trials("popularity"),
        *trials("item_knn", *knn),
        *(Trial("ease", parameters, EASE_SECONDS * n_items**3) for parameters in ease),
        *trials("ials", *ials),
    ]


def takes_logarithms(trial: Trial) -> bool:
    """Whether a trial learns from the logarithms of counts, rather than from ones."""
    return bool(trial.parameters.get("log_counts"))


def fitted(trial: Trial, histories: sparse.csr_array, seed: int) -> learners.Fitted:
    """The recommender of a trial, fitted to histories, shape (n_users, n_items)."""
    values = trial.parameters
    match trial.candidate:
        case "item_knn":
            return learners.item_knn(histories, values["shrinkage"], values["neighbours"])
        case "ease":
            weights = learners.ease(histories, values["regularization"])
            dense = histories.shape[1] <= DENSE_ITEMS
            return learners.Dense(weights) if dense else learners.strongest(weights)
        case "ials":
            factors, unobserved = values["factors"], values["unobserved"]
            return learners.ials(histories, factors, unobserved, values["regularization"], seed)
    return learners.popularity(histories)


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
    users = sorted(truth)[:EVALUATED_USERS]
    model = Recommender(manifest.inputs, catalogue, files["model.onnx"])
    recommended = served(model, [data.users[user] for user in users])
    truths = [{data.items[one] for one in truth[user]} for user in users]
    return float(evaluation.measured(recommended, truths)[metric].mean())


def _compared(
    ready: Ready, graph: bytes, data: Interactions, users: Sequence[int]
) -> Comparison[list[dict[str, Any]]]:
    """What is served to users, beside what was fitted. Raises ParityFailed.

    Users with nothing that the recommender knows are answered otherwise, and left out.
    """
    histories = data.matrix(LEARNT, ready.n_items, ready.logarithmic)
    asked = [user for user in users if histories.indptr[user] < histories.indptr[user + 1]]
    position = {item: at for at, item in enumerate(data.items)}
    model = ready.served(graph, data)
    answers = model.recommend([{"user": data.users[user], "k": evaluation.K} for user in asked])
    largest, differ = 0.0, 0
    fitted = ready.fitted.scores(histories[asked])
    fitted[histories[asked].nonzero()] = -np.inf
    for scores, answer in zip(fitted, answers, strict=True):
        at = [position[one["item"]] for one in answer["items"]]
        given = np.array([one["score"] for one in answer["items"]])
        largest = max(largest, float(np.abs(scores[at] - given).max(initial=0.0)))
        least = np.sort(scores)[-len(at)] if at else 0.0
        differ += bool((scores[at] < least - parity.TOLERANCE).any())
    return Comparison(parity.checked(parity.Parity(len(asked), largest, differ)), answers)


def _most_popular(data: Interactions, users: Sequence[int]) -> list[list[str]]:
    histories = data.matrix(LEARNT)
    lists = evaluation.lists(learners.popularity(histories), histories, users)
    return [[data.items[index] for index in indices] for indices in lists]
