"""The files of a zip or tar, read one after another within bounds.

Nothing is ever unpacked to disk, so that a path in an archive leads nowhere; what an archive
says of its sizes is not believed, but counted.
"""

import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import IO

from common.problems import Unprocessable

MAX_FILES = 200_000
MAX_TOTAL_BYTES = 20_000_000_000
"""What an archive may hold unpacked, all its files together."""

_BROKEN = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError)
_WANTED = (
    "Send a zip or tar (plain, gzip, bzip2 or xz) of images and of what is known of them: their "
    "folders, or the files that the task reads it from."
)


@dataclass(frozen=True)
class Member:
    """One file: its path in the archive, its bytes, and why there are none.

    done is the share of the archive that has been read with it, size the bytes that had to be
    unpacked to come past it.
    """

    path: PurePosixPath
    data: bytes
    done: float
    reason: str | None = None
    size: int = 0


def members(source: Path, max_bytes: int) -> Iterator[Member]:
    """Every regular file of an archive, in its order; files over max_bytes come with a reason.

    Raises Unprocessable for what is no archive, is damaged throughout, or holds too much.
    """
    total = 0
    for count, member in enumerate(_members(source, max_bytes), 1):
        total += member.size
        if count > MAX_FILES:
            raise Unprocessable(f"The archive holds more than {MAX_FILES:,} files: send fewer.")
        if total > MAX_TOTAL_BYTES:
            raise Unprocessable(
                f"The archive unpacks to more than {MAX_TOTAL_BYTES:,} bytes: send fewer images, "
                "or smaller ones."
            )
        yield member


def kind(source: Path) -> str:
    """zip or tar. Raises Unprocessable for anything else."""
    if zipfile.is_zipfile(source):
        return "zip"
    try:
        if tarfile.is_tarfile(source):
            return "tar"
    except _BROKEN:
        pass
    raise Unprocessable(f"The file is neither a zip nor a tar archive. {_WANTED}")


def _members(source: Path, max_bytes: int) -> Iterator[Member]:
    reader = _zip_members if kind(source) == "zip" else _tar_members
    try:
        yield from reader(source, max_bytes)
    except _BROKEN as error:
        raise Unprocessable("The archive is damaged: send it again.") from error


def _zip_members(source: Path, max_bytes: int) -> Iterator[Member]:
    with zipfile.ZipFile(source) as archive:
        infos = archive.infolist()
        for number, info in enumerate(infos, 1):
            path, done = _path(info.filename), number / len(infos)
            if info.is_dir() or path is None:
                continue
            if info.flag_bits & 1:
                yield Member(path, b"", done, "is encrypted")
                continue
            try:
                with archive.open(info) as file:
                    yield _bounded(path, file, max_bytes, done)
            except NotImplementedError:
                yield Member(path, b"", done, "cannot be unpacked: it is packed in an unusual way")
            except _BROKEN:
                yield Member(path, b"", done, "cannot be unpacked: it is damaged")


def _tar_members(source: Path, max_bytes: int) -> Iterator[Member]:
    size = source.stat().st_size
    with source.open("rb") as packed, tarfile.open(fileobj=packed) as archive:
        for info in archive:
            path = _path(info.name)
            if not info.isreg() or path is None:  # links lead elsewhere, devices nowhere
                continue
            file = archive.extractfile(info)
            assert file is not None  # a regular file
            member = _bounded(path, file, max_bytes, packed.tell() / size)
            yield replace(member, size=info.size)  # a tar is read on to its next file


def _bounded(path: PurePosixPath, file: IO[bytes], max_bytes: int, done: float) -> Member:
    data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        return Member(path, b"", done, f"has more than {max_bytes:,} bytes")
    return Member(path, data, done, size=len(data))


def _path(name: str) -> PurePosixPath | None:
    """The path of a file; None for what operating systems add to archives by themselves."""
    path = PurePosixPath(name.replace("\\", "/"))
    parts = [part for part in path.parts if part not in ("/", ".", "..")]
    if not parts or "__MACOSX" in parts or parts[-1].startswith("."):
        return None
    return None if parts[-1] in ("Thumbs.db", "desktop.ini") else PurePosixPath(*parts)
