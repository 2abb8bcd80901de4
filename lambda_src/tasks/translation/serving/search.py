"""The likeliest translations, by beam search over a network that answers a step at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tasks.framework import onnx
from tasks.translation.subwords import END, PAD, START

LENGTH_PENALTY = 1.0
"""Wu et al. (2016): likelihoods are divided by ((5 + length) / 6) to this power."""

LONGEST_RATIO, LONGEST_EXTRA = 2, 10
"""A translation has at most so many pieces per piece of its source, and so many more."""

TOGETHER = 32
"""Sentences of one batch."""


@dataclass(frozen=True)
class Found:
    """A translation's pieces, END not among them, and its log probability.

    ended says whether END followed, whose probability is then included; else it was cut off.
    """

    pieces: list[int]
    log_probability: float
    ended: bool = False

    @property
    def certainty(self) -> float:
        """The geometric mean of its pieces' probabilities."""
        return float(np.exp(self.log_probability / (len(self.pieces) + self.ended)))


class Translator:
    """An encoder and a decoder in ONNX; see tasks.translation.training.graph for what they take."""

    def __init__(self, encoder: bytes, decoder: bytes, threads: int = 1) -> None:
        self._encoder = onnx.session(encoder, threads)
        self._decoder = onnx.session(decoder, threads)

    def translate_all(self, sources: Sequence[Sequence[int]], beam: int) -> list[Found]:
        """The best translation of each source; those of about one length go together."""
        found: dict[int, Found] = {}
        ordered = sorted(range(len(sources)), key=lambda row: len(sources[row]))
        for start in range(0, len(ordered), TOGETHER):
            rows = ordered[start : start + TOGETHER]
            answers = self.translate([sources[row] for row in rows], beam)
            found |= zip(rows, answers, strict=True)
        return [found[row] for row in range(len(sources))]

    def translate(self, sources: Sequence[Sequence[int]], beam: int) -> list[Found]:
        """The best translation of each source, END not among its pieces."""
        lengths = np.array([len(source) + 1 for source in sources], np.int32)
        ids = np.full((lengths.max(), len(sources)), PAD, np.int64)
        for column, source in enumerate(sources):
            ids[: len(source), column] = source
            ids[len(source), column] = END
        annotations, keys, padding, first, second = self._encoder.run(
            None, {"source": ids, "lengths": lengths}
        )
        fixed = {"annotations": annotations, "keys": keys, "padding": padding}
        limits = LONGEST_RATIO * lengths + LONGEST_EXTRA
        return self._search(fixed, first, second, limits, beam)

    def _search(
        self, fixed: dict[str, Any], first: Any, second: Any, limits: np.ndarray, beam: int
    ) -> list[Found]:
        searches = [_Search(beam, int(limit)) for limit in limits]
        open_ = list(range(len(searches)))
        tokens = np.full((len(open_), 1), START, np.int64)
        first, second = first[:, None], second[:, None]
        width = np.array([beam + 1], np.int64)  # one of them may be END
        while open_:
            feeds = {**fixed, "token": tokens, "first": first, "second": second, "width": width}
            scores, ids, first, second = self._decoder.run(None, feeds)
            rows, parents = [], []
            for row, number in enumerate(open_):
                origin = searches[number].advance(scores[row], ids[row])
                if origin is not None:
                    rows.append(row)
                    parents.append(origin)
            if not rows:
                break
            picked = np.array(rows)[:, None], np.array(parents)
            first, second = first[picked], second[picked]
            if len(rows) < len(open_):
                fixed = {name: value[rows] for name, value in fixed.items()}
                open_ = [open_[row] for row in rows]
            tokens = np.array([searches[number].last for number in open_], np.int64)
        return [search.best() for search in searches]


class _Search:
    """The beam of one sentence: its open hypotheses, and those that have ended."""

    def __init__(self, beam: int, limit: int) -> None:
        self._beam = beam
        self._limit = limit
        self._open: list[Found] = [Found([], 0.0)]
        self._ended: list[Found] = []

    @property
    def last(self) -> list[int]:
        """The last piece of each open hypothesis."""
        return [one.pieces[-1] for one in self._open]

    def advance(self, scores: np.ndarray, ids: np.ndarray) -> list[int] | None:
        """Takes log probabilities and ids (K, beam + 1) of next pieces; None when it is over.

        Returns the hypothesis that each new one continues. There are always as many as the beam
        is wide: what has ended is kept apart, and the next best takes its place.
        """
        length = len(self._open[0].pieces)
        totals = scores + np.array([one.log_probability for one in self._open])[:, None]
        ranked = np.argsort(-totals, axis=None, kind="stable")
        chosen: list[Found] = []
        parents: list[int] = []
        for at in ranked:
            parent, rank = divmod(int(at), totals.shape[1])
            piece, total = int(ids[parent, rank]), float(totals[parent, rank])
            if piece == END:
                self._ended.append(Found(self._open[parent].pieces, total, ended=True))
            else:
                chosen.append(Found([*self._open[parent].pieces, piece], total))
                parents.append(parent)
            if len(chosen) == self._beam:
                break
        self._open = chosen
        if length + 1 >= self._limit or self._settled():
            return None
        return parents

    def best(self) -> Found:
        return max(self._ended or self._open, key=_rank)

    def _settled(self) -> bool:
        """Whether the best that has ended is better than the best that has not, as it stands."""
        return bool(self._ended) and _rank(max(self._ended, key=_rank)) >= _rank(self._open[0])


def _rank(found: Found) -> float:
    return float(
        found.log_probability / ((5 + len(found.pieces) + found.ended) / 6) ** LENGTH_PENALTY
    )
