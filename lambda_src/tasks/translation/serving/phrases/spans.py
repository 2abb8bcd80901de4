"""Which runs of words may be translated next, for every state that a sentence can be in.

What is translated is known by the first place that is not (the gap), and by a mask of the places
from there on. A phrase that leaves the gap open ends within REORDERED places of it, so that there
are few masks, and all that follows from them is in tables.
"""

from functools import cache
from typing import NamedTuple

import numpy as np

from tasks.translation.serving.phrases.table import LONGEST_PHRASE

REORDERED = 6
"""Words of the source within which phrases may change their order."""


class Spans(NamedTuple):
    """A span is an offset from the gap, and a length; tables have a row per mask.

    allowed, shift and mask have a column per span: whether it is free, how far it moves the gap,
    and the mask from there on. runs has the free runs (offset, length) between what is
    translated, shape (masks, runs, 2), and tail where the rest begins that is all free.
    """

    offset: np.ndarray
    length: np.ndarray
    allowed: np.ndarray
    shift: np.ndarray
    mask: np.ndarray
    runs: np.ndarray
    tail: np.ndarray


@cache
def spans() -> Spans:
    pairs = [(0, length) for length in range(1, LONGEST_PHRASE + 1)]
    for offset in range(1, REORDERED):
        pairs += [(offset, length) for length in range(1, REORDERED - offset + 1)]
    masks = 1 << REORDERED
    allowed = np.zeros((masks, len(pairs)), bool)
    shift, following = np.zeros_like(allowed, np.int32), np.zeros_like(allowed, np.int32)
    runs = np.zeros((masks, REORDERED // 2, 2), np.int32)
    tail = np.zeros(masks, np.int32)
    for mask in range(0, masks, 2):  # the gap itself is never translated
        tail[mask] = mask.bit_length()
        found = _free_runs(mask)
        runs[mask, : len(found)] = np.array(found).reshape(-1, 2)
        for column, (offset, length) in enumerate(pairs):
            bits = ((1 << length) - 1) << offset
            made = mask | bits
            allowed[mask, column] = not mask & bits
            shift[mask, column] = _ones(made)
            following[mask, column] = made >> _ones(made)
    offsets, lengths = np.array(pairs).T
    return Spans(offsets, lengths, allowed, shift, following, runs, tail)


def _ones(mask: int) -> int:
    """The set bits that a mask begins with."""
    return (mask + 1 & ~mask).bit_length() - 1


def _free_runs(mask: int) -> list[tuple[int, int]]:
    """Where runs of bits that are not set begin, and their lengths, up to the last set one."""
    found: list[tuple[int, int]] = []
    at = 0
    while mask >> at:
        at += _ones(mask >> at)
        length = _ones(~(mask >> at) & (1 << REORDERED) - 1)
        if mask >> at:
            found.append((at, length))
        at += length
    return found
