"""One processing job: a raw object becomes a dataset version."""

import contextlib
import hashlib
import importlib.metadata
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

import tasks
from common import settings
from common.datasets import (
    SHORT_LIVED,
    SPLITS,
    DatasetManifest,
    DatasetWriter,
    Latest,
    SplitInfo,
    SplitRule,
    StoredFile,
    decode_latest,
    latest_key,
    version_prefix,
)
from common.invocation import Invocation
from common.jobs import Job, Lease
from common.logs import log
from common.problems import Conflict, Corrupted, NotFound, Unprocessable
from common.scratch import scratch_folder
from common.seals import encoded
from common.store import ABSENT, KeyMissing, PreconditionFailed, Store, content_key
from common.times import timestamp
from data_processing import lifetimes
from data_processing.lifetimes import Lifetime
from data_processing.requests import options_of
from data_processing.reuse import Before, files_of, find, sha256_of

PROCESSING_VERSION = "5"
"""Changes whenever the same source and options would give another dataset."""

_LIBRARIES = ("duckdb", "nanoarrow")


@dataclass(frozen=True)
class _Work:
    """A job's request, when it came, the last deletion it has seen, and what it is done with."""

    request: dict[str, Any]
    asked_at: datetime
    deletions: int
    store: Store
    invocation: Invocation
    lease: Lease

    @property
    def dataset(self) -> str:
        return str(self.request["dataset"])

    @property
    def key(self) -> str:
        return str(self.request["source"]["key"])

    @property
    def keep_images(self) -> bool | None:
        """The task's option whether the source and the dataset's files stay, if it has one."""
        keeps_files = tasks.task(self.request["task"]).keeps_files
        return keeps_files(options_of(self.request)) if keeps_files else None

    @property
    def is_kept(self) -> bool:
        return self.keep_images is not False


def process(job: Job, store: Store, invocation: Invocation, lease: Lease) -> dict[str, Any]:
    """Makes the dataset version that a job asks for, or what an existing one has lost.

    Raises Unprocessable when the data cannot be used, Conflict when the dataset or the version was
    deleted after the job was asked for, Unavailable when S3 fails.
    """
    work = _Work(job.request, job.created_at, job.deletions, store, invocation, lease)
    with scratch_folder(invocation.scratch, "processing") as folder:
        source = folder / "source"
        lease("downloading", 0, f"Fetching {work.key}.")
        _download(work, source)
        _mark_source(work, source)
        sha256 = sha256_of(source)
        version = _version(job.request, sha256)
        lease("checking", 5, f"Looking for version {version}.")
        standing = DatasetWriter(store).confirm(work.dataset, version, work.deletions)
        before = find(store, standing, folder)
        if before.damaged and work.is_kept:  # or they are gone as they should be
            log("version damaged", level=logging.WARNING, version=version, keys=before.damaged)
        manifest = before.manifest
        if manifest is None or not (before.is_whole and work.is_kept):
            manifest = _make(work, source, sha256, version, folder, before)
    _point_latest(work, version)
    return {
        "dataset": work.dataset,
        "version": version,
        "reused": before.is_whole and manifest is before.manifest,
        "repaired": list(before.damaged),
        "rows": manifest.rows,
        "warnings": msgspec.to_builtins(manifest.warnings),
    }


def _point_latest(work: _Work, version: str) -> None:
    """Makes a version the latest, whichever others become that, or stop to be it, meanwhile.

    The version of a job that was asked for later stays: a job that is tried again, or that Lambda
    starts late, does not bring old data back. Raises Conflict when the dataset or the version was
    deleted after the job was asked for.
    """
    key, datasets = latest_key(work.dataset), DatasetWriter(work.store)
    while True:
        etag, asked_at = _pointed_at(work)
        datasets.confirm(work.dataset, version, work.deletions)
        work.lease.confirm()
        if asked_at is not None and asked_at > work.asked_at:
            return
        body = encoded(Latest(version, timestamp(), work.asked_at))
        with contextlib.suppress(PreconditionFailed):
            etag = work.store.put(key, body, expected=etag)
            break
    try:
        datasets.confirm(work.dataset, version, work.deletions)
    except Conflict:  # it was deleted meanwhile
        with contextlib.suppress(NotFound, PreconditionFailed):
            latest = datasets.newest_of(datasets.present(work.dataset))
            work.store.put(key, encoded(latest), expected=etag)


def _pointed_at(work: _Work) -> tuple[str, datetime | None]:
    """The ETag of the dataset's pointer, and when the job of its version was asked for.

    The time is None where the pointer does not have it, is damaged or names no version.
    """
    key = latest_key(work.dataset)
    try:
        found = work.store.get(key)
    except KeyMissing:
        return ABSENT, None
    try:
        latest = decode_latest(key, found.body)
        is_present = DatasetWriter(work.store).is_present(work.dataset, latest.version)
    except (Corrupted, KeyMissing):
        return found.etag, None
    return found.etag, latest.asked_at if is_present else None


def _download(work: _Work, source: Path) -> None:
    import shutil

    try:
        size = work.store.size(work.key)
        free = shutil.disk_usage(source.parent).free
        if size > free:
            raise Unprocessable(
                f"The file has {size:,} bytes and the function's /tmp has {free:,} left: raise "
                "ephemeral_storage (10,240 MB at most), or send less data."
            )
        work.store.download(work.key, source)
    except KeyMissing:
        raise Unprocessable(f"There is no object {work.key!r} any more: upload it again.") from None


def _mark_source(work: _Work, source: Path) -> None:
    """Tags the source as one to be removed, or as one to stay, where the task's option says so.

    It is done first, whatever becomes of the job. What holds no pictures, by the names of its
    files, is of another task, and stays: a mistake in a request removes no data.
    """
    keep = work.keep_images
    if keep is None:
        return
    from tasks.images.processing.archive import holds_pictures

    if keep or holds_pictures(source):
        _settle_lifetime(work, keep)


def _settle_lifetime(work: _Work, keep: bool) -> None:
    """Of several jobs the one that was asked for last has its way, whichever of them runs last."""
    with contextlib.suppress(KeyMissing):  # it was removed by hand meanwhile
        lifetimes.settle(work.store, work.key, Lifetime(keep, work.asked_at))


def _version(request: dict[str, Any], source_sha256: str) -> str:
    """The first 16 digits of the hash of all that a dataset follows from."""
    options = {name: value for name, value in request.items() if name not in ("dataset", "source")}
    parts = [PROCESSING_VERSION, source_sha256, options]
    return hashlib.sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()[:16]


def _make(
    work: _Work, source: Path, sha256: str, version: str, folder: Path, before: Before
) -> DatasetManifest:
    """Processes the source and publishes the version; its manifest comes last."""
    request = work.request
    output = folder / "output"
    output.mkdir()
    size = source.stat().st_size
    processed = tasks.processing(request["task"]).process(
        source, options_of(request), output, work.invocation, work.lease
    )
    if not work.is_kept:  # it holds pictures, however they are named
        _settle_lifetime(work, keep=False)
    upload = _uploader(work, version, output, before)
    manifest = DatasetManifest(
        dataset=work.dataset,
        version=version,
        created_at=timestamp(),
        task=request["task"],
        target=processed.target,
        options={k: v for k, v in request.items() if k not in ("dataset", "source", "task")},
        source={"key": work.key, "bytes": size, "sha256": sha256, **processed.source},
        schema=processed.schema,
        rows=dict(processed.rows),
        rejected={**processed.rejected, "file": upload("rejected.csv")},
        splits={
            split: SplitInfo(
                rows=processed.split_rows[split],
                arrow=upload(f"{split}.arrow"),
                parquet=upload(f"{split}.parquet"),
                target=processed.split_targets.get(split),
            )
            for split in SPLITS
        },
        profile=dict(processed.profile),
        warnings=list(processed.warnings),
        split=processed.split or SplitRule(),
        lineage={
            "code_version": settings.code_version(),
            "library_versions": {name: importlib.metadata.version(name) for name in _LIBRARIES},
        },
    )
    if before.manifest is not None and list(files_of(before.manifest)) == list(files_of(manifest)):
        return before.manifest  # what was damaged is restored where it was
    work.lease("publishing", 99, "Writing the manifest.")
    work.lease.confirm()
    return DatasetWriter(work.store).publish(manifest, work.deletions, replaced=before.etag)


def _uploader(
    work: _Work, version: str, output: Path, before: Before
) -> Callable[[str], StoredFile]:
    prefix = version_prefix(work.dataset, version)

    def upload(name: str) -> StoredFile:
        path = output / name
        size, sha256 = path.stat().st_size, sha256_of(path)
        key = content_key(prefix, sha256, name, work.deletions)
        file = StoredFile(key=key, bytes=size, sha256=sha256)
        # Files that are not kept stay for a day from now: they are written again.
        if file not in before.whole or not work.is_kept:
            work.lease("uploading", 90, f"Storing {name} ({size:,} bytes).")
            work.store.upload(path, file.key, None if work.is_kept else SHORT_LIVED)
        return file

    return upload
