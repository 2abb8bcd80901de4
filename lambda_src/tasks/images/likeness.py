"""Which images show nearly the same: copies that were resized, recompressed or brightened.

A difference hash (Krawetz, 2013) of 64 bits proposes pairs, and the pictures themselves, as
thumbnails of equal mean and contrast, confirm them: alone, the hash takes most handwritten
ones for copies of each other.
"""

import math
from array import array
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from PIL import Image

MAX_BITS = 3
"""Bits in which the hashes of near-duplicates differ at most."""

MIN_CORRELATION = 0.995
_SIDE = 16
_BANDS = 4
_CROWD = 64
"""Images of one band that are compared with each other; flat pictures come in thousands."""


@dataclass(frozen=True)
class Look:
    """What an image looks like: its hash, and its thumbnail as values of mean 0 and norm 1."""

    hash: int
    thumbnail: array[float]

    @classmethod
    def of(cls, image: Image.Image) -> "Look":
        grey = image.convert("L")
        small = grey.resize((9, 8), Image.Resampling.BOX).tobytes()
        bits = 0
        for row in range(8):
            for column in range(8):
                at = 9 * row + column
                bits = bits << 1 | (small[at] > small[at + 1])
        pixels = grey.resize((_SIDE, _SIDE), Image.Resampling.BOX).tobytes()
        mean = sum(pixels) / len(pixels)
        centred = [pixel - mean for pixel in pixels]
        norm = sum(value * value for value in centred) ** 0.5 or 1.0
        return cls(bits, array("d", (value / norm for value in centred)))

    def like(self, other: "Look") -> bool:
        """Whether two images are near-duplicates."""
        if (self.hash ^ other.hash).bit_count() > MAX_BITS:
            return False
        return math.sumprod(self.thumbnail, other.thumbnail) >= MIN_CORRELATION


def groups(looks: Sequence[Look]) -> list[int]:
    """For each image the number of the first one of its group of near-duplicates."""
    first = list(range(len(looks)))

    def find(at: int) -> int:
        while first[at] != at:
            first[at] = first[first[at]]
            at = first[at]
        return at

    for a, b in _proposed(looks):
        if looks[a].like(looks[b]):
            one, other = find(a), find(b)
            first[max(one, other)] = min(one, other)
    return [find(at) for at in range(len(looks))]


def _proposed(looks: Sequence[Look]) -> Iterable[tuple[int, int]]:
    """Pairs that share a band of the hash: three differing bits leave one of four bands equal."""
    width = 64 // _BANDS
    for band in range(_BANDS):
        alike: dict[int, list[int]] = defaultdict(list)
        for at, look in enumerate(looks):
            alike[look.hash >> (band * width) & ((1 << width) - 1)].append(at)
        for crowd in alike.values():
            # In a crowd, the nearest by the whole hash are the ones to look at.
            ordered = sorted(crowd, key=lambda at: looks[at].hash)
            for start in range(0, len(ordered), _CROWD):
                yield from combinations(ordered[start : start + _CROWD], 2)
