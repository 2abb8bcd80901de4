"""Which words of a sentence pair are each other's translations.

IBM models (Brown et al., 1993) in both directions, with positions near the diagonal preferred and
sparse Dirichlet priors (Dyer et al., 2013); where the two agree, alignments grow (Och and Ney,
2003). Every step of expectation maximization is a few sums over all links of the corpus.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import digamma

type Sentences = Sequence[np.ndarray]

ROUNDS_OF_WORDS, ROUNDS_OF_PLACES = 5, 5
"""Rounds of expectation maximization without and with the preference for the diagonal."""

TENSION = 4.0
"""How strongly the diagonal is preferred."""

NOTHING = 0.08
"""The probability that a word translates none."""

CONCENTRATION = 0.01
"""Of the Dirichlet prior: the smaller, the fewer translations a word has."""


@dataclass(frozen=True)
class Corpus:
    """Sentence pairs end to end: words, and where each sentence begins and the last one ends."""

    sources: np.ndarray
    targets: np.ndarray
    source_starts: np.ndarray
    target_starts: np.ndarray

    @classmethod
    def of(cls, sources: Sentences, targets: Sentences) -> "Corpus":
        return cls(
            np.concatenate(sources), np.concatenate(targets), _starts(sources), _starts(targets)
        )

    def __len__(self) -> int:
        return len(self.source_starts) - 1


@dataclass(frozen=True)
class Links:
    """Places in a corpus's sources and targets that are linked, in ascending order of targets."""

    source: np.ndarray
    target: np.ndarray


@dataclass(frozen=True)
class _Lattice:
    """All links that there could be.

    near is how near the diagonal each one is, cell the place of its words among word pairs.
    """

    source: np.ndarray
    target: np.ndarray
    near: np.ndarray
    cell: np.ndarray
    cell_source: np.ndarray
    cell_target: np.ndarray

    @classmethod
    def of(cls, corpus: Corpus) -> "_Lattice":
        n, m = np.diff(corpus.source_starts), np.diff(corpus.target_starts)
        pair = np.repeat(np.arange(len(corpus)), n * m)
        within = np.arange(len(pair)) - np.repeat(np.cumsum(n * m) - n * m, n * m)
        j, i = np.divmod(within, n[pair])
        source, target = corpus.source_starts[pair] + i, corpus.target_starts[pair] + j
        near = np.exp(-TENSION * np.abs((i + 1) / (n[pair] + 1) - (j + 1) / (m[pair] + 1)))
        words = int(corpus.targets.max()) + 1
        keys = corpus.sources[source] * words + corpus.targets[target]
        cells, cell = np.unique(keys, return_inverse=True)
        return cls(
            source.astype(np.int32),
            target.astype(np.int32),
            near.astype(np.float32),
            cell.astype(np.int32),
            *np.divmod(cells, words),
        )


def align(corpus: Corpus) -> Links:
    """The links that both directions have, grown by those that one of them has."""
    lattice = _Lattice.of(corpus)
    forward = _one_way(lattice, corpus.targets, lattice.target, lattice.cell_source)
    backward = _one_way(lattice, corpus.sources, lattice.source, lattice.cell_target)
    return _grown(corpus, lattice, forward, backward)


def _one_way(
    lattice: _Lattice, made: np.ndarray, place: np.ndarray, given: np.ndarray
) -> np.ndarray:
    """The likeliest link of each made word, as rows of the lattice.

    made holds the words that are generated, place which of them each link is for, given the
    generating word of each cell.
    """
    cells, words = len(given), int(made.max()) + 1
    table = np.ones(cells)
    nothing = np.ones(words)
    posterior = rest = np.empty(0)
    for number in range(ROUNDS_OF_WORDS + ROUNDS_OF_PLACES):
        weights = table[lattice.cell]
        near = lattice.near if number >= ROUNDS_OF_WORDS else None
        if near is not None:
            weights *= near
        weights *= ((1 - NOTHING) / np.bincount(place, near, len(made)))[place]
        rest = NOTHING * nothing[made]
        total = np.bincount(place, weights, len(made)) + rest
        posterior = weights / total[place]
        rest = rest / total
        counts = np.bincount(lattice.cell, posterior, cells) + CONCENTRATION
        table = np.exp(digamma(counts) - digamma(np.bincount(given, counts))[given])
        counts = np.bincount(made, rest, words) + CONCENTRATION
        nothing = np.exp(digamma(counts) - digamma(counts.sum()))
    best = np.zeros(len(made))
    np.maximum.at(best, place, posterior)
    return np.flatnonzero((posterior == best[place]) & (posterior > rest[place]))


def _grown(corpus: Corpus, lattice: _Lattice, forward: np.ndarray, backward: np.ndarray) -> Links:
    """grow-diag-final-and: neighbours of links, then what is left, of words that have none."""
    either = np.union1d(forward, backward)
    both = np.isin(either, forward) & np.isin(either, backward)
    sources, targets = lattice.source[either], lattice.target[either]
    cuts = targets.searchsorted(corpus.target_starts)
    found: list[tuple[int, int]] = []
    for start, end in zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True):
        points = list(zip(sources[start:end].tolist(), targets[start:end].tolist(), strict=True))
        sure = [point for point, one in zip(points, both[start:end].tolist(), strict=True) if one]
        found += _grow(points, sure)
    source, target = np.array(found, np.int64).reshape(-1, 2).T
    order = np.lexsort((source, target))
    return Links(source[order], target[order])


_AROUND = ((-1, 0), (0, -1), (1, 0), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1))


def _grow(points: list[tuple[int, int]], sure: list[tuple[int, int]]) -> set[tuple[int, int]]:
    linked = set(sure)
    sources, targets = {s for s, _ in sure}, {t for _, t in sure}
    candidates = set(points)
    queue = list(sure)
    for s, t in queue:
        for ds, dt in _AROUND:
            point = s + ds, t + dt
            if (
                point in candidates
                and point not in linked
                and (point[0] not in sources or point[1] not in targets)
            ):
                linked.add(point)
                sources.add(point[0])
                targets.add(point[1])
                queue.append(point)
    for s, t in points:
        if s not in sources and t not in targets:
            linked.add((s, t))
            sources.add(s)
            targets.add(t)
    return linked


def _starts(sentences: Sentences) -> np.ndarray:
    return np.cumsum([0, *map(len, sentences)])
