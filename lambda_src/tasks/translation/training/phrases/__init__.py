"""The phrase-based candidate: aligned, extracted, tuned, and compared with itself as served."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

import numpy as np

from tasks.framework.training.context import TrainingContext
from tasks.framework.training.parity import Parity, compare_values
from tasks.framework.training.trials import Skipped
from tasks.translation.options import Candidate
from tasks.translation.serving import phrases
from tasks.translation.serving.phrases import PhraseTranslator, known_as, source_words, tokens
from tasks.translation.serving.phrases.decoder import Derivation
from tasks.translation.serving.phrases.language_model import END, START, UNKNOWN, WORDS
from tasks.translation.serving.phrases.options import FEATURES, LANGUAGE, UNSEEN
from tasks.translation.serving.phrases.table import hashes
from tasks.translation.training import scores
from tasks.translation.training.bitext import (
    COMPARED_ROWS,
    VALIDATED_ROWS,
    Bitext,
    Fitted,
    Texts,
)
from tasks.translation.training.phrases import alignment, extraction, language_model, tuning
from tasks.translation.training.phrases.alignment import Corpus
from tasks.translation.training.phrases.extraction import TooLittle
from tasks.translation.training.phrases.tuning import Lists

NAME: Candidate = "phrase_based"

WEIGHTS = np.array([0.4, 0.4, 0.1, 0.3, 0.8, 0.9, 0.2, -0.6])
"""Of FEATURES, before they are tuned."""

PAIRS = 100_000
"""Sentences that the language model is made of, and their translations."""

LINKS_PER_MB = 2_500
"""Possible links of words, per megabyte of the function's memory: one takes 130 bytes."""

LINKS_PER_SECOND = 120_000
"""Of the time that there is for all candidates: aligning takes a quarter of it, as measured."""

LONGEST_SENTENCE = 80
"""Words of a sentence that is aligned."""

SHARE = 0.4
"""Of the time for all candidates, after which weights are tuned no further."""

TUNED_ROWS, ROWS_PER_SECOND = 300, 5
"""Validation sentences that weights are tuned by, fewer where there is little time."""

STACK = 30
LISTED = 60
"""Translations of a sentence that weights are tuned by."""


def fitted(bitext: Bitext, context: TrainingContext) -> Fitted:
    """A translator by phrases, and its score on the validation split.

    Raises Skipped where no phrase can be learned, and ParityFailed.
    """
    started = context.budget.spent()
    validation = bitext.texts("validation", VALIDATED_ROWS + TUNED_ROWS)

    def count(answers: Sequence[str], references: Sequence[str]) -> np.ndarray:
        cased = bitext.metric != "bleu_lowercase"
        return scores.bleu_counts(answers, references, bitext.tokens, cased)

    # The last rows, by which no candidate is compared where there are enough.
    tuned = max(1, min(TUNED_ROWS, int(ROWS_PER_SECOND * context.budget.seconds)))
    try:
        corpus = Texts(*(side[:PAIRS] for side in bitext.corpus))
        model = learn(corpus, Texts(*(side[-tuned:] for side in validation)), count, context)
    except TooLittle as why:
        raise Skipped(str(why)) from None
    sources, references = (side[:VALIDATED_ROWS] for side in validation)
    asked = [model.read(text) for text in sources]
    answers = [one.text for one in model.translate(asked, bitext.options.beam)]
    parity = compared(model, bitext.texts("test", COMPARED_ROWS).sources)
    return Fitted(
        seconds=context.budget.spent() - started,
        score=bitext.score(answers, references),
        parameters={
            "phrase_pairs": len(model.table.words),
            "trigrams": len(model.language.trigrams),
            "weights": dict(zip(FEATURES, model.weights.round(4).tolist(), strict=True)),
        },
        parity=parity.record(),
        files={phrases.FILE: model.encode()},
    )


def learn(
    corpus: Texts,
    validation: Texts,
    count: Callable[[Sequence[str], Sequence[str]], np.ndarray],
    context: TrainingContext,
) -> PhraseTranslator:
    """A translator whose weights are tuned on a validation split.

    count gives what BLEU is made of, of translations and references. Raises TooLittle.
    """
    context.progress("training", 6, "Aligning words, and collecting phrases.")
    case = _Case.of(corpus.targets)
    sources = [[known_as(word) for word in source_words(text)] for text in corpus.sources]
    targets = [case.within(tokens(text)) for text in corpus.targets]
    source_ids = _numbered(sources, 0)
    target_ids = _numbered(targets, WORDS)
    from_, into = _ids(sources, source_ids), _ids(targets, target_ids)
    links = LINKS_PER_MB * context.memory_mb
    limit = min(links, int(LINKS_PER_SECOND * context.budget.seconds))
    rows = _bounded([len(one) for one in from_], [len(one) for one in into], limit)
    if not rows:
        raise TooLittle(f"there is no sentence of up to {LONGEST_SENTENCE} words")
    pairs = Corpus.of([from_[row] for row in rows], [into[row] for row in rows])
    model = PhraseTranslator(
        source_words=list(source_ids),
        target_words=list(target_ids),
        table=extraction.phrase_table(pairs, alignment.align(pairs)),
        language=language_model.estimate(into, WORDS + len(target_ids)),
        weights=WEIGHTS,
        capitalised=case.capitalised,
    )
    context.progress("training", 8, "Tuning the weights of phrases and of the language model.")
    asked = [source_words(text) for text in validation.sources]

    def search(weights: np.ndarray) -> Lists:
        return _lists(replace(model, weights=weights), asked, validation.targets, count)

    if not asked:
        return model
    in_time = SHARE * context.budget.seconds
    weights = tuning.tune(model.weights, search, lambda: context.budget.spent() < in_time)
    return replace(model, weights=weights)


def compared(model: PhraseTranslator, sources: Sequence[str]) -> Parity:
    """Whether what is served gives its translations the scores that they have, word by word.

    Raises ParityFailed.
    """
    asked = [source_words(text) for text in sources]
    served = PhraseTranslator.decode(model.encode())
    found = [best for (best,) in served.derivations(asked, phrases.STACK)]
    own = [rescored(model, model.ids(words), one) for words, one in zip(asked, found, strict=True)]
    lengths = np.array([sum(len(one.words) for one in each.phrases) for each in found])
    scored = np.array([one.score for one in found])
    return compare_values(scored / lengths, np.array(own) / lengths, scale=1.0)


def rescored(model: PhraseTranslator, sentence: np.ndarray, derivation: Derivation) -> float:
    """The score of a derivation, without the search that found it."""
    total = np.zeros(len(FEATURES))
    end, copies = 0, 0
    written = [word for phrase in derivation.phrases for word in phrase.words]
    for start, length, words in derivation.phrases:
        total[5:] += len(words), 1, abs(start - end)
        end = start + length
        if words == [UNKNOWN]:
            copies += 1
            continue
        key = hashes(sentence[start:end])[length - 1, 0]
        at = int(model.table.sources.searchsorted(key))
        rows = range(model.table.starts[at], model.table.starts[at + 1])
        said = np.full(model.table.words.shape[1], -1)
        said[: len(words)] = words
        (row,) = [row for row in rows if (model.table.words[row] == said).all()]
        total[:LANGUAGE] += model.table.features[row]
    bigram, last = np.array([model.language.beginning]), np.array([START])
    for word in [*written, END]:
        score, bigram = model.language.score(bigram, last, np.array([word]))
        total[LANGUAGE] += score[0]
        last = np.array([word])
    return float(total @ model.weights + copies * UNSEEN)


def _lists(
    model: PhraseTranslator,
    asked: Sequence[Sequence[str]],
    references: Sequence[str],
    count: Callable[[Sequence[str], Sequence[str]], np.ndarray],
) -> Lists:
    found = model.derivations(asked, STACK, LISTED)
    rows = [row for row, some in enumerate(found) for _ in some]
    answers = [
        model.text(words, one) for words, some in zip(asked, found, strict=True) for one in some
    ]
    return Lists(
        np.array(rows),
        np.array([one.features for some in found for one in some]),
        count(answers, [references[row] for row in rows]),
    )


@dataclass(frozen=True)
class _Case:
    """How words are written within sentences, and whether these begin with a capital."""

    forms: dict[str, str]
    capitalised: bool

    @classmethod
    def of(cls, texts: Sequence[str]) -> "_Case":
        counts = Counter(token for text in texts for token in tokens(text)[1:])
        forms: dict[str, str] = {}
        for token, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
            forms.setdefault(token.lower(), token)
        return cls(forms, 2 * sum(text[:1].isupper() for text in texts) > len(texts))

    def within(self, sentence: list[str]) -> list[str]:
        """A sentence whose first word is written as elsewhere, in lower case if it never is."""
        if not self.capitalised:
            return sentence
        first = sentence[0].lower()
        return [self.forms.get(first, first), *sentence[1:]]


def _numbered(sentences: Sequence[Sequence[str]], first: int) -> dict[str, int]:
    words = dict.fromkeys(word for sentence in sentences for word in sentence)
    return {word: number for number, word in enumerate(words, first)}


def _ids(sentences: Sequence[Sequence[str]], ids: dict[str, int]) -> list[np.ndarray]:
    return [np.array([ids[word] for word in sentence], np.int64) for sentence in sentences]


def _bounded(sources: Sequence[int], targets: Sequence[int], limit: int) -> list[int]:
    """The first pairs, by their lengths, whose possible links are within a limit."""
    short = [
        row
        for row, lengths in enumerate(zip(sources, targets, strict=True))
        if max(lengths) <= LONGEST_SENTENCE
    ]
    links = accumulate(sources[row] * targets[row] for row in short)
    return [row for row, total in zip(short, links, strict=True) if total <= limit]
