"""The recurrent network as a candidate: fitted, exported, and compared with its graphs."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from common.problems import Unprocessable
from tasks import Unfinished
from tasks.framework.training.parity import Parity, compare_values
from tasks.framework.training.run import Run
from tasks.translation import serving, subwords
from tasks.translation.options import Candidate
from tasks.translation.serving import Pieces
from tasks.translation.serving.search import Found, Translator
from tasks.translation.subwords import SPECIAL, Subwords, spoken
from tasks.translation.training import batches, graph, network
from tasks.translation.training.batches import Pairs
from tasks.translation.training.fitting import Fitting, Plan, State
from tasks.translation.training.lesson import COMPARED_ROWS, VALIDATED_ROWS, Lesson, Tried
from tasks.translation.training.network import Parameters, Sizes

NAME: Candidate = "recurrent_network"

CHECKED_ROWS = 300
"""Validation pairs that a network is checked by again and again while it is trained."""

KNOWN_WORDS = 100_000
"""The most frequent words of the source that a model remembers to have seen."""

MANY_PAIRS = 2_000
"""With fewer, the network is so small that a second thread takes 12 ms for what one does in 10."""

VOCABULARY = 4000
"""Pieces of words of each language: with little text, few pieces are seen often (Sennrich and
Zhang, 2019), and the network is small and quick."""


@dataclass(frozen=True)
class _Languages:
    """The pieces of both languages' words."""

    source: Subwords
    target: Subwords
    threads: int

    @classmethod
    def of(cls, lesson: Lesson) -> "_Languages":
        size = lesson.options.vocabulary or VOCABULARY
        target = subwords.learn(lesson.corpus.targets, size)
        if len(target) <= serving.MAX_BEAM:
            raise Unprocessable(
                f"The target's texts are made of {len(target) - len(SPECIAL)} pieces of words, too "
                "few for a language: send a corpus of sentences."
            )
        return cls(subwords.learn(lesson.corpus.sources, size), target, lesson.threads)

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


def tried(lesson: Lesson, run: Run, checkpoint: bytes | None) -> Tried:
    """Fits a network until the time is spent or it gets no better.

    Raises Unfinished, with a checkpoint, while another invocation is allowed and of use, and
    ParityFailed.
    """
    languages = _Languages.of(lesson)
    pairs = languages.pairs(*lesson.corpus)
    sizes = Sizes.of(len(languages.source), len(languages.target), len(pairs))
    state = (
        State.new(sizes, np.random.default_rng(run.seed))
        if checkpoint is None
        else State.load(checkpoint, sizes)
    )

    def tell(state: State) -> None:
        share = state.share(plan)
        detail = f"{state.adam.steps:,} updates, validation {lesson.metric} {state.checks[-1]:.1f}."
        run.progress("training", 10 + round(65 * share), detail)

    options = lesson.options
    seconds = max(1.0, run.budget.left())
    plan = Plan.of(len(pairs), options.epochs, seconds * options.max_invocations)
    run.progress("training", 10, f"Training a network of {len(state.weights.vector):,} weights.")
    threads = lesson.threads if len(pairs) >= MANY_PAIRS else 1
    judge = _judge(lesson, languages)
    over = Fitting(state, pairs, plan, judge, threads, run.seed).run(seconds, tell)
    state.invocations += 1
    if not over and state.invocations < options.max_invocations:
        raise Unfinished(state.dump())
    return _finished(lesson, languages, state)


def _judge(lesson: Lesson, languages: _Languages) -> Callable[[Parameters], float]:
    """The score of a network on the validation split, by the quickest of searches."""
    sources, references = lesson.texts("validation", CHECKED_ROWS)

    def judge(parameters: Parameters) -> float:
        found = languages.translate(parameters, sources, beam=1)
        return lesson.score([languages.text(one) for one in found], references)

    return judge


def _finished(lesson: Lesson, languages: _Languages, state: State) -> Tried:
    """The best network of a training, exported, compared, and judged as it will answer."""
    best = network.without_special_pieces(Parameters(state.weights.sizes, state.best))
    encoder, decoder = graph.export(best)
    beam = lesson.options.beam
    validation = lesson.texts("validation", VALIDATED_ROWS)
    answers = languages.translate(best, validation.sources, beam)
    some = lesson.texts("test", COMPARED_ROWS).sources
    return Tried(
        NAME,
        "ok",
        state.seconds,
        score=lesson.score([languages.text(one) for one in answers], validation.targets),
        parameters={
            "weights": len(best.vector),
            "updates": state.adam.steps,
            "invocations": state.invocations,
            "validation_scores": state.checks,
        },
        parity=_compared(best, languages, some, languages.translate(best, some, beam)).record(),
        files={
            "encoder.onnx": encoder,
            "decoder.onnx": decoder,
            "vocabulary.json": _vocabulary(lesson, languages),
        },
    )


def _compared(
    best: Parameters, languages: _Languages, sources: Sequence[str], found: Sequence[Found]
) -> Parity:
    """Whether the network gives the translations of its graphs the probabilities they gave.

    They are compared by piece. Raises ParityFailed.
    """
    ended = [row for row, one in enumerate(found) if one.ended]
    pairs = Pairs(
        [languages.source.encode(sources[row]) for row in ended],
        [found[row].pieces for row in ended],
    )
    own = network.log_likelihoods(best, batches.batch(pairs, range(len(ended))))
    served = np.array([found[row].log_probability for row in ended])
    lengths = np.array([len(found[row].pieces) + 1 for row in ended])
    return compare_values(served / lengths, own / lengths, scale=1.0)


def _vocabulary(lesson: Lesson, languages: _Languages) -> bytes:
    counts = Counter(word for text in lesson.corpus.sources for word in spoken(text))
    words = sorted(word for word, _ in counts.most_common(KNOWN_WORDS))
    return msgspec.json.encode(
        serving.Vocabulary(Pieces.of(languages.source), Pieces.of(languages.target), words)
    )
