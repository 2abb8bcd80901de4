"""N-grams of many texts, counted once for all candidates and folds.

The counts are those of TfidfVectorizer's analyzers "word", "char_wb" (within words) and "char"
(across them). Fitted anew in every
fold, scikit-learn's vectorizer took 14 s of a processor for 17,000 Chinese reviews, each time;
here, cut as whole arrays of characters, they take 3 s, once.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy.sparse import coo_array, csr_array, hstack, vstack
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.pipeline import FeatureUnion, Pipeline

from tasks.text_classification.naive_bayes import plain
from tasks.text_classification.ngrams import SPANS, codes, numbered

WORDS = (1, 2)
CHARACTERS = (1, 4)
"""Runs of up to four characters: Chinese words have one or two, English stems four."""

RUNS = (1, 5)
"""Across words one more: where one ends and another begins tells most in questions."""

RANGES = {"word": WORDS, "char_wb": CHARACTERS, "char": RUNS}

MAX_GRAMS = 60_000
"""Most frequent n-grams of each kind that a model keeps; more made no score better, only models
larger."""

COUNTED_GRAMS = 2 * MAX_GRAMS
"""Most frequent n-grams that are counted; each fold keeps its own most frequent among them."""

CHUNK = 1_500_000
"""Characters that are cut at a time; cutting takes about 400 bytes for each."""

MAX_ALPHABET = {
    name: int((2**63 - 1) ** (1 / longest)) - 1 for name, (_, longest) in RANGES.items()
}
"""So many different characters (55,107 within words, 6,207 across) fit a gram into 64 bits; rarer
ones are in no gram."""


@dataclass(frozen=True)
class CharacterGrams:
    """Runs of characters within words ("char_wb") or across them ("char"), as numbers.

    alphabet holds code points in ascending order. The digits of a gram, in base
    len(alphabet) + 1, are the places of its characters, counted from one; grams are ascending.
    """

    analyzer: str
    alphabet: np.ndarray
    grams: np.ndarray

    @classmethod
    def learn(cls, texts: Sequence[str], analyzer: str) -> Self:
        """The most frequent grams among those that two or more texts hold."""
        alphabet = _alphabet(texts, MAX_ALPHABET[analyzer])
        grams, totals, holders = (np.empty(0, np.int64) for _ in range(3))
        for chunk in _chunks(texts):
            found, counts = _counted(chunk, analyzer, alphabet)
            grams, place = np.unique(np.concatenate([grams, found]), return_inverse=True)
            totals = _summed(place, totals, counts.sum(axis=0))
            holders = _summed(place, holders, np.bincount(counts.indices, minlength=len(found)))
        grams, totals = grams[holders > 1], totals[holders > 1]
        return cls(analyzer, alphabet, grams[_largest(totals, COUNTED_GRAMS)])

    def count(self, texts: Sequence[str]) -> csr_array:
        """How often each text holds each gram, shape (n_texts, n_grams)."""
        parts = [csr_array((0, len(self.grams)), dtype=np.float32)]
        for chunk in _chunks(texts):
            found, counts = _counted(chunk, self.analyzer, self.alphabet)
            known = np.flatnonzero(np.isin(found, self.grams, assume_unique=True))
            counts = counts[:, known]
            columns = np.searchsorted(self.grams, found[known])[counts.indices]
            shape = (len(chunk), len(self.grams))
            parts.append(csr_array((counts.data, columns, counts.indptr), shape=shape))
        return vstack(parts, format="csr")

    def names(self) -> list[str]:
        """The grams as strings."""
        left, names = self.grams, np.full(len(self.grams), "", dtype=object)
        while left.any():
            left, digits = np.divmod(left, len(self.alphabet) + 1)
            letters = [chr(self.alphabet[digit - 1]) if digit else "" for digit in digits]
            names = np.array(letters, dtype=object) + names
        return list(names)


class Grams:
    """The n-grams of words and characters that candidates may keep."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._words = CountVectorizer(
            ngram_range=WORDS, max_features=COUNTED_GRAMS, dtype=np.float32
        )
        self._characters = [CharacterGrams.learn(texts, name) for name in ("char_wb", "char")]
        try:
            self._words.fit(texts)
            words = self._words.get_feature_names_out().tolist()
        except ValueError:  # no text has a word of two letters or more
            words = []
        self.names = {"word": words, **{one.analyzer: one.names() for one in self._characters}}

    def count(self, texts: Sequence[str]) -> csr_array:
        """How often each text holds each gram, in the order of names, (n_texts, n_grams)."""
        blocks = [characters.count(texts) for characters in self._characters]
        if self.names["word"]:
            blocks.insert(0, csr_array(self._words.transform(texts)))
        return hstack(blocks, format="csr")

    def weighed(self, analyzer: str, least: int) -> tuple[str, "Weighed"]:
        """A block of a FeatureUnion: the grams of one analyzer that least texts hold."""
        before = itertools.takewhile(lambda name: name != analyzer, self.names)
        first = sum(len(self.names[name]) for name in before)
        return analyzer, Weighed(first=first, count=len(self.names[analyzer]), least=least)

    def of_texts(self, fitted: Pipeline) -> Pipeline:
        """A pipeline of counts as one of texts, of scikit-learn's own parts."""
        blocks = []
        for analyzer, weighed in fitted["grams"].transformer_list:
            names = self.names[analyzer]
            vectorizer = TfidfVectorizer(
                analyzer=analyzer,
                ngram_range=RANGES[analyzer],
                sublinear_tf=True,
                vocabulary=[names[column - weighed.first] for column in weighed.kept_],
            )
            vectorizer.idf_ = weighed.tfidf_.idf_
            blocks.append((analyzer, vectorizer))
        return Pipeline([("grams", FeatureUnion(blocks)), ("model", plain(fitted["model"]))])


class Weighed(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Counts weighed as TfidfVectorizer(sublinear_tf=True, max_features=MAX_GRAMS) weighs them.

    Of the columns from first on, count many, those are kept that least rows hold.
    """

    def __init__(self, first: int, count: int, least: int) -> None:
        self.first = first
        self.count = count
        self.least = least

    def fit(self, x: csr_array, y: Any = None) -> Self:
        block = x[:, self.first : self.first + self.count]
        holders = np.bincount(block.indices, minlength=self.count)
        kept = np.flatnonzero(holders >= self.least)
        if not len(kept):
            raise ValueError("the texts have no n-gram of this kind in common")
        kept = kept[_largest(np.asarray(block.sum(axis=0)).ravel()[kept], MAX_GRAMS)]
        self.kept_ = kept + self.first
        self.tfidf_ = TfidfTransformer(sublinear_tf=True).fit(x[:, self.kept_])
        return self

    def transform(self, x: csr_array) -> csr_array:
        return self.tfidf_.transform(x[:, self.kept_])


def _largest(totals: np.ndarray, most: int) -> np.ndarray:
    """The places of the largest totals, ascending."""
    return np.sort(np.argsort(-totals, kind="stable")[:most])


def _summed(place: np.ndarray, before: np.ndarray, more: Any) -> np.ndarray:
    """Totals by gram, from two lists of them, one after the other; place says whose they are."""
    weights = np.concatenate([before, np.asarray(more).ravel()])
    return np.bincount(place, weights).astype(np.int64)


def _chunks(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """Texts in order, about CHUNK characters at a time."""
    ends = np.cumsum([len(text) for text in texts])
    start = 0
    while start < len(texts):
        reached = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, reached + CHUNK)))
        yield texts[start:stop]
        start = stop


def _alphabet(texts: Sequence[str], most: int) -> np.ndarray:
    """The most frequent code points of texts in lower case, but for line ends.

    The vocabulary is kept a line each.
    """
    totals = np.zeros(0x110000, dtype=np.int64)
    for chunk in _chunks(texts):
        letters = " ".join([text.lower() for text in chunk]) + " "
        found, counts = np.unique(codes(letters), return_counts=True)
        totals[found] += counts
    totals[ord("\n")] = 0
    present = np.flatnonzero(totals)
    kept: np.ndarray = present[_largest(totals[present], most)]
    return kept


def _counted(
    texts: Sequence[str], analyzer: str, alphabet: np.ndarray
) -> tuple[np.ndarray, csr_array]:
    """The grams of texts, ascending, and how often each text holds each."""
    spans = [SPANS[analyzer](text) for text in texts]
    lengths = [sum(map(len, some)) for some in spans]
    places, grams = numbered(
        [span for some in spans for span in some], alphabet, RANGES[analyzer][1]
    )
    rows = np.repeat(np.arange(len(texts)), lengths)[places]
    found, columns = np.unique(grams, return_inverse=True)
    ones = np.ones(len(grams), dtype=np.float32)
    counts = coo_array((ones, (rows, columns)), shape=(len(texts), len(found)))
    return found, counts.tocsr()
