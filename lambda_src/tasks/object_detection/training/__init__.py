"""Candidates for objects and their boxes in an image, and how they are evaluated.

Each candidate is a frozen network at one size of its input, with linear heads on its maps. The
maps that the heads are fitted on come out of the very graph that is served.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import msgspec
import numpy as np
from sklearn.model_selection import GroupKFold

from common.datasets import Split
from common.registry import ModelManifest
from tasks import Trained, TrainingData
from tasks.framework.training import engine, parity
from tasks.framework.training.context import Budget, TrainingContext
from tasks.framework.training.estimators import EstimatorLearner, fit
from tasks.framework.training.folds import Folds
from tasks.framework.training.publication import Comparison, first_faithful, to_export
from tasks.framework.training.trials import Evaluation, Plan, Trial, conditions, trials
from tasks.images.boxes import MIN_SCORE
from tasks.images.training import reading
from tasks.images.training.extraction import (
    FeatureCache,
    Network,
    backbone_record,
    backbone_records,
    row_limit,
)
from tasks.object_detection.objects import decode
from tasks.object_detection.options import Candidate as Name
from tasks.object_detection.options import Training
from tasks.object_detection.training import evaluation
from tasks.object_detection.training.detector import Detector, Found
from tasks.object_detection.training.graph import detecting
from tasks.object_detection.training.maps import Maps, extract, mapping, values_per_image

FOLDS = 3
STRENGTHS = (100.0, 300.0, 1000.0)

LEAST_VALIDATION = 100
"""So many validation images compare the candidates; with fewer, cross-validation does."""

EVALUATED = 1000
"""Test images that a model is evaluated and compared on."""

CELLS = 400
"""Of an image of 320 x 320 pixels."""


LEARNED: tuple[Split, ...] = ("train", "validation")


def learner(source: TrainingData, options: Training, context: TrainingContext) -> "ObjectDetector":
    """The training on a dataset, as plan, evaluate and finish."""
    return ObjectDetector(source, options, context)


def train(source: TrainingData, options: Training, context: TrainingContext) -> Trained:
    """Chooses, fits, exports and checks a detector. Raises Unprocessable without a backbone."""
    return engine.train(learner(source, options, context))


@dataclass(frozen=True)
class _Fitted:
    """A trial's network, and the detector that was fitted on its maps."""

    candidate: str
    network: Network
    detector: Detector


class ObjectDetector(EstimatorLearner):
    """The training of a detector; a trial is a network with heads on its maps.

    y holds the truths of train and validation together.
    """

    def __init__(self, source: TrainingData, options: Training, context: TrainingContext) -> None:
        self.context = context
        context.progress("reading", 5, "Reading the dataset.")
        names = list(dict.fromkeys(options.candidates or get_args(Name)))
        most = row_limit(context.memory_mb, values_per_image(max(map(_side, names))))
        self._source = source = reading.limited(_with_fewer_test_images(source), most)
        targets = reading.targets(source, LEARNED)
        self._labels = sorted({one.label for target in targets for one in decode(target)})
        self.y = evaluation.truths(source, LEARNED, self._labels)
        self.scorer = evaluation.score
        rows, cut = np.arange(len(self.y)), source.rows["train"]
        self.folds: Folds = [(rows[:cut], rows[cut:])]
        if len(self.y) - cut < LEAST_VALIDATION:
            self.folds = _folds(reading.alike(source, LEARNED), context.seed)
        strengths = [{"strength": strength} for strength in STRENGTHS]
        self.plan = Plan(
            trials=[trial for name in names for trial in trials(name, *strengths)],
            folds=len(self.folds),
            metric=evaluation.METRIC,
            rows=len(self.y) * CELLS,
            required=names[:1],
            conditions=conditions(source, "object_detection", backbones=backbone_records(source)),
        )
        self._maps = FeatureCache(self._network, self._extract)

    def prepare(self, trial: Trial, limit: Budget | None = None) -> None:
        self._maps.of(trial.candidate, LEARNED, limit)

    def features(self, trial: Trial) -> Maps:
        return self._maps.of(trial.candidate, LEARNED)

    def estimator(self, trial: Trial) -> Detector:
        return Detector(len(self._labels), trial.parameters["strength"], self.context.seed)

    def message(self, trial: Trial, fold: int) -> str | None:
        if not self._maps.are_there(trial.candidate):
            return f"Making features with {trial.candidate}."
        return super().message(trial, fold)

    def finish(self, evaluations: Sequence[Evaluation]) -> Trained:
        context, source, labels = self.context, self._source, self._labels
        ranked = to_export(self, evaluations)
        held_out = reading.instances(source, "test", EVALUATED)
        truths = evaluation.truths(source, ("test",), labels)

        def refit(trial: Trial) -> _Fitted:
            detector = fit(self.estimator(trial), self.features(trial), self.y)
            return _Fitted(trial.candidate, self._maps.network(trial.candidate), detector)

        def compare(fitted: _Fitted, graph: bytes) -> Comparison[list[Found]]:
            inputs = _inputs(fitted.network, source, 0.0)
            served = evaluation.served(inputs, labels, graph, held_out)
            dense = fitted.detector.dense(self._maps.of(fitted.candidate, ("test",)))
            return Comparison(parity.checked(evaluation.compared(served, dense, truths)), served)

        published = first_faithful(
            ranked,
            refit=refit,
            export=lambda fitted: detecting(fitted.network, fitted.detector),
            compare=compare,
        )
        network = published.fitted.network
        context.progress("evaluating", 85, "Evaluating it on the test split.")
        least = self._threshold(published.trial)
        metrics, baseline, details = evaluation.evaluated(
            published.served, (self.y, truths), labels, least, context.seed
        )
        return Trained(
            metric=self.plan.metric,
            inputs=_inputs(network, source, least),
            labels=labels,
            selected=published.selected,
            candidates=published.candidates(),
            metrics=metrics,
            baseline=baseline,
            details={**details, "backbone": backbone_record(network.name, source)},
            parity=published.parity.record(),
            files={"model.onnx": published.graph},
        )

    def _threshold(self, trial: Trial) -> float:
        """min_score where an instance does not say it, from images of a fold not learned from."""
        learned, held_out = self.folds[0]
        maps = self.features(trial)
        fitted = fit(self.estimator(trial), maps[learned], self.y[learned])
        return evaluation.threshold(fitted, maps[held_out], self.y[held_out])

    def _network(self, name: str, limit: Budget | None) -> Network:
        pretrained = name.rpartition("_")[0]
        return mapping(self._source, pretrained, _side(name), self.context.threads, limit)

    def _extract(self, network: Network, splits: tuple[Split, ...], limit: Budget | None) -> Maps:
        return extract(network, self._source, splits, self.context.threads, limit)


def _side(name: str) -> int:
    """The side of a candidate's input in pixels, with which its name ends."""
    return int(name.rpartition("_")[2])


def _folds(groups: Sequence[int], seed: int) -> Folds:
    """Folds of images that keep groups of near-duplicates together."""
    if len(set(groups)) < FOLDS:  # nearly the same picture again and again, as of a fixed camera
        groups = range(len(groups))
    return list(GroupKFold(FOLDS, shuffle=True, random_state=seed).split(groups, groups=groups))


def _inputs(network: Network, source: TrainingData, least: float) -> dict[str, Any]:
    """What serving needs beside the graph."""
    return {
        **reading.image_input(source),
        "side": network.side,
        MIN_SCORE: round(least, 4),
    }


def score(
    manifest: ModelManifest, files: Mapping[str, bytes], source: TrainingData, metric: str
) -> float:
    """The metric of a published model on the test split; greater is better."""
    labels, source = manifest.labels or [], _with_fewer_test_images(source)
    held_out = reading.instances(source, "test", EVALUATED)
    answers = evaluation.served(manifest.inputs, labels, files["model.onnx"], held_out)
    return evaluation.average(answers, evaluation.truths(source, ("test",), labels))


def _with_fewer_test_images(source: TrainingData) -> TrainingData:
    """The dataset with no more test images than there is time for."""
    rows = {**source.rows, "test": min(source.rows["test"], EVALUATED)}
    return msgspec.structs.replace(source, rows=rows)
