"""The files of a zip or tar, read one after another within bounds.

Nothing is ever unpacked to disk, so that a path in an archive leads nowhere; what an archive
says of its sizes is not believed, but counted, and so is what is left out of it.
"""

import contextlib
import itertools
import stat
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from common.problems import Unprocessable
from common.warnings import Warning
from tasks.framework.forms.composition import in_normal_form
from tasks.framework.unpacking import UNREADABLE, check_ratio, is_of_system, opened_zip
from tasks.framework.zip_names import detect_names

MAX_FILES = 200_000
MAX_TOTAL_BYTES = 20_000_000_000
"""What an archive may hold unpacked, all its files together."""

MAX_HEADER_BYTES = 1 << 16
"""What a tar may say of a file beside its usual header: a path that is long. It is read into
memory, whatever its length."""

_MAX_GLOBAL_HEADERS = 100

_EXTENSIONS = (
    *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK),
    *(tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE),
)

_LOOK_FILES = 1000
_LOOK_BYTES = 1000
_PICTURES = frozenset(
    {
        *(".jpg", ".jpeg", ".jfif", ".mpo", ".png", ".gif", ".bmp", ".webp", ".pgm", ".ppm"),
        *(".heic", ".heif", ".avif", ".tif", ".tiff", ".dng"),  # which are not read
    }
)

_BROKEN: tuple[type[Exception], ...] = (*UNREADABLE, OSError)
_WANTED = (
    "Send a zip or tar (plain, gzip, bzip2 or xz) of images and of what is known of them: their "
    "folders, or the files that the task reads it from."
)


@dataclass(frozen=True)
class Member:
    """One file: its path in the archive, its bytes, and why there are none.

    done is the share of the archive that has been read with it.
    """

    path: PurePosixPath
    data: bytes
    done: float
    reason: str | None = None


type _Entry = tuple[Member | None, int]
"""What an archive has: a file, if it is one to be read, and the bytes unpacked to come past it."""


def members(
    source: Path, max_bytes: int, warnings: list[Warning] | None = None
) -> Iterator[Member]:
    """Every regular file of an archive, in its order; files over max_bytes come with a reason.

    What is to be said of their names is added to warnings, for those who look at more than their
    suffixes. Raises Unprocessable for what is no archive, is damaged throughout, or holds too much.
    """
    total, packed = 0, source.stat().st_size
    for count, (member, size) in enumerate(_entries(source, max_bytes, warnings), 1):
        total += size
        if count > MAX_FILES:
            raise Unprocessable(
                f"The archive holds more than {MAX_FILES:,} files and folders: send fewer."
            )
        check_ratio(packed, total)
        if total > MAX_TOTAL_BYTES:
            raise Unprocessable(
                f"The archive unpacks to more than {MAX_TOTAL_BYTES:,} bytes: send fewer images, "
                "or smaller ones."
            )
        if member is not None:
            yield member


def kind(source: Path) -> str:
    """zip or tar. Raises Unprocessable for anything else."""
    if zipfile.is_zipfile(source):
        return "zip"
    with contextlib.suppress(*_BROKEN), source.open("rb") as packed, opened_tar(packed):
        return "tar"
    raise Unprocessable(f"The file is neither a zip nor a tar archive. {_WANTED}")


def holds_pictures(source: Path) -> bool:
    """Whether one of the first files of an archive is named as a picture; documents are none.

    Office documents are zips, too, with the pictures in them.
    """
    with contextlib.suppress(Unprocessable):
        for member in itertools.islice(members(source, _LOOK_BYTES), _LOOK_FILES):
            if member.path.name == "[Content_Types].xml" or member.path.name == "mimetype":
                return False
            if member.path.suffix.lower() in _PICTURES:
                return True
    return False


def _entries(source: Path, max_bytes: int, warnings: list[Warning] | None) -> Iterator[_Entry]:
    try:
        if kind(source) == "zip":
            yield from _zip_entries(source, max_bytes, warnings)
        else:
            yield from _tar_entries(source, max_bytes)
    except _BROKEN as error:
        raise Unprocessable("The archive is damaged: send it again.") from error


_PACKED = "cannot be unpacked"
_LINK = "is a link, and none is followed: pack what it leads to (GNU tar: -h --hard-dereference)"


def _zip_entries(source: Path, max_bytes: int, warnings: list[Warning] | None) -> Iterator[_Entry]:
    with opened_zip(source, MAX_FILES) as archive:
        if warnings is not None:
            names = detect_names(archive)
            warnings += names.warnings
            if names.unclear is not None:
                raise Unprocessable(
                    "The zip does not say how names of its files are written, such as "
                    f"{names.unclear!r:.200}: pack it with a program that writes UTF-8."
                )
        infos = archive.infolist()
        for number, info in enumerate(infos, 1):
            path, done = _path(info.filename), number / len(infos)
            if info.is_dir() or path is None:
                yield None, 0
                continue
            if info.flag_bits & 1:
                yield Member(path, b"", done, "is encrypted"), 0
                continue
            if stat.S_ISLNK(info.external_attr >> 16):
                yield Member(path, b"", done, _LINK), 0
                continue
            try:
                with archive.open(info) as file:
                    yield _bounded(path, file, max_bytes, done)
            except NotImplementedError:
                yield Member(path, b"", done, f"{_PACKED}: it is packed in an unusual way"), 0
            except _BROKEN:
                yield Member(path, b"", done, f"{_PACKED}: it is damaged"), 0


def _tar_entries(source: Path, max_bytes: int) -> Iterator[_Entry]:
    size = source.stat().st_size
    with source.open("rb") as packed, opened_tar(packed) as archive:
        while (info := archive.next()) is not None:
            path, unpacked = _path(info.name), tarfile.BLOCKSIZE + info.size
            done = packed.tell() / size
            if path is not None and (info.issym() or info.islnk()):
                yield Member(path, b"", done, _LINK), unpacked
                continue
            if not info.isreg() or path is None:
                yield None, unpacked
                continue
            file = archive.extractfile(info)
            assert file is not None  # a regular file
            member, _ = _bounded(path, file, max_bytes, done)
            yield member, unpacked  # a tar is read on to its next file


class _Header(tarfile.TarInfo):
    """A header that what it announces is checked of before it is read."""

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        if self.size < 0:
            raise tarfile.ReadError(f"a size of {self.size}")
        if self.type in _EXTENSIONS and self.size > MAX_HEADER_BYTES:
            raise Unprocessable(
                f"The archive has a header of {self.size:,} bytes, as for a path that long, and "
                f"{MAX_HEADER_BYTES:,} is the most: pack it again."
            )
        if self.type == tarfile.GNUTYPE_SPARSE or len(archive.pax_headers) > _MAX_GLOBAL_HEADERS:
            self._refuse_sparse()
        member: tarfile.TarInfo = super()._proc_member(archive)  # type: ignore[misc]
        if member.size < 0:  # which an extension may say
            raise tarfile.ReadError(f"a size of {member.size}")
        return member

    def _refuse_sparse(self, *_: object) -> None:
        """Of sparse files, the list of parts has no bound."""
        raise Unprocessable(
            "The archive has sparse files or unusual headers, which are not read: pack it again "
            "without (GNU tar: no --sparse)."
        )

    _proc_gnusparse_00 = _proc_gnusparse_01 = _proc_gnusparse_10 = _refuse_sparse


def opened_tar(packed: IO[bytes]) -> tarfile.TarFile:
    """A tar, of which the first header has been read; no header is kept."""
    # Types that are older than Python 3.13 do not know stream.
    return tarfile.open(fileobj=packed, tarinfo=_Header, stream=True)  # type: ignore


def _bounded(path: PurePosixPath, file: IO[bytes], max_bytes: int, done: float) -> _Entry:
    data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        return Member(path, b"", done, f"has more than {max_bytes:,} bytes"), len(data)
    return Member(path, data, done), len(data)


def _path(name: str) -> PurePosixPath | None:
    """The path of a file in normal form C; None for what programs add by themselves."""
    # A tar's names are bytes. Those that are not UTF-8 become escapes, which differ as they do.
    text = name.replace("\\", "/").encode(errors="surrogateescape")
    path = PurePosixPath(in_normal_form("NFC", text.decode(errors="backslashreplace")))
    path = PurePosixPath(*(part for part in path.parts if part not in ("/", ".", "..")))
    return None if not path.parts or is_of_system(path) else path
