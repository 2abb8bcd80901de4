"""Candidates for descriptors of faces, people enrolled with them, and how they are evaluated."""

from collections.abc import Mapping, Sequence
from typing import get_args

import numpy as np

from common.datasets import Split
from common.problems import Unprocessable
from common.registry import ModelManifest
from tasks import Trained, TrainingData
from tasks.face_recognition import UNKNOWN, serving
from tasks.face_recognition.options import BACKBONES, Training
from tasks.face_recognition.options import Candidate as Name
from tasks.face_recognition.training import evaluation, gradients
from tasks.face_recognition.training.enrolment import CrossEnrolment, cross_enrol, means
from tasks.face_recognition.training.extending import extend
from tasks.face_recognition.training.gallery import ENROLLED, Enrolled, Gallery
from tasks.face_recognition.training.methods import Features, Method, method
from tasks.framework.training import engine
from tasks.framework.training.context import Budget, TrainingContext
from tasks.framework.training.engine import Learner
from tasks.framework.training.publication import first_faithful, to_export
from tasks.framework.training.trials import Evaluation, Plan, Skipped, Trial, conditions
from tasks.images.training import reading
from tasks.images.training.extraction import (
    FeatureCache,
    backbone_record,
    backbone_records,
    row_limit,
)

SCORED_ROWS = 5000


def learner(source: TrainingData, options: Training, context: TrainingContext) -> "FaceRecognizer":
    """The training on a dataset, as plan, evaluate and finish."""
    return FaceRecognizer(source, options, context)


def train(source: TrainingData, options: Training, context: TrainingContext) -> Trained:
    """Chooses a kind of descriptor, and enrols the people of train and validation.

    With the option extends, adds them to a model that is there.
    """
    if source.base is not None:
        return extend(source.base, source, options, context)
    return engine.train(learner(source, options, context))


class FaceRecognizer(Learner):
    """The training of a recognizer of people; a trial is a kind of descriptor.

    Each of its evaluations enrols people again and again, so that there is one fold.
    """

    def __init__(self, source: TrainingData, options: Training, context: TrainingContext) -> None:
        self.context = context
        context.progress("reading", 5, "Reading the dataset.")
        limit = row_limit(context.memory_mb, gradients.FEATURES)
        self._source = source = reading.limited(source, limit)
        names = reading.targets(source, ENROLLED)
        self._people = sorted(set(names) - {UNKNOWN})
        if len(self._people) < 2:
            raise Unprocessable(
                f"The training rows show {len(self._people)} people ({', '.join(self._people)}): a "
                "threshold takes two or more."
            )
        self._y = evaluation.numbers(names, self._people)
        self._alike = np.array(reading.alike(source, ENROLLED))
        self.plan = Plan(
            trials=[Trial(name) for name in dict.fromkeys(options.candidates or get_args(Name))],
            folds=1,
            metric=options.metric or "accuracy",
            rows=len(self._y),
            # This one needs no pretrained network: there must be a model however short the time.
            required=get_args(Name)[-1:],
            conditions=conditions(source, "face_recognition", backbones=backbone_records(source)),
        )
        self._described = FeatureCache(self._method, self._extract)
        self._cross_enrolments: dict[str, CrossEnrolment] = {}

    def prepare(self, trial: Trial, limit: Budget | None = None) -> None:
        self._described.of(trial.candidate, ENROLLED, limit)

    def score(self, trial: Trial, fold: int) -> float:
        enrolment = self._cross_enrolment(trial.candidate)
        used = self._used(trial.candidate)
        share = used.sum() / (self._y != evaluation.STRANGER).sum()  # no face seen: not recognised
        return float(share) * enrolment.score(self.plan.metric)

    def message(self, trial: Trial, fold: int) -> str | None:
        return f"Enrolling people with {trial.candidate}."

    def finish(self, evaluations: Sequence[Evaluation]) -> Trained:
        context, source = self.context, self._source
        ranked = to_export(self, evaluations)
        published = first_faithful(
            ranked,
            refit=lambda trial: self._enrolled(trial.candidate),
            export=lambda made: made.method.exported(made.project),
            compare=lambda made, graph: made.compared(source, graph),
        )
        context.progress("evaluating", 85, "Evaluating it on the test split.")
        made = published.fitted
        about = {
            "metric": self.plan.metric,
            "selected": published.selected,
            "candidates": published.candidates(),
            "parity": published.parity.record(),
        }
        used = BACKBONES if made.method.files else ()
        details = {
            "backbones": [backbone_record(one, source) for one in used],
            "cross_enrolment": self._cross_enrolment(published.selected).record(),
        }
        return made.trained(source, published.graph, about, details, context.seed)

    def _used(self, candidate: str) -> np.ndarray:
        """Which images show a face of somebody who is enrolled."""
        used: np.ndarray = self._described.of(candidate, ENROLLED).seen & (
            self._y != evaluation.STRANGER
        )
        return used

    def _cross_enrolment(self, candidate: str) -> CrossEnrolment:
        """Raises Skipped where too little is enrolled."""
        if candidate in self._cross_enrolments:
            return self._cross_enrolments[candidate]
        features, used = self._described.of(candidate, ENROLLED), self._used(candidate)
        y = np.unique(self._y[used], return_inverse=True)[1]
        fit = self._described.network(candidate).fit
        try:
            enrolment = cross_enrol(
                features.values[used], y, fit, self.context.seed, self._alike[used]
            )
        except (ValueError, np.linalg.LinAlgError) as error:
            advice = "it takes two images of two people, and of three without a pretrained network"
            raise Skipped(f"cannot find a threshold ({error}): {advice}") from None
        self._cross_enrolments[candidate] = enrolment
        return enrolment

    def _enrolled(self, candidate: str) -> Enrolled:
        features, used = self._described.of(candidate, ENROLLED), self._used(candidate)
        enrolment = self._cross_enrolment(candidate)
        described_by = self._described.network(candidate)
        there, y = np.unique(self._y[used], return_inverse=True)
        x = features.values[used]
        project = described_by.fit(x, y)
        gallery = Gallery(
            [self._people[number] for number in there],
            means(project(x), y, len(there)),
            enrolment.threshold(),
            enrolment.pair_threshold(),
            reading.white(self._source),
        )
        test = self._described.of(candidate, ("test",))
        descriptors = Features(project(test.values), test.seen)
        return Enrolled(described_by, project, gallery, features, descriptors)

    def _method(self, name: str, limit: Budget | None) -> Method:
        return method(name, self._source, self.context.threads)

    def _extract(self, by: Method, splits: tuple[Split, ...], limit: Budget | None) -> Features:
        return by.features(self._source, splits, self.context.threads, limit)


def score(
    manifest: ModelManifest, files: Mapping[str, bytes], source: TrainingData, metric: str
) -> float:
    """The metric of a published model on the test split; greater is better.

    Somebody whom the dataset enrols and the model does not know is to be known all the same.
    """
    inputs = manifest.inputs
    people = evaluation.everybody(inputs["people"], reading.targets(source, ENROLLED))
    held_out = reading.instances(source, "test", SCORED_ROWS)
    model = serving.load({**inputs, "threshold": -1.0}, None, files)  # to hear who is nearest
    answers = model.predict(held_out)[0]
    seen = np.array([answer["label"] is not None for answer in answers])
    similarity = np.array([answer["similarity"] or -1.0 for answer in answers])
    nearest = evaluation.numbers([answer["label"] or UNKNOWN for answer in answers], people)
    truth = evaluation.numbers(reading.targets(source, ("test",)), people)[: len(held_out)]
    accepted = seen & (similarity >= inputs["threshold"])
    return evaluation.score(metric, truth, evaluation.Answers(nearest, accepted))
