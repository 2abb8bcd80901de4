"""An archive's images in the database, decoded, bounded and encoded anew."""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import duckdb
import nanoarrow

from common.problems import Unprocessable
from common.warnings import EXAMPLES, Warning
from tasks.images.budget import PixelBudget, pixels_of_archive
from tasks.images.decoding import LARGEST_WHITE, MAX_BYTES, BadImage, decode, encode
from tasks.images.likeness import Look
from tasks.images.processing.archive import Member, kind, members
from tasks.tables.processing.rows.cleaning import REJECTED_LIMIT

NOTES = frozenset({".csv", ".json", ".labels", ".names", ".txt", ".xml", ".yaml", ".yml"})
"""Files that are about images: their labels and boxes, and what people write beside them."""

MAX_NOTES_BYTES = 200_000_000
"""Notes are kept in memory, unlike images."""

LISTS = frozenset({".csv", ".json"})
"""Notes that may be about all images; others are about one, or name the classes."""

MAX_NOTE_BYTES = 5_000_000
"""Of a note that is no list."""

_BATCH_BYTES = 16_000_000

_WHITES = (2**8 - 1, 2**10 - 1, 2**12 - 1, 2**14 - 1, LARGEST_WHITE)
"""White of cameras and scanners, whose values are stored in 16 bits as they are."""

MANY_DARK = 0.1
"""From this share of images on that are nearly black, no model is promoted by itself."""


@dataclass(frozen=True)
class Picture:
    """One image as it was sent: its path, and its size in upright pixels."""

    path: PurePosixPath
    width: int
    height: int
    sha256: bytes
    """Of its bytes as they are stored."""

    look: Look
    brightest: int | None = None
    """The largest value of a grey image of 16 bits."""

    is_dark: bool = False
    """Whether an image of 16 bits a channel is black or nearly so."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A file that is left out; kind is the reason without particulars.

    of says what is left out: an image or another file, a row or box that tells of one, or what
    tells of an image that is not there.
    """

    path: str
    kind: str
    reason: str
    target: str | None = None
    of: Literal["file", "mark", "nothing"] = "file"


@dataclass
class Rejections:
    """All that is left out, counted by kind; no more is kept than is written of it.

    Boxes are among it, and an archive may have millions that cannot be used.
    """

    reasons: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    """By what is left out."""

    kept: list[Rejected] = field(default_factory=list)

    def append(self, one: Rejected) -> None:
        self.reasons[one.kind] += 1
        self.counts[one.of] += 1
        if len(self.kept) < REJECTED_LIMIT:
            self.kept.append(one)


@dataclass
class Contents:
    """What an archive holds; picture i is row i of the table images."""

    pictures: list[Picture] = field(default_factory=list)
    notes: dict[PurePosixPath, bytes] = field(default_factory=dict)
    rejected: Rejections = field(default_factory=Rejections)
    warnings: list[Warning] = field(default_factory=list)
    """What the files of labels give reason to say."""

    archive: str = "zip"
    labels: dict[str, str] = field(default_factory=dict)
    """The CSV of labels, and its column of files, as the request could name them."""

    notes_bytes: int = 0
    white: int | None = None
    """The value that is white in the grey images of 16 bits; None without such."""


def read(
    connection: duckdb.DuckDBPyConnection,
    source: Path,
    max_side: int,
    tell: Callable[[float, int], None],
) -> Contents:
    """Fills the table images (number, image) from an archive. Raises Unprocessable.

    tell is given the share of the archive that has been read, and the count of images.
    What is white in grey images of 16 bits is known once all are read: where it is another value
    than the largest, they are read again.
    """
    contents = _read(connection, source, max_side, tell, LARGEST_WHITE)
    white = white_of(contents.pictures)
    if white not in (None, LARGEST_WHITE):
        contents = _read(connection, source, max_side, lambda _, count: tell(1, count), white)
    contents.white = white
    contents.warnings += warn_of_depth(contents.pictures, white)
    return contents


def _read(
    connection: duckdb.DuckDBPyConnection,
    source: Path,
    max_side: int,
    tell: Callable[[float, int], None],
    white: int | None,
) -> Contents:
    connection.execute("CREATE OR REPLACE TABLE images (number INTEGER, image BLOB)")
    contents = Contents(archive=kind(source), white=white)
    batch: list[bytes] = []
    batch_bytes = 0
    pixels = pixels_of_archive(source.stat().st_size)
    budget = PixelBudget(pixels)
    for member in members(source, MAX_BYTES, contents.warnings):
        encoded = _take(member, max_side, contents, budget)
        if budget.is_exceeded:
            raise Unprocessable(
                f"The archive's images have more than {pixels:,} pixels together, or parts that "
                "count as pixels, which is more than an archive of its size has of real images: "
                "send fewer, or smaller ones."
            )
        if encoded is None:
            continue
        batch.append(encoded)
        batch_bytes += len(encoded)
        if batch_bytes > _BATCH_BYTES:
            tell(member.done, len(contents.pictures))
            _insert(connection, len(contents.pictures), batch)
            batch, batch_bytes = [], 0
    _insert(connection, len(contents.pictures), batch)
    if not contents.pictures:
        found = next(iter(contents.rejected.kept), None)
        why = f": {found.path} {found.reason}" if found else ""
        raise Unprocessable(f"The archive holds no image that can be read{why}.")
    return contents


def white_of(pictures: Sequence[Picture]) -> int | None:
    """The least white that no grey image of 16 bits has values above; None without such images."""
    values = [each.brightest for each in pictures if each.brightest is not None]
    return min(white for white in _WHITES if white >= max(values)) if values else None


def warn_of_depth(pictures: Sequence[Picture], white: int | None) -> list[Warning]:
    """Says what is white in grey images of 16 bits, where that is not the largest value, and
    which images of 16 bits a channel are nearly black.
    """
    warnings = []
    deep = [str(each.path) for each in pictures if each.brightest is not None]
    if white not in (None, LARGEST_WHITE):
        detail = (
            f"{len(deep):,} images have 16 bits and no value above {white:,}, which was taken for "
            f"white, as it is at prediction. Save them with 8 bits, or with {LARGEST_WHITE:,} for "
            "white, where it is not."
        )
        warnings.append(
            Warning(code="image_depth", detail=detail, count=len(deep), examples=deep[:EXAMPLES])
        )
    dark = [str(each.path) for each in pictures if each.is_dark]
    if dark:
        detail = (
            f"{len(dark):,} images of 16 bits a channel are nearly black: no value is above a "
            "sixteenth of white. Where they should not be, save them with 8 bits."
        )
        warnings.append(
            Warning(
                code="dark_images",
                detail=detail,
                count=len(dark),
                examples=dark[:EXAMPLES],
                blocks_promotion=len(dark) >= MANY_DARK * len(pictures),
            )
        )
    return warnings


def _take(member: Member, max_side: int, contents: Contents, budget: PixelBudget) -> bytes | None:
    """Adds a file to the contents; an image is answered as it is to be stored."""
    path = str(member.path)
    if member.reason is not None:
        contents.rejected.append(Rejected(path, "cannot be unpacked", member.reason))
        return None
    ending = member.path.suffix.lower()
    if ending in NOTES - LISTS and len(member.data) > MAX_NOTE_BYTES:
        reason = f"has more than {MAX_NOTE_BYTES:,} bytes"
        contents.rejected.append(Rejected(path, "too large", reason))
        return None
    if ending in NOTES:
        contents.notes[member.path] = member.data
        contents.notes_bytes += len(member.data)
        if contents.notes_bytes > MAX_NOTES_BYTES:
            raise Unprocessable(
                f"The archive's {', '.join(sorted(NOTES))} files have more than "
                f"{MAX_NOTES_BYTES:,} bytes: leave out those that no image needs."
            )
        return None
    try:
        decoded = decode(member.data, max_side, budget, contents.white)
    except BadImage as error:
        contents.rejected.append(Rejected(path, "not a usable image", str(error)))
        return None
    encoded = encode(decoded.image)
    digest = hashlib.sha256(encoded).digest()
    look = Look.of(decoded.image)
    size = decoded.width, decoded.height
    depth = decoded.brightest, decoded.is_dark
    contents.pictures.append(Picture(member.path, *size, digest, look, *depth))
    return encoded


def _insert(connection: duckdb.DuckDBPyConnection, end: int, images: Sequence[bytes]) -> None:
    """Appends the images up to number end; rows of parameters would take a hundred times longer."""
    numbers = range(end - len(images), end)
    schema = nanoarrow.struct({"number": nanoarrow.int32(), "image": nanoarrow.binary()})
    columns = [
        nanoarrow.c_array(list(numbers), nanoarrow.int32()),
        nanoarrow.c_array(list(images), nanoarrow.binary()),
    ]
    append(connection, "images", schema, columns, len(images))


def append(
    connection: duckdb.DuckDBPyConnection, table: str, schema: Any, columns: Any, count: int
) -> None:
    """Appends Arrow arrays to a table of the same columns."""
    if count == 0:
        return
    rows = nanoarrow.ArrayStream(
        nanoarrow.c_array_from_buffers(schema, length=count, buffers=[None], children=columns)
    )
    connection.register("arriving", rows)
    connection.execute(f"INSERT INTO {table} SELECT * FROM arriving")
    connection.unregister("arriving")
