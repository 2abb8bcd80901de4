"""How much may come out of what is compressed, for each byte that was sent, and what is damaged."""

import contextlib
import errno
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath

from common.problems import Unprocessable

FREE_BYTES = 50_000_000
"""So much may always come out: no function has less room."""

MOST_RATIO = 250
"""Tables of few different values are packed to a hundredth. Zeros are packed to a thousandth."""

UNREADABLE: tuple[type[Exception], ...] = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError),
    *(NotImplementedError, RuntimeError, ValueError),
)
"""What Python raises for an archive that is damaged, locked or packed in an unusual way, beside
OSError: RuntimeError is for passwords, NotImplementedError for methods that it does not know, and
ValueError for names and numbers that are none."""


_ENTRY_BYTES = 200
"""Of a zip's directory for each of its files: 46 and a name."""


_SYSTEM_FOLDERS = frozenset(
    {"__MACOSX", "@eaDir", ".ipynb_checkpoints", ".thumbnails", ".Trashes", "$RECYCLE.BIN"}
)
"""Of copies, previews and deleted files, which macOS, Windows, network drives and Jupyter keep."""


def is_of_system(path: PurePath) -> bool:
    """Whether programs add such a file to an archive by themselves.

    >>> is_of_system(PurePath("__MACOSX/._photo.jpg"))
    True
    """
    hidden = path.name.startswith(".") or path.name in ("Thumbs.db", "desktop.ini")
    return hidden or not _SYSTEM_FOLDERS.isdisjoint(path.parts)


class _Archive(io.BufferedReader):
    """The file of a zip, of which at most so many bytes are read at once, where most says so."""

    most: int | None = None

    def read(self, size: int | None = -1, /) -> bytes:
        if self.most is not None and size is not None and size > self.most:
            raise Unprocessable(
                f"The zip archive lists its files in {size:,} bytes, which may be {self.most:,}: "
                "send fewer files, or one alone."
            )
        return super().read(size)


_UTF_8 = 0x800
"""The flag of an entry whose name is in UTF-8."""


class Zip(zipfile.ZipFile):
    """A zip whose names are read as UTF-8 where they are, also where it does not say so.

    By its standard, names without the flag are in code page 437. Programs write there what their
    system has: UTF-8, or another code page.
    """

    unclear_names: Mapping[str, bytes] = {}
    """Names that may be in any code page: as they are by the standard, with their bytes."""

    def read_names(self) -> None:
        unclear: dict[str, bytes] = {}
        for info in self.infolist():
            is_known = info.flag_bits & _UTF_8 or info.filename != info.orig_filename
            if is_known or info.filename.isascii():
                continue
            raw = info.filename.encode("cp437")
            try:
                info.filename = raw.decode()
            except UnicodeDecodeError:
                unclear[info.filename] = raw
        self.unclear_names = unclear
        self._list_names()

    def rename(self, names: Mapping[str, str]) -> None:
        """Give files whose names are unclear other names, by the old ones."""
        for info in self.infolist():
            if not info.flag_bits & _UTF_8:
                info.filename = names.get(info.filename, info.filename)
        self._list_names()

    def _list_names(self) -> None:
        self.NameToInfo = {info.filename: info for info in self.infolist()}


@contextlib.contextmanager
def opened_zip(path: Path, most_files: int) -> Iterator[Zip]:
    """A zip of about so many files at most, open for reading.

    zipfile reads the directory at once, whose size the zip names, and then takes 420 bytes of
    memory for each entry. Raises Unprocessable before that, and what zipfile raises.
    """
    with _Archive(io.FileIO(path)) as file:
        file.most = max(most_files * _ENTRY_BYTES, 1 << 16)  # where zipfile looks for its end
        with Zip(file) as archive:
            file.most = None
            archive.read_names()
            yield archive


def check_ratio(packed: int, unpacked: int) -> None:
    """Raises Unprocessable where more bytes come out of a file than data has.

    It is asked while the bytes come, or before they do where the file says how many there are.
    """
    if not is_usual(packed, unpacked):
        raise Unprocessable(
            f"The file has {packed:,} bytes and unpacks to {unpacked:,} or more, which is over "
            f"{MOST_RATIO} times as many: such a file is made to fill the disk, or has hardly "
            "anything in it. Send its content without compression if it is meant."
        )


@contextlib.contextmanager
def refused_if_damaged(detail: str, *others: type[Exception]) -> Iterator[None]:
    """Raises Unprocessable with detail for what unpacking a damaged archive raises, or for others.

    A disk that is full is no damage of the archive, and remains an OSError.
    """
    try:
        yield
    except (*UNREADABLE, *others) as error:
        raise Unprocessable(detail) from error
    except OSError as error:
        # bzip2 has no number for damaged data; an offset outside of the file is EINVAL.
        if error.errno not in (None, errno.EINVAL):
            raise
        raise Unprocessable(detail) from error


def is_usual(packed: int, unpacked: int) -> bool:
    """Whether data may well be packed so much.

    >>> is_usual(1_000, 1_000_000), is_usual(1_000_000, 1_000_000_000)
    (True, False)
    """
    return unpacked <= max(FREE_BYTES, MOST_RATIO * packed)
