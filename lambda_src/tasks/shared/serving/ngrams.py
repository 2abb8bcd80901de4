"""Texts as counts of n-grams, cut as scikit-learn's analyzers cut them.

`words`, `characters` and `runs` agree with CountVectorizer's analyzers "word", "char_wb" and
"char", default settings, in every script; a property test holds them to it.
https://scikit-learn.org/stable/modules/feature_extraction.html
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import numpy as np

type Analyzer = Callable[[str], Iterable[str]]

_WORD = re.compile(r"\w{2,}")
_SPACES = re.compile(r"\s\s+")


def words(text: str, shortest: int, longest: int) -> list[str]:
    """Runs of shortest to longest words, joined by a space.

    >>> words("It was good", 1, 2)
    ['it', 'was', 'good', 'it was', 'was good']
    """
    tokens = _WORD.findall(text.lower())
    grams = list(tokens) if shortest == 1 else []
    for size in range(max(shortest, 2), longest + 1):
        shifted = [tokens[start:] for start in range(size)]
        grams += map(" ".join, zip(*shifted, strict=False))
    return grams


def characters(text: str, shortest: int, longest: int) -> list[str]:
    """Runs of shortest to longest characters within words, which are padded with spaces.

    >>> characters("no", 2, 3)
    [' n', 'no', 'o ', ' no', 'no ']
    """
    grams: list[str] = []
    for padded in padded_words(text):
        length = len(padded)
        for size in range(shortest, longest + 1):
            if length <= size:  # a short word counts once
                grams.append(padded)
                break
            grams += [padded[at : at + size] for at in range(length - size + 1)]
    return grams


def runs(text: str, shortest: int, longest: int) -> list[str]:
    """Runs of shortest to longest characters, across words.

    >>> runs("to be", 4, 5)
    ['to b', 'o be', 'to be']
    """
    joined = whole(text)
    sizes = range(shortest, min(longest, len(joined)) + 1)
    return [joined[at : at + size] for size in sizes for at in range(len(joined) - size + 1)]


def padded_words(text: str) -> list[str]:
    """What `characters` cuts: every word between two spaces."""
    return [f" {word} " for word in text.lower().split()]


def whole(text: str) -> str:
    """What `runs` cuts: the text, white space that is longer than one made one space."""
    return _SPACES.sub(" ", text.lower())


ANALYZERS: dict[str, Callable[[str, int, int], list[str]]] = {
    "word": words,
    "char_wb": characters,
    "char": runs,
}


class Vocabulary:
    """The n-grams that a model knows, in blocks; each block is one vectorizer."""

    def __init__(self, blocks: Sequence[tuple[Analyzer, Sequence[str]]]) -> None:
        self._blocks: list[tuple[Analyzer, dict[str, int]]] = []
        first = 0
        for analyze, grams in blocks:
            numbers = range(first, first + len(grams))
            self._blocks.append((analyze, dict(zip(grams, numbers, strict=True))))
            first += len(grams)

    def count(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The known n-grams of texts: feature ids, counts, and the (row, block) each is in.

        Three arrays of one length: int64 ids, float32 counts, and int64 row * blocks + block.
        """
        ids: list[int] = []
        counts: list[int] = []
        sizes: list[int] = []
        for text in texts:
            for analyze, numbers in self._blocks:
                found = Counter(map(numbers.get, analyze(text)))
                found.pop(None, None)
                ids += found  # type: ignore[arg-type]  # None has just been taken out
                counts += found.values()
                sizes.append(len(found))
        return (
            np.fromiter(ids, np.int64, len(ids)),
            np.fromiter(counts, np.float32, len(counts)),
            np.repeat(np.arange(len(sizes)), sizes),
        )


def analyzer(name: str, shortest: int, longest: int) -> Analyzer:
    """One of ANALYZERS with its range."""
    cut = ANALYZERS[name]
    return lambda text: cut(text, shortest, longest)
