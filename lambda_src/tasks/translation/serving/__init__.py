"""Texts in, translations out."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from common.problems import FieldError, pointer
from tasks import FieldWarning, InvalidInstances
from tasks.shared.serving.answers import Report, short
from tasks.translation.serving.search import Found, Translator
from tasks.translation.subwords import LONGEST, Subwords, normal, spoken

MAX_INSTANCES = 500
MAX_CHARACTERS = 50_000
"""Instances of a request, and characters of all of them together."""

MAX_WORK = 80_000
"""Pieces of words times the beam's width, of a whole request: 20,000 pieces at the usual width.

A step of one hypothesis takes 4.4 million operations, so that this is some ten seconds at worst.
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


@dataclass(frozen=True)
class _Asked:
    """An instance: its normal text, its pieces, and how wide to search."""

    text: str
    ids: list[int]
    beam: int


class TranslationModel:
    """A translator in memory."""

    def __init__(self, beam: int, translator: Translator, vocabulary: Vocabulary) -> None:
        self._beam = beam
        self._translator = translator
        self._source = vocabulary.source.subwords()
        self._target = vocabulary.target.subwords()
        self._words = frozenset(vocabulary.words)

    def predict(self, instances: Sequence[Any]) -> tuple[list[dict[str, Any]], list[FieldWarning]]:
        """One translation per instance, in order. Raises InvalidInstances."""
        texts = [one.get("text") for one in instances if isinstance(one, dict)]
        size = sum(len(text) for text in texts if isinstance(text, str))
        _bound(len(instances), MAX_INSTANCES, "instances")
        _bound(size, MAX_CHARACTERS, "characters")
        report = Report()
        asked = [self._read(row, instance, report) for row, instance in enumerate(instances)]
        if report.errors:
            raise InvalidInstances(report.errors)
        work = sum(len(one.ids) * one.beam for one in asked if one is not None)
        _bound(work, MAX_WORK, "pieces of words times the beam")
        found = self._search([one for one in asked if one is not None])
        answers = [
            self._answer(row, one, answer, report)
            for row, (one, answer) in enumerate(zip(asked, found, strict=True))
            if one is not None
        ]
        return answers, report.warnings

    def _read(self, row: int, instance: Any, report: Report) -> _Asked | None:
        if not isinstance(instance, dict):
            report.error(
                row, None, f"Expected an object with the field 'text', got {short(instance)}."
            )
            return None
        text, beam = instance.get("text"), instance.get("beam", self._beam)
        report.unknown(row, instance, {"text", "beam"})
        if not isinstance(beam, int) or isinstance(beam, bool) or not 1 <= beam <= MAX_BEAM:
            report.error(
                row, "beam", f"Expected an integer from 1 to {MAX_BEAM}, got {short(beam)}."
            )
            return None
        if not isinstance(text, str):
            report.error(row, "text", f"Expected a text, got {short(text)}.")
            return None
        plain = normal(text)
        if len(plain) > LONGEST:
            detail = f"It has {len(plain):,} characters, {LONGEST} are read at most."
            report.error(row, "text", f"{detail} Send it sentence by sentence.")
            return None
        ids = self._source.encode(plain)
        if not ids:
            report.error(row, "text", "It is empty: send a sentence.")
        return _Asked(plain, ids, beam)

    def _search(self, asked: Sequence[_Asked]) -> list[Found]:
        rows: defaultdict[int, list[int]] = defaultdict(list)
        for row, one in enumerate(asked):
            rows[one.beam].append(row)
        found: dict[int, Found] = {}
        for beam, some in rows.items():
            answers = self._translator.translate_all([asked[row].ids for row in some], beam)
            found |= zip(some, answers, strict=True)
        return [found[row] for row in range(len(asked))]

    def _answer(self, row: int, asked: _Asked, found: Found, report: Report) -> dict[str, Any]:
        unknown = self._unknown_share(asked.text)
        if unknown >= STRANGE_SHARE:
            detail = (
                f"{unknown:.0%} of its words were never seen in training: what the translation "
                "says of them is invented."
            )
            report.warning(row, "text", "unknown_words", detail)
        if not found.ended:
            detail = "The translation did not come to an end and was cut off."
            report.warning(row, "text", "cut_off", detail)
        return {
            "translation": self._target.decode(found.pieces),
            "score": found.certainty,
            "unknown_share": unknown,
        }

    def _unknown_share(self, text: str) -> float:
        words = spoken(text)
        return sum(word not in self._words for word in words) / len(words) if words else 0.0


def _bound(count: int, most: int, what: str) -> None:
    """Raises InvalidInstances for a request that would take too long."""
    if count > most:
        detail = f"The request has {count:,} {what}: send {most:,} at once at most."
        raise InvalidInstances([FieldError(pointer("instances"), detail)])


def load(
    inputs: Mapping[str, Any], labels: Sequence[str] | None, files: Mapping[str, bytes]
) -> TranslationModel:
    translator = Translator(files["encoder.onnx"], files["decoder.onnx"])
    vocabulary = msgspec.json.decode(files["vocabulary.json"], type=Vocabulary)
    return TranslationModel(int(inputs["beam"]), translator, vocabulary)
