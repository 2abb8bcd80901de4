"""Texts in, translations out."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from common.problems import FieldError, pointer
from tasks import InvalidInstances, Model
from tasks.framework.answers import Report, short
from tasks.framework.predictions import Inference, Objects
from tasks.translation.serving import phrases
from tasks.translation.serving.answer import Engine, Translation
from tasks.translation.serving.search import Translator
from tasks.translation.subwords import LONGEST, Subwords, normal, spoken

MAX_INSTANCES = 500
MAX_CHARACTERS = 50_000
"""Instances of a request, and characters of all of them together."""

MAX_WORK = 80_000
"""Pieces of words times the beam's width, of a whole request: 20,000 pieces at the usual width.

A step of one hypothesis takes 4.4 million operations, so that this is some ten seconds at worst;
by phrases, too.
"""

MAX_BEAM = 10

STRANGE_SHARE = 0.5
"""From this share of unknown words on, an answer comes with a warning."""


class Vocabulary(msgspec.Struct):
    """vocabulary.json: the pieces of both languages, and the words of the source in training."""

    source: "Pieces"
    target: "Pieces"
    words: list[str]


class Pieces(msgspec.Struct):
    """A language's pieces, and the merges that make them."""

    pieces: list[str]
    merges: list[tuple[str, str]]

    @classmethod
    def of(cls, subwords: Subwords) -> "Pieces":
        return cls(list(subwords.pieces), list(subwords.merges))

    def subwords(self) -> Subwords:
        return Subwords(self.pieces, self.merges)


class RecurrentNetwork:
    """The network and its vocabulary: pieces of words in, pieces of words out."""

    unknown_words = "what the translation says of them is invented"

    def __init__(self, translator: Translator, vocabulary: Vocabulary) -> None:
        self._translator = translator
        self._source = vocabulary.source.subwords()
        self._target = vocabulary.target.subwords()
        self._words = frozenset(vocabulary.words)

    def read(self, text: str) -> list[int]:
        return self._source.encode(text)

    def knows(self, word: str) -> bool:
        return word in self._words

    def translate(self, sentences: Sequence[Sequence[int]], beam: int) -> list[Translation]:
        return [
            Translation(self._target.decode(one.pieces), one.certainty, one.ended)
            for one in self._translator.translate_all(sentences, beam)
        ]


@dataclass(frozen=True)
class _Asked:
    """An instance: its normal text, the parts of it, and how wide to search."""

    text: str
    parts: Sequence[Any]
    beam: int


class TranslationModel(Model):
    """A translator in memory."""

    def __init__(self, beam: int, engine: Engine) -> None:
        self._beam = beam
        self._engine = engine

    def infer(self, instances: Sequence[Any], deadline: float = math.inf) -> Inference:
        """One translation per instance, in order; an empty one of a text that holds nothing.

        Raises InvalidInstances.
        """
        texts = [one.get("text") for one in instances if isinstance(one, dict)]
        size = sum(len(text) for text in texts if isinstance(text, str))
        _bound(len(instances), MAX_INSTANCES, "instances")
        _bound(size, MAX_CHARACTERS, "characters")
        report = Report()
        asked = [self._read(row, instance, report) for row, instance in enumerate(instances)]
        report.check()
        work = sum(len(one.parts) * one.beam for one in asked if one is not None)
        _bound(work, MAX_WORK, "pieces of words times the beam")
        found = self._search([one for one in asked if one is not None])
        answers = [
            self._answer(row, one, answer, report)
            for row, (one, answer) in enumerate(zip(asked, found, strict=True))
            if one is not None
        ]
        return Inference(Objects(answers), report.warnings)

    def _read(self, row: int, instance: Any, report: Report) -> _Asked | None:
        if not isinstance(instance, dict):
            report.error(
                row, None, f"Expected an object with the field 'text', got {short(instance)}."
            )
            return None
        beam = instance.get("beam", self._beam)
        report.unknown(row, instance, {"text", "beam"})
        if not isinstance(beam, int) or isinstance(beam, bool) or not 1 <= beam <= MAX_BEAM:
            report.error(
                row, "beam", f"Expected an integer from 1 to {MAX_BEAM}, got {short(beam)}."
            )
            return None
        text = report.text(row, instance, "text")
        if text is None:
            return None
        plain = normal(text)
        if len(plain) > LONGEST:
            detail = f"It has {len(plain):,} characters, {LONGEST} are read at most."
            report.error(row, "text", f"{detail} Send it sentence by sentence.")
            return None
        parts = self._engine.read(plain)
        if not parts:
            detail = "The text is empty, and so is its translation."
            report.warning(row, "text", "empty_text", detail)
        return _Asked(plain, parts, beam)

    def _search(self, asked: Sequence[_Asked]) -> list[Translation]:
        rows: defaultdict[int, list[int]] = defaultdict(list)
        found: dict[int, Translation] = {}
        for row, one in enumerate(asked):
            if one.parts:
                rows[one.beam].append(row)
            else:
                found[row] = Translation("", 0.0)
        for beam, some in rows.items():
            answers = self._engine.translate([asked[row].parts for row in some], beam)
            found |= zip(some, answers, strict=True)
        return [found[row] for row in range(len(asked))]

    def _answer(
        self, row: int, asked: _Asked, found: Translation, report: Report
    ) -> dict[str, Any]:
        unknown = self._unknown_share(asked.text)
        if unknown >= STRANGE_SHARE:
            detail = (
                f"{unknown:.0%} of its words were never seen in training: "
                f"{self._engine.unknown_words}."
            )
            report.warning(row, "text", "unknown_words", detail)
        if not found.ended:
            detail = "The translation did not come to an end and was cut off."
            report.warning(row, "text", "cut_off", detail)
        return {
            "translation": found.text,
            "score": found.certainty,
            "unknown_share": unknown,
        }

    def _unknown_share(self, text: str) -> float:
        words = spoken(text)
        return sum(not self._engine.knows(word) for word in words) / len(words) if words else 0.0


def _bound(count: int, most: int, what: str) -> None:
    """Raises InvalidInstances for a request that would take too long."""
    if count > most:
        detail = f"The request has {count:,} {what}: send {most:,} at once at most."
        raise InvalidInstances([FieldError(pointer("instances"), detail)])


def load(
    inputs: Mapping[str, Any], labels: Sequence[str] | None, files: Mapping[str, bytes]
) -> TranslationModel:
    return TranslationModel(int(inputs["beam"]), engine(files))


def engine(files: Mapping[str, bytes], threads: int = 1) -> Engine:
    """The translator that a model's files are."""
    if phrases.FILE in files:
        return phrases.PhraseTranslator.decode(files[phrases.FILE])
    vocabulary = msgspec.json.decode(files["vocabulary.json"], type=Vocabulary)
    translator = Translator(files["encoder.onnx"], files["decoder.onnx"], threads)
    return RecurrentNetwork(translator, vocabulary)
