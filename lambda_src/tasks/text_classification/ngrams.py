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


SPANS: dict[str, Callable[[str], list[str]]] = {
    "char_wb": padded_words,
    "char": lambda text: [whole(text)],
}
"""The parts of a text that grams of characters lie within."""


def codes(text: str) -> np.ndarray:
    """The code points of a text, int64."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.int64)


def numbered(
    spans: Sequence[str], alphabet: np.ndarray, longest: int
) -> tuple[np.ndarray, np.ndarray]:
    """Every gram of one to longest characters of every span: where it begins, and its number.

    Places count the characters of all spans. alphabet holds code points in ascending order. The
    digits of a number, in base len(alphabet) + 1, are the places of the gram's characters in it,
    counted from one; grams with any other character are left out.
    """
    sizes = np.fromiter(map(len, spans), np.int64, len(spans))
    given = codes("".join(spans))
    left = np.repeat(np.cumsum(sizes), sizes) - np.arange(len(given))
    digits = np.searchsorted(alphabet, given, side="right")
    digits[np.append(-1, alphabet)[digits] != given] = 0
    places, grams = [], []
    gram, known = digits, digits > 0
    for size in range(1, longest + 1):
        if size > 1:
            gram = gram[:-1] * (len(alphabet) + 1) + digits[size - 1 :]
            known = known[:-1] & (digits[size - 1 :] > 0)
        here = np.flatnonzero(known & (left[: len(gram)] >= size))
        places.append(here)
        grams.append(gram[here])
    return np.concatenate(places), np.concatenate(grams)


class _Strings:
    """Grams that are looked up one by one."""

    def __init__(self, name: str, shortest: int, longest: int, grams: Sequence[str]) -> None:
        self._analyze = analyzer(name, shortest, longest)
        self._places = dict(zip(grams, range(len(grams)), strict=True))

    def count(self, text: str) -> tuple[np.ndarray, np.ndarray]:
        """Places of the grams that a text holds, and how often it holds each."""
        found = Counter(map(self._places.get, self._analyze(text)))
        found.pop(None, None)
        places = np.fromiter(found, np.int64, len(found))
        return places, np.fromiter(found.values(), np.int64, len(found))


class _Numbers:
    """Grams of characters, of which a text's are found all at once: in an eighth of the time."""

    def __init__(self, name: str, longest: int, grams: Sequence[str], alphabet: np.ndarray) -> None:
        self._spans = SPANS[name]
        self._longest = longest
        self._alphabet = alphabet
        sizes = np.fromiter(map(len, grams), np.int64, len(grams))
        digits = np.searchsorted(alphabet, codes("".join(grams))) + 1
        starts = np.cumsum(sizes) - sizes
        numbers = np.zeros(len(grams), np.int64)
        for place in range(longest):
            longer = sizes > place
            digit = digits[starts[longer] + place]
            numbers[longer] = numbers[longer] * (len(alphabet) + 1) + digit
        self._places = np.argsort(numbers, kind="stable")
        self._numbers = numbers[self._places]

    def count(self, text: str) -> tuple[np.ndarray, np.ndarray]:
        """Places of the grams that a text holds, and how often it holds each."""
        _, grams = numbered(self._spans(text), self._alphabet, self._longest)
        found, counts = np.unique(grams, return_counts=True)
        at = np.searchsorted(self._numbers, found)
        known = self._numbers.take(at, mode="clip") == found
        return self._places[at[known]], counts[known]


def _block(name: str, shortest: int, longest: int, grams: Sequence[str]) -> _Strings | _Numbers:
    if name in SPANS and shortest == 1:
        alphabet = np.flatnonzero(np.bincount(codes("".join(grams))))
        if float(len(alphabet) + 1) ** longest < 2**63:
            return _Numbers(name, longest, grams, alphabet)
    return _Strings(name, shortest, longest, grams)


class Vocabulary:
    """The n-grams that a model knows, in blocks; each block is one vectorizer.

    A block is one of ANALYZERS, its shortest and longest grams, and the grams that are known.
    """

    def __init__(self, blocks: Sequence[tuple[str, int, int, Sequence[str]]]) -> None:
        self._blocks = [_block(*block) for block in blocks]
        sizes = [len(grams) for *_, grams in blocks]
        self._firsts = [sum(sizes[:number]) for number in range(len(sizes))]

    def count(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The known n-grams of texts: feature ids, counts, and the (row, block) each is in.

        Three arrays of one length: int64 ids, float32 counts, and int64 row * blocks + block.
        """
        ids, counts = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for text in texts:
            for block, first in zip(self._blocks, self._firsts, strict=True):
                places, times = block.count(text)
                ids.append(places + first)
                counts.append(times)
        sizes = list(map(len, ids))
        segments = np.repeat(np.arange(-1, len(ids) - 1), sizes)
        return np.concatenate(ids), np.concatenate(counts).astype(np.float32), segments


def analyzer(name: str, shortest: int, longest: int) -> Analyzer:
    """One of ANALYZERS with its range."""
    cut = ANALYZERS[name]
    return lambda text: cut(text, shortest, longest)
