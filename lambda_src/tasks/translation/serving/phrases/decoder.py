"""The best translation by phrases: beam search over stacks (Koehn, Och and Marcu, 2003).

A hypothesis has translated some words of the source; those that have translated equally many
compete for a place on one stack, by their score so far and what the rest will cost at best. The
sentences of a batch go through their stacks together, so that a step is a few operations on arrays.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tasks.translation.serving.phrases.language_model import END, START, LanguageModel
from tasks.translation.serving.phrases.options import (
    BETWEEN,
    DISTANCE,
    LANGUAGE,
    Options,
    options,
    ranges,
)
from tasks.translation.serving.phrases.spans import REORDERED, spans
from tasks.translation.serving.phrases.table import LONGEST_PHRASE, PhraseTable

EXPANDED = 6
"""Expansions per place on a stack that the language model is asked about."""

ROOM = LONGEST_PHRASE + REORDERED
"""Places between two sentences, so that no span reaches from one into the other."""

_HYPOTHESIS = np.dtype(
    [
        ("sentence", np.int32),
        ("gap", np.int32),  # the first place that is not translated
        ("mask", np.int32),  # which of the places from there on are, as bits
        ("start", np.int32),  # the last phrase
        ("length", np.int32),
        ("bigram", np.int64),  # the context of the language model
        ("last", np.int64),
        ("score", np.float64),
        ("total", np.float64),  # with what the rest costs at best
        ("parent", np.int64),
        ("option", np.int64),
        ("language", np.float64),  # the log probability of all its words
        ("distance", np.int32),  # how far it has jumped in all
    ]
)


class Phrase(NamedTuple):
    """Words of the source, by place and number, and what they become: UNKNOWN is to be copied."""

    start: int
    length: int
    words: list[int]


@dataclass(frozen=True)
class Derivation:
    """A translation by its phrases; features has one value for each of options.FEATURES."""

    phrases: list[Phrase]
    features: np.ndarray
    score: float


class Decoder:
    """Finds the translations of sentences given as ids of words, -1 for unknown ones."""

    def __init__(self, table: PhraseTable, language: LanguageModel, weights: np.ndarray) -> None:
        self._table = table
        self._language = language
        self._weights = weights

    def translate(
        self, sentences: Sequence[np.ndarray], stack: int, best: int = 1
    ) -> list[list[Derivation]]:
        """Up to best translations of each sentence, the best one first.

        stack is how many hypotheses there are on each stack at most.
        """
        if not sentences:
            return []
        lengths = np.array([len(one) for one in sentences])
        base = np.cumsum([0, *(lengths + ROOM)])[:-1]
        source = np.full((lengths + ROOM).sum(), BETWEEN, np.int64)
        for at, sentence in zip(base, sentences, strict=True):
            source[at : at + len(sentence)] = sentence
        found = options(self._table, self._language, self._weights, source)
        return _Batch(self._language, self._weights, found, base, lengths).search(stack, best)


class _Batch:
    """Sentences that are translated together; base says where each one begins."""

    def __init__(
        self,
        language: LanguageModel,
        weights: np.ndarray,
        found: Options,
        base: np.ndarray,
        lengths: np.ndarray,
    ) -> None:
        self._language = language
        self._weights = weights
        self._options = found
        self._base = base
        self._lengths = lengths
        self._estimate = found.static + weights[LANGUAGE] * (found.ahead + found.inner)
        self._best_of_runs()

    def _best_of_runs(self) -> None:
        """What each run scores at best, by place and length, and all from a place on."""
        first, many = self._options.first, self._options.many
        best = np.full(many.shape, -np.inf)
        run = np.repeat(np.arange(many.size), many.ravel())
        option = ranges(first.ravel(), many.ravel())
        np.maximum.at(best.reshape(-1), run, self._estimate[option])
        self._cells = best
        run = np.full((len(best), REORDERED), -np.inf)
        run[:, :LONGEST_PHRASE] = best[:, :REORDERED]
        for length in range(2, REORDERED + 1):
            for part in range(1, length):
                both = run[:-part, part - 1] + run[part:, length - part - 1]
                run[:-part, length - 1] = np.maximum(run[:-part, length - 1], both)
        self._runs = np.concatenate([np.zeros((len(run), 1)), run], axis=1)
        self._rest = np.zeros(len(best))
        for left in range(1, int(self._lengths.max()) + 1):
            at = (self._base + self._lengths - left)[self._lengths >= left]
            after = at[:, None] + np.arange(1, LONGEST_PHRASE + 1)
            self._rest[at] = (best[at] + self._rest[after]).max(axis=1)

    def search(self, stack: int, best: int) -> list[list[Derivation]]:
        start = np.zeros(len(self._lengths), _HYPOTHESIS)
        start["sentence"] = np.arange(len(start))
        start["bigram"], start["last"] = self._language.beginning, START
        start["parent"] = -1
        longest = int(self._lengths.max())
        waiting: list[list[np.ndarray]] = [[] for _ in range(longest + 1)]
        waiting[0].append(start)
        nodes: list[np.ndarray] = []
        ended: list[np.ndarray] = []
        count = 0
        for covered, stacked in enumerate(waiting):
            if not stacked:
                continue
            arrived = np.concatenate(stacked)
            over = self._lengths[arrived["sentence"]] == covered
            if over.any():
                ended.append(self._finished(arrived[over], best))
            if over.all():
                continue
            kept = _pruned(arrived[~over], stack)
            nodes.append(kept)
            made = self._expanded(kept, count, stack)
            count += len(kept)
            for length in np.unique(made["length"]).tolist():
                waiting[covered + length].append(made[made["length"] == length])
        return self._derivations(np.concatenate(nodes), np.concatenate(ended))

    def _expanded(self, kept: np.ndarray, before: int, stack: int) -> np.ndarray:
        """What the hypotheses become by one more phrase; before counts all earlier ones."""
        table, found, costs = spans(), self._options, self._weights[DISTANCE]
        gap = self._base[kept["sentence"]] + kept["gap"]
        place = gap[:, None] + table.offset
        jump = np.abs((kept["gap"] - kept["start"] - kept["length"])[:, None] + table.offset)
        there = self._cells[place, table.length - 1] > -np.inf
        row, span = np.nonzero(table.allowed[kept["mask"]] & there & (jump <= REORDERED))
        cell = place[row, span], table.length[span] - 1
        moved = np.empty(len(row), _HYPOTHESIS)
        moved["sentence"] = kept["sentence"][row]
        moved["gap"] = kept["gap"][row] + table.shift[kept["mask"][row], span]
        moved["mask"] = table.mask[kept["mask"][row], span]
        moved["start"] = kept["gap"][row] + table.offset[span]
        moved["length"] = table.length[span]
        moved["bigram"], moved["last"] = kept["bigram"][row], kept["last"][row]
        moved["parent"] = before + row
        moved["language"] = kept["language"][row]
        moved["distance"] = kept["distance"][row] + jump[row, span]
        moved["score"] = kept["score"][row] + costs * jump[row, span]
        moved["total"] = self._future(moved)
        many = found.many[cell]
        option = ranges(found.first[cell], many)
        which = np.repeat(np.arange(len(row)), many)
        rough = (moved["score"] + moved["total"])[which] + self._estimate[option]
        some = _best(moved["sentence"][which], rough, EXPANDED * stack)
        return self._written(moved[which[some]], option[some])

    def _future(self, moved: np.ndarray) -> np.ndarray:
        """What the words score at best that are not translated yet."""
        table = spans()
        at = self._base[moved["sentence"]] + moved["gap"]
        total: np.ndarray = self._rest[at + table.tail[moved["mask"]]]
        for run in range(table.runs.shape[1]):
            offset, length = table.runs[moved["mask"], run].T
            total = total + self._runs[at + offset, length]
        return total

    def _written(self, moved: np.ndarray, option: np.ndarray) -> np.ndarray:
        """Hypotheses, each with the words of an option, and the score of these where they stand."""
        found, model = self._options, self._language
        first, lengths = found.words[option, 0], found.lengths[option]
        language, bigram = model.score(moved["bigram"], moved["last"], first)
        language = language + found.inner[option]
        more = np.flatnonzero(lengths > 1)
        second = found.words[option[more], 1]
        scores, following = model.score(bigram[more], first[more], second)
        language[more] += scores
        bigram[more] = np.where(lengths[more] > 2, found.bigram[option[more]], following)
        moved["bigram"], moved["last"] = bigram, found.last[option]
        moved["option"] = option
        moved["language"] += language
        moved["score"] += self._weights[LANGUAGE] * language + found.static[option]
        moved["total"] += moved["score"]
        return moved

    def _finished(self, arrived: np.ndarray, best: int) -> np.ndarray:
        """The best of those that have translated all; those that end alike, too."""
        end = np.full(len(arrived), END)
        scores, _ = self._language.score(arrived["bigram"], arrived["last"], end)
        arrived["language"] += scores
        arrived["score"] += self._weights[LANGUAGE] * scores
        return np.asarray(arrived[_best(arrived["sentence"], arrived["score"], best)])

    def _derivations(self, nodes: np.ndarray, ended: np.ndarray) -> list[list[Derivation]]:
        found: list[list[Derivation]] = [[] for _ in self._lengths]
        parents, chosen = nodes["parent"].tolist(), nodes["option"].tolist()
        phrases = list(zip(nodes["start"].tolist(), nodes["length"].tolist(), strict=True))
        words, lengths = self._options.words, self._options.lengths
        for one in ended:
            option, node = int(one["option"]), int(one["parent"])
            places, picked = [(int(one["start"]), int(one["length"]))], [option]
            while parents[node] >= 0:
                places.append(phrases[node])
                picked.append(chosen[node])
                node = parents[node]
            features = self._options.features[picked].sum(axis=0)
            features[LANGUAGE], features[DISTANCE] = one["language"], one["distance"]
            made = [
                Phrase(*place, words[at, : lengths[at]].tolist())
                for place, at in zip(places[::-1], picked[::-1], strict=True)
            ]
            found[one["sentence"]].append(Derivation(made, features, float(one["score"])))
        return found


def _pruned(arrived: np.ndarray, stack: int) -> np.ndarray:
    """The best hypotheses of each sentence; of those that can go on in the same ways, one."""
    ranked = arrived[np.argsort(-arrived["total"], kind="stable")]
    alike = np.empty((len(ranked), 3), np.int64)
    alike[:, 0] = ranked["sentence"].astype(np.int64) << 32 | ranked["gap"]
    alike[:, 1] = (ranked["start"] + ranked["length"]).astype(np.int64) << 32 | ranked["mask"]
    alike[:, 2] = ranked["bigram"] << 32 | ranked["last"]
    order = np.lexsort(alike.T)  # stable: the best one comes first
    alike = alike[order]
    new = np.append(True, (alike[1:] != alike[:-1]).any(axis=1))
    ranked = ranked[order[new]]
    return np.asarray(ranked[_best(ranked["sentence"], ranked["total"], stack)])


def _best(group: np.ndarray, score: np.ndarray, count: int) -> np.ndarray:
    """Rows of the best so many of each group."""
    order = np.lexsort((-score, group))
    groups = group[order]
    begins = np.flatnonzero(np.append(True, groups[1:] != groups[:-1]))
    sizes = np.diff(np.append(begins, len(groups)))
    rank = np.arange(len(groups)) - np.repeat(begins, sizes)
    return np.asarray(order[rank < count])
