"""What candidates are trained on and compared by, and what a fitted one consists of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from common.datasets import Split
from tasks import TrainingData
from tasks.framework.training import data
from tasks.translation.options import Training
from tasks.translation.training import scores

VALIDATED_ROWS = 700
"""Validation pairs that candidates are chosen by: of 500, BLEU has a standard error of 0.8."""

COMPARED_ROWS = 200
"""Test pairs whose translations as served are scored again as they were learned."""


class Texts(NamedTuple):
    """Normal texts and their translations."""

    sources: Sequence[str]
    targets: Sequence[str]


@dataclass(frozen=True)
class Bitext:
    """The training split, and what all candidates are compared by."""

    data: TrainingData
    options: Training
    threads: int
    corpus: Texts

    @property
    def metric(self) -> str:
        return self.options.metric or "bleu"

    @property
    def tokens(self) -> scores.Tokens:
        return scores.tokens_of(self.corpus.targets)

    def texts(self, split: Split, limit: int) -> Texts:
        """The first sentences of a split, and their translations."""
        return texts(self.data, split, limit)

    def score(self, answers: Sequence[str], references: Sequence[str]) -> float:
        return scores.measures(self.tokens)[self.metric](answers, references)


class Fitted(msgspec.Struct, frozen=True):
    """A fitted candidate: its score on the validation split, and its files, compared.

    seconds are those of all invocations that it took. parameters says what was learned.
    """

    score: float
    seconds: float
    parameters: Mapping[str, Any]
    parity: Mapping[str, Any]
    files: Mapping[str, bytes]


def texts(source: TrainingData, split: Split, limit: int) -> Texts:
    """The first sentences of a split, and their translations."""
    rows = data.read(source, (split,), limit)
    return Texts(rows["source"], rows["target"])
