"""The lines of text that sentences are read from."""

from collections.abc import Iterator
from typing import IO

from common.problems import Unprocessable

LINE_BYTES = 1 << 20
"""A longer line is no sentence, and the file no corpus."""

CHUNK = 1 << 20
"""Bytes that are read at a time."""

WANTED = "Send tab-separated text, JSON Lines, TMX, or a zip of two text files."
"""What to do about a file that is no corpus."""


def lines_of(file: IO[bytes], name: str) -> Iterator[str]:
    """The lines of a UTF-8 file without their ends; what is not UTF-8 becomes U+FFFD."""
    first = True
    for line in _ended_lines(file):
        if len(line) > LINE_BYTES:
            raise Unprocessable(f"{name} has a line of over {LINE_BYTES:,} bytes. {WANTED}")
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
    while chunk := file.read(CHUNK):
        *lines, line = (line + chunk).splitlines(keepends=True)
        yield from lines
        if len(line) > LINE_BYTES:
            break
    yield from line.splitlines(keepends=True)
