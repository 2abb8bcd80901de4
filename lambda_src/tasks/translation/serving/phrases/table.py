"""Phrases of the source and what they may become."""

from dataclasses import dataclass

import numpy as np

LONGEST_PHRASE = 6
"""Words of a phrase, on either side."""

_ODD = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class PhraseTable:
    """Translations of each phrase, those of one phrase together.

    sources holds hashes of phrases, ascending; starts where the translations of each begin, and
    the last ones end. words has shape (translations, LONGEST_PHRASE), filled up with -1; features
    (translations, 4): logarithms of both phrase probabilities and both lexical ones.
    """

    sources: np.ndarray
    starts: np.ndarray
    words: np.ndarray
    features: np.ndarray


def hashes(words: np.ndarray) -> np.ndarray:
    """Of the runs of 1, 2, ... words from each on; shape (LONGEST_PHRASE, words).

    64 bits tell a million phrases apart but for a chance of one in 40 million.
    """
    found = np.zeros((LONGEST_PHRASE, len(words)), np.uint64)
    found[0] = words.astype(np.uint64) + np.uint64(1)
    for length in range(1, min(LONGEST_PHRASE, len(words))):
        found[length, :-length] = found[length - 1, :-length] * _ODD + found[0, length:]
    return found
