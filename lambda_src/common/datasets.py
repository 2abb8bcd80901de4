"""Datasets: immutable versions of cleaned, split data, described by a manifest."""

import contextlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec

from common import newest
from common.decoding import Version, stored
from common.existence import (
    Existence,
    Life,
    dataset_existence,
    fate,
    list_all,
    listed,
    removing,
)
from common.newest import Page
from common.problems import Corrupted, NotFound, Unavailable
from common.seals import encoded
from common.store import ABSENT, KeyMissing, PreconditionFailed, Store
from common.tombstones import tombstone
from common.versions import written
from common.warnings import Warning

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")

SHORT_LIVED = {"lifetime": "short"}
"""The tag of objects that a lifecycle rule of the bucket removes after a day or as it says."""

KEPT = {"lifetime": "kept"}
"""The tag of objects that it no longer removes."""

ColumnType = Literal["number", "boolean", "category", "datetime", "text"]
"""What the columns of tables are found to be."""


class Column(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One column: categories are its values, most frequent first; reason says why it is ignored.

    An id is a string that is only ever compared; binary is a file's content, such as an image.
    form is how its values are written, where that is not the usual way. distinct counts its
    categories, where there are more than are listed; unreadable, values that count as missing
    because they are not of its type.
    """

    name: str
    type: ColumnType | Literal["id", "binary", "list"]
    role: Literal["feature", "target", "ignored"]
    nullable: bool
    categories: list[str] | None = None
    distinct: int | None = None
    unreadable: int | None = None
    form: dict[str, Any] | None = None
    reason: str | None = None


class Schema(msgspec.Struct):
    columns: list[Column]


class StoredFile(msgspec.Struct):
    """A file of the dataset: its whole key, size in bytes and sha256 in hexadecimal."""

    key: str
    bytes: int
    sha256: str


class SplitInfo(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One side of the split; target counts rows per class, or gives a number's quantiles."""

    rows: int
    arrow: StoredFile
    parquet: StoredFile
    target: dict[str, Any] | None = None


class SplitRule(msgspec.Struct, frozen=True, omit_defaults=True):
    """By what rows were split, and by the values of which column; folds of training follow it.

    features: rows that agree in all features are in the same split. rows: each row by itself.
    time: the last rows by a column are the test. group: rows with the same value of a column are
    in the same split. column: a column names each row's split.
    """

    by: Literal["features", "rows", "time", "group", "column"] = "features"
    column: str | None = None


class DatasetManifest(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Everything there is to know about one version of a dataset."""

    dataset: str
    version: str
    created_at: str
    task: str
    target: str | None
    options: dict[str, Any]
    source: dict[str, Any]
    schema: Schema
    rows: dict[str, int]
    rejected: dict[str, Any]
    splits: dict[Split, SplitInfo]
    profile: dict[str, Any]
    warnings: list[Warning]
    lineage: dict[str, Any]
    split: SplitRule = SplitRule()


class Standing(msgspec.Struct, frozen=True):
    """What is at the key of a version's manifest, and the tag of that object or ABSENT.

    manifest is None where there is none, where the version was deleted, and for one that is
    damaged, as is_damaged then says.
    """

    key: str
    etag: str
    manifest: DatasetManifest | None = None
    is_damaged: bool = False


class Latest(msgspec.Struct, frozen=True, omit_defaults=True):
    """The newest version of a dataset, when it became that, and when its job was asked for.

    asked_at is None where a deletion moved the pointer, and in pointers of versions up to 0.4.0.
    """

    version: Version
    at: str
    asked_at: datetime | None = None


def version_prefix(dataset: str, version: str) -> str:
    return f"datasets/{dataset}/{version}/"


def manifest_key(dataset: str, version: str) -> str:
    return version_prefix(dataset, version) + "manifest.json"


def latest_key(dataset: str) -> str:
    return f"datasets/{dataset}/latest.json"


class Datasets:
    """The datasets of one bucket."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def names(self, page: Page) -> Iterator[str]:
        """The tokens of a page of names (see newest)."""
        return newest.names(self._store, "datasets", page)

    def listed(self, token: str) -> tuple[str, Existence] | None:
        """The name that a token stands for, unless there is no such dataset any more.

        Raises Corrupted.
        """
        return listed(self._store, "datasets", token)

    def versions(self, dataset: str) -> dict[str, str]:
        """When each version of a dataset was written, by version."""
        return written(self._store, f"datasets/{dataset}/")

    def latest(self, dataset: str) -> Latest:
        """The newest version. Raises NotFound while the dataset has none."""
        return self.newest(dataset)[0]

    def newest(self, dataset: str) -> tuple[Latest, list[str]]:
        """The newest version, and the key of its pointer if that is damaged.

        Where the pointer is damaged, lost, or at a version that was deleted, the versions tell.
        Raises NotFound without a version.
        """
        key = latest_key(dataset)
        damaged: list[str] = []
        try:
            latest = self.pointer(dataset)
            if self.is_present(dataset, latest.version):
                return latest, []
        except Corrupted:
            damaged = [key]
        except KeyMissing as missing:
            if missing.args != (key,):  # the pointer is there, and names what is not
                damaged = [key]
        return self.newest_of(self.present(dataset)), damaged

    def newest_manifest(self, dataset: str) -> DatasetManifest:
        """The manifest of the newest version. Raises NotFound and Corrupted."""
        return self.manifest(dataset, self.latest(dataset).version)

    def present(self, dataset: str) -> dict[str, str]:
        """When each version of a dataset was written, by version. Raises NotFound without one."""
        versions = self.versions(dataset)
        reason = fate(self._store, dataset_existence(dataset))
        if reason or not versions:  # while a deleted one is being removed, versions are left
            raise NotFound(
                f"There is no dataset {dataset!r}.{reason} POST /data_processing makes one."
            )
        return versions

    @staticmethod
    def newest_of(versions: Mapping[str, str]) -> Latest:
        """The version that was written last."""
        newest = max(versions, key=lambda version: versions[version])
        return Latest(newest, versions[newest])

    def pointer(self, dataset: str) -> Latest:
        """What is stored as the newest version. Raises KeyMissing and Corrupted."""
        key = latest_key(dataset)
        return decode_latest(key, self._store.get(key).body)

    def is_present(self, dataset: str, version: str) -> bool:
        """Whether a version's manifest is there and no tombstone. Raises KeyMissing."""
        return tombstone(self._store.get(manifest_key(dataset, version)).body) is None

    def manifest(self, dataset: str, version: str) -> DatasetManifest:
        """Raises NotFound, and Corrupted for one that is damaged."""
        key = manifest_key(dataset, version)
        try:
            found = self._store.get(key)
        except KeyMissing:
            found = None
        reason = fate(self._store, dataset_existence(dataset))
        if found is None or reason:  # while a deleted dataset is being removed, versions are left
            raise NotFound(f"Dataset {dataset!r} has no version {version!r}.{reason}")
        return _decoded(key, found.body)


class DatasetWriter(Datasets):
    """The datasets of one bucket, with the way in which they change."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._writes = store

    def publish(
        self, manifest: DatasetManifest, seen: int = 0, replaced: str | None = None
    ) -> DatasetManifest:
        """Writes the manifest, the last object of a version, and returns the one that stands.

        seen is the number of the last deletion that the job has seen (see existence). Of jobs
        that make the very same version at once the first one's stands; a damaged one is replaced,
        and so is what is left of one that had been deleted before, and the one whose tag is
        replaced. Raises Conflict when the dataset or this version was deleted since.
        """
        dataset, version = manifest.dataset, manifest.version
        body = encoded(manifest)
        self._life(dataset).begin(seen, lambda: self.versions(dataset))
        while True:
            standing = self.confirm(dataset, version, seen)
            if standing.manifest is not None and standing.etag != replaced:
                break
            with contextlib.suppress(PreconditionFailed):
                self._writes.put(standing.key, body, expected=standing.etag)
                replaced = None
        with contextlib.suppress(Unavailable):  # whoever publishes next will do it
            list_all(self._writes, "datasets", self.versions)
        return standing.manifest

    def confirm(self, dataset: str, version: str, seen: int) -> Standing:
        """What stands at a version's manifest, which a job may replace where it is no manifest.

        Raises Conflict when the dataset or this version was deleted since, and Unavailable while
        files of what was deleted before are being removed.
        """
        life, key = self._life(dataset), manifest_key(dataset, version)
        found = life.manifest(key, seen)
        if found is None:
            return Standing(key, ABSENT)
        if left := tombstone(found.body):
            what = f"Version {version!r} of dataset {dataset!r}"
            if seen < left.deleted.number:
                life.refuse(what, left.deleted)
            if left.remains:
                raise removing(what, f"datasets/{dataset}/versions/{version}")
            return Standing(key, found.etag)
        try:
            return Standing(key, found.etag, _decoded(key, found.body))
        except Corrupted:
            return Standing(key, found.etag, is_damaged=True)

    def _life(self, dataset: str) -> Life:
        return Life(self._writes, "datasets", dataset)


def decode_latest(key: str, body: bytes) -> Latest:
    """What is stored at key. Raises Corrupted."""
    return stored(key, body, Latest, "The next job of the dataset writes it anew.")


def _decoded(key: str, body: bytes) -> DatasetManifest:
    advice = "POST /data_processing with the same source and options makes it anew."
    return stored(key, body, DatasetManifest, advice)
