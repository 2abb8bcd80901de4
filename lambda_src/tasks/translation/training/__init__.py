"""How a translator is fitted, exported, checked and judged."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from common.datasets import Split
from common.problems import Unprocessable
from common.registry import ModelManifest
from tasks import Trained, TrainingData, Unfinished
from tasks.shared.training import data, judgement
from tasks.shared.training.metrics import Metric, Weighted
from tasks.shared.training.parity import Parity, ParityFailed, compare_values
from tasks.shared.training.run import Run
from tasks.translation import serving, subwords
from tasks.translation.options import Candidate, Training
from tasks.translation.serving import Pieces
from tasks.translation.serving.search import Found, Translator
from tasks.translation.subwords import SPECIAL, Subwords, spoken
from tasks.translation.training import baselines, batches, graph, network, scores
from tasks.translation.training.batches import Pairs
from tasks.translation.training.fitting import Fitting, Plan, State
from tasks.translation.training.network import Parameters, Sizes

RECURRENT_NETWORK: Candidate = "recurrent_network"

VALIDATED_ROWS = 500
"""Validation pairs that are translated again and again while a network is trained."""

JUDGED_ROWS = 2000
"""Test pairs that a finished model is judged by."""

COMPARED_ROWS = 200
"""Test pairs whose translations by ONNX are scored again by the network itself."""

KNOWN_WORDS = 100_000
"""The most frequent words of the source that a model remembers to have seen."""

EXAMPLES = 5

MANY_PAIRS = 2_000
"""With fewer, the network is so small that a second thread takes 12 ms for what one does in 10."""

VOCABULARY = 4000
"""Pieces of words of each language: with little text, few pieces are seen often (Sennrich and
Zhang, 2019), and the network is small and quick."""


@dataclass(frozen=True)
class _Lesson:
    """What a network is trained on, and how it is judged."""

    data: TrainingData
    options: Training
    seed: int
    threads: int
    sources: Sequence[str]
    targets: Sequence[str]
    source: Subwords
    target: Subwords

    @property
    def metric(self) -> str:
        return self.options.metric or "bleu"

    @property
    def tokens(self) -> scores.Tokens:
        return scores.tokens_of(self.targets)

    def pairs(self, sources: Sequence[str], targets: Sequence[str]) -> Pairs:
        return Pairs(
            [self.source.encode(text) for text in sources],
            [self.target.encode(text) for text in targets],
        )

    def translate(self, network: Parameters, texts: Sequence[str], beam: int) -> list[Found]:
        """By way of the graphs that would be served."""
        encoder, decoder = graph.export(network)
        translator = Translator(encoder, decoder, self.threads)
        return translator.translate_all([self.source.encode(text) for text in texts], beam)

    def text(self, found: Found) -> str:
        return self.target.decode(found.pieces)


def train(source: TrainingData, options: Training, run: Run) -> Trained:
    """Fits a network until the time is spent or it gets no better.

    Raises Unfinished while another invocation is allowed and of use.
    """
    run.progress("reading", 5, "Reading the dataset, and learning the pieces of its words.")
    lesson = _prepare(source, options, run)
    pairs = lesson.pairs(lesson.sources, lesson.targets)
    sizes = Sizes.of(len(lesson.source), len(lesson.target), len(pairs))
    state = (
        State.new(sizes, np.random.default_rng(run.seed))
        if source.checkpoint is None
        else State.load(source.checkpoint, sizes)
    )

    def tell(state: State) -> None:
        share = state.share(plan)
        detail = f"{state.adam.steps:,} updates, validation {lesson.metric} {state.checks[-1]:.1f}."
        run.progress("training", 10 + round(65 * share), detail)

    seconds = max(1.0, run.budget.left())
    plan = Plan.of(len(pairs), options.epochs, seconds * options.max_invocations)
    run.progress("training", 10, f"Training a network of {len(state.weights.vector):,} weights.")
    threads = lesson.threads if len(pairs) >= MANY_PAIRS else 1
    fitting = Fitting(state, pairs, plan, _judge(lesson), threads, run.seed)
    over = fitting.run(seconds, tell)
    state.invocations += 1
    if not over and state.invocations < options.max_invocations:
        raise Unfinished(state.dump())
    run.progress("judging", 80, "Translating the test split.")
    return _finished(lesson, state)


def _prepare(source: TrainingData, options: Training, run: Run) -> _Lesson:
    limit = data.row_limit(source.schema.columns, run.invocation.memory_mb)
    rows = data.read(source, ("train",), limit)
    size = options.vocabulary or VOCABULARY
    target = subwords.learn(rows["target"], size)
    if len(target) <= serving.MAX_BEAM:
        raise Unprocessable(
            f"The target's texts are made of {len(target) - len(SPECIAL)} pieces of words, too few "
            "for a language: send a corpus of sentences."
        )
    return _Lesson(
        data=source,
        options=options,
        seed=run.seed,
        threads=run.invocation.threads,
        sources=rows["source"],
        targets=rows["target"],
        source=subwords.learn(rows["source"], size),
        target=target,
    )


def _judge(lesson: _Lesson) -> Callable[[Parameters], float]:
    """The score of a network on the validation split, by the quickest of searches."""
    sources, references = _texts(lesson.data, "validation", VALIDATED_ROWS)

    def judge(parameters: Parameters) -> float:
        found = lesson.translate(parameters, sources, beam=1)
        answers = [lesson.text(one) for one in found]
        return scores.measures(lesson.tokens)[lesson.metric](answers, references)

    return judge


def _finished(lesson: _Lesson, state: State) -> Trained:
    """The best network of a training, exported, compared and judged."""
    best = network.without_special_pieces(Parameters(state.weights.sizes, state.best))
    encoder, decoder = graph.export(best)
    sources, references = _texts(lesson.data, "test", JUDGED_ROWS)
    found = lesson.translate(best, sources, lesson.options.beam)
    compared = _compared(best, lesson, sources[:COMPARED_ROWS], found[:COMPARED_ROWS])
    answers = [lesson.text(one) for one in found]
    remembered = baselines.translation_memory(lesson.sources, lesson.targets, sources)
    candidate = {
        "name": RECURRENT_NETWORK,
        "status": "ok",
        "score": state.best_score,
        "seconds": round(state.seconds, 3),
        "parameters": {
            "weights": len(best.vector),
            "updates": state.adam.steps,
            "invocations": state.invocations,
            "validation_scores": state.checks,
        },
    }
    return Trained(
        metric=lesson.metric,
        inputs={"text": "text", "beam": lesson.options.beam},
        labels=None,
        selected=RECURRENT_NETWORK,
        candidates=[candidate],
        metrics=_metrics(lesson, answers, references),
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
        parity=compared.record(),
        files={
            "encoder.onnx": encoder,
            "decoder.onnx": decoder,
            "vocabulary.json": _vocabulary(lesson),
        },
    )


def score(
    manifest: ModelManifest, files: Mapping[str, bytes], source: TrainingData, metric: str
) -> float:
    """The metric of a published model on the test split; greater is better."""
    model = serving.load(manifest.inputs, manifest.labels, files)
    sources, references = _texts(source, "test", JUDGED_ROWS)
    answers: list[str] = []
    for start in range(0, len(sources), serving.MAX_INSTANCES):
        asked = [{"text": text} for text in sources[start : start + serving.MAX_INSTANCES]]
        answers += [answer["translation"] for answer in model.predict(asked)[0]]
    tokens = scores.tokens_of(references)
    return scores.measures(tokens)[metric](answers, references)


def _compared(
    best: Parameters, lesson: _Lesson, sources: Sequence[str], found: Sequence[Found]
) -> Parity:
    """Whether the network gives the translations of its graphs the probabilities they gave.

    They are compared by piece. Raises Unprocessable.
    """
    ended = [row for row, one in enumerate(found) if one.ended]
    pairs = Pairs(
        [lesson.source.encode(sources[row]) for row in ended], [found[row].pieces for row in ended]
    )
    own = network.log_likelihoods(best, batches.batch(pairs, range(len(ended))))
    served = np.array([found[row].log_probability for row in ended])
    lengths = np.array([len(found[row].pieces) + 1 for row in ended])
    try:
        return compare_values(served / lengths, own / lengths, scale=1.0)
    except ParityFailed as error:
        raise Unprocessable(f"The network cannot be published: {error}.") from None


def _texts(source: TrainingData, split: Split, limit: int) -> tuple[list[str], list[str]]:
    """The first sentences of a split, and their translations."""
    rows = data.read(source, (split,), limit)
    return rows["source"], rows["target"]


def _values(lesson: _Lesson, answers: Sequence[str], references: Sequence[str]) -> dict[str, float]:
    measures = scores.measures(lesson.tokens).values()
    return {measure.name: measure(answers, references) for measure in measures}


def _metrics(
    lesson: _Lesson, answers: Sequence[str], references: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Every measure with its interval by bootstrap over sentences (Koehn, 2004)."""
    found: dict[str, dict[str, float]] = {}
    for measure in scores.measures(lesson.tokens).values():
        counts = measure.counts(answers, references)
        metrics = {measure.name: _summed(measure.of_counts)}
        found |= judgement.with_intervals(metrics, counts, counts, lesson.seed)
    return found


def _summed(of_counts: Callable[[np.ndarray], float]) -> Metric:
    """A score of a corpus as a metric of its sentences' counts."""

    def weighted(_: np.ndarray, counts: np.ndarray) -> Weighted:
        return lambda weights: np.array(
            [of_counts(total[np.newaxis]) for total in np.tensordot(weights, counts, axes=1)]
        )

    return weighted


def _vocabulary(lesson: _Lesson) -> bytes:
    counts = Counter(word for text in lesson.sources for word in spoken(text))
    words = sorted(word for word, _ in counts.most_common(KNOWN_WORDS))
    return msgspec.json.encode(
        serving.Vocabulary(Pieces.of(lesson.source), Pieces.of(lesson.target), words)
    )
