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
    ExistenceWriter,
    dataset_existence,
    deletion_notice,
    list_all,
    listed,
    removal_unfinished,
)
from common.newest import Page
from common.problems import Corrupted, NotFound, Unavailable
from common.seals import encoded
from common.store import ABSENT, KeyMissing, PreconditionFailed, Store, deletions_of
from common.tombstones import tombstone
from common.versions import written
from common.warnings import Warning

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")

SHORT_LIVED = {"lifetime": "short"}
"""The tag of objects that a lifecycle rule removes, by default after a day."""

KEPT = {"lifetime": "kept"}
"""The tag of objects that the rule does not remove."""

ColumnType = Literal["number", "boolean", "category", "datetime", "text"]
"""The types that processing gives to the columns of tables."""


class Column(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One column of a dataset.

    Type id is a text that is only compared; binary is a file's content, such as an image.
    categories are the values, most frequent first. distinct counts them where not all are listed.
    unreadable counts values that are not of the type, and so count as missing. form describes how
    values are written, where that is unusual. reason is why the column is ignored.
    """

    name: str
    type: ColumnType | Literal["id", "binary", "list"]
    role: Literal["feature", "target", "label", "ignored"]
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
    """One split; target has the rows of each class, or the quantiles of a number."""

    rows: int
    arrow: StoredFile
    parquet: StoredFile
    target: dict[str, Any] | None = None


class SplitRule(msgspec.Struct, frozen=True, omit_defaults=True):
    """The rule by which rows were split. The folds of training follow it, too.

    features: rows that agree in all features are in the same split. rows: each row by itself.
    time: the last rows, ordered by a column, are the test split. group: rows with the same value of
    a column are in the same split. column: a column names each row's split.
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


class StoredManifest(msgspec.Struct, frozen=True):
    """The object at the key of a version's manifest: its tag, or ABSENT, and what it holds.

    manifest is None where there is no object, where the version was deleted, and where the
    manifest is damaged; only then is_damaged is set.
    """

    key: str
    etag: str
    manifest: DatasetManifest | None = None
    is_damaged: bool = False


class Latest(msgspec.Struct, frozen=True, omit_defaults=True):
    """The newest version of a dataset, when it became that, and when its job was requested.

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
    """Reads the datasets of one bucket."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def names(self, page: Page) -> Iterator[str]:
        """The tokens of a page of names (see newest)."""
        return newest.names(self._store, "datasets", page)

    def listed(self, token: str) -> tuple[str, Existence] | None:
        """The name that a token stands for, and its record; None if the dataset is gone.

        Raises Corrupted where the record is damaged.
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

        If the pointer is damaged, lost, or names a version that was deleted, the newest version is
        the one that was written last. Raises NotFound for a dataset without versions.
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
            if missing.args != (key,):  # the pointer names a version that is missing
                damaged = [key]
        return self.newest_of(self.present(dataset)), damaged

    def newest_manifest(self, dataset: str) -> DatasetManifest:
        """The manifest of the newest version. Raises NotFound and Corrupted."""
        return self.manifest(dataset, self.latest(dataset).version)

    def present(self, dataset: str) -> dict[str, str]:
        """When each version of a dataset was written, by version. Raises NotFound without one."""
        versions = self.versions(dataset)
        reason = deletion_notice(self._store, dataset_existence(dataset))
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
        """The pointer to the newest version, as stored. Raises KeyMissing and Corrupted."""
        key = latest_key(dataset)
        return decode_latest(key, self._store.get(key).body)

    def is_present(self, dataset: str, version: str) -> bool:
        """Whether a version exists, rather than a tombstone of it. Raises KeyMissing."""
        return tombstone(self._store.get(manifest_key(dataset, version)).body) is None

    def manifest(self, dataset: str, version: str) -> DatasetManifest:
        """The manifest of a version. Raises NotFound, and Corrupted for a damaged one."""
        key = manifest_key(dataset, version)
        try:
            stored_object = self._store.get(key)
        except KeyMissing:
            stored_object = None
        reason = deletion_notice(self._store, dataset_existence(dataset))
        # A deleted dataset still has manifests until its files are removed.
        if stored_object is None or reason:
            raise NotFound(f"Dataset {dataset!r} has no version {version!r}.{reason}")
        return _decoded(key, stored_object.body)


class DatasetWriter(Datasets):
    """Reads and changes the datasets of one bucket."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._writes = store

    def publish(
        self, manifest: DatasetManifest, deletions: int = 0, replaced: str | None = None
    ) -> DatasetManifest:
        """Writes the manifest, the last object of a version, and returns the one that is stored.

        deletions is the number of the last deletion that the job knows (see existence). Of several
        jobs that make the same version, the first one's manifest stays. A damaged manifest is
        replaced, as are a tombstone of an earlier deletion and the manifest whose tag is
        `replaced`. Raises Conflict when the dataset or this version was deleted since.
        """
        dataset, version = manifest.dataset, manifest.version
        body = encoded(manifest)
        self._existence(dataset).begin(deletions, lambda: self.versions(dataset))
        while True:
            current = self.confirm(dataset, version, deletions)
            if current.manifest is not None and current.etag != replaced:
                break
            with contextlib.suppress(PreconditionFailed):
                self._writes.put(current.key, body, expected=current.etag)
                replaced = None
        with contextlib.suppress(Unavailable):  # the next publication does it
            list_all(self._writes, "datasets", self.versions)
        return current.manifest

    def confirm(self, dataset: str, version: str, deletions: int) -> StoredManifest:
        """Confirms that a job may still write a version, and returns the manifest's state.

        deletions is the number of the last deletion that the job knows. Raises Conflict when the
        dataset or this version was deleted since, and Unavailable while files of an earlier
        deletion are being removed.
        """
        existence, key = self._existence(dataset), manifest_key(dataset, version)
        stored_object = existence.manifest(key, deletions, _known_deletions)
        if stored_object is None:
            return StoredManifest(key, ABSENT)
        if left := tombstone(stored_object.body):
            what = f"Version {version!r} of dataset {dataset!r}"
            if deletions < left.deleted.number:
                existence.refuse(what, left.deleted)
            if left.remains:
                raise removal_unfinished(what, f"datasets/{dataset}/versions/{version}")
            return StoredManifest(key, stored_object.etag)
        try:
            return StoredManifest(key, stored_object.etag, _decoded(key, stored_object.body))
        except Corrupted:
            return StoredManifest(key, stored_object.etag, is_damaged=True)

    def _existence(self, dataset: str) -> ExistenceWriter:
        return ExistenceWriter(self._writes, "datasets", dataset)


def _known_deletions(body: bytes) -> int | None:
    """The number of the last deletion that the job of a manifest knew; None if it is damaged.

    Manifests of earlier releases are as old as their files, whose keys have no number.
    """
    try:
        manifest = _decoded("A manifest", body)
    except Corrupted:
        return None
    return max((deletions_of(split.arrow.key) for split in manifest.splits.values()), default=0)


def decode_latest(key: str, body: bytes) -> Latest:
    """The pointer that is stored at key. Raises Corrupted."""
    return stored(key, body, Latest, "The next job of the dataset writes it anew.")


def _decoded(key: str, body: bytes) -> DatasetManifest:
    advice = "POST /data_processing with the same source and options makes it anew."
    return stored(key, body, DatasetManifest, advice)
