"""Translation units of TMX 1.4 (https://www.gala-global.org/tmx-14b).

XML is read by expat, which fetches nothing; a document that declares an entity is refused, so
that none can be expanded.
"""

from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from common.problems import Unprocessable
from tasks.translation.processing.corpus.lines import CHUNK, LINE_BYTES

_LANGUAGE_LENGTH = 100
_MAX_DEPTH = 1000
"""Of elements, each of which takes memory while it is open."""

_MAX_VARIANTS = 1000
"""Of a translation unit, which has one for each language."""

_MARKUP = frozenset({"bpt", "ept", "ph", "it", "ut"})
"""Elements of a TMX segment that hold codes of its document, not text."""


@dataclass
class Unit:
    """A translation unit: language code and text of each variant."""

    texts: list[tuple[str, str]] = field(default_factory=list)


def read_units(path: Path) -> Generator[Unit]:
    """The units of a document, one after the other. Raises Unprocessable, also in between."""
    units = _Units()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield from units.feed(chunk)
        yield from units.feed(b"", last=True)


class _Units:
    """The translation units of a TMX document, as its bytes come."""

    def __init__(self) -> None:
        # The bytes are UTF-8 by now, whatever the document says of itself.
        self._parser = expat.ParserCreate("utf-8")
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.EntityDeclHandler = self._entity
        self._parser.SkippedEntityHandler = self._skipped
        self._done: list[Unit] = []
        self._unit = Unit()
        self._language = ""
        self._parts: list[str] | None = None
        self._size = 0
        self._markup = 0
        self._depth = 0

    def feed(self, chunk: bytes, last: bool = False) -> list[Unit]:
        """The units that end in a chunk. Raises Unprocessable for what is not well-formed."""
        try:
            self._parser.Parse(chunk, last)
        except expat.ExpatError as error:
            raise Unprocessable(
                f"The TMX file is not well-formed XML from line {error.lineno:,} on."
            ) from error
        done, self._done = self._done, []
        return done

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise Unprocessable(
                f"The TMX file has more than {_MAX_DEPTH:,} elements in each other: no corpus has."
            )
        match name:
            case "tu":
                self._unit = Unit()
            case "tuv":
                self._language = attributes.get("xml:lang") or attributes.get("lang", "")
                if len(self._language) > _LANGUAGE_LENGTH:
                    raise Unprocessable(
                        f"The TMX file has a language code of {len(self._language):,} characters, "
                        f"such as {self._language[:20]!r}: it may have {_LANGUAGE_LENGTH}."
                    )
            case "seg":
                self._parts, self._size = [], 0
            case _ if name in _MARKUP:
                self._markup += 1

    def _end(self, name: str) -> None:
        self._depth -= 1
        if name == "tu":
            self._done.append(self._unit)
        elif name == "seg" and self._parts is not None:
            if len(self._unit.texts) == _MAX_VARIANTS:
                raise Unprocessable(
                    f"A unit of the TMX file has more than {_MAX_VARIANTS:,} segments: it has one "
                    "for each language."
                )
            self._unit.texts.append((self._language, "".join(self._parts)))
            self._parts = None
        elif name in _MARKUP:
            self._markup -= 1

    def _characters(self, text: str) -> None:
        if self._parts is None or self._markup:
            return
        self._size += len(text) if text.isascii() else len(text.encode())
        if self._size > LINE_BYTES:
            raise Unprocessable(f"A segment of the TMX file is over {LINE_BYTES:,} bytes.")
        self._parts.append(text)

    def _entity(self, name: str, *_: object) -> None:
        raise Unprocessable(
            f"The TMX file declares the entity {name!r:.40}: send it without declarations, "
            "they are a way of attacking readers of XML."
        )

    def _skipped(self, name: str, is_parameter: bool) -> None:
        if not is_parameter:
            raise Unprocessable(
                f"The TMX file has the entity {name!r:.40}, which it does not declare: write the "
                "character itself."
            )
