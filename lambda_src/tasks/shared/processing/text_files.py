"""What a file is, by its content: its compression, its encoding, its format."""

import codecs
import gzip
import shutil
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Literal

from common.problems import Unprocessable
from common.warnings import Warning
from tasks.shared.processing.database import DISK_RESERVE_BYTES

Format = Literal["csv", "jsonl", "json", "parquet"]

_CHUNK = 4 << 20
_ASCII = bytes(range(128))
_FOREIGN = {
    b"PK\x03\x04": "a zip archive or an Excel workbook",
    b"\xd0\xcf\x11\xe0": "an old Excel or Word file",
    b"%PDF": "a PDF",
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
    b"BZh": "compressed with bzip2",
    b"\xfd7zXZ": "compressed with xz",
    b"ARROW1": "an Arrow or Feather file",
    b"SQLite": "an SQLite database",
}
_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_WANTED = "Send CSV, JSON Lines or Parquet, plain or compressed with gzip."


@dataclass(frozen=True)
class PlainFile:
    """An uncompressed file: Parquet, or text in UTF-8."""

    path: Path
    format: Format
    facts: dict[str, Any]
    warnings: list[Warning] = field(default_factory=list)


def plain_file(source: Path, folder: Path, given: str | None) -> PlainFile:
    """The source as DuckDB can read it, written to the folder if it has to be changed.

    Raises Unprocessable for an empty, broken or foreign file.
    """
    path, compression = source, "none"
    if _head(path)[:2] == b"\x1f\x8b":
        path, compression = folder / "unpacked", "gzip"
        _unpack(source, path)
    head = _head(path)
    facts: dict[str, Any] = {"compression": compression}
    if not head:
        raise Unprocessable("The file is empty: send a table with at least a few rows.")
    if head[:4] == b"PAR1":
        _expect(given, "parquet")
        return PlainFile(path, "parquet", {**facts, "format": "parquet"})
    for magic, kind in _FOREIGN.items():
        if head.startswith(magic):
            raise Unprocessable(f"The file is {kind}. {_WANTED}")
    path, encoding, warnings = _utf8(path, folder, head)
    form = _text_format(_head(path), given)
    named = "csv" if form == "csv" else "jsonl"
    return PlainFile(path, form, {**facts, "format": named, "encoding": encoding}, warnings)


def head_text(path: Path, size: int) -> tuple[str, bool]:
    """The first bytes of a text file as text, and whether that is all of it."""
    with path.open("rb") as file:
        raw = file.read(size + 1)
    decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
    return decoder.decode(raw[:size], final=len(raw) <= size), len(raw) <= size


def with_equal_line_ends(path: Path) -> Path:
    """A copy of a text file whose lines all end in a line feed."""
    result = path.with_name(f"{path.name}-lines")
    with path.open("rb") as file, result.open("wb") as copy:
        for chunk in _chunks(file):
            while chunk.endswith(b"\r") and (more := file.read(1)):  # perhaps half a line end
                chunk += more
            copy.write(chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n"))
    return result


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(4096)


def _expect(given: str | None, found: str) -> None:
    if given not in (None, found):
        raise Unprocessable(f"format is {given!r}, but the file is {found}: leave format out.")


def _unpack(source: Path, path: Path) -> None:
    try:
        with gzip.open(source) as packed, path.open("wb") as plain:
            while chunk := packed.read(_CHUNK):
                if shutil.disk_usage(path).free < DISK_RESERVE_BYTES + len(chunk):
                    raise Unprocessable(
                        "The file does not fit into the function's /tmp once unpacked: raise "
                        "ephemeral_storage (10,240 MB at most), or send less data."
                    )
                plain.write(chunk)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise Unprocessable(f"The gzip file is damaged ({error}): send it again.") from None


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK):
        yield chunk


def _utf8(path: Path, folder: Path, head: bytes) -> tuple[Path, str, list[Warning]]:
    """The text in UTF-8, what it was in before, and what the owner should know."""
    for mark, encoding in _BYTE_ORDER_MARKS.items():
        if head.startswith(mark):
            return _recoded(path, folder, encoding), encoding, []
    characters, invalid, high, size = _census(path)
    if invalid == 0:
        return path, "utf-8", []
    if characters - invalid > invalid:  # damaged lines of a UTF-8 file: the reader rejects them
        return path, "utf-8", []
    if high > 0.3 * size:
        raise Unprocessable("The file is text, but not in UTF-8: save it as UTF-8.")
    detail = "The file is not in UTF-8; it was read as Windows-1252 (Latin-1)."
    warning = Warning(code="encoding", detail=detail)
    return _recoded(path, folder, "windows-1252"), "windows-1252", [warning]


def _census(path: Path) -> tuple[int, int, int, int]:
    """Non-ASCII characters, invalid ones among them, non-ASCII bytes, and all bytes.

    Raises Unprocessable for zero bytes, which no text has.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    characters = invalid = high = size = 0
    with path.open("rb") as file:
        for chunk in _chunks(file):
            if b"\0" in chunk:
                at = size + chunk.index(b"\0")
                raise Unprocessable(f"The file is binary (a zero byte at {at:,}). {_WANTED}")
            size += len(chunk)
            if chunk.isascii() and not decoder.getstate()[0]:
                continue
            text = decoder.decode(chunk)
            bytes_high = len(chunk.translate(None, _ASCII))
            high += bytes_high
            characters += len(text) - (len(chunk) - bytes_high)
            invalid += text.count("\ufffd")
        invalid += decoder.decode(b"", final=True).count("\ufffd")
    return max(characters, invalid), invalid, high, size


def _recoded(path: Path, folder: Path, encoding: str) -> Path:
    result = folder / "recoded"
    errors = "replace" if encoding == "windows-1252" else "strict"
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    try:
        with path.open("rb") as file, result.open("wb") as recoded:
            for chunk in _chunks(file):
                recoded.write(decoder.decode(chunk).encode())
            recoded.write(decoder.decode(b"", final=True).encode())
    except UnicodeError as error:
        raise Unprocessable(f"The file is not valid {encoding} ({error}).") from None
    return result


def _text_format(head: bytes, given: str | None) -> Format:
    start = head.removeprefix(codecs.BOM_UTF8).lstrip()
    if given == "parquet":
        raise Unprocessable("format is 'parquet', but the file is text: leave format out.")
    if given != "csv" and start.startswith(b"["):
        following = start[1:].lstrip()
        if following.startswith((b"{", b"]")) or given == "jsonl":
            return "json"
    if given == "jsonl" or (given is None and start.startswith((b'{"', b"{}", b"{ "))):
        return "jsonl"
    return "csv"
