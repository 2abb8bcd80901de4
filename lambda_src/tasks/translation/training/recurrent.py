"""The recurrent network as a candidate: fitted, exported, and compared with its graphs."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from common.problems import Unprocessable
from tasks import Unfinished
from tasks.framework.training.context import TrainingContext
from tasks.framework.training.parity import Parity, compare_values
from tasks.translation import serving, subwords
from tasks.translation.options import Candidate
from tasks.translation.serving import Pieces
from tasks.translation.serving.search import Found, Translator
from tasks.translation.subwords import SPECIAL, Subwords, spoken
from tasks.translation.training import batches, graph, network
from tasks.translation.training.batches import Pairs
from tasks.translation.training.bitext import COMPARED_ROWS, VALIDATED_ROWS, Bitext, Fitted
from tasks.translation.training.fitting import Fitting, Plan, State
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
    def of(cls, bitext: Bitext) -> "_Languages":
        size = bitext.options.vocabulary or VOCABULARY
        target = subwords.learn(bitext.corpus.targets, size)
        if len(target) <= serving.MAX_BEAM:
            raise Unprocessable(
                f"The target's texts are made of {len(target) - len(SPECIAL)} pieces of words, too "
                "few for a language: send a corpus of sentences."
            )
        return cls(subwords.learn(bitext.corpus.sources, size), target, bitext.threads)

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


def fitted(bitext: Bitext, context: TrainingContext, checkpoint: bytes | None) -> Fitted:
    """Fits a network until the time is spent or it gets no better.

    Raises Unfinished, with a checkpoint, while another invocation is allowed and of use, and
    ParityFailed.
    """
    languages = _Languages.of(bitext)
    pairs = languages.pairs(*bitext.corpus)
    sizes = Sizes.of(len(languages.source), len(languages.target), len(pairs))
    state = (
        State.new(sizes, np.random.default_rng(context.seed))
        if checkpoint is None
        else State.load(checkpoint, sizes)
    )

    def report(state: State) -> None:
        share = state.share(plan)
        detail = f"{state.adam.steps:,} updates, validation {bitext.metric} {state.checks[-1]:.1f}."
        context.progress("training", 10 + round(65 * share), detail)

    options = bitext.options
    seconds = max(1.0, context.budget.left())
    plan = Plan.of(len(pairs), options.epochs, seconds * options.max_invocations)
    context.progress(
        "training", 10, f"Training a network of {len(state.weights.vector):,} weights."
    )
    threads = bitext.threads if len(pairs) >= MANY_PAIRS else 1
    score = _validation_score(bitext, languages)
    over = Fitting(state, pairs, plan, score, threads, context.seed).run(seconds, report)
    state.invocations += 1
    if not over and state.invocations < options.max_invocations:
        raise Unfinished(state.dump())
    return _finished(bitext, languages, state)


def _validation_score(bitext: Bitext, languages: _Languages) -> Callable[[Parameters], float]:
    """The score of a network on the validation split, by the quickest of searches."""
    sources, references = bitext.texts("validation", CHECKED_ROWS)

    def score(parameters: Parameters) -> float:
        translations = languages.translate(parameters, sources, beam=1)
        return bitext.score([languages.text(one) for one in translations], references)

    return score


def _finished(bitext: Bitext, languages: _Languages, state: State) -> Fitted:
    """The best network of a training, exported, compared, and evaluated as it will answer."""
    best = network.without_special_pieces(Parameters(state.weights.sizes, state.best))
    encoder, decoder = graph.export(best)
    beam = bitext.options.beam
    validation = bitext.texts("validation", VALIDATED_ROWS)
    answers = languages.translate(best, validation.sources, beam)
    some = bitext.texts("test", COMPARED_ROWS).sources
    return Fitted(
        score=bitext.score([languages.text(one) for one in answers], validation.targets),
        seconds=state.seconds,
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
            "vocabulary.json": _vocabulary(bitext, languages),
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


def _vocabulary(bitext: Bitext, languages: _Languages) -> bytes:
    counts = Counter(word for text in bitext.corpus.sources for word in spoken(text))
    words = sorted(word for word, _ in counts.most_common(KNOWN_WORDS))
    return msgspec.json.encode(
        serving.Vocabulary(Pieces.of(languages.source), Pieces.of(languages.target), words)
    )
