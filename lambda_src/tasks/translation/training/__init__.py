"""Which translator is the best: how candidates are tried, and the best one is judged.

The phrase-based one is learned first, as it takes a minute; the network has the rest of the time.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import get_args

import msgspec
import numpy as np

from common.registry import ModelManifest
from tasks import Trained, TrainingData, Unfinished
from tasks.framework.training import data, judgement
from tasks.framework.training.metrics import Metric, Weighted
from tasks.framework.training.parity import ParityFailed
from tasks.framework.training.publication import best_first
from tasks.framework.training.run import Run
from tasks.translation import serving
from tasks.translation.options import Candidate, Training
from tasks.translation.training import baselines, phrases, recurrent, scores
from tasks.translation.training.lesson import Lesson, Sides, Tried, texts

JUDGED_ROWS = 2000
"""Test pairs that a finished model is judged by."""

EXAMPLES = 5


class _Checkpoint(msgspec.Struct):
    """What a training leaves for another invocation: the network's state, and what is done."""

    network: bytes
    done: list[Tried]


def train(source: TrainingData, options: Training, run: Run) -> Trained:
    """Tries the candidates and publishes the best one on the validation split.

    Raises Unprocessable when there is none, and Unfinished while another invocation is allowed
    and of use.
    """
    run.progress("reading", 5, "Reading the dataset.")
    limit = data.row_limit(source.schema.columns, run.invocation.memory_mb)
    rows = data.read(source, ("train",), limit)
    corpus = Sides(rows["source"], rows["target"])
    lesson = Lesson(source, options, run.invocation.threads, corpus)
    names = options.candidates or get_args(Candidate)
    done, checkpoint = [], None
    if source.checkpoint is not None:
        found = msgspec.msgpack.decode(source.checkpoint, type=_Checkpoint)
        done, checkpoint = found.done, found.network
    elif phrases.NAME in names:
        done.append(_tried(phrases.NAME, partial(phrases.tried, lesson, run)))
    if recurrent.NAME in names:
        try:
            done.append(_tried(recurrent.NAME, partial(recurrent.tried, lesson, run, checkpoint)))
        except Unfinished as unfinished:
            left = _Checkpoint(unfinished.checkpoint, done)
            raise Unfinished(msgspec.msgpack.encode(left)) from None
    run.progress("judging", 80, "Translating the test split.")
    return _published(lesson, best_first(done), run.seed)


def _tried(name: str, attempt: Callable[[], Tried]) -> Tried:
    try:
        return attempt()
    except ParityFailed as error:
        return Tried(name, "parity_failed", 0.0, str(error))


def _published(lesson: Lesson, tried: Sequence[Tried], seed: int) -> Trained:
    """The best candidate, which is the first, judged on the test split."""
    best = tried[0]
    sources, references = lesson.texts("test", JUDGED_ROWS)
    engine = serving.engine(best.files, lesson.threads)
    found = engine.translate([engine.read(text) for text in sources], lesson.options.beam)
    answers = [one.text for one in found]
    remembered = baselines.translation_memory(*lesson.corpus, sources)
    return Trained(
        metric=lesson.metric,
        inputs={"text": "text", "beam": lesson.options.beam},
        labels=None,
        selected=best.name,
        candidates=[one.record() for one in tried],
        metrics=_metrics(lesson, answers, references, seed),
        baseline={
            "name": "translation memory: the translation of the most similar training sentence",
            "metrics": _values(lesson, remembered, references),
        },
        details={
            "copied_source": _values(lesson, sources, references),
            "signatures": {
                measure.name: measure.signature
                for measure in scores.measures(lesson.tokens).values()
            },
            "examples": [
                {"source": source, "reference": reference, "translation": answer}
                for source, reference, answer in zip(sources, references, answers, strict=True)
            ][:EXAMPLES],
        },
        parity=best.parity,
        files=best.files,
    )


def score(
    manifest: ModelManifest, files: Mapping[str, bytes], source: TrainingData, metric: str
) -> float:
    """The metric of a published model on the test split; greater is better."""
    model = serving.load(manifest.inputs, manifest.labels, files)
    sources, references = texts(source, "test", JUDGED_ROWS)
    answers: list[str] = []
    for start in range(0, len(sources), serving.MAX_INSTANCES):
        asked = [{"text": text} for text in sources[start : start + serving.MAX_INSTANCES]]
        answers += [answer["translation"] for answer in model.predict(asked)[0]]
    tokens = scores.tokens_of(references)
    return scores.measures(tokens)[metric](answers, references)


def _values(lesson: Lesson, answers: Sequence[str], references: Sequence[str]) -> dict[str, float]:
    measures = scores.measures(lesson.tokens).values()
    return {measure.name: measure(answers, references) for measure in measures}


def _metrics(
    lesson: Lesson, answers: Sequence[str], references: Sequence[str], seed: int
) -> dict[str, dict[str, float]]:
    """Every measure with its interval by bootstrap over sentences (Koehn, 2004)."""
    found: dict[str, dict[str, float]] = {}
    for measure in scores.measures(lesson.tokens).values():
        counts = measure.counts(answers, references)
        metrics = {measure.name: _summed(measure.of_counts)}
        found |= judgement.with_intervals(metrics, counts, counts, seed)
    return found


def _summed(of_counts: Callable[[np.ndarray], float]) -> Metric:
    """A score of a corpus as a metric of its sentences' counts."""

    def weighted(_: np.ndarray, counts: np.ndarray) -> Weighted:
        return lambda weights: np.array(
            [of_counts(total[np.newaxis]) for total in np.tensordot(weights, counts, axes=1)]
        )

    return weighted
