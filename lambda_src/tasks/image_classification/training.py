"""Candidates for a label from an image, and how they are evaluated.

Each candidate is a network of fixed features with a logistic regression on top. The features
that the regression is fitted on come out of the very graph that is served.
"""

from collections.abc import Mapping, Sequence
from typing import Any, get_args

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from common.datasets import Split
from common.registry import ModelManifest
from tasks import Trained, TrainingData
from tasks.framework.training import classification, engine, parity
from tasks.framework.training.context import Budget, TrainingContext
from tasks.framework.training.estimators import EstimatorLearner, fit
from tasks.framework.training.exported import labelled
from tasks.framework.training.folds import Folds, usual
from tasks.framework.training.publication import Comparison, first_faithful, to_export
from tasks.framework.training.trials import Evaluation, Plan, Trial, conditions, trials
from tasks.image_classification import kmeans_network, serving
from tasks.image_classification.options import Candidate as Name
from tasks.image_classification.options import Training
from tasks.images.arrays import squeezed
from tasks.images.training import reading
from tasks.images.training.extraction import (
    FeatureCache,
    Network,
    backbone,
    backbone_record,
    backbone_records,
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
"""So many validation images compare the candidates; with fewer, cross-validation does."""

FOLDS = 5
SCORED_ROWS = 5000
PENALTIES = (0.01, 0.1, 1.0)

LEARNED: tuple[Split, ...] = ("train", "validation")


def learner(source: TrainingData, options: Training, context: TrainingContext) -> "ImageClassifier":
    """The training on a dataset, as plan, evaluate and finish."""
    return ImageClassifier(source, options, context)


def train(source: TrainingData, options: Training, context: TrainingContext) -> Trained:
    """Chooses, fits, exports and checks an image classifier."""
    return engine.train(learner(source, options, context))


class ImageClassifier(EstimatorLearner):
    """The training of a classifier of images; a trial is a network with a head on its features."""

    def __init__(self, source: TrainingData, options: Training, context: TrainingContext) -> None:
        self.context = context
        context.progress("reading", 5, "Reading the dataset.")
        limit = row_limit(context.memory_mb, kmeans_network.WIDEST)
        self._source = source = reading.limited(source, limit)
        train, validation = (reading.targets(source, (split,)) for split in LEARNED)
        self._classes = classes = classification.Classes.of([*train, *validation])
        self.y = classes.numbers([*train, *validation])
        metric = classes.metric(options.metric)
        self.scorer = classes.scorer(metric)
        rows, cut = np.arange(len(self.y)), len(train)
        if len(validation) >= LEAST_VALIDATION and set(train) == set(classes.labels):
            self.folds = [(rows[:cut], rows[cut:])]
        else:
            alike = reading.alike(source, LEARNED)
            self.folds = _folds(self.y, alike, context.seed) or usual(self.y, context.seed)
        names = list(dict.fromkeys(options.candidates or get_args(Name)))
        penalties = [{"logisticregression__C": penalty} for penalty in PENALTIES]
        self.plan = Plan(
            trials=[trial for name in names for trial in trials(name, *penalties)],
            folds=len(self.folds),
            metric=metric,
            rows=len(self.y),
            # This one needs no pretrained network: there must be a model however short the time.
            required=get_args(Name)[:1],
            conditions=conditions(
                source, "image_classification", backbones=backbone_records(source)
            ),
        )
        self._extracted = FeatureCache(self._network, self._extract)

    def prepare(self, trial: Trial, limit: Budget | None = None) -> None:
        self._extracted.of(trial.candidate, LEARNED, limit)

    def features(self, trial: Trial) -> np.ndarray:
        return self._extracted.of(trial.candidate, LEARNED)

    def estimator(self, trial: Trial) -> Pipeline:
        head = make_pipeline(StandardScaler(), LogisticRegression(max_iter=200))
        return head.set_params(**trial.parameters)

    def message(self, trial: Trial, fold: int) -> str | None:
        if not self._extracted.are_there(trial.candidate):
            return f"Making features with {trial.candidate}."
        return super().message(trial, fold)

    def finish(self, evaluations: Sequence[Evaluation]) -> Trained:
        context, classes, source = self.context, self._classes, self._source
        ranked = to_export(self, evaluations)
        held_out = reading.instances(source, "test", parity.ROWS)

        def refit(trial: Trial) -> tuple[Network, Pipeline]:
            head = fit(self.estimator(trial), self.features(trial), self.y)
            return self._extracted.network(trial.candidate), head

        def compare(fitted: tuple[Network, Pipeline], graph: bytes) -> Comparison[np.ndarray]:
            network, head = fitted
            inputs = _inputs(network, source)
            served = classification.served(serving, inputs, classes.labels, graph, held_out)
            x = self._extracted.of(network.name, ("test",))[: len(held_out)]
            return Comparison(parity.compare_probabilities(served, head.predict_proba(x)), served)

        published = first_faithful(
            ranked,
            refit=refit,
            export=lambda fitted: append_softmax(fitted[0].graph, fitted[1]),
            compare=compare,
        )
        context.progress("evaluating", 85, "Evaluating it on the test split.")
        network, head = published.fitted
        targets = reading.targets(source, ("test",))
        answers = head.predict_proba(self._extracted.of(network.name, ("test",)))
        metrics, baseline, matrix = classification.evaluated(
            classes, classes.numbers(targets), answers, self.y, context.seed
        )
        return Trained(
            metric=self.plan.metric,
            inputs=_inputs(network, source),
            labels=classes.labels,
            selected=published.selected,
            candidates=published.candidates(),
            metrics=metrics,
            baseline=baseline,
            details={"confusion_matrix": matrix, "backbone": backbone_record(network.name, source)},
            parity=published.parity.record(),
            files=published.files(labelled(head, classes.labels)),
            warnings=classification.unknown_test_classes(
                classes, source.target or "label", targets
            ),
        )

    def _network(self, name: str, limit: Budget | None) -> Network:
        """A candidate's features. Raises Skipped."""
        source = self._source
        if name != "kmeans_network":
            return backbone(name, source, BACKBONE_SIDE)
        images = reading.sample(source, "train", SAMPLE)
        side = min(LARGEST_SIDE, reading.median_side(images))
        channels = 1 if reading.are_grey(images) else 3
        geometry = kmeans_network.Geometry.of(max(side, kmeans_network.LEAST_SIDE), channels)
        pixels = squeezed(images, geometry.side, channels)
        graph = kmeans_network.learn(pixels, geometry, self.context.seed)
        return Network(name, graph, geometry.side, channels)

    def _extract(
        self, network: Network, splits: tuple[Split, ...], limit: Budget | None
    ) -> np.ndarray:
        return extract(network, self._source, splits, self.context.threads, limit)


def _folds(y: np.ndarray, groups: Sequence[int], seed: int) -> Folds | None:
    """Folds of images by their groups of near-duplicates, which are learned from or evaluated on.

    None, which is the usual folds, where a class would be missing from what is learned from.
    """
    fewest = int(np.bincount([one for one, _ in set(zip(y.tolist(), groups, strict=True))]).min())
    if fewest < 2:
        return None
    splitter = StratifiedGroupKFold(min(FOLDS, fewest), shuffle=True, random_state=seed)
    folds = list(splitter.split(y, y, groups))
    return folds if all(set(y[learn]) == set(y) for learn, _ in folds) else None


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
