"""Sentence pairs as batches of about the same length."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tasks.translation.subwords import END, PAD
from tasks.translation.training.network import Batch

type Ids = Sequence[int]

PIECES = 4000
"""Target pieces, padding included, that a batch holds at most, so that memory is bounded."""


@dataclass(frozen=True)
class Pairs:
    """Sentences and their translations as ids of pieces."""

    sources: Sequence[Ids]
    targets: Sequence[Ids]

    def __len__(self) -> int:
        return len(self.sources)

    def lengths(self) -> np.ndarray:
        """Pieces of each pair's sentences, shape (pairs, 2), END included."""
        both = zip(self.sources, self.targets, strict=True)
        return np.array([(len(s) + 1, len(t) + 1) for s, t in both], np.int64).reshape(-1, 2)


def batch(pairs: Pairs, rows: Sequence[int] | np.ndarray) -> Batch:
    return Batch(
        source=_padded([pairs.sources[row] for row in rows]),
        target=_padded([pairs.targets[row] for row in rows]),
    )


def epoch(lengths: np.ndarray, size: int, generator: np.random.Generator) -> list[np.ndarray]:
    """Rows of batches of up to size pairs, each of about one length, in random order."""
    shuffled = generator.permutation(len(lengths))
    source, target = lengths[shuffled].T
    ordered = shuffled[np.lexsort((source, target))]
    found = list(_cut(ordered, lengths[:, 1], size))
    return [found[at] for at in generator.permutation(len(found))]


def _cut(rows: np.ndarray, lengths: np.ndarray, size: int) -> Iterator[np.ndarray]:
    start = 0
    while start < len(rows):
        end = min(start + size, len(rows))
        while end - start > 1 and (end - start) * lengths[rows[end - 1]] > PIECES:
            end -= 1
        yield rows[start:end]
        start = end


def _padded(sentences: Sequence[Ids]) -> np.ndarray:
    """Sentences as columns, each with END, shape (longest + 1, count)."""
    ids = np.full((max(map(len, sentences)) + 1, len(sentences)), PAD, np.int64)
    for column, sentence in enumerate(sentences):
        ids[: len(sentence), column] = sentence
        ids[len(sentence), column] = END
    return ids
