"""Weights of a decoder's features by which its best translations have the greatest BLEU.

The BLEU that is expected of lists of translations, each as probable as its score says, has a
gradient (Smith and Eisner, 2006; Rosti et al., 2011), which is followed with the probabilities ever
more certain. Then the lists grow by what the new weights find.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from tasks.translation.training.scores import BLEU_ORDER

CERTAINTIES = (1.0, 3.0)
"""Factors of scores, one after the other."""

PENALTY = 0.01
"""Of weights that go far from where they were."""

SIZE = 4.0
"""Absolute values of weights together: their scale changes no translation."""

ROUNDS = 5


@dataclass(frozen=True)
class Lists:
    """Translations of some sentences.

    sentence (n,) tells whose each one is, ascending; features has shape (n, features), counts
    (n, 10) are what scores.bleu_counts gives.
    """

    sentence: np.ndarray
    features: np.ndarray
    counts: np.ndarray

    def joined(self, other: "Lists") -> "Lists":
        sentence = np.append(self.sentence, other.sentence)
        order = np.argsort(sentence, kind="stable")
        return Lists(
            sentence[order],
            np.concatenate([self.features, other.features])[order],
            np.concatenate([self.counts, other.counts])[order],
        )


def tune(
    weights: np.ndarray, search: Callable[[np.ndarray], Lists], in_time: Callable[[], bool]
) -> np.ndarray:
    """Better weights, by lists that search finds with some, a few times while there is time."""
    lists: Lists | None = None
    for _ in range(ROUNDS):
        found = search(weights)
        lists = found if lists is None else lists.joined(found)
        weights = better(lists, weights)
        if not in_time():
            break
    return weights


def better(lists: Lists, weights: np.ndarray) -> np.ndarray:
    """The weights of the greatest expected BLEU in the neighbourhood of some."""
    if not lists.counts[:, 2 + BLEU_ORDER :].any():
        return weights  # not a word is right
    for certainty in CERTAINTIES:

        def loss(at: np.ndarray, near: np.ndarray, scale: float) -> tuple[float, np.ndarray]:
            value, slope = expected_bleu(lists, at * scale)
            far = at - near
            return PENALTY * far @ far - value, 2 * PENALTY * far - slope * scale

        found = minimize(
            loss, weights, (weights, certainty), jac=True, method="L-BFGS-B", options=_ITERATIONS
        )
        weights = found.x
    return np.asarray(SIZE * weights / np.abs(weights).sum())


def expected_bleu(lists: Lists, weights: np.ndarray) -> tuple[float, np.ndarray]:
    """The logarithm of the expected counts' BLEU, and its gradient by the weights."""
    starts = np.flatnonzero(np.diff(lists.sentence, prepend=-1))
    sizes = np.diff(np.append(starts, len(lists.sentence)))
    scores = lists.features @ weights
    scores = np.exp(scores - np.repeat(np.maximum.reduceat(scores, starts), sizes))
    chances = scores / np.repeat(np.add.reduceat(scores, starts), sizes)
    length, wanted, *grams = chances @ lists.counts
    said, right = np.array(grams[:BLEU_ORDER]) + _LITTLE, np.array(grams[BLEU_ORDER:]) + _LITTLE
    value = np.log(right / said).mean() + min(0.0, 1 - wanted / length)
    too_short = [wanted / length**2, -1 / length] if length < wanted else [0.0, 0.0]
    slope = np.concatenate([too_short, -1 / said / BLEU_ORDER, 1 / right / BLEU_ORDER])
    gain = lists.counts @ slope
    mean = np.repeat(np.add.reduceat(chances * gain, starts), sizes)
    return float(value), (chances * (gain - mean)) @ lists.features


_ITERATIONS = {"maxiter": 30}
_LITTLE = 1e-3
