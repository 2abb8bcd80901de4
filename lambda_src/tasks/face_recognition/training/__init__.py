"""Candidates for descriptors of faces, the people enrolled with them, and how they are judged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np

from common.invocation import Invocation
from common.problems import Unprocessable
from common.registry import ModelManifest
from tasks import Trained, TrainingData
from tasks.face_recognition import UNKNOWN, serving
from tasks.face_recognition.options import BACKBONES, Training
from tasks.face_recognition.options import Candidate as Name
from tasks.face_recognition.training import gradients, judging
from tasks.face_recognition.training.enrolment import Trials, cross_enrol, means
from tasks.face_recognition.training.extending import extend
from tasks.face_recognition.training.gallery import ENROLLED, Enrolled, Gallery
from tasks.face_recognition.training.methods import Features, Method, method
from tasks.framework.training import threads
from tasks.framework.training.publication import best_first, first_faithful
from tasks.framework.training.run import Run
from tasks.framework.training.selection import Outcome
from tasks.images.training import reading
from tasks.images.training.extraction import Skipped, backbone_record, row_limit

SCORED_ROWS = 5000


@dataclass(frozen=True)
class _Question:
    """Whom the images of train and validation show, by name, and the number of each one's person.

    Strangers have no number but judging.STRANGER. Near-duplicates have the same number in alike.
    """

    source: TrainingData
    people: list[str]
    y: np.ndarray
    alike: np.ndarray

    @classmethod
    def of(cls, source: TrainingData) -> "_Question":
        names = reading.targets(source, ENROLLED)
        people = sorted(set(names) - {UNKNOWN})
        if len(people) < 2:
            raise Unprocessable(
                f"The training rows show {len(people)} people ({', '.join(people)}): a threshold "
                "takes two or more."
            )
        alike = np.array(reading.alike(source, ENROLLED))
        return cls(source, people, judging.numbers(names, people), alike)


@dataclass(frozen=True)
class _Fit:
    """What publishing a candidate needs."""

    method: Method
    features: Features
    trials: Trials


def train(source: TrainingData, options: Training, run: Run) -> Trained:
    """Chooses a kind of descriptor, and enrols the people of train and validation.

    With the option extends, adds them to a model that is there.
    """
    if source.base is not None:
        return extend(source.base, source, options, run)
    run.progress("reading", 5, "Reading the dataset.")
    limit = row_limit(run.invocation.memory_mb, gradients.FEATURES)
    question = _Question.of(reading.limited(source, limit))
    threads.limit(len(question.y), run.invocation.threads)
    metric = options.metric or "accuracy"
    outcomes: list[Outcome] = []
    for name in options.candidates or get_args(Name):
        run.progress("selecting", 10 + 30 * len(outcomes), f"Enrolling people with {name}.")
        outcomes.append(_try(name, question, metric, run))
    return _published(question, best_first(outcomes), metric, run)


def _try(name: str, question: _Question, metric: str, run: Run) -> Outcome:
    started = run.budget.spent()
    # The last one needs no pretrained network: there must be a model however short the time.
    limit = None if name == get_args(Name)[-1] else run.budget
    try:
        tried = method(name, question.source, run.invocation.threads)
        found = tried.features(question.source, ENROLLED, run.invocation, limit)
        used = found.seen & (question.y != judging.STRANGER)
        trials = _trials(found.values[used], question, used, tried, run.seed)
    except Skipped as why:
        return Outcome(name, "skipped", run.budget.spent() - started, str(why))
    share = used.sum() / (question.y != judging.STRANGER).sum()  # no face seen: not recognised
    score = float(share) * trials.score(metric)
    fitting = _Fit(tried, found, trials)
    return Outcome(name, "ok", run.budget.spent() - started, score=score, estimator=fitting)


def _trials(
    x: np.ndarray, question: _Question, used: np.ndarray, tried: Method, seed: int
) -> Trials:
    """Of the features of the images used. Raises Skipped where too little is enrolled."""
    y = np.unique(question.y[used], return_inverse=True)[1]
    try:
        return cross_enrol(x, y, tried.fit, seed, question.alike[used])
    except (ValueError, np.linalg.LinAlgError) as error:
        advice = "it takes two images of two people, and of three without a pretrained network"
        raise Skipped(f"cannot find a threshold ({error}): {advice}") from None


def _enrolled(entry: _Fit, question: _Question, invocation: Invocation) -> Enrolled:
    used = entry.features.seen & (question.y != judging.STRANGER)
    there, y = np.unique(question.y[used], return_inverse=True)
    x = entry.features.values[used]
    project = entry.method.fit(x, y)
    gallery = Gallery(
        [question.people[number] for number in there],
        means(project(x), y, len(there)),
        entry.trials.threshold(),
        entry.trials.pair_threshold(),
        reading.white(question.source),
    )
    test = entry.method.features(question.source, ("test",), invocation)
    described = Features(project(test.values), test.seen)
    return Enrolled(entry.method, project, gallery, entry.features, described)


def _published(question: _Question, outcomes: Sequence[Outcome], metric: str, run: Run) -> Trained:
    """The best candidate that is served as it was fitted, judged on the test split."""
    source = question.source
    run.progress("exporting", 75, f"Exporting {outcomes[0].name} and comparing it with its origin.")
    published = first_faithful(
        outcomes,
        fit_again=lambda outcome: _enrolled(outcome.estimator, question, run.invocation),
        exported=lambda made: made.method.exported(made.project),
        compare=lambda made, graph: made.compared(source, graph),
    )
    run.progress("judging", 85, "Judging it on the test split.")
    made: Enrolled = published.fitted
    trials: Trials = published.outcome.estimator.trials
    about = {
        "metric": metric,
        "selected": published.outcome.name,
        "candidates": [outcome.record() for outcome in outcomes],
        "parity": published.parity.record(),
    }
    used = BACKBONES if made.method.files else ()
    details = {
        "backbones": [backbone_record(one, source) for one in used],
        "cross_enrolment": trials.record(),
    }
    return made.trained(source, published.graph, about, details, run.seed)


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
