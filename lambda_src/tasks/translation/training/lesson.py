"""What candidates are trained on and judged by, and what becomes of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from common.datasets import Split
from tasks import TrainingData
from tasks.framework.training import data
from tasks.framework.training.selection import Outcome
from tasks.translation.options import Training
from tasks.translation.training import scores

VALIDATED_ROWS = 700
"""Validation pairs that candidates are chosen by: of 500, BLEU has a standard error of 0.8."""

COMPARED_ROWS = 200
"""Test pairs whose translations as served are scored again as they were learned."""


class Sides(NamedTuple):
    """Normal texts and their translations."""

    sources: Sequence[str]
    targets: Sequence[str]


@dataclass(frozen=True)
class Lesson:
    """The training split, and what all candidates are judged by."""

    data: TrainingData
    options: Training
    threads: int
    corpus: Sides

    @property
    def metric(self) -> str:
        return self.options.metric or "bleu"

    @property
    def tokens(self) -> scores.Tokens:
        return scores.tokens_of(self.corpus.targets)

    def texts(self, split: Split, limit: int) -> Sides:
        """The first sentences of a split, and their translations."""
        return texts(self.data, split, limit)

    def score(self, answers: Sequence[str], references: Sequence[str]) -> float:
        return scores.measures(self.tokens)[self.metric](answers, references)


@dataclass
class Tried(Outcome):
    """A candidate: how it fared on the validation split, and its files, checked."""

    parity: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)


def texts(source: TrainingData, split: Split, limit: int) -> Sides:
    """The first sentences of a split, and their translations."""
    rows = data.read(source, (split,), limit)
    return Sides(rows["source"], rows["target"])
