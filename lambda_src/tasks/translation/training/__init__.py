"""Which translator is the best: its candidates, and how they are evaluated.

The phrase-based one is learned first, as it takes a minute; the network has the rest of the time.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import get_args

import msgspec
import numpy as np

from common.registry import ModelManifest
from tasks import Trained, TrainingData, Unfinished
from tasks.framework.training import data, engine, measurement
from tasks.framework.training.context import TrainingContext
from tasks.framework.training.engine import Learner
from tasks.framework.training.metrics import Metric, Weighted
from tasks.framework.training.parity import ParityFailed
from tasks.framework.training.publication import best_first
from tasks.framework.training.trials import Evaluation, Plan, Trial, results
from tasks.translation import serving
from tasks.translation.options import Candidate, Training
from tasks.translation.training import baselines, phrases, recurrent, scores
from tasks.translation.training.bitext import Bitext, Fitted, Texts, texts

EVALUATED_ROWS = 2000
"""Test pairs that a finished model is evaluated on."""

EXAMPLES = 5


class _Checkpoint(msgspec.Struct):
    """What a training leaves for another invocation: the network's state, and what is done."""

    network: bytes
    evaluations: list[Evaluation]
    fitted: dict[str, Fitted]


def learner(
    source: TrainingData, options: Training, context: TrainingContext
) -> "TranslationLearner":
    """The training on a dataset, as plan, evaluate and finish."""
    return TranslationLearner(source, options, context)


def train(source: TrainingData, options: Training, context: TrainingContext) -> Trained:
    """Evaluates the candidates and publishes the best one on the validation split.

    Raises Unprocessable when there is none, and Unfinished while another invocation is allowed
    and of use.
    """
    return engine.train(learner(source, options, context))


class TranslationLearner(Learner):
    """The training of a translator; there is one fold, whose other rows are the validation split.

    The network is trained for as long as the budget allows, so that its evaluation follows from
    the time, too, and is not stored.
    """

    def __init__(self, source: TrainingData, options: Training, context: TrainingContext) -> None:
        self.context = context
        context.progress("reading", 5, "Reading the dataset.")
        limit = data.row_limit(source.schema.columns, context.memory_mb)
        rows = data.read(source, ("train",), limit)
        corpus = Texts(rows["source"], rows["target"])
        self._bitext = Bitext(source, options, context.threads, corpus)
        names = list(dict.fromkeys(options.candidates or get_args(Candidate)))
        self.plan = Plan(
            trials=[Trial(name) for name in get_args(Candidate) if name in names],
            folds=1,
            metric=self._bitext.metric,
            required=names,
        )
        self._checkpoint = _checkpoint(source)
        self._evaluations: dict[str, Evaluation] = {}
        self._fitted: dict[str, Fitted] = {}
        if self._checkpoint is not None:
            done = self._checkpoint.evaluations
            self._evaluations = {one.trial.candidate: one for one in done}
            self._fitted = self._checkpoint.fitted

    def message(self, trial: Trial, fold: int) -> str | None:
        return None  # each candidate reports several steps of its own

    def evaluate(self, trial: Trial, fold: int) -> Evaluation:
        """Raises Unfinished with a checkpoint; see train."""
        name = trial.candidate
        if name in self._evaluations:
            return self._evaluations[name]
        try:
            evaluation = super().evaluate(trial, fold)
        except ParityFailed as error:
            evaluation = Evaluation(trial, fold, "parity_failed", 0.0, reason=str(error))
        except Unfinished as unfinished:
            done = list(self._evaluations.values())
            checkpoint = _Checkpoint(unfinished.checkpoint, done, self._fitted)
            raise Unfinished(msgspec.msgpack.encode(checkpoint)) from None
        if name in self._fitted:
            seconds = self._fitted[name].seconds
            evaluation = msgspec.structs.replace(evaluation, seconds=seconds)
        self._evaluations[name] = evaluation
        return evaluation

    def score(self, trial: Trial, fold: int) -> float:
        return self._fit(trial.candidate).score

    def finish(self, evaluations: Sequence[Evaluation]) -> Trained:
        self.context.progress("evaluating", 80, "Translating the test split.")
        ranked = best_first(results(self.plan, evaluations))
        best = self._fit(ranked[0].name)
        bitext, beam = self._bitext, self._bitext.options.beam
        sources, references = bitext.texts("test", EVALUATED_ROWS)
        translator = serving.engine(best.files, bitext.threads)
        translations = translator.translate([translator.read(text) for text in sources], beam)
        answers = [one.text for one in translations]
        remembered = baselines.translation_memory(*bitext.corpus, sources)
        return Trained(
            metric=bitext.metric,
            inputs={"text": "text", "beam": beam},
            labels=None,
            selected=ranked[0].name,
            candidates=[
                {**result.record(), **self._learned_parameters(result.name)} for result in ranked
            ],
            metrics=_metrics(bitext, answers, references, self.context.seed),
            baseline={
                "name": "translation memory: the translation of the most similar training sentence",
                "metrics": _values(bitext, remembered, references),
            },
            details={
                "copied_source": _values(bitext, sources, references),
                "signatures": {
                    measure.name: measure.signature
                    for measure in scores.measures(bitext.tokens).values()
                },
                "examples": [
                    {"source": source, "reference": reference, "translation": answer}
                    for source, reference, answer in zip(sources, references, answers, strict=True)
                ][:EXAMPLES],
            },
            parity=best.parity,
            files=best.files,
        )

    def _fit(self, candidate: str) -> Fitted:
        """Raises Skipped, ParityFailed and Unfinished."""
        if candidate not in self._fitted:
            if candidate == phrases.NAME:
                fitted = phrases.fitted(self._bitext, self.context)
            else:
                state = None if self._checkpoint is None else self._checkpoint.network
                fitted = recurrent.fitted(self._bitext, self.context, state)
            self._fitted[candidate] = fitted
        return self._fitted[candidate]

    def _learned_parameters(self, candidate: str) -> dict[str, Mapping[str, object]]:
        fitted = self._fitted.get(candidate)
        return {} if fitted is None else {"parameters": fitted.parameters}


def _checkpoint(source: TrainingData) -> _Checkpoint | None:
    """What an earlier invocation has left; None for nothing, or what another release has left."""
    if source.checkpoint is None:
        return None
    try:
        return msgspec.msgpack.decode(source.checkpoint, type=_Checkpoint)
    except msgspec.ValidationError:
        return None


def score(
    manifest: ModelManifest, files: Mapping[str, bytes], source: TrainingData, metric: str
) -> float:
    """The metric of a published model on the test split; greater is better."""
    model = serving.load(manifest.inputs, manifest.labels, files)
    sources, references = texts(source, "test", EVALUATED_ROWS)
    answers: list[str] = []
    for start in range(0, len(sources), serving.MAX_INSTANCES):
        asked = [{"text": text} for text in sources[start : start + serving.MAX_INSTANCES]]
        answers += [answer["translation"] for answer in model.predict(asked)[0]]
    tokens = scores.tokens_of(references)
    return scores.measures(tokens)[metric](answers, references)


def _values(bitext: Bitext, answers: Sequence[str], references: Sequence[str]) -> dict[str, float]:
    measures = scores.measures(bitext.tokens).values()
    return {measure.name: measure(answers, references) for measure in measures}


def _metrics(
    bitext: Bitext, answers: Sequence[str], references: Sequence[str], seed: int
) -> dict[str, dict[str, float]]:
    """Every measure with its interval by bootstrap over sentences (Koehn, 2004)."""
    metrics: dict[str, dict[str, float]] = {}
    for measure in scores.measures(bitext.tokens).values():
        counts = measure.counts(answers, references)
        metric = {measure.name: _summed(measure.of_counts)}
        metrics |= measurement.with_intervals(metric, counts, counts, seed)
    return metrics


def _summed(of_counts: Callable[[np.ndarray], float]) -> Metric:
    """A score of a corpus as a metric of its sentences' counts."""

    def weighted(_: np.ndarray, counts: np.ndarray) -> Weighted:
        return lambda weights: np.array(
            [of_counts(total[np.newaxis]) for total in np.tensordot(weights, counts, axes=1)]
        )

    return weighted
