"""Zip files whose bytes depend on nothing but their content.

Entries are sorted and carry one fixed time and mode; byte code holds paths relative to the zip
and the hash of its source, no time. What remains is Python itself: its compiler, the same within
a minor version but for bug fixes, and the zlib that it was built with.
"""

import hashlib
import py_compile
import tempfile
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from scripts.contents import BuildError

TIME = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can hold
MODE = 0o100644  # a regular file that everybody can read
LEVEL = 6


def write_zip(target: Path, files: Mapping[str, bytes]) -> None:
    """Write a new zip file that holds the files under their names."""
    with zipfile.ZipFile(target, "w") as archive:
        _add(archive, files)


def append_to_zip(target: Path, files: Mapping[str, bytes]) -> None:
    """Add files behind those that a zip holds. Raises BuildError for a name that it has already."""
    with zipfile.ZipFile(target, "a") as archive:
        taken = sorted(files.keys() & set(archive.namelist()))
        if taken:
            raise BuildError(f"{target.name} holds {taken[0]} twice: rename one of the two")
        _add(archive, files)


def unzipped_bytes(archive: Path) -> int:
    """Bytes of all files of a zip, unzipped."""
    with zipfile.ZipFile(archive) as opened:
        return sum(entry.file_size for entry in opened.infolist())


def byte_code(sources: Mapping[str, bytes]) -> dict[str, bytes]:
    """Compile Python sources: name in the zip to source; answers names and contents of the .pyc.

    They are of the unchecked kind (PEP 552): Python loads them without a look at the source. They
    hold neither docstrings nor assertions: a third less to read, 5% less CPU for the imports of
    inference.
    Raises BuildError for a source that is not Python.
    """
    compiled = {}
    with tempfile.TemporaryDirectory() as scratch, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about code that is not ours
        source_file, code_file = Path(scratch, "source.py"), Path(scratch, "code.pyc")
        for name, source in sorted(sources.items()):
            source_file.write_bytes(source)
            _compile(source_file, code_file, name)
            path = PurePosixPath(name)
            cached = path.parent / "__pycache__" / f"{path.stem}.cpython-313.pyc"
            compiled[str(cached)] = code_file.read_bytes()
    return compiled


def _compile(source: Path, target: Path, name: str) -> None:
    try:
        py_compile.compile(
            str(source),
            cfile=str(target),
            dfile=name,
            doraise=True,
            optimize=2,
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )
    except py_compile.PyCompileError as error:
        raise BuildError(f"{name} is not Python 3.13: {error.exc_value}") from error


def _add(archive: zipfile.ZipFile, files: Mapping[str, bytes]) -> None:
    for name, content in sorted(files.items()):
        entry = zipfile.ZipInfo(name, TIME)
        entry.create_system = 3  # Unix, wherever it is built
        entry.external_attr = MODE << 16
        archive.writestr(entry, content, zipfile.ZIP_DEFLATED, LEVEL)


def sha256(file: Path) -> str:
    """Hash of a file's content, in hexadecimal digits."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
