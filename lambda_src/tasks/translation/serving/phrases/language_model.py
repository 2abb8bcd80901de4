"""How likely a word is after two others: a trigram model that backs off, in sorted arrays."""

from dataclasses import dataclass

import numpy as np

START, END, UNKNOWN = range(3)
"""Words of every vocabulary; those of the language come after them."""

WORDS = 3
"""The first word of the language."""


@dataclass(frozen=True)
class LanguageModel:
    """Natural logarithms of probabilities and of weights for backing off.

    A bigram's key is first * size + second, a trigram's the place of its first two words among
    the bigrams * size + third; keys ascend.
    """

    unigrams: np.ndarray
    unigram_backoffs: np.ndarray
    bigrams: np.ndarray
    bigram_scores: np.ndarray
    bigram_backoffs: np.ndarray
    trigrams: np.ndarray
    trigram_scores: np.ndarray

    @property
    def beginning(self) -> int:
        """The place of the bigram that every sentence begins after."""
        return int(self.bigrams.searchsorted(START * len(self.unigrams) + START))

    def score(
        self, bigram: np.ndarray, last: np.ndarray, word: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Log probabilities of words after contexts, and the place of (last, word), or -1.

        A context is its last word and the place of its last two among the bigrams, -1 where they
        are none: then only the last word counts.
        """
        size = len(self.unigrams)
        following = places(self.bigrams, last * size + word)
        third = places(self.trigrams, bigram * size + word)
        shorter = np.where(
            following >= 0,
            self.bigram_scores[following],
            self.unigram_backoffs[last] + self.unigrams[word],
        )
        backed = np.where(bigram >= 0, self.bigram_backoffs[bigram], 0) + shorter
        return np.where(third >= 0, self.trigram_scores[third], backed), following


def places(keys: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Where each wanted one is among ascending keys, -1 where it is not."""
    at = np.minimum(keys.searchsorted(wanted), len(keys) - 1)
    return np.where(keys[at] == wanted, at, -1)
