"""The languages of a TMX file, and its sentence pairs."""

import itertools
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from common.problems import invalid
from tasks.translation.options import Processing
from tasks.translation.processing.corpus.pairs import Corpus, Pair
from tasks.translation.processing.corpus.tmx_units import Unit, read_units

_LISTED_CODES = 10


def read(path: Path, options: Processing) -> Corpus:
    """Translation units, each with a text per language; a language's code may say more than
    the one asked for, as en-US does.
    """
    names = _Languages(options.source_language, options.target_language)
    with closing(read_units(path)) as units:
        for unit in itertools.islice(units, 1):
            names.pair(unit)  # so that the languages are known

    def pairs() -> Iterator[Pair]:
        yield from map(names.pair, read_units(path))
        names.check()

    return Corpus(names.found, pairs(), {"format": "tmx"})


class _Languages:
    """Which of a unit's texts is the source, and which the target."""

    def __init__(self, source: str | None, target: str | None) -> None:
        self._source, self._target = source, target
        self._asked = {"source_language": source, "target_language": target}
        self._heard: set[str] = set()
        self._codes: dict[str, None] = {}

    @property
    def found(self) -> tuple[str, str]:
        return self._source or "", self._target or ""

    def check(self) -> None:
        """Raises Unprocessable for a language that was asked for and that no unit has."""
        for which, name in self._asked.items():
            if name and name not in self._heard and self._codes:
                codes = ", ".join(sorted(self._codes))
                raise invalid([which], f"no unit has {name!r}: they have {codes}")

    def pair(self, unit: Unit) -> Pair:
        self._listen(unit)
        if self._source is None and self._target is None:
            self._source = next((code for code, _ in unit.texts), None)
        if self._source is None:
            self._source = self._other(unit, self._target, "source_language", "translate from")
        if self._target is None:
            self._target = self._other(unit, self._source, "target_language", "learn")
        source, target = (self._text(unit, name) for name in (self._source, self._target))
        return Pair(source, target)

    def _listen(self, unit: Unit) -> None:
        """Notes which of the languages that were asked for there are, and a few that there are."""
        missing = [name for name in self._asked.values() if name and name not in self._heard]
        for code, _ in unit.texts if missing else ():
            self._heard.update(name for name in missing if _speaks(code, name))
            if len(self._codes) < _LISTED_CODES:
                self._codes[code] = None

    def _other(self, unit: Unit, known: str | None, option: str, use: str) -> str | None:
        """The one language of a unit besides the known one."""
        others = {code for code, _ in unit.texts if not _speaks(code, known)}
        if len(others) > 1:
            codes = ", ".join(sorted(others)[:10])
            raise invalid([option], f"the units have {codes}: name the language to {use}")
        return next(iter(others), None)

    def _text(self, unit: Unit, name: str | None) -> str:
        return next((text for code, text in unit.texts if _speaks(code, name)), "")


def _speaks(code: str, name: str | None) -> bool:
    """Whether a language code is the name, or says more than it."""
    if name is None:
        return False
    code, name = code.lower().replace("_", "-"), name.lower().replace("_", "-")
    return code == name or code.startswith(name + "-")
