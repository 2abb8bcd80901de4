"""What candidates are trained on and judged by, and what becomes of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from common.datasets import Split
from tasks import TrainingData
from tasks.shared.training import data
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


class Tried(msgspec.Struct, frozen=True):
    """A candidate: its score on the validation split, and the files of it, checked.

    Without a score, reason says why.
    """

    name: str
    status: str
    seconds: float
    score: float | None = None
    reason: str | None = None
    parameters: Mapping[str, Any] = {}
    parity: Mapping[str, Any] = {}
    files: Mapping[str, bytes] = {}

    def record(self) -> dict[str, Any]:
        """The candidate as the manifest keeps it."""
        record: dict[str, Any] = {
            "name": self.name,
            "status": self.status,
            "score": self.score,
            "seconds": round(self.seconds, 3),
        }
        if self.parameters:
            record["parameters"] = dict(self.parameters)
        if self.reason:
            record["reason"] = self.reason
        return record


def texts(source: TrainingData, split: Split, limit: int) -> Sides:
    """The first sentences of a split, and their translations."""
    rows = data.read(source, (split,), limit)
    return Sides(rows["source"], rows["target"])
