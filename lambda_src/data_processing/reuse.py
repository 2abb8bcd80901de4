"""The files of a dataset version that exists already: those that are intact are reused."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from common.datasets import SPLITS, DatasetManifest, StoredFile, StoredManifest
from common.store import ABSENT, KeyMissing, Store


@dataclass(frozen=True)
class ExistingVersion:
    """A version that an earlier job has written, and the state of its files.

    manifest is None where none can be read; etag is the tag of its object, or ABSENT. whole are
    the files that are as they were written. damaged are the keys of lost or altered objects.
    """

    manifest: DatasetManifest | None = None
    etag: str = ABSENT
    whole: tuple[StoredFile, ...] = ()
    damaged: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether all of its files are as they were written."""
        return bool(self.whole) and not self.damaged


def check_existing(store: Store, stored: StoredManifest, folder: Path) -> ExistingVersion:
    """Downloads each file of a stored version into the folder and compares its checksum.

    Each copy is removed at once. Raises Unavailable when S3 fails.
    """
    manifest = stored.manifest
    if manifest is None:
        return ExistingVersion(etag=stored.etag, damaged=(stored.key,) if stored.is_damaged else ())
    try:
        files = list(files_of(manifest))
    except (KeyError, msgspec.ValidationError):
        return ExistingVersion(etag=stored.etag, damaged=(stored.key,))
    whole = tuple(file for file in files if _is_whole(store, file, folder / "checked"))
    damaged = tuple(file.key for file in files if file not in whole)
    return ExistingVersion(manifest, stored.etag, whole, damaged)


def files_of(manifest: DatasetManifest) -> Iterator[StoredFile]:
    """Every file of a version. Raises KeyError or ValidationError where the manifest lacks one."""
    yield msgspec.convert(manifest.rejected.get("file"), StoredFile)
    for split in SPLITS:
        yield manifest.splits[split].arrow
        yield manifest.splits[split].parquet


def sha256_of(path: Path) -> str:
    """The sha256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_whole(store: Store, file: StoredFile, path: Path) -> bool:
    """Whether the stored file has the size and the checksum that the manifest names."""
    try:
        if store.size(file.key) != file.bytes:
            return False
        store.download(file.key, path)
    except KeyMissing:
        return False
    sha256 = sha256_of(path)
    path.unlink()
    return sha256 == file.sha256
