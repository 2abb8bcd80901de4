"""BLEU (Papineni et al., 2002) and chrF (Popovic, 2015) as sacrebleu computes them (Post, 2018).

sacrebleu itself brings 17 MB of lxml and regex into the zip for a page of arithmetic. Tests hold
this page to it. Both are scores of a whole corpus from 0 to 100, with one reference each.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tasks.translation.subwords import UNSPACED

type Tokens = Literal["13a", "char"]

BLEU_ORDER = 4
CHRF_ORDER = 6
CHRF_BETA = 2

_ENTITIES = (("<skipped>", ""), ("&quot;", '"'), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">"))
_SYMBOL = re.compile(r"([!-&(-+/:-@\[-`{-~])")
_AFTER_NON_DIGIT = re.compile(r"([^0-9])([.,])")
_BEFORE_NON_DIGIT = re.compile(r"([.,])([^0-9])")
_DASH_AFTER_DIGIT = re.compile(r"([0-9])(-)")


def bleu_counts(
    answers: Sequence[str], references: Sequence[str], tokens: Tokens = "13a", cased: bool = True
) -> np.ndarray:
    """What BLEU is made of, shape (n, 10): each pair's lengths, then n-grams said and right.

    Rows may be picked at random, as a bootstrap does.
    """
    cut = _TOKENIZERS[tokens]
    counts = np.zeros((len(answers), 2 + 2 * BLEU_ORDER), np.int64)
    for row, answer, reference in zip(counts, answers, references, strict=True):
        said, wanted = (cut(text if cased else text.lower()) for text in (answer, reference))
        row[:2] = len(said), len(wanted)
        for order in range(BLEU_ORDER):
            found = _grams(said, order + 1)
            row[2 + order] = found.total()
            row[2 + BLEU_ORDER + order] = (found & _grams(wanted, order + 1)).total()
    return counts


def bleu_of(counts: np.ndarray) -> float:
    """BLEU from the counts of sentences; `exp` smoothing of orders without a match."""
    length, wanted, *grams = counts.sum(axis=0).tolist()
    totals, matches = grams[:BLEU_ORDER], grams[BLEU_ORDER:]
    if not any(matches) or not all(totals):
        return 0.0
    logarithms, missed = 0.0, 0
    for matched, total in zip(matches, totals, strict=True):
        missed += matched == 0
        logarithms += math.log(matched / total if matched else 0.5**missed / total)
    brevity = min(0.0, 1 - wanted / length)
    return 100 * math.exp(brevity + logarithms / BLEU_ORDER)


def chrf_counts(answers: Sequence[str], references: Sequence[str]) -> np.ndarray:
    """What chrF is made of, shape (n, 3, 6): each pair's n-grams said, wanted and right.

    Spaces are left out.
    """
    counts = np.zeros((len(answers), 3, CHRF_ORDER), np.int64)
    for row, answer, reference in zip(counts, answers, references, strict=True):
        said, wanted = ("".join(text.split()) for text in (answer, reference))
        for order in range(CHRF_ORDER):
            found, asked = _grams(said, order + 1), _grams(wanted, order + 1)
            right = (found & asked).total()
            row[:, order] = found.total() if asked else 0, asked.total(), right
    return counts


def chrf_of(counts: np.ndarray) -> float:
    """chrF2 from the counts of sentences: the F-score of their character n-grams."""
    said, wanted, right = counts.sum(axis=0)
    there = (said > 0) & (wanted > 0)
    if not right[there].any():
        return 0.0
    precision = (right[there] / said[there]).mean()
    recall = (right[there] / wanted[there]).mean()
    weight = CHRF_BETA**2
    return float(100 * (1 + weight) * precision * recall / (weight * precision + recall))


def tokens_of(texts: Sequence[str]) -> Tokens:
    """Words, or characters where the script puts no spaces between words."""
    characters = unspaced = 0
    for text in texts[:1000]:
        characters += len(text)
        unspaced += len(UNSPACED.findall(text))
    return "char" if unspaced > characters / 3 else "13a"


@dataclass(frozen=True)
class Measure:
    """A score by its parts: the counts of each sentence, and the score of counts together."""

    name: str
    signature: str
    """How it is computed, as sacrebleu says it."""

    counts: Callable[[Sequence[str], Sequence[str]], np.ndarray]
    of_counts: Callable[[np.ndarray], float]

    def __call__(self, answers: Sequence[str], references: Sequence[str]) -> float:
        return self.of_counts(self.counts(answers, references))


def measures(tokens: Tokens) -> dict[str, Measure]:
    """Every measure by its name."""

    def bleu_measure(name: str, cased: bool) -> Measure:
        return Measure(
            name,
            f"nrefs:1|case:{'mixed' if cased else 'lc'}|eff:no|tok:{tokens}|smooth:exp",
            lambda answers, references: bleu_counts(answers, references, tokens, cased),
            bleu_of,
        )

    found = [
        bleu_measure("bleu", cased=True),
        bleu_measure("bleu_lowercase", cased=False),
        Measure("chrf", "nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no", chrf_counts, chrf_of),
    ]
    return {measure.name: measure for measure in found}


def _grams(tokens: tuple[str, ...] | str, order: int) -> Counter[Hashable]:
    """The n-grams of tokens (a tuple of words), or of a text's characters."""
    return Counter(tokens[at : at + order] for at in range(len(tokens) - order + 1))


def _tokens_13a(text: str) -> tuple[str, ...]:
    """The tokens of mteval-v13a, WMT's for languages that put spaces between words."""
    line = text.replace("-\n", "").replace("\n", " ")
    for entity, character in _ENTITIES:
        line = line.replace(entity, character)
    line = _SYMBOL.sub(r" \1 ", f" {line} ")
    line = _AFTER_NON_DIGIT.sub(r"\1 \2 ", line)
    line = _BEFORE_NON_DIGIT.sub(r" \1 \2", line)
    return tuple(_DASH_AFTER_DIGIT.sub(r"\1 \2 ", line).split())


_TOKENIZERS: dict[Tokens, Callable[[str], tuple[str, ...]]] = {
    "13a": _tokens_13a,
    "char": lambda text: tuple("".join(text.split())),
}
