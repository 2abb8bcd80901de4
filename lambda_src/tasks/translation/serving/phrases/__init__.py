"""A phrase-based statistical translator: words in, words out, unknown ones left as they are.

The source is read in lower case. The target's words keep their case, all but the first of a
sentence, which is written as it is within sentences and gets its capital back in the end.
"""

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields

import numpy as np

from tasks.translation.serving.answer import Translation
from tasks.translation.serving.phrases.decoder import Decoder, Derivation
from tasks.translation.serving.phrases.language_model import UNKNOWN, WORDS, LanguageModel
from tasks.translation.serving.phrases.options import DIRECT, UNSEEN
from tasks.translation.serving.phrases.table import PhraseTable
from tasks.translation.subwords import MARK, UNSPACED, words

FILE = "phrases.npz"

STACK = 8
"""Hypotheses on a stack, per width of the beam: 32 at the usual one, where twice as many bring 0.1
to 0.3 BLEU for twice the time."""

PLACES = 500
"""Words of one batch, whose sentences count as long as the longest one: memory is bounded."""

_PARTS = re.compile(f"{UNSPACED.pattern}|(?:(?!{UNSPACED.pattern}).)+")


@dataclass(frozen=True)
class PhraseTranslator:
    """A translator in memory.

    The target's words have the ids from WORDS on; capitalised says whether its sentences begin with
    a capital.
    """

    source_words: Sequence[str]
    target_words: Sequence[str]
    table: PhraseTable
    language: LanguageModel
    weights: np.ndarray
    capitalised: bool
    _ids: dict[str, int] = field(init=False)

    unknown_words = "they are left as they are"

    def __post_init__(self) -> None:
        object.__setattr__(self, "_ids", {word: at for at, word in enumerate(self.source_words)})

    def read(self, text: str) -> list[str]:
        """The words of a normal text that are looked up."""
        return source_words(text)

    def knows(self, word: str) -> bool:
        """Whether training has seen a word of the source, in lower case."""
        return word in self._ids

    def translate(self, sentences: Sequence[Sequence[str]], beam: int) -> list[Translation]:
        """The best translation of each sentence, given as its words."""
        found = self.derivations(sentences, STACK * beam)
        return [
            Translation(self.text(sentence, one), _certainty(one))
            for sentence, (one,) in zip(sentences, found, strict=True)
        ]

    def derivations(
        self, sentences: Sequence[Sequence[str]], stack: int, best: int = 1
    ) -> list[list[Derivation]]:
        """Up to best translations of each sentence; those of about one length go together."""
        decoder = Decoder(self.table, self.language, self.weights)
        found: dict[int, list[Derivation]] = {}
        for rows in _batches([len(sentence) for sentence in sentences]):
            asked = [self.ids(sentences[row]) for row in rows]
            found |= zip(rows, decoder.translate(asked, stack, best), strict=True)
        return [found[row] for row in range(len(sentences))]

    def ids(self, sentence: Sequence[str]) -> np.ndarray:
        """Of a sentence's words, -1 for unknown ones."""
        return np.array([self._ids.get(known_as(word), -1) for word in sentence], np.int64)

    def text(self, sentence: Sequence[str], derivation: Derivation) -> str:
        """A translation as it is written."""
        found = ""
        for phrase in derivation.phrases:
            for word in phrase.words:
                copied = word == UNKNOWN
                written = sentence[phrase.start] if copied else self.target_words[word - WORDS]
                found += " " * _runs_on(found[-1:], written[:1]) + written
        found = found.replace(MARK, " ").strip()
        begins_small = sentence[0].removeprefix(MARK)[:1].islower()
        if self.capitalised and not begins_small:
            found = found[:1].upper() + found[1:]
        return found

    def encode(self) -> bytes:
        """The translator as an .npz file that holds nothing to be unpickled."""
        file = io.BytesIO()
        np.savez_compressed(
            file,
            source_words=_packed(self.source_words),
            target_words=_packed(self.target_words),
            weights=self.weights,
            capitalised=np.array(self.capitalised),
            **vars(self.table),
            **vars(self.language),
        )
        return file.getvalue()

    @classmethod
    def decode(cls, content: bytes) -> "PhraseTranslator":
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            return cls(
                source_words=_unpacked(file["source_words"]),
                target_words=_unpacked(file["target_words"]),
                table=PhraseTable(**{one.name: file[one.name] for one in fields(PhraseTable)}),
                language=LanguageModel(
                    **{one.name: file[one.name] for one in fields(LanguageModel)}
                ),
                weights=file["weights"],
                capitalised=bool(file["capitalised"]),
            )


def tokens(text: str) -> list[str]:
    """The words of a normal text, of scripts without spaces the characters.

    Joined, and with spaces for marks, they give the text back.

    >>> tokens("A dog, 两只狗")
    ['▁A', '▁dog', ',', '▁', '两', '只', '狗']
    """
    found: list[str] = []
    for word in words(text):
        bare = word.removeprefix(MARK)
        parts = _PARTS.findall(bare)
        if bare != word:
            if not UNSPACED.match(bare):
                parts[0] = MARK + parts[0]
            elif found:
                found.append(MARK)
        found += parts
    return found


def source_words(text: str) -> list[str]:
    """The same without spaces that stand alone."""
    return [token for token in tokens(text) if token != MARK]


def known_as(token: str) -> str:
    """A token of the source as training remembers it."""
    return token.removeprefix(MARK).lower()


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Rows by ascending length, as many at once as PLACES holds."""
    rows: list[int] = []
    for row in sorted(range(len(lengths)), key=lambda row: lengths[row]):
        if rows and (len(rows) + 1) * lengths[row] > PLACES:
            yield rows
            rows = []
        rows.append(row)
    if rows:
        yield rows


def _runs_on(last: str, first: str) -> bool:
    """Whether two words would be read as one, as none is in a language that has spaces."""
    spaced = not UNSPACED.match(last) and not UNSPACED.match(first)
    return last.isalnum() and first.isalnum() and spaced


def _certainty(derivation: Derivation) -> float:
    """The geometric mean, by word, of the phrases' probabilities given those of the source."""
    written = [word for phrase in derivation.phrases for word in phrase.words]
    total = derivation.features[DIRECT] + UNSEEN * written.count(UNKNOWN)
    return float(np.exp(total / len(written)))


def _packed(of: Sequence[str]) -> np.ndarray:
    return np.frombuffer("\n".join(of).encode(), np.uint8)


def _unpacked(text: np.ndarray) -> list[str]:
    return text.tobytes().decode().split("\n")
