"""Candidates for objects and their boxes in an image, and how they are judged.

Each candidate is a frozen network at one size of its input, with linear heads on its maps. The
maps that the heads are fitted on come out of the very graph that is served.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import msgspec
import numpy as np
from sklearn.model_selection import GroupKFold

from common.registry import ModelManifest
from tasks import Trained, TrainingData
from tasks.framework.training import parity, threads
from tasks.framework.training.folds import Folds
from tasks.framework.training.publication import best_first, first_faithful
from tasks.framework.training.run import Run
from tasks.framework.training.selection import Candidate, Outcome, choose, fit
from tasks.images.boxes import MIN_SCORE
from tasks.images.training import reading
from tasks.images.training.extraction import Network, Skipped, backbone_record, row_limit
from tasks.object_detection.objects import decode
from tasks.object_detection.options import Candidate as Name
from tasks.object_detection.options import Training
from tasks.object_detection.training import judging
from tasks.object_detection.training.detector import Detector, Found
from tasks.object_detection.training.graph import detecting
from tasks.object_detection.training.maps import Maps, extract, mapping, values_per_image

FOLDS = 3
STRENGTHS = (100.0, 300.0, 1000.0)

LEAST_VALIDATION = 100
"""So many validation images judge the candidates; fewer do not, and cross-validation does."""

JUDGED = 1000
"""Test images that a model is judged and compared on."""

CELLS = 400
"""Of an image of 320 x 320 pixels."""


@dataclass(frozen=True)
class _Question:
    """What is to be learned: truths of train and validation together, and of test."""

    source: TrainingData
    labels: list[str]
    truths: np.ndarray
    test: np.ndarray
    folds: Folds

    @classmethod
    def of(cls, source: TrainingData, seed: int) -> "_Question":
        learned = reading.targets(source, ("train", "validation"))
        labels = sorted({one.label for target in learned for one in decode(target)})
        truths = judging.truths(source, ("train", "validation"), labels)
        rows, cut = np.arange(len(truths)), source.rows["train"]
        folds: Folds = [(rows[:cut], rows[cut:])]
        if len(truths) - cut < LEAST_VALIDATION:
            folds = _folds(reading.alike(source, ("train", "validation")), seed)
        return cls(source, labels, truths, judging.truths(source, ("test",), labels), folds)


def _folds(groups: Sequence[int], seed: int) -> Folds:
    """Folds of images by their groups of near-duplicates, which are learned from or judged on."""
    if len(set(groups)) < FOLDS:  # nearly the same picture again and again, as of a fixed camera
        groups = range(len(groups))
    return list(GroupKFold(FOLDS, shuffle=True, random_state=seed).split(groups, groups=groups))


@dataclass(frozen=True)
class _Fit:
    """What a refit of a candidate needs, to publish it."""

    network: Network
    maps: Maps
    detector: Detector


def train(source: TrainingData, options: Training, run: Run) -> Trained:
    """Chooses, fits, exports and checks a detector. Raises Unprocessable without a backbone."""
    run.progress("reading", 5, "Reading the dataset.")
    names = options.candidates or get_args(Name)
    most = row_limit(run.invocation.memory_mb, values_per_image(max(map(_side, names))))
    question = _Question.of(reading.limited(_judgeable(source), most), run.seed)
    threads.limit(len(question.truths) * CELLS, run.invocation.threads)
    outcomes: list[Outcome] = []
    for name in names:
        run.progress("selecting", 10 + 30 * len(outcomes), f"Making features with {name}.")
        outcomes.append(_try(name, question, run, must=not outcomes))
    return _published(question, best_first(outcomes), run)


def _side(name: str) -> int:
    """The side of a candidate's input in pixels, with which its name ends."""
    return int(name.rpartition("_")[2])


def _try(name: str, question: _Question, run: Run, must: bool) -> Outcome:
    """A candidate's outcome; one that must be tried is, however short the time."""
    started = run.budget.spent()
    limit = None if must else run.budget
    try:
        pretrained = name.rpartition("_")[0]
        network = mapping(question.source, pretrained, _side(name), run.invocation, limit)
        maps = extract(network, question.source, ("train", "validation"), run.invocation, limit)
    except Skipped as why:
        return Outcome(name, "skipped", run.budget.spent() - started, str(why))
    heads = Candidate(name, [Detector(len(question.labels), one, run.seed) for one in STRENGTHS])
    (outcome,) = choose([heads], maps, question.truths, judging.score, run, question.folds)
    outcome.seconds = run.budget.spent() - started
    outcome.estimator = _Fit(network, maps, outcome.estimator)
    return outcome


def _published(question: _Question, outcomes: Sequence[Outcome], run: Run) -> Trained:
    """The best candidate that is served as it was fitted, judged on the test split."""
    source, labels = question.source, question.labels
    run.progress("exporting", 75, f"Exporting {outcomes[0].name} and comparing it with its origin.")
    held_out = reading.instances(source, "test", JUDGED)
    answers: list[Found] = []

    def refit(outcome: Outcome) -> tuple[Network, Detector]:
        entry: _Fit = outcome.estimator
        return entry.network, fit(entry.detector, entry.maps, question.truths)

    def compare(fitted: tuple[Network, Detector], graph: bytes) -> parity.Parity:
        network, detector = fitted
        answers[:] = judging.served(_inputs(network, source, 0.0), labels, graph, held_out)
        maps = extract(network, source, ("test",), run.invocation)
        return parity.checked(judging.compared(answers, detector.dense(maps), question.test))

    published = first_faithful(
        outcomes,
        fit_again=refit,
        exported=lambda fitted: detecting(*fitted),
        compare=compare,
    )
    network, _ = published.fitted
    run.progress("judging", 85, "Judging it on the test split.")
    least = _threshold(question, published.outcome.estimator)
    metrics, baseline, details = judging.judged(
        answers, (question.truths, question.test), labels, least, run.seed
    )
    return Trained(
        metric=judging.METRIC,
        inputs=_inputs(network, source, least),
        labels=labels,
        selected=published.outcome.name,
        candidates=[outcome.record() for outcome in outcomes],
        metrics=metrics,
        baseline=baseline,
        details={**details, "backbone": backbone_record(network.name, source)},
        parity=published.parity.record(),
        files={"model.onnx": published.graph},
    )


def _threshold(question: _Question, entry: _Fit) -> float:
    """min_score where an instance does not say it, from images of a fold not learned from."""
    learn, judge = question.folds[0]
    fitted = fit(entry.detector, entry.maps[learn], question.truths[learn])
    return judging.threshold(fitted, entry.maps[judge], question.truths[judge])


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
    labels, source = manifest.labels or [], _judgeable(source)
    held_out = reading.instances(source, "test", JUDGED)
    answers = judging.served(manifest.inputs, labels, files["model.onnx"], held_out)
    return judging.average(answers, judging.truths(source, ("test",), labels))


def _judgeable(source: TrainingData) -> TrainingData:
    """The dataset with no more test images than there is time for."""
    rows = {**source.rows, "test": min(source.rows["test"], JUDGED)}
    return msgspec.structs.replace(source, rows=rows)
