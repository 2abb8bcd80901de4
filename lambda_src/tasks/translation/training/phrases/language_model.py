"""A trigram model with interpolated Kneser-Ney smoothing (Chen and Goodman, 1999)."""

from collections.abc import Sequence

import numpy as np

from tasks.translation.serving.phrases.language_model import (
    END,
    START,
    LanguageModel,
)

DISCOUNTS = 3
"""Counts of one, of two, and of more have a discount each."""


def estimate(sentences: Sequence[np.ndarray], size: int) -> LanguageModel:
    """From sentences as ids of words, WORDS or greater and below size."""
    ends = np.cumsum([len(one) + 3 for one in sentences])
    text = np.full(ends[-1], END, np.int64)
    begins = ends - [len(one) + 3 for one in sentences]
    text[begins] = text[begins + 1] = START
    inside = np.ones(len(text), bool)
    inside[begins] = inside[begins + 1] = inside[ends - 1] = False
    text[inside] = np.concatenate(sentences)
    third = np.ones(len(text), bool)
    third[begins] = third[begins + 1] = False
    at = np.flatnonzero(third)
    bigrams = np.unique(text[:-1] * size + text[1:])
    inner = np.isin(bigrams // size, [END], invert=True)  # none goes from sentence to sentence
    bigrams = bigrams[inner]
    before = bigrams.searchsorted(text[at - 2] * size + text[at - 1])
    trigrams, counts = np.unique(before * size + text[at], return_counts=True)

    unigram_counts = np.bincount(bigrams % size, minlength=size)
    unigram_counts[START] = 0
    first, after = np.divmod(trigrams, size)
    shorter = bigrams.searchsorted(bigrams[first] % size * size + after)
    bigram_counts = np.bincount(shorter, minlength=len(bigrams))

    start = np.zeros(size, np.int64)
    kept, (rest,) = _smoothed(unigram_counts, start, 1)
    possible = size - 1  # START follows nothing
    uniform = np.where(np.arange(size) == START, 0.0, 1 / possible)
    unigrams = kept + rest * uniform
    kept, unigram_rest = _smoothed(bigram_counts, bigrams // size, size)
    bigram_scores = kept + unigram_rest[bigrams // size] * unigrams[bigrams % size]
    kept, bigram_rest = _smoothed(counts, first, len(bigrams))
    trigram_scores = kept + bigram_rest[first] * bigram_scores[shorter]
    unigrams[START] = 1.0  # never asked for
    return LanguageModel(
        unigrams=_log(unigrams),
        unigram_backoffs=_log(unigram_rest),
        bigrams=bigrams,
        bigram_scores=_log(bigram_scores),
        bigram_backoffs=_log(bigram_rest),
        trigrams=trigrams,
        trigram_scores=_log(trigram_scores),
    )


def _smoothed(
    counts: np.ndarray, context: np.ndarray, contexts: int
) -> tuple[np.ndarray, np.ndarray]:
    """Discounted relative frequencies within contexts, and what each context has left.

    A context that was never seen leaves all of it.
    """
    ones = np.bincount(counts, minlength=DISCOUNTS + 2)[1 : DISCOUNTS + 2].astype(float)
    ratio = ones[0] / max(1.0, ones[0] + 2 * ones[1])
    discounts = np.zeros(DISCOUNTS + 1)
    for count in range(1, DISCOUNTS + 1):
        found = count - (count + 1) * ratio * ones[count] / max(1.0, ones[count - 1])
        discounts[count] = min(max(found, 0.1), 0.95 * count)
    taken = discounts[np.minimum(counts, DISCOUNTS)]
    totals = np.bincount(context, counts, contexts)
    rest = np.where(totals > 0, np.bincount(context, taken, contexts) / np.maximum(totals, 1), 1.0)
    return (counts - taken) / np.maximum(totals, 1)[context], rest


def _log(values: np.ndarray) -> np.ndarray:
    return np.asarray(np.log(np.maximum(values, 1e-30)), np.float32)
