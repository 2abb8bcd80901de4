"""What a file is, by its content: its compression, its format, its encoding."""

import codecs
import gzip
import io
import re
import shutil
import zlib
from collections.abc import Buffer, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Literal

from common.problems import Unprocessable
from common.warnings import Warning
from tasks.framework import encodings
from tasks.framework.unpacking import check_ratio
from tasks.tables.processing.database import DISK_RESERVE_BYTES
from tasks.tables.processing.files.foreign_files import (
    GZIP,
    WANTED,
    ZIP,
    is_workbook,
    refuse_foreign,
    refuse_json_forms,
)

Format = Literal["csv", "jsonl", "json", "parquet", "xlsx"]

_CHUNK = 4 << 20
_ASCII = bytes(range(128))
_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_OBJECT = re.compile(rb'\{\s*["}]')


@dataclass(frozen=True)
class PlainFile:
    """An uncompressed file: Parquet, an Excel workbook, or text in UTF-8."""

    path: Path
    format: Format
    facts: dict[str, Any]
    warnings: list[Warning] = field(default_factory=list)


def plain_file(
    source: Path, folder: Path, given: str | None, encoding: str | None = None
) -> PlainFile:
    """The source as it can be read, written to the folder if it has to be changed.

    encoding is that of text, where the caller says. Raises Unprocessable for an empty, broken or
    foreign file.
    """
    encoding = encodings.known(encoding) if encoding is not None else None
    path, compression = source, "none"
    if _head(path).startswith(GZIP):
        path, compression = folder / "unpacked", "gzip"
        _unpack(source, path)
    head = _head(path)
    facts: dict[str, Any] = {"compression": compression}
    if not head:
        raise Unprocessable("The file is empty: send a table with at least a few rows.")
    if head.startswith(b"PAR1"):
        _expect(given, "parquet")
        return PlainFile(path, "parquet", {**facts, "format": "parquet"})
    if head.startswith(ZIP) and is_workbook(path):
        _expect(given, "xlsx")
        return PlainFile(path, "xlsx", {**facts, "format": "xlsx"})
    refuse_foreign(head)
    path, encoding, warnings = in_utf8(path, folder, encoding)
    form = _text_format(_head(path), given)
    named = "csv" if form == "csv" else "jsonl"
    return PlainFile(path, form, {**facts, "format": named, "encoding": encoding}, warnings)


def in_utf8(path: Path, folder: Path, given: str | None) -> tuple[Path, str, list[Warning]]:
    """The text in UTF-8, what it was in before, and what the owner should know.

    Where it has to be written anew, it is in the folder. given is a name that encodings knows.
    """
    if given is not None:
        return _recoded(path, folder, given), given, []
    head = _head(path)
    for mark, encoding in _BYTE_ORDER_MARKS.items():
        if head.startswith(mark):
            return _recoded(path, folder, encoding), encoding, []
    if wide := _wide(head):
        return _recoded(path, folder, wide), wide, []
    characters, invalid, may_switch = _census(path)
    if characters == 0 and may_switch and (switched := encodings.detect_switching(path)):
        encoding = switched.encoding
        return _recoded(path, folder, encoding), encoding, [encodings.warning(switched)]
    # Damaged lines of a UTF-8 file are rejected by the reader.
    if invalid == 0 or characters - invalid > invalid:
        return path, "utf-8", []
    found = encodings.detect(path)
    return _recoded(path, folder, found.encoding), found.encoding, [encodings.warning(found)]


def head_text(path: Path, size: int) -> tuple[str, bool]:
    """The first bytes of a text file as text, and whether that is all of it."""
    with path.open("rb") as file:
        raw = file.read(size + 1)
    decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
    return decoder.decode(raw[:size], final=len(raw) <= size), len(raw) <= size


def with_equal_line_ends(path: Path, folder: Path) -> Path:
    """A copy of a text file, in the folder, whose lines all end in a line feed."""
    result = folder / "equal_line_ends"
    with path.open("rb") as file, result.open("wb") as copy:
        half = b""  # of a line end, perhaps
        for chunk in _chunks(file):
            text = half + chunk
            half = b"\r" if text.endswith(b"\r") else b""
            text = text.removesuffix(half)
            copy.write(text.replace(b"\r\n", b"\n").replace(b"\r", b"\n"))
        copy.write(half.replace(b"\r", b"\n"))
    return result


def check_disk(path: Path, size: int) -> None:
    """Raises Unprocessable where so many more bytes do not fit on the disk of path."""
    if shutil.disk_usage(path).free < DISK_RESERVE_BYTES + size:
        raise Unprocessable(
            "The file does not fit into the function's /tmp once unpacked: raise "
            "ephemeral_storage (10,240 MB at most), or send less data."
        )


class CheckedFile(io.BufferedWriter):
    """A new file whose writes raise Unprocessable where the disk has no room for them."""

    def __init__(self, path: Path) -> None:
        super().__init__(io.FileIO(path, "wb"))
        self._path, self._left = path, 0  # bytes until the disk is looked at again

    def write(self, data: Buffer, /) -> int:
        size = memoryview(data).nbytes
        if size > self._left:
            self._left = size + _CHUNK
            check_disk(self._path, self._left)
        self._left -= size
        return super().write(data)


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(4096)


def _expect(given: str | None, found: str) -> None:
    if given not in (None, found):
        raise Unprocessable(f"format is {given!r}, but the file is {found}: leave format out.")


def _unpack(source: Path, path: Path) -> None:
    try:
        with gzip.open(source) as packed, path.open("wb") as plain:
            size = source.stat().st_size
            while chunk := packed.read(_CHUNK):
                check_ratio(size, plain.tell() + len(chunk))
                check_disk(path, len(chunk))
                plain.write(chunk)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise Unprocessable("The gzip file is damaged: send it again.") from error


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK):
        yield chunk


def _wide(head: bytes) -> str | None:
    """UTF-16 or UTF-32 without a mark, in which every ASCII character has zero bytes.

    >>> _wide("a,b".encode("utf-16-le"))
    'utf-16-le'
    """
    for encoding, width, at in (
        ("utf-32-le", 4, (1, 2, 3)),
        ("utf-32-be", 4, (0, 1, 2)),
        ("utf-16-le", 2, (1,)),
        ("utf-16-be", 2, (0,)),
    ):
        zeros = [head[each::width].count(0) for each in range(width)]
        here = min(zeros[index] for index in at)
        others = sum(count for index, count in enumerate(zeros) if index not in at)
        if here > len(head) / width / 50 and others < here and _decodes(head, encoding):
            return encoding
    return None


def _decodes(head: bytes, encoding: str) -> bool:
    """Whether bytes, of which the last character may be cut, are text."""
    try:
        text = codecs.getincrementaldecoder(encoding)("strict").decode(head)
    except UnicodeError:
        return False
    return all(character >= " " or character in "\t\r\n" for character in text)


def _census(path: Path) -> tuple[int, int, bool]:
    """Non-ASCII characters, invalid ones among them, and whether ASCII may stand for others.

    Raises Unprocessable for zero bytes, which no text has.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    characters = invalid = size = 0
    may_switch = False
    with path.open("rb") as file:
        for chunk in _chunks(file):
            if b"\0" in chunk:
                raise _with_zeros(path, size + chunk.index(b"\0"), chunk)
            size += len(chunk)
            may_switch = may_switch or any(mark in chunk for mark in encodings.SWITCHES)
            if chunk.isascii() and not decoder.getstate()[0]:
                continue
            text = decoder.decode(chunk)
            characters += len(text) - (len(chunk) - len(chunk.translate(None, _ASCII)))
            invalid += text.count("\ufffd")
        invalid += decoder.decode(b"", final=True).count("\ufffd")
    return max(characters, invalid), invalid, may_switch


def _with_zeros(path: Path, at: int, chunk: bytes) -> Unprocessable:
    if chunk.count(0) > 0.01 * len(chunk):
        return Unprocessable(f"The file is binary (a zero byte at {at:,}). {WANTED}")
    with path.open("rb") as file:
        line, left = 1, at
        while left and (some := file.read(min(left, _CHUNK))):
            line, left = line + some.count(b"\n"), left - len(some)
    return Unprocessable(
        f"Line {line:,} has a NUL byte (a zero, byte {at:,} of the file), which no text has: "
        "remove it, or send the file again if it was damaged on its way."
    )


def _recoded(path: Path, folder: Path, encoding: str) -> Path:
    result = folder / "recoded"
    with result.open("wb") as recoded:
        for text in encodings.decoded(path, encoding):
            recoded.write(text.encode())
    return result


def _text_format(head: bytes, given: str | None) -> Format:
    start = head.removeprefix(codecs.BOM_UTF8).lstrip()
    if given != "csv":
        refuse_json_forms(start)
    if given in ("parquet", "xlsx"):
        raise Unprocessable(f"format is {given!r}, but the file is text: leave format out.")
    if given != "csv" and start.startswith(b"["):
        following = start[1:].lstrip()
        if following.startswith((b"{", b"]", b"[")) or given == "jsonl":
            return "json"
    if given == "jsonl" or (given is None and _OBJECT.match(start)):
        return "jsonl"
    return "csv"
