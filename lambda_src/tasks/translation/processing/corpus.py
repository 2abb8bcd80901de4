"""Parallel corpora as sentence pairs, whatever file they come in.

Tab-separated text, JSON Lines, a zip of two text files with a sentence per line, or TMX 1.4
(https://www.gala-global.org/tmx-14b). XML is read by expat, which fetches nothing; a document
that declares an entity is refused, so that none can be expanded.
"""

import itertools
import json
import zipfile
from collections.abc import Generator, Iterator, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any
from xml.parsers import expat

import msgspec

from common.problems import Unprocessable, invalid
from common.warnings import Warning
from tasks.framework import encodings
from tasks.framework.unpacking import check_ratio, is_of_system, opened_zip, refused_if_damaged
from tasks.framework.zip_names import detect_names
from tasks.tables.processing.files.text_files import CheckedFile, in_utf8, plain_file
from tasks.translation.options import Processing
from tasks.translation.processing.columns import SAMPLE, text_columns

LINE_BYTES = 1 << 20
"""A longer line is no sentence, and the file no corpus."""

MAX_FILES = 10_000
"""Of a zip: two are read, the one of each language."""

_LANGUAGE_LENGTH = 100
_MAX_DEPTH = 1000
"""Of elements, each of which takes memory while it is open."""

_LISTED_CODES = 10
_MAX_VARIANTS = 1000
"""Of a translation unit, which has one for each language."""

_NAME_LENGTH = 200
"""Of a file in a zip, where it is told."""

_CHUNK = 1 << 20
_TRANSLATION = "translation"
_WANTED = "Send tab-separated text, JSON Lines, TMX, or a zip of two text files."
_MARKUP = frozenset({"bpt", "ept", "ph", "it", "ut"})
"""Elements of a TMX segment that hold codes of its document, not text."""


@dataclass(frozen=True)
class Pair:
    """A sentence and its translation as they were read; side and reason where they are known."""

    source: str
    target: str
    side: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Corpus:
    """A stream of pairs, what the file is, and what its owner should know."""

    pairs: Iterator[Pair]
    facts: dict[str, Any]
    warnings: list[Warning] = field(default_factory=list)


def read(source: Path, folder: Path, options: Processing) -> Corpus:
    """The corpus in a file; what has to be unpacked goes into the folder.

    Raises Unprocessable, also while pairs are taken, for a file that is none of the formats.
    """
    if options.source_language is not None and options.source_language == options.target_language:
        raise invalid(["target_language"], "it is the source_language, too: name the other one")
    if zipfile.is_zipfile(source):
        _check_no_columns("zip of two text files", options)
        return _read_zip(source, folder, options)
    plain = plain_file(source, folder, None, options.encoding)
    facts = {name: value for name, value in plain.facts.items() if name != "format"}
    warnings = [*plain.warnings]
    with plain.path.open("rb") as file:
        head = file.read(4096).lstrip(b"\xef\xbb\xbf \t\r\n")
    if plain.format in ("parquet", "xlsx"):
        raise Unprocessable(f"The file is {plain.format}. {_WANTED}")
    if head.startswith((b"<?xml", b"<tmx", b"<!DOCTYPE")):
        _check_no_columns("TMX file", options)
        names, pairs = _read_tmx(plain.path, options)
        facts["format"] = "tmx"
    elif plain.format == "jsonl":
        names, pairs = _read_json(plain.path, options)
        facts["format"] = "jsonl"
    elif plain.format == "csv":
        names, pairs, told = _read_tsv(plain.path, options)
        warnings += told
        facts["format"] = "tsv"
    else:
        raise Unprocessable(f"The file is a JSON array. {_WANTED}")
    return Corpus(pairs, {**facts, **_languages(names)}, warnings)


def _check_no_columns(form: str, options: Processing) -> None:
    if options.split.column is not None:
        detail = f"a {form} has no columns: leave it out, or send tab-separated text or JSON Lines"
        raise invalid(["split", "column"], detail)


def _languages(names: tuple[str, str]) -> dict[str, str]:
    return {"source_language": names[0], "target_language": names[1]}


def _lines(file: IO[bytes], name: str) -> Iterator[str]:
    """The lines of a UTF-8 file without their ends; what is not UTF-8 becomes U+FFFD."""
    first = True
    for line in _ended_lines(file):
        if len(line) > LINE_BYTES:
            raise Unprocessable(f"{name} has a line of over {LINE_BYTES:,} bytes. {_WANTED}")
        text = line.decode(errors="replace").rstrip("\r\n")
        yield text.removeprefix("\ufeff") if first else text
        first = False


def _ended_lines(file: IO[bytes]) -> Iterator[bytes]:
    """The lines of a file with their ends, and a part of one that is too long.

    They end in line feeds, so that a stray carriage return shifts no line. Where no line feed is
    near the beginning, but a carriage return is, they end in either.
    """
    line = file.readline(LINE_BYTES + 1)
    if line.endswith(b"\n") or b"\r" not in line:
        while line:
            yield line
            line = file.readline(LINE_BYTES + 1)
        return
    while chunk := file.read(_CHUNK):
        *lines, line = (line + chunk).splitlines(keepends=True)
        yield from lines
        if len(line) > LINE_BYTES:
            break
    yield from line.splitlines(keepends=True)


def _read_tsv(
    path: Path, options: Processing
) -> tuple[tuple[str, str], Iterator[Pair], list[Warning]]:
    """Two columns of each line, and what is to be said of them."""
    with path.open("rb") as file:
        head = list(itertools.islice(_lines(file, "The file"), SAMPLE))
    if "\t" not in next(iter(head), ""):
        raise Unprocessable(f"The first line has no tab between two sentences. {_WANTED}")
    columns = text_columns(head, options)

    def pairs() -> Iterator[Pair]:
        with path.open("rb") as file:
            lines = _lines(file, "The file")
            for line in itertools.islice(lines, int(columns.has_header), None):
                texts = columns.texts(line)
                if texts is not None:
                    yield Pair(*texts)
                elif line.strip():
                    yield Pair(line, "", reason="too few columns")

    return columns.names, pairs(), columns.warnings


def _read_json(path: Path, options: Processing) -> tuple[tuple[str, str], Iterator[Pair]]:
    """Two keys of each line's object, or of the one that it has as its translation."""
    with path.open("rb") as file:
        first = next(filter(str.strip, _lines(file, "The file")), "")
    names = _json_names(first, options)

    def pairs() -> Iterator[Pair]:
        with path.open("rb") as file:
            for line in _lines(file, "The file"):
                if line.strip():
                    yield _json_pair(line, names, options.split.column)

    return names, pairs()


def _json_names(first: str, options: Processing) -> tuple[str, str]:
    """The keys of source and target; of a translation, the languages in their order."""
    source, target = options.source_language, options.target_language
    try:
        row = msgspec.json.decode(first)
    except (msgspec.DecodeError, RecursionError):
        row = None
    languages = _translation(row) or {}
    others = (name for name in languages if name not in (source, target))
    return source or next(others, "source"), target or next(others, "target")


def _translation(row: Any) -> dict[str, Any] | None:
    """What an object has as its translation, as data sets of Hugging Face do: texts by language."""
    found = row.get(_TRANSLATION) if isinstance(row, dict) else None
    return found if isinstance(found, dict) else None


def _json_pair(line: str, names: tuple[str, str], side: str | None) -> Pair:
    try:
        row = msgspec.json.decode(line)
        texts = _translation(row)
        if isinstance(row, dict) and _has_twice(line, row, texts, (*names, side, _TRANSLATION)):
            return Pair(line, "", reason="a key twice")
    except (msgspec.DecodeError, RecursionError):
        return Pair(line, "", reason="broken JSON")
    if not isinstance(row, dict):
        return Pair(line, "", reason="not an object")
    texts = row if texts is None else texts
    if absent := [name for name in names if name not in texts]:
        return Pair(line, "", reason=f"no key {absent[0]!r}")
    found = [*(texts[name] for name in names), row.get(side) if side else None]
    if not all(isinstance(value, str | None) for value in found):
        return Pair(line, "", reason="not a text")
    return Pair(*(value or "" for value in found))


def _has_twice(
    line: str, row: dict[str, Any], texts: dict[str, Any] | None, names: Sequence[str | None]
) -> bool:
    """Whether one of the names is more than once a key of an object in a line."""
    if line.count(":") == len(row) + len(texts or ()):  # so that there is a colon for each key
        return False
    twice = False

    def pairs(found: list[tuple[str, Any]]) -> None:
        nonlocal twice
        keys = [key for key, _ in found]
        twice = twice or any(keys.count(name) > 1 for name in names if name)

    json.loads(line, object_pairs_hook=pairs, parse_int=str)
    return twice


def _read_zip(source: Path, folder: Path, options: Processing) -> Corpus:
    """Two text files of the same number of lines; a line's partner has its number."""
    encoding = encodings.known(options.encoding) if options.encoding is not None else None
    with _broken_zip(), opened_zip(source, MAX_FILES) as archive:
        warnings = [*detect_names(archive).warnings]
        chosen = _choose([one for one in archive.infolist() if _is_text(one)], options)
        check_ratio(source.stat().st_size, sum(entry.file_size for entry in chosen))
        texts = [
            _unpacked(archive, entry, folder / str(number), encoding)
            for number, entry in enumerate(chosen)
        ]
    names = texts[0].name, texts[1].name

    def pairs() -> Iterator[Pair]:
        with texts[0].path.open("rb") as one, texts[1].path.open("rb") as other:
            files = [_lines(one, names[0]), _lines(other, names[1])]
            for number, (left, right) in enumerate(itertools.zip_longest(*files)):
                if left is None or right is None:
                    short = names[0] if left is None else names[1]
                    raise Unprocessable(
                        f"{short} has {number:,} lines and the other file more: "
                        "each line needs its translation on the same line."
                    )
                yield Pair(left, right)

    facts = {
        "compression": "zip",
        "format": "lines",
        "encoding": ", ".join(dict.fromkeys(text.encoding for text in texts)),
    }
    warnings += [warning for text in texts for warning in text.warnings]
    return Corpus(pairs(), {**facts, **_languages(names)}, warnings)


@dataclass(frozen=True)
class _Text:
    """A file of a zip, in UTF-8, and what it was encoded in."""

    name: str
    path: Path
    encoding: str
    warnings: list[Warning]


def _unpacked(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path, encoding: str | None
) -> _Text:
    """A file of a zip, unpacked into a new folder. Raises Unprocessable where it is no text."""
    name = entry.filename[:_NAME_LENGTH]
    folder.mkdir()
    with archive.open(entry) as packed, CheckedFile(folder / "packed") as file:
        while chunk := packed.read(_CHUNK):
            file.write(chunk)
    try:
        path, found, warnings = in_utf8(folder / "packed", folder, encoding)
    except Unprocessable as error:
        raise Unprocessable(f"{name}: {error.detail}") from error
    if path != folder / "packed":
        (folder / "packed").unlink()
    told = [
        msgspec.structs.replace(one, detail=one.detail.replace("The file", name, 1))
        for one in warnings
    ]
    return _Text(name, path, found, told)


def _broken_zip() -> AbstractContextManager[None]:
    """What zipfile says of broken, encrypted and exotic archives, as a problem."""
    return refused_if_damaged("The zip cannot be read: pack it again, without a password.")


def _is_text(entry: zipfile.ZipInfo) -> bool:
    return not entry.is_dir() and not is_of_system(Path(entry.filename))


def _choose(entries: Sequence[zipfile.ZipInfo], options: Processing) -> list[zipfile.ZipInfo]:
    """The file of each language: by its name or ending, or as the two files come."""
    if options.source_language is None and options.target_language is None:
        if len(entries) != 2:
            raise invalid(
                ["source_language"],
                f"the zip holds {_listed(entries)}: name the files of source and target, or their "
                "endings",
            )
        return list(entries)
    chosen = [
        None if name is None else _named(entries, side, name)
        for side, name in (
            ("source_language", options.source_language),
            ("target_language", options.target_language),
        )
    ]
    if chosen[0] == chosen[1]:
        raise invalid(["target_language"], "it is the file of the source_language, too")
    others = [entry for entry in entries if entry not in chosen]
    if None in chosen and len(others) != 1:
        side = ("source_language", "target_language")[chosen.index(None)]
        raise invalid(
            [side], f"the zip holds {_listed(others)} besides: name the file, or its ending"
        )
    return [entry or others[0] for entry in chosen]


def _named(entries: Sequence[zipfile.ZipInfo], side: str, name: str) -> zipfile.ZipInfo:
    found = [e for e in entries if name in (e.filename, Path(e.filename).suffix[1:])]
    if len(found) != 1:
        detail = f"{len(found)} files are {name!r} or end so: there is {_listed(entries)}"
        raise invalid([side], detail)
    return found[0]


def _listed(entries: Sequence[zipfile.ZipInfo]) -> str:
    return ", ".join(f"{entry.filename:.{_NAME_LENGTH}}" for entry in entries[:10]) or "nothing"


def _read_tmx(path: Path, options: Processing) -> tuple[tuple[str, str], Iterator[Pair]]:
    """Translation units, each with a text per language; a language's code may say more than
    the one asked for, as en-US does.
    """
    names = _Languages(options.source_language, options.target_language)
    with closing(_tmx_units(path)) as units:
        for unit in itertools.islice(units, 1):
            names.pair(unit)  # so that the languages are known

    def pairs() -> Iterator[Pair]:
        yield from map(names.pair, _tmx_units(path))
        names.check()

    return names.found, pairs()


def _tmx_units(path: Path) -> Generator["Unit"]:
    units = _Units()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield from units.feed(chunk)
        yield from units.feed(b"", last=True)


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

    def pair(self, unit: "Unit") -> Pair:
        self._listen(unit)
        if self._source is None and self._target is None:
            self._source = next((code for code, _ in unit.texts), None)
        if self._source is None:
            self._source = self._other(unit, self._target, "source_language", "translate from")
        if self._target is None:
            self._target = self._other(unit, self._source, "target_language", "learn")
        source, target = (self._text(unit, name) for name in (self._source, self._target))
        return Pair(source, target)

    def _listen(self, unit: "Unit") -> None:
        """Notes which of the languages that were asked for there are, and a few that there are."""
        missing = [name for name in self._asked.values() if name and name not in self._heard]
        for code, _ in unit.texts if missing else ():
            self._heard.update(name for name in missing if _speaks(code, name))
            if len(self._codes) < _LISTED_CODES:
                self._codes[code] = None

    def _other(self, unit: "Unit", known: str | None, side: str, use: str) -> str | None:
        """The one language of a unit besides the known one."""
        others = {code for code, _ in unit.texts if not _speaks(code, known)}
        if len(others) > 1:
            codes = ", ".join(sorted(others)[:10])
            raise invalid([side], f"the units have {codes}: name the language to {use}")
        return next(iter(others), None)

    def _text(self, unit: "Unit", name: str | None) -> str:
        return next((text for code, text in unit.texts if _speaks(code, name)), "")


def _speaks(code: str, name: str | None) -> bool:
    """Whether a language code is the name, or says more than it."""
    if name is None:
        return False
    code, name = code.lower().replace("_", "-"), name.lower().replace("_", "-")
    return code == name or code.startswith(name + "-")


@dataclass
class Unit:
    """A translation unit: language code and text of each variant."""

    texts: list[tuple[str, str]] = field(default_factory=list)


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
