"""Candidates for descriptors of faces, the people enrolled with them, and how they are judged."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import joblib
import numpy as np

from common.datasets import Split
from common.invocation import Invocation
from common.jobs import Progress
from common.problems import Unprocessable
from common.registry import ModelManifest
from tasks import Trained, TrainingData
from tasks.face_recognition import UNKNOWN, serving
from tasks.face_recognition.options import BACKBONES, Training
from tasks.face_recognition.options import Candidate as Name
from tasks.face_recognition.training import gradients, judging
from tasks.face_recognition.training.enrolment import Project, Trials, cross_enrol, means
from tasks.face_recognition.training.methods import Features, Method, method
from tasks.shared.images.arrays import squeezed
from tasks.shared.images.training import reading
from tasks.shared.images.training.extraction import (
    Network,
    Skipped,
    backbone_record,
    row_limit,
)
from tasks.shared.training import parity, threads
from tasks.shared.training.publication import first_faithful
from tasks.shared.training.selection import Budget, Outcome

SCORED_ROWS = 5000
BASELINE_SIDE = 32
ENROLLED: tuple[Split, ...] = ("train", "validation")


@dataclass(frozen=True)
class _Question:
    """Whom the images of train and validation show, by name, and the number of each one's person.

    Strangers have no number but judging.STRANGER.
    """

    source: TrainingData
    people: list[str]
    y: np.ndarray

    @classmethod
    def of(cls, source: TrainingData) -> "_Question":
        names = reading.targets(source, ENROLLED)
        people = sorted(set(names) - {UNKNOWN})
        if len(people) < 2:
            raise Unprocessable(
                f"The training rows show {len(people)} people ({', '.join(people)}): a threshold "
                "takes two or more."
            )
        return cls(source, people, judging.numbers(names, people))


@dataclass(frozen=True)
class _Entry:
    """A candidate that was tried, with what publishing it needs."""

    outcome: Outcome
    method: Method | None = None
    features: Features | None = None
    trials: Trials | None = None


@dataclass(frozen=True)
class Gallery:
    """The people that a model knows: a mean for each, and how near a face has to be."""

    people: list[str]
    means: np.ndarray
    threshold: float
    pair_threshold: float

    def inputs(self, network: Network, image: str) -> dict[str, Any]:
        """What serving needs beside the files."""
        return {
            "image": image,
            "side": network.side,
            "channels": network.channels,
            "people": self.people,
            "threshold": self.threshold,
            "pair_threshold": self.pair_threshold,
        }

    def files(self, graph: bytes, chosen: Method) -> dict[str, bytes]:
        file = io.BytesIO()
        np.save(file, self.means, allow_pickle=False)
        return {"model.onnx": graph, "people.npy": file.getvalue(), **chosen.files}


@dataclass(frozen=True)
class _Enrolled:
    """A candidate with everybody enrolled, and the descriptors of the test images."""

    method: Method
    project: Project
    gallery: Gallery
    test: np.ndarray
    seen: np.ndarray


def train(
    source: TrainingData,
    options: Training,
    seed: int,
    invocation: Invocation,
    budget_seconds: float,
    progress: Progress,
) -> Trained:
    """Chooses a kind of descriptor, and enrols the people of train and validation."""
    budget = Budget(budget_seconds)
    progress("reading", 5, "Reading the dataset.")
    limit = row_limit(invocation.memory_mb, gradients.FEATURES)
    question = _Question.of(reading.limited(source, limit))
    threads.limit(len(question.y), invocation.threads)
    metric = options.metric or "accuracy"
    entries: list[_Entry] = []
    for name in options.candidates or get_args(Name):
        progress("selecting", 10 + 30 * len(entries), f"Enrolling people with {name}.")
        entries.append(_try(name, question, metric, seed, invocation, budget))
    entries.sort(key=lambda entry: -_score(entry.outcome))
    if entries[0].method is None:
        reasons = "; ".join(f"{one.outcome.name} {one.outcome.reason}" for one in entries)
        raise Unprocessable(f"No candidate could be tried: {reasons}.")
    return _published(question, entries, metric, seed, invocation, progress)


def _score(outcome: Outcome) -> float:
    return -np.inf if outcome.score is None else outcome.score


def _try(
    name: str, question: _Question, metric: str, seed: int, invocation: Invocation, budget: Budget
) -> _Entry:
    started = budget.spent()
    # The last one needs no pretrained network: there must be a model however short the time.
    limit = None if name == get_args(Name)[-1] else budget
    try:
        tried = method(name, question.source, invocation.threads)
        found = tried.features(question.source, ENROLLED, invocation, limit)
        used = found.seen & (question.y != judging.STRANGER)
        trials = _trials(found.values[used], question.y[used], tried, seed)
    except Skipped as why:
        return _Entry(Outcome(name, "skipped", budget.spent() - started, str(why)))
    share = used.sum() / (question.y != judging.STRANGER).sum()  # no face seen: not recognised
    score = float(share) * trials.score(metric)
    return _Entry(Outcome(name, "ok", budget.spent() - started, score=score), tried, found, trials)


def _trials(x: np.ndarray, y: np.ndarray, tried: Method, seed: int) -> Trials:
    """Raises Skipped where too little is enrolled."""
    try:
        return cross_enrol(x, np.unique(y, return_inverse=True)[1], tried.fit, seed)
    except (ValueError, np.linalg.LinAlgError) as error:
        advice = "it takes two images of two people, and of three without a pretrained network"
        raise Skipped(f"cannot find a threshold ({error}): {advice}") from None


def _enrolled(entry: _Entry, question: _Question, invocation: Invocation) -> _Enrolled:
    assert entry.method is not None  # it has a score
    assert entry.features is not None
    assert entry.trials is not None
    used = entry.features.seen & (question.y != judging.STRANGER)
    there, y = np.unique(question.y[used], return_inverse=True)
    x = entry.features.values[used]
    project = entry.method.fit(x, y)
    gallery = Gallery(
        [question.people[number] for number in there],
        means(project(x), y, len(there)),
        entry.trials.threshold(),
        entry.trials.pair_threshold(),
    )
    test = entry.method.features(question.source, ("test",), invocation)
    return _Enrolled(entry.method, project, gallery, project(test.values), test.seen)


def _published(
    question: _Question,
    entries: Sequence[_Entry],
    metric: str,
    seed: int,
    invocation: Invocation,
    progress: Progress,
) -> Trained:
    """The best candidate that is served as it was fitted, judged on the test split."""
    source, image = question.source, reading.column(question.source)
    tried = {entry.outcome.name: entry for entry in entries}
    outcomes = [entry.outcome for entry in entries]
    progress("exporting", 75, f"Exporting {outcomes[0].name} and comparing it with its origin.")
    held_out = reading.instances(source, "test", parity.ROWS)
    published = first_faithful(
        outcomes,
        fit_again=lambda outcome: _enrolled(tried[outcome.name], question, invocation),
        exported=lambda made: made.method.exported(made.project),
        compare=lambda made, graph: _compared(made, graph, image, held_out),
    )
    progress("judging", 85, "Judging it on the test split.")
    made: _Enrolled = published.fitted
    pickle = io.BytesIO()
    joblib.dump({"project": made.project, "gallery": made.gallery}, pickle, compress=3)
    names = reading.targets(source, ("test",))
    people = judging.everybody(made.gallery.people, question.people)
    truth = judging.numbers(names, people)
    return Trained(
        metric=metric,
        inputs=made.gallery.inputs(made.method.network, image),
        labels=None,  # people come and go: versions are compared by what they answer
        selected=published.outcome.name,
        candidates=[outcome.record() for outcome in outcomes],
        metrics=judging.judged(truth, _answers(made), seed),
        baseline=_baseline(question, truth, people, seed),
        details=_details(question, tried[published.outcome.name], made, names),
        parity=published.parity.record(),
        files={
            **made.gallery.files(published.graph, made.method),
            "model.joblib": pickle.getvalue(),
        },
    )


def _answers(made: _Enrolled) -> judging.Answers:
    gallery = made.gallery
    return judging.Answers.of(made.test, made.seen, gallery.means, gallery.threshold)


def _compared(made: _Enrolled, graph: bytes, image: str, held_out: Sequence[Any]) -> parity.Parity:
    """Compares similarities as inference answers them. Raises ParityFailed."""
    inputs = made.gallery.inputs(made.method.network, image)
    model = serving.load(inputs, None, made.gallery.files(graph, made.method))
    answers = [answer["similarity"] for answer in model.predict(held_out)[0]]
    seen = made.seen[: len(answers)]
    if [answer is not None for answer in answers] != seen.tolist():
        raise parity.ParityFailed("serving sees faces in other images than training did")
    nearest = (made.test @ made.gallery.means.T).max(axis=1)[: len(answers)]
    served = np.array([answer for answer in answers if answer is not None])
    return parity.compare_values(served, nearest[seen], scale=1.0)


def _baseline(
    question: _Question, truth: np.ndarray, people: Sequence[str], seed: int
) -> dict[str, Any]:
    names = reading.targets(question.source, ENROLLED)
    y = judging.numbers(names, people)

    def pictures(*splits: Any) -> np.ndarray:
        images = reading.pictures(question.source, splits, 2 * BASELINE_SIDE)
        return np.concatenate([squeezed([image], BASELINE_SIDE, 1) for image in images])

    enrolled = pictures(*ENROLLED)[y != judging.STRANGER]
    return judging.baseline(enrolled, y[y != judging.STRANGER], pictures("test"), truth, seed)


def _details(
    question: _Question, entry: _Entry, made: _Enrolled, names: Sequence[str]
) -> dict[str, Any]:
    """What became of the images and the people, and what the thresholds come from."""
    assert entry.features is not None  # it has a score
    assert entry.trials is not None
    source, gallery = question.source, made.gallery
    used = BACKBONES if made.method.files else ()
    return {
        "backbones": [backbone_record(one, source) for one in used],
        "people_without_a_face": sorted(set(question.people) - set(gallery.people)),
        "images_without_a_face": {
            "enrolled": int((~entry.features.seen).sum()),
            "test": int((~made.seen).sum()),
        },
        "cross_enrolment": entry.trials.record(),
        "verification": judging.pairs(
            made.test[made.seen],
            [name for name, seen in zip(names, made.seen, strict=True) if seen],
            gallery.pair_threshold,
        ),
    }


def score(
    manifest: ModelManifest, files: Mapping[str, bytes], source: TrainingData, metric: str
) -> float:
    """The metric of a published model on the test split; greater is better.

    Somebody whom the dataset enrols and the model does not know is to be known all the same.
    """
    inputs = manifest.inputs
    people = judging.everybody(inputs["people"], reading.targets(source, ENROLLED))
    held_out = reading.instances(source, "test", SCORED_ROWS)
    model = serving.load({**inputs, "threshold": -1.0}, None, files)  # to hear who is nearest
    answers = model.predict(held_out)[0]
    seen = np.array([answer["label"] is not None for answer in answers])
    similarity = np.array([answer["similarity"] or -1.0 for answer in answers])
    nearest = judging.numbers([answer["label"] or UNKNOWN for answer in answers], people)
    truth = judging.numbers(reading.targets(source, ("test",)), people)[: len(held_out)]
    accepted = seen & (similarity >= inputs["threshold"])
    return judging.score(metric, truth, judging.Answers(nearest, accepted))
