"""Texts as pieces of words, and back: byte pair encoding (Sennrich et al., 2016).

A text is cut at spaces and around punctuation; a word that follows a space begins with a mark,
so that joining pieces gives the spaces back. Scripts without spaces are one long word, whose
frequent runs become pieces. Nothing here needs more than Python: serving reads it too.
"""

import heapq
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from itertools import pairwise

from tasks.framework.forms.composition import in_normal_form

MARK = "\u2581"
SPECIAL = ("<pad>", "<start>", "<end>", "<unknown>")
PAD, START, END, UNKNOWN = range(len(SPECIAL))

LONGEST = 500
"""Characters of a sentence at most, in training and in requests."""

LONGEST_WORD = 100
"""Characters of a word that are looked at as one; a longer one is cut."""

CACHED_WORDS = 50_000
"""Words whose pieces are remembered."""

ALPHABET_SHARE = 0.75
"""The part of a vocabulary that single characters may be; the rarest of more are unknown."""

COVERAGE = 0.9998
"""The part of a text's characters that a vocabulary has at least, where there is room."""

UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\U00020000-\U0003ffff]"
)
"""A character of a script without spaces: Thai, Lao, Burmese, Khmer, Kana, Han."""


def normal(text: str) -> str:
    """A text in Unicode's composed form, without control characters, its spaces single.

    >>> normal(" a\\u0000\\tb ")
    'a b'
    """
    composed = in_normal_form("NFC", text).replace(MARK, "_")
    if not composed.isprintable():
        composed = "".join(c if c.isprintable() else _printable(c) for c in composed)
    return " ".join(composed.split())


def words(text: str) -> list[str]:
    """The words and punctuation of a normal text, with the mark where a space was.

    >>> words("A man, smiling.")
    ['▁A', '▁man', ',', '▁smiling', '.']
    """
    found: list[str] = []
    for chunk in text.split():
        begin = MARK
        for start, end in _runs(chunk):
            for at in range(start, end, LONGEST_WORD):
                found.append(begin + chunk[at : min(end, at + LONGEST_WORD)])
                begin = ""
    return found


def spoken(text: str) -> list[str]:
    """A normal text's words as people count them, in lower case.

    >>> spoken("Zwei Hunde. 两只狗")
    ['zwei', 'hunde', '两', '只', '狗']
    """
    found: list[str] = []
    for word in words(text.lower()):
        bare = word.removeprefix(MARK)
        found += UNSPACED.findall(bare) or [bare] * bare.isalnum()
    return found


class Subwords:
    """A vocabulary of pieces and the merges that make them, first ones first."""

    def __init__(self, pieces: Sequence[str], merges: Sequence[tuple[str, str]]) -> None:
        self.pieces = pieces
        self.merges = merges
        self._ids = {piece: number for number, piece in enumerate(pieces)}
        self._ranks = {pair: rank for rank, pair in enumerate(merges)}
        self._cut = lru_cache(CACHED_WORDS)(self._cut_word)

    def __len__(self) -> int:
        return len(self.pieces)

    def encode(self, text: str) -> list[int]:
        """The ids of a normal text's pieces."""
        return [number for word in words(text) for number in self._cut(word)]

    def decode(self, ids: Iterable[int]) -> str:
        """The text of pieces; what is no piece of a word is left out."""
        joined = "".join(self.pieces[number] for number in ids if number >= len(SPECIAL))
        return joined.replace(MARK, " ").strip()

    def _cut_word(self, word: str) -> list[int]:
        parts = list(word)
        while len(parts) > 1:
            pairs = pairwise(parts)
            best = min(pairs, key=lambda pair: self._ranks.get(pair, len(self._ranks)))
            if best not in self._ranks:
                break
            parts = _merged(parts, best)
        return [self._ids.get(part, UNKNOWN) for part in parts]


def learn(texts: Iterable[str], size: int) -> Subwords:
    """A vocabulary of at most size pieces, from normal texts.

    The most frequent pair of neighbours is merged again and again; ties go to the first in
    the alphabet, so that the same texts always give the same pieces.
    """
    counts = Counter(word for text in texts for word in words(text))
    characters: Counter[str] = Counter()
    for word, count in counts.items():
        for character in word:
            characters[character] += count
    alphabet = _alphabet(characters, int(size * ALPHABET_SHARE))
    pieces = [*SPECIAL, *alphabet]
    merges = _merges(counts, max(0, size - len(pieces)))
    return Subwords([*pieces, *dict.fromkeys(left + right for left, right in merges)], merges)


def _alphabet(characters: Mapping[str, int], limit: int) -> list[str]:
    """The most frequent characters, until they cover nearly all of the text."""
    ranked = sorted(characters, key=lambda one: (-characters[one], one))
    missing = (1 - COVERAGE) * sum(characters.values())
    while ranked and (missing := missing - characters[ranked[-1]]) >= 0:
        ranked.pop()
    return ranked[:limit]


def _merges(counts: Mapping[str, int], limit: int) -> list[tuple[str, str]]:
    parts = [list(word) for word in counts]
    weights = list(counts.values())
    pairs: Counter[tuple[str, str]] = Counter()
    where: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
    for number, word in enumerate(parts):
        for pair in pairwise(word):
            pairs[pair] += weights[number]
            where[pair].add(number)
    queue = [(-count, pair) for pair, count in pairs.items()]
    heapq.heapify(queue)
    merges: list[tuple[str, str]] = []
    while queue and len(merges) < limit:
        count, best = heapq.heappop(queue)
        if -count != pairs[best]:  # it has changed since it was queued, and was queued anew
            continue
        if -count < 2:
            break
        merges.append(best)
        changed: Counter[tuple[str, str]] = Counter()
        for number in where.pop(best):
            before, after = parts[number], _merged(parts[number], best)
            for pair in pairwise(before):
                changed[pair] -= weights[number]
            for pair in pairwise(after):
                changed[pair] += weights[number]
                where[pair].add(number)
            parts[number] = after
        for pair, change in changed.items():
            if change:
                pairs[pair] += change
                heapq.heappush(queue, (-pairs[pair], pair))
    return merges


def _merged(parts: Sequence[str], pair: tuple[str, str]) -> list[str]:
    found: list[str] = []
    at = 0
    while at < len(parts):
        if at + 1 < len(parts) and (parts[at], parts[at + 1]) == pair:
            found.append(parts[at] + parts[at + 1])
            at += 2
        else:
            found.append(parts[at])
            at += 1
    return found


def _runs(chunk: str) -> Iterable[tuple[int, int]]:
    """Where the words of a chunk without spaces begin and end; punctuation stands alone."""
    if chunk.isalnum():
        yield 0, len(chunk)
        return
    start = 0
    for at, character in enumerate(chunk):
        if _is_punctuation(character):
            if start < at:
                yield start, at
            yield at, at + 1
            start = at + 1
    if start < len(chunk):
        yield start, len(chunk)


@cache
def _is_punctuation(character: str) -> bool:
    return unicodedata.category(character)[0] in "PS"


def _printable(character: str) -> str:
    """A space for what separates, nothing for other controls; joiners are letters' own."""
    if character in "\u200c\u200d":
        return character
    return " " if unicodedata.category(character)[0] == "Z" or character.isspace() else ""
