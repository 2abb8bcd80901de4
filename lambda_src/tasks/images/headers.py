"""What an image file holds beside its pixels, bounded: pillow reads it piece by piece, in Python.

Real files have EXIF data, colour profiles, previews and edits of many megabytes, but in few pieces.
"""

import io
import re

from tasks.images.budget import PixelBudget

MAX_READS = 20_000
"""Of a file by pillow: four for a segment of a JPEG, three for a chunk of a PNG, one for a byte of
padding. 20 MB in chunks of 4 KB, the smallest that are usual, take 15,000; all take 25 ms."""

_FEW_READS = 1000
"""Reads are taken from a budget in such numbers: few files have as many."""

MAX_TABLE_BYTES = 16_384
"""Of a JPEG's frame and tables before its first scan, a few hundred bytes in most files."""

MAX_EXIF_SEGMENTS = 4
MAX_EXIF_BYTES = MAX_EXIF_SEGMENTS * 65_536
"""The standard has one segment, and some programs write more where 64 KB are too few. All of it
may be one value, which pillow takes 0.1 s to take apart."""

MAX_RESOURCES = 10_000
"""Of Photoshop, which writes some dozens."""

MAX_PNG_PROFILES = 3
MAX_PNG_TEXT_BYTES = 4_000_000
"""Unpacked. The standard has one colour profile, and few have more than 1 MB."""

_PROFILE = b"iCCP"

_MARKER = re.compile(rb"\xff([^\x00\xff\xd0-\xd7])", re.DOTALL)
"""Of a segment: neither padding, nor a byte of pixels that is 255, nor a point to restart at."""

_END_OF_IMAGE, _START_OF_SCAN, _FIRST_APPLICATION, _EXIF, _PHOTOSHOP = 0xD9, 0xDA, 0xE0, 0xE1, 0xED
_BARE = frozenset({*range(0xC0), 0xC8, 0xD8, 0xD9, *range(0xF0, 0xFE)})
"""Markers that no length follows."""


_PARTS = "parts, such as segments, chunks, comments or bytes of padding"


class TooMuch(ValueError):
    """What a file holds is more than is read of any; the text says of what."""


class CountedFile(io.BytesIO):
    """A file in memory that raises TooMuch once it is read too often."""

    def __init__(self, data: bytes, budget: PixelBudget | None) -> None:
        super().__init__(data)
        self._reads = 0
        self._budget = budget

    def read(self, size: int | None = -1, /) -> bytes:
        self._reads += 1
        if self._reads % _FEW_READS == 0:
            _check(self._reads, MAX_READS, _PARTS)
            _take(_FEW_READS, self._budget)
        return super().read(size)


def check_png(data: bytes) -> None:
    """Raises TooMuch for a PNG of many colour profiles, each of which pillow unpacks."""
    if data.count(_PROFILE) <= MAX_PNG_PROFILES:  # a text may have the word, too
        return
    at, profiles = 8, 0
    for _ in range(MAX_READS):
        profiles += data[at + 4 : at + 8] == _PROFILE
        at += 12 + int.from_bytes(data[at : at + 4])
    _check(profiles, MAX_PNG_PROFILES, "colour profiles")


def check_jpeg(data: bytes, budget: PixelBudget | None) -> int:
    """Where the first scan of a JPEG begins, whose segments are found as pillow finds them.

    Raises TooMuch for those that pillow takes long to read.
    """
    at, reads, tables, exif, resources = 2, 0, 0, 0, 0
    while found := _MARKER.search(data, at, at + MAX_READS):
        reads += found.end() - at + 2
        _check(reads, MAX_READS, _PARTS)
        marker = found[1][0]
        at = _end(data, found)
        if marker == _START_OF_SCAN:
            _take(reads // _FEW_READS * _FEW_READS, budget)
            return at
        if marker < _FIRST_APPLICATION:
            tables += at - found.end()
            _check(tables, MAX_TABLE_BYTES, "bytes of tables")
        elif marker == _EXIF:
            exif += data.startswith(b"Exif\0\0", found.end() + 2)
            _check(exif, MAX_EXIF_SEGMENTS, "segments of EXIF data")
        elif marker == _PHOTOSHOP:
            resources += data.count(b"8BIM", found.end(), at)
            _check(resources, MAX_RESOURCES, "Photoshop resources")
    _check(reads + len(data) - at, MAX_READS, _PARTS)
    return len(data)


def count_scans(data: bytes, first: int, few: int) -> int:
    """The scans of a JPEG whose first one begins there, exactly where they are more than few.

    The others are found as libjpeg finds them: what follows the image, such as the film of a
    motion photo, is none of it. Raises TooMuch for very many segments.
    """
    scans = 1 + data.count(b"\xff\xda", first)
    if scans <= few:
        return scans
    at, reads, scans = first, 0, 1
    while found := _MARKER.search(data, at):
        if found[1][0] == _END_OF_IMAGE:
            break
        reads += 4
        _check(reads, MAX_READS, _PARTS)
        scans += found[1][0] == _START_OF_SCAN
        at = _end(data, found)
    return scans


def _end(data: bytes, marker: re.Match[bytes]) -> int:
    """Where the segment of a marker ends."""
    start = marker.end()
    if marker[1][0] in _BARE:
        return start
    return start + max(2, int.from_bytes(data[start : start + 2]))


def _check(count: int, most: int, what: str) -> None:
    if count > most:
        raise TooMuch(f"has more than {most:,} {what}: save it anew")


def _take(reads: int, budget: PixelBudget | None) -> None:
    if reads and budget is not None and (reason := budget.take_reads(reads)):
        raise TooMuch(reason)
