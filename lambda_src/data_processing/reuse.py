"""What is there of a dataset version already: it is reused only as far as it is whole."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from common.datasets import SPLITS, DatasetManifest, StoredManifest, StoredFile
from common.store import ABSENT, KeyMissing, Store


@dataclass(frozen=True)
class Before:
    """A version as an earlier job has left it, and what has become of it since.

    manifest is None where there is none that can be read, etag the tag of its object or ABSENT.
    whole are the files that are as they were written, damaged the keys that are lost or altered.
    """

    manifest: DatasetManifest | None = None
    etag: str = ABSENT
    whole: tuple[StoredFile, ...] = ()
    damaged: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether all of its files are as they were written."""
        return bool(self.whole) and not self.damaged


def find(store: Store, standing: StoredManifest, folder: Path) -> Before:
    """Reads all files of the version that stands, each into the folder for a moment."""
    manifest = standing.manifest
    if manifest is None:
        return Before(etag=standing.etag, damaged=(standing.key,) if standing.is_damaged else ())
    try:
        files = list(files_of(manifest))
    except (KeyError, msgspec.ValidationError):
        return Before(etag=standing.etag, damaged=(standing.key,))
    whole = tuple(file for file in files if _is_whole(store, file, folder / "checked"))
    damaged = tuple(file.key for file in files if file not in whole)
    return Before(manifest, standing.etag, whole, damaged)


def files_of(manifest: DatasetManifest) -> Iterator[StoredFile]:
    """Every file of a version. Raises KeyError or ValidationError where one is not named."""
    yield msgspec.convert(manifest.rejected.get("file"), StoredFile)
    for split in SPLITS:
        yield manifest.splits[split].arrow
        yield manifest.splits[split].parquet


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_whole(store: Store, file: StoredFile, path: Path) -> bool:
    """Whether training would read from the file what the manifest says."""
    try:
        if store.size(file.key) != file.bytes:
            return False
        store.download(file.key, path)
    except KeyMissing:
        return False
    sha256 = sha256_of(path)
    path.unlink()
    return sha256 == file.sha256
