"""Phrases and their translations (Koehn, Och and Marcu, 2003)."""

from dataclasses import dataclass

import numpy as np

from tasks.translation.serving.phrases.table import LONGEST_PHRASE, PhraseTable, hashes
from tasks.translation.training.phrases.alignment import Corpus, Links

OPTIONS = 20
"""Translations of a phrase that are kept, the most probable ones."""

_NONE = np.iinfo(np.int64).max


class TooLittle(Exception):
    """No phrase can be learned; the text says why."""


@dataclass(frozen=True)
class _Pairs:
    """Phrase pairs as they occur: where they begin in the corpus, and their lengths."""

    source: np.ndarray
    source_length: np.ndarray
    target: np.ndarray
    target_length: np.ndarray


def phrase_table(corpus: Corpus, links: Links) -> PhraseTable:
    """All phrases that occur, with the probabilities of their translations. Raises TooLittle."""
    pairs = extracted(corpus, links)
    if not len(pairs.source):
        raise TooLittle("no words are each other's translations")
    source = hashes(corpus.sources)[pairs.source_length - 1, pairs.source]
    target = hashes(corpus.targets)[pairs.target_length - 1, pairs.target]
    order = np.lexsort((target, source))
    starts = _starts(source[order], target[order])
    counts = np.diff(np.append(starts, len(order)))
    lexical = np.maximum.reduceat(_lexical(corpus, links, pairs)[order], starts)
    first = order[starts]
    source, target = source[first], target[first]
    probabilities = [_probabilities(side, counts) for side in (source, target)]
    features = np.column_stack([*np.log(probabilities), lexical])

    order = np.lexsort((target, -features.sum(axis=1), source))
    starts = _starts(source[order])
    rank = np.arange(len(order)) - np.repeat(starts, np.diff(np.append(starts, len(order))))
    kept = order[rank < OPTIONS]
    begin, lengths = pairs.target[first[kept]], pairs.target_length[first[kept]]
    words = np.full((len(kept), LONGEST_PHRASE), -1, np.int32)
    for place in range(LONGEST_PHRASE):
        inside = lengths > place
        words[inside, place] = corpus.targets[begin[inside] + place]
    starts = _starts(source[kept])
    return PhraseTable(
        sources=source[kept][starts],
        starts=np.append(starts, len(kept)).astype(np.int32),
        words=words,
        features=features[kept].astype(np.float16),
    )


def _starts(*keys: np.ndarray) -> np.ndarray:
    """Where rows begin that are alike in all keys, which are sorted."""
    changes = np.any([key[1:] != key[:-1] for key in keys], axis=0)
    return np.flatnonzero(np.append(True, changes))


def _probabilities(given: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Of pairs given one of their sides, their counts discounted (Foster et al., 2006)."""
    single, double = (counts == 1).sum(), (counts == 2).sum()
    discounted = counts - single / (single + 2 * double + 1)
    _, which = np.unique(given, return_inverse=True)
    return np.asarray(discounted / np.bincount(which, counts)[which])


def extracted(corpus: Corpus, links: Links) -> _Pairs:
    """All pairs of runs of words that are linked to each other and to nothing else."""
    low, high = _reach(links.source, links.target, len(corpus.sources))
    back_low, back_high = _reach(links.target, links.source, len(corpus.targets))
    sentence = _sentences(corpus.target_starts)
    source_ranges = _ranges(low, high, _sentences(corpus.source_starts))
    target_ranges = _ranges(back_low, back_high, sentence)
    target_low = np.stack([one for one, _ in target_ranges])
    target_high = np.stack([one for _, one in target_ranges])

    def takes(more: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Whether targets from a to b can take one more word, which is linked to nothing."""
        near = np.clip(more, 0, len(sentence) - 1)
        free = (back_low[near] == _NONE) & (near == more) & (sentence[near] == sentence[a])
        return np.asarray(free & (b - a + 1 < LONGEST_PHRASE))

    found = [np.empty((4, 0), np.int64)]
    for length, (first, last) in enumerate(source_ranges, 1):
        start = np.flatnonzero((first <= last) & (last - first < LONGEST_PHRASE))
        a, b = first[start], last[start]
        fits = (target_low[b - a, a] >= start) & (target_high[b - a, a] < start + length)
        left = np.stack([start, a, b])[:, fits]
        while left.size:
            right = left
            while right.size:
                start, a, b = right
                found.append(np.stack([start, np.full_like(start, length), a, b - a + 1]))
                right = np.stack([start, a, b + 1])[:, takes(b + 1, a, b)]
            start, a, b = left
            left = np.stack([start, a - 1, b])[:, takes(a - 1, a, b)]
    return _Pairs(*np.concatenate(found, axis=1))


def _reach(place: np.ndarray, other: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The first and last place that each place is linked to."""
    low, high = np.full(count, _NONE), np.full(count, -1)
    np.minimum.at(low, place, other)
    np.maximum.at(high, place, other)
    return low, high


def _ranges(
    low: np.ndarray, high: np.ndarray, sentence: np.ndarray
) -> list[tuple[np.ndarray, np.ndarray]]:
    """The same for runs of 1, 2, ... places; what is no run in a sentence reaches nothing."""
    found = [(low, high)]
    for length in range(2, LONGEST_PHRASE + 1):
        first, last = np.full_like(low, _NONE), np.full_like(high, -1)
        more = slice(length - 1, None)
        count = max(0, len(low) - length + 1)
        if count:
            inside = sentence[:count] == sentence[more]
            before_low, before_high = found[-1]
            first[:count] = np.where(inside, np.minimum(before_low[:count], low[more]), _NONE)
            last[:count] = np.where(inside, np.maximum(before_high[:count], high[more]), -1)
        found.append((first, last))
    return found


def _lexical(corpus: Corpus, links: Links, pairs: _Pairs) -> np.ndarray:
    """Log probabilities of each pair's words given those that they are linked to, shape (n, 2).

    The first is of target words, the second of source words.
    """
    size = int(corpus.targets.max()) + 1
    keys = corpus.sources[links.source] * size + corpus.targets[links.target]
    words, which, counts = np.unique(keys, return_inverse=True, return_counts=True)
    found = []
    for given, place, text, begin, length in (
        (words // size, links.target, corpus.targets, pairs.target, pairs.target_length),
        (words % size, links.source, corpus.sources, pairs.source, pairs.source_length),
    ):
        probability = counts / np.bincount(given, counts)[given]
        linked = np.bincount(place, minlength=len(text))
        mean = np.bincount(place, probability[which], len(text)) / np.maximum(linked, 1)
        alone = text[linked == 0]
        share = np.bincount(alone, minlength=int(text.max()) + 1) / max(1, len(alone))
        mean[linked == 0] = share[alone]
        sums = np.append(0.0, np.cumsum(np.log(mean)))
        found.append(sums[begin + length] - sums[begin])
    return np.column_stack(found)


def _sentences(starts: np.ndarray) -> np.ndarray:
    return np.repeat(np.arange(len(starts) - 1), np.diff(starts))
