"""What each run of words of a few sentences may become, and how good that is at best."""

from typing import NamedTuple

import numpy as np

from tasks.translation.serving.phrases.language_model import UNKNOWN, LanguageModel, places
from tasks.translation.serving.phrases.table import LONGEST_PHRASE, PhraseTable, hashes

UNSEEN = -10.0
"""The score of a word that is left as it is."""

FEATURES = (
    "direct",
    "inverse",
    "direct_lexical",
    "inverse_lexical",
    "language",
    "words",
    "phrases",
    "distance",
)
DIRECT, LANGUAGE, WORDS, PHRASES, DISTANCE = 0, 4, 5, 6, 7


class Options(NamedTuple):
    """Translations of runs of words, those of one run together.

    first and many have shape (places, LONGEST_PHRASE): where the options are of the run that
    begins at a place and has one word more than the column's number. The others have a row per
    option: words filled up with -1, static what it scores wherever it stands, ahead the language
    model's guess at its first two words, inner its score of the others; bigram and last are the
    context that it leaves.
    """

    first: np.ndarray
    many: np.ndarray
    words: np.ndarray
    lengths: np.ndarray
    features: np.ndarray
    static: np.ndarray
    ahead: np.ndarray
    inner: np.ndarray
    bigram: np.ndarray
    last: np.ndarray


def options(
    table: PhraseTable, language: LanguageModel, weights: np.ndarray, source: np.ndarray
) -> Options:
    """For a source in which places between sentences are BETWEEN, and unknown words -1.

    A word that is in no phrase of its own is copied.
    """
    begin, many = _found(table, source)
    rows = ranges(begin.ravel(), many.ravel())
    first = (np.cumsum(many.ravel()) - many.ravel()).reshape(many.shape)
    copies = np.flatnonzero((source != BETWEEN) & (many[:, 0] == 0))
    first[copies, 0] = len(rows) + np.arange(len(copies))
    many[copies, 0] = 1
    copied = np.full((len(copies), LONGEST_PHRASE), -1)
    copied[:, 0] = UNKNOWN
    words = np.concatenate([table.words[rows].astype(np.int64), copied])
    lengths = (words >= 0).sum(axis=1)
    features = np.zeros((len(words), len(FEATURES)))
    features[: len(rows), :LANGUAGE] = table.features[rows]
    features[:, WORDS], features[:, PHRASES] = lengths, 1
    static = features @ weights
    static[len(rows) :] += UNSEEN
    guesses = _guesses(language, words, lengths)
    return Options(first, many, words, lengths, features, static, *guesses)


BETWEEN = -2


def _found(table: PhraseTable, source: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the table has translations of each run, and how many of them.

    Both have shape (places, LONGEST_PHRASE).
    """
    keys = hashes(source)
    whole = source >= 0
    known = np.append(whole, np.zeros(LONGEST_PHRASE, bool))
    found = np.full((len(source), LONGEST_PHRASE), -1)
    for more in range(LONGEST_PHRASE):
        whole = whole & known[more : more + len(source)]
        found[:, more] = np.where(whole, places(table.sources, keys[more]), -1)
    begin = table.starts[found].astype(np.int64)
    return begin, np.where(found >= 0, table.starts[found + 1] - begin, 0)


def _guesses(
    language: LanguageModel, words: np.ndarray, lengths: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """ahead, inner, bigram and last of Options."""
    bigram, last = np.full(len(words), -1), words[:, 0].copy()
    ahead, inner = language.unigrams[last].astype(float), np.zeros(len(words))
    for place in range(1, LONGEST_PHRASE):
        more = np.flatnonzero(lengths > place)
        word = words[more, place]
        scores, bigram[more] = language.score(bigram[more], last[more], word)
        last[more] = word
        (ahead if place == 1 else inner)[more] += scores
    return ahead, inner, bigram, last


def ranges(starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The numbers from each start on, as many as are to be counted."""
    before = np.cumsum(counts) - counts
    return np.repeat(starts - before, counts) + np.arange(counts.sum())
