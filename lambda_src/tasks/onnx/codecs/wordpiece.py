"""BERT's tokenizer, as a tokenizer.json of Hugging Face describes it.

The library that such files come from takes 12 MB of a zip, of which inference has less to spare.
What follows answers as it does; characters are classed by Python's own, newer tables of Unicode.
"""

import math
import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from tasks.framework.forms.composition import in_normal_form
from tasks.onnx.codecs.tokenizer_file import (
    MOST_TOKENS,
    Normalizer,
    Padding,
    read,
    surroundings,
)
from tasks.onnx.limits import check_time


@dataclass(frozen=True)
class Tokens:
    """Numbers of tokens, which of them are no padding, and the segment that each is of."""

    token_ids: list[int]
    attention_mask: list[int]
    token_type_ids: list[int]


class WordPiece:
    """A text's tokens.

    >>> import json
    >>> vocabulary = {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "un": 3, "##able": 4}
    >>> file = {
    ...     "normalizer": {"type": "BertNormalizer"},
    ...     "pre_tokenizer": {"type": "BertPreTokenizer"},
    ...     "model": {"type": "WordPiece", "vocab": vocabulary},
    ...     "post_processor": {"type": "BertProcessing", "cls": ["[CLS]", 1], "sep": ["[SEP]", 2]},
    ...     "truncation": {"max_length": 16},
    ... }
    >>> WordPiece(json.dumps(file).encode()).encode("Unable!").token_ids
    [1, 3, 4, 0, 2]
    """

    def __init__(self, content: bytes) -> None:
        """Raises Unfit for what is no tokenizer of this kind."""
        self._file = file = read(content)
        self._vocabulary = file.model.vocab
        self._longest = max(map(len, self._vocabulary))
        self._unknown = self._vocabulary[file.model.unk_token]
        self._added = {one.content: one.id for one in file.added_tokens}
        self._search = _Search(self._added)
        self._before, self._after, self._type = surroundings(file.post_processor)

    @property
    def max_length(self) -> int | None:
        """The tokens that a text is cut to, if the file says so."""
        return None if self._file.truncation is None else self._file.truncation.max_length

    def encode(self, text: str, length: int | None = None, deadline: float = math.inf) -> Tokens:
        """Cut to what the file says, or cut and padded to a length.

        deadline is a moment of time.monotonic(). Raises OutOfTime.
        """
        most = length or self.max_length or MOST_TOKENS
        room = max(0, most - len(self._before) - len(self._after))
        ids = self._ids(text, room, deadline)[:room]
        found = [*self._before, *((one, self._type) for one in ids), *self._after][:most]
        padding = self._file.padding or Padding()
        missing = 0 if length is None else length - len(found)
        return Tokens(
            [number for number, _ in found] + [padding.pad_id] * missing,
            [1] * len(found) + [0] * missing,
            [kind for _, kind in found] + [padding.pad_type_id] * missing,
        )

    def _ids(self, text: str, most: int, deadline: float) -> list[int]:
        """The text's tokens, or at least the first ones of them, so many as are wanted."""
        ids: list[int] = []
        for part, added in self._search.split(text, deadline):
            for stretch in filter(None, part.split(" ")):
                check_time(deadline)
                for word in _words(normalized(stretch, self._file.normalizer, deadline), deadline):
                    check_time(deadline)
                    ids += self._pieces(word)
                    if len(ids) >= most:
                        return ids
            if added:
                ids.append(self._added[added])
        return ids

    def _pieces(self, word: str) -> list[int]:
        """The longest pieces of the vocabulary that make the word, from its beginning on."""
        model, pieces, start = self._file.model, list[int](), 0
        if len(word) > model.max_input_chars_per_word:
            return [self._unknown]
        while start < len(word):
            prefix = model.continuing_subword_prefix if start else ""
            longest = self._longest - len(prefix)
            for end in range(min(len(word), start + longest), start, -1):
                if (number := self._vocabulary.get(prefix + word[start:end])) is not None:
                    break
            else:
                return [self._unknown]
            pieces.append(number)
            start = end
        return pieces


class _Search:
    """Finds added tokens in a text: from the left, at each place the longest one.

    A thousand alternatives of one expression, each of 200 characters, took 1 ms for every
    character of a text.
    """

    def __init__(self, added: Iterable[str]) -> None:
        self._sorted = sorted(added)
        self._longest = max(map(len, self._sorted), default=0)
        firsts = {re.escape(one[0]) for one in self._sorted}
        self._first = re.compile(f"[{''.join(firsts)}]" if firsts else "(?!)")
        self._begun: list[list[str]] = []
        """Of each token those that it begins with, itself included, the shortest first."""
        for one in self._sorted:
            before = self._begun[-1] if self._begun else []
            self._begun.append([*filter(one.startswith, before), one])

    def split(self, text: str, deadline: float) -> Iterator[tuple[str, str]]:
        """The text in parts, each with the token behind it; behind the last one is none."""
        start = at = 0
        while place := self._first.search(text, at):
            check_time(deadline)
            at = place.start()
            if found := self._at(text, at):
                yield text[start:at], found
                start = at = at + len(found)
            else:
                at += 1
        yield text[start:], ""

    def _at(self, text: str, at: int) -> str:
        """The longest token at a place, or nothing."""
        # Sorted, the tokens that a text begins with are among those that the last one before it
        # begins with.
        nearest = bisect_right(self._sorted, text[at : at + self._longest])
        if nearest == 0:
            return ""
        begun = self._begun[nearest - 1]
        fit = bisect_left(begun, True, key=lambda one: not text.startswith(one, at))
        return begun[fit - 1] if fit else ""


def normalized(text: str, how: Normalizer | None, deadline: float = math.inf) -> str:
    """The text as BERT's normalizer leaves it. Raises OutOfTime."""
    if how is None:
        return text
    if how.clean_text:
        text = _CLEAN.replaced(text, deadline)
    if how.handle_chinese_chars:
        text = _APART.replaced(text, deadline)
    if how.lowercase if how.strip_accents is None else how.strip_accents:
        text = _BARE.replaced(in_normal_form("NFD", text), deadline)
    if how.lowercase:
        text = text.replace("\u03a3", "\u03c3").lower()  # no sigma is taken for a final one
    return text


_CHINESE = re.compile(
    "[\u4e00-\u9fff\u3400-\u4dbf\U00020000-\U0002a6df\U0002a700-\U0002b73f\U0002b740-\U0002b81f"
    "\U0002b920-\U0002ceaf\uf900-\ufaff\U0002f800-\U0002fa1f]"
)


def _is_space(one: str) -> bool:
    return one.isspace() and one not in "\x1c\x1d\x1e\x1f"


def _is_control(one: str) -> bool:
    if one in "\t\n\r":
        return False
    return one in "\x00\ufffd" or unicodedata.category(one) in ("Cc", "Cf", "Co", "Cs")


def _is_punctuation(one: str) -> bool:
    return one in "$+<=>^`|~" or unicodedata.category(one).startswith("P")


def _words(text: str, deadline: float) -> list[str]:
    """Parts between spaces; every mark of punctuation is one of its own."""
    return [word for word in _SPACED.replaced(text, deadline).split(" ") if word]


class _Replaced(dict[int, str]):
    """What characters are replaced by, each found once: texts have many of few."""

    def __init__(self, replace: Callable[[str], str]) -> None:
        self._replace = replace

    def replaced(self, text: str, deadline: float) -> str:
        """A text with its characters replaced. Raises OutOfTime: 2 million of many took 15 s."""
        if len(text) <= _AT_ONCE:
            return text.translate(self)
        parts = []
        for at in range(0, len(text), _AT_ONCE):
            check_time(deadline)
            parts.append(text[at : at + _AT_ONCE].translate(self))
        return "".join(parts)

    def __missing__(self, code: int) -> str:
        if len(self) >= _REMEMBERED:
            self.clear()
        self[code] = replaced = self._replace(chr(code))
        return replaced


_REMEMBERED = 10_000

_AT_ONCE = 10_000
"""Characters that are replaced before the time is looked at again."""

_CLEAN = _Replaced(lambda one: "" if _is_control(one) else " " if _is_space(one) else one)
_APART = _Replaced(lambda one: f" {one} " if _CHINESE.match(one) else one)
_BARE = _Replaced(lambda one: "" if unicodedata.category(one) == "Mn" else one)
_SPACED = _Replaced(
    lambda one: f" {one} " if _is_punctuation(one) else " " if _is_space(one) else one
)
