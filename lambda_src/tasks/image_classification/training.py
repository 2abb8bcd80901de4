"""Candidates for a label from an image, and how they are judged.

Each candidate is a network of fixed features with a logistic regression on top. The features
that the regression is fitted on come out of the very graph that is served.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from common.registry import ModelManifest
from tasks import Trained, TrainingData
from tasks.framework.training import classification, parity, threads
from tasks.framework.training.estimators import labelled
from tasks.framework.training.folds import Folds
from tasks.framework.training.publication import best_first, first_faithful
from tasks.framework.training.run import Run
from tasks.framework.training.selection import Candidate, Outcome, choose, fit
from tasks.image_classification import kmeans_network, serving
from tasks.image_classification.options import Candidate as Name
from tasks.image_classification.options import Training
from tasks.images.arrays import squeezed
from tasks.images.training import reading
from tasks.images.training.extraction import (
    Network,
    Skipped,
    backbone,
    backbone_record,
    extract,
    row_limit,
)
from tasks.images.training.heads import append_softmax

LARGEST_SIDE = 32
"""Larger images are made this small for the k-means network, which sees six pixels at a time."""

BACKBONE_SIDE = 224
SAMPLE = 2000
"""Images that filters are learned from, and that tell of sizes and colours."""

LEAST_VALIDATION = 100
"""So many validation images judge the candidates; fewer do not, and cross-validation does."""

FOLDS = 5
SCORED_ROWS = 5000
PENALTIES = (0.01, 0.1, 1.0)


@dataclass(frozen=True)
class _Question:
    """What is to be learned: y holds the classes of train and validation, test those of test."""

    source: TrainingData
    classes: classification.Classes
    y: np.ndarray
    test: np.ndarray
    folds: Folds | None

    @classmethod
    def of(cls, source: TrainingData, seed: int) -> "_Question":
        train, validation = (reading.targets(source, (side,)) for side in ("train", "validation"))
        classes = classification.Classes.of([*train, *validation])
        y = classes.numbers([*train, *validation])
        rows = np.arange(len(y))
        cut = len(train)
        judge = len(validation) >= LEAST_VALIDATION and set(train) == set(classes.labels)
        folds: Folds | None = [(rows[:cut], rows[cut:])]
        if not judge:
            folds = _folds(y, reading.alike(source, ("train", "validation")), seed)
        return cls(source, classes, y, classes.numbers(reading.targets(source, ("test",))), folds)


def _folds(y: np.ndarray, groups: Sequence[int], seed: int) -> Folds | None:
    """Folds of images by their groups of near-duplicates, which are learned from or judged on.

    None, which is the usual folds, where a class would be missing from what is learned from.
    """
    fewest = int(np.bincount([one for one, _ in set(zip(y.tolist(), groups, strict=True))]).min())
    if fewest < 2:
        return None
    splitter = StratifiedGroupKFold(min(FOLDS, fewest), shuffle=True, random_state=seed)
    folds = list(splitter.split(y, y, groups))
    return folds if all(set(y[learn]) == set(y) for learn, _ in folds) else None


@dataclass(frozen=True)
class _Fit:
    """What a refit of a candidate needs."""

    network: Network
    features: np.ndarray
    head: Pipeline


def train(source: TrainingData, options: Training, run: Run) -> Trained:
    """Chooses, fits, exports and checks an image classifier."""
    run.progress("reading", 5, "Reading the dataset.")
    limit = row_limit(run.invocation.memory_mb, kmeans_network.WIDEST)
    question = _Question.of(reading.limited(source, limit), run.seed)
    metric = question.classes.metric(options.metric)
    threads.limit(len(question.y), run.invocation.threads)
    outcomes: list[Outcome] = []
    for name in options.candidates or get_args(Name):
        run.progress("selecting", 10 + 30 * len(outcomes), f"Making features with {name}.")
        outcomes.append(_try(name, question, metric, run))
    return _published(question, best_first(outcomes), metric, run)


def _try(name: str, question: _Question, metric: str, run: Run) -> Outcome:
    started = run.budget.spent()
    # Where nothing else was tried before, there must be a model however short the time.
    limit = None if name == get_args(Name)[0] else run.budget
    try:
        network = _network(name, question.source, run.seed)
        x = extract(network, question.source, ("train", "validation"), run.invocation, limit)
    except Skipped as why:
        return Outcome(name, "skipped", run.budget.spent() - started, str(why))
    heads = Candidate(name, [_head(penalty) for penalty in PENALTIES])
    (outcome,) = choose([heads], x, question.y, metric, run, question.folds)
    outcome.seconds = run.budget.spent() - started
    outcome.estimator = _Fit(network, x, outcome.estimator)
    return outcome


def _network(name: str, source: TrainingData, seed: int) -> Network:
    """A candidate's features. Raises Skipped."""
    if name != "kmeans_network":
        return backbone(name, source, BACKBONE_SIDE)
    images = reading.sample(source, "train", SAMPLE)
    side = min(LARGEST_SIDE, reading.median_side(images))
    channels = 1 if reading.are_grey(images) else 3
    geometry = kmeans_network.Geometry.of(max(side, kmeans_network.LEAST_SIDE), channels)
    pixels = squeezed(images, geometry.side, channels)
    graph = kmeans_network.learn(pixels, geometry, seed)
    return Network(name, graph, geometry.side, channels)


def _head(penalty: float) -> Pipeline:
    return make_pipeline(StandardScaler(), LogisticRegression(C=penalty, max_iter=200))


def _published(question: _Question, outcomes: Sequence[Outcome], metric: str, run: Run) -> Trained:
    """The best candidate that is served as it was fitted, judged on the test split."""
    source, classes = question.source, question.classes
    run.progress("exporting", 75, f"Exporting {outcomes[0].name} and comparing it with its origin.")
    held_out = reading.instances(source, "test", parity.ROWS)
    test_features: dict[int, np.ndarray] = {}

    def refit(outcome: Outcome) -> tuple[Network, Pipeline]:
        entry: _Fit = outcome.estimator
        return entry.network, fit(entry.head, entry.features, question.y)

    def compare(fitted: tuple[Network, Pipeline], graph: bytes) -> parity.Parity:
        network, head = fitted
        x = test_features[id(network)] = extract(network, source, ("test",), run.invocation)
        answers = classification.served(
            serving, _inputs(network, source), classes.labels, graph, held_out
        )
        return parity.compare_probabilities(answers, head.predict_proba(x[: len(held_out)]))

    published = first_faithful(
        outcomes,
        fit_again=refit,
        exported=lambda fitted: append_softmax(fitted[0].graph, fitted[1]),
        compare=compare,
    )
    run.progress("judging", 85, "Judging it on the test split.")
    network, head = published.fitted
    answers = head.predict_proba(test_features[id(network)])
    metrics, baseline, matrix = classification.judged(
        classes, question.test, answers, question.y, run.seed
    )
    return Trained(
        metric=metric,
        inputs=_inputs(network, source),
        labels=classes.labels,
        selected=published.outcome.name,
        candidates=[outcome.record() for outcome in outcomes],
        metrics=metrics,
        baseline=baseline,
        details={"confusion_matrix": matrix, "backbone": backbone_record(network.name, source)},
        parity=published.parity.record(),
        files=published.files(labelled(head, classes.labels)),
        warnings=classification.unknown_test_classes(
            classes, source.target or "label", reading.targets(source, ("test",))
        ),
    )


def _inputs(network: Network, source: TrainingData) -> dict[str, Any]:
    """What serving needs beside the graph."""
    return {
        **reading.image_input(source),
        "side": network.side,
        "channels": network.channels,
    }


def score(
    manifest: ModelManifest, files: Mapping[str, bytes], source: TrainingData, metric: str
) -> float:
    """The metric of a published model on the test split; greater is better."""
    held_out = reading.instances(source, "test", SCORED_ROWS)
    targets = reading.targets(source, ("test",))[:SCORED_ROWS]
    return classification.score_published(serving, manifest, files, held_out, targets, metric)
