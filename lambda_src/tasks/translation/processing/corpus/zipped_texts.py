"""Sentence pairs in two text files of a zip: a line's translation is the same line of the other."""

import itertools
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from common.problems import Unprocessable, invalid
from common.warnings import Warning
from tasks.framework import encodings
from tasks.framework.unpacking import check_ratio, is_of_system, opened_zip, refused_if_damaged
from tasks.framework.zip_names import detect_names
from tasks.tables.processing.files.text_files import CheckedFile, in_utf8
from tasks.translation.options import Processing
from tasks.translation.processing.corpus.lines import CHUNK, lines_of
from tasks.translation.processing.corpus.pairs import Corpus, Pair

MAX_FILES = 10_000
"""Of a zip: two are read, the one of each language."""

_NAME_LENGTH = 200
"""Of a file in a zip, where it is told."""


def read(source: Path, folder: Path, options: Processing) -> Corpus:
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
            files = [lines_of(one, names[0]), lines_of(other, names[1])]
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
    return Corpus(names, pairs(), facts, warnings)


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
        while chunk := packed.read(CHUNK):
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
        None if name is None else _named(entries, option, name)
        for option, name in (
            ("source_language", options.source_language),
            ("target_language", options.target_language),
        )
    ]
    if chosen[0] == chosen[1]:
        raise invalid(["target_language"], "it is the file of the source_language, too")
    others = [entry for entry in entries if entry not in chosen]
    if None in chosen and len(others) != 1:
        option = ("source_language", "target_language")[chosen.index(None)]
        raise invalid(
            [option], f"the zip holds {_listed(others)} besides: name the file, or its ending"
        )
    return [entry or others[0] for entry in chosen]


def _named(entries: Sequence[zipfile.ZipInfo], option: str, name: str) -> zipfile.ZipInfo:
    found = [e for e in entries if name in (e.filename, Path(e.filename).suffix[1:])]
    if len(found) != 1:
        detail = f"{len(found)} files are {name!r} or end so: there is {_listed(entries)}"
        raise invalid([option], detail)
    return found[0]


def _listed(entries: Sequence[zipfile.ZipInfo]) -> str:
    return ", ".join(f"{entry.filename:.{_NAME_LENGTH}}" for entry in entries[:10]) or "nothing"
