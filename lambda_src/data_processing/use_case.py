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
from data_processing.reuse import ExistingVersion, check_existing, files_of, sha256_of

PROCESSING_VERSION = "6"
"""Part of a version's name. It is raised when the same source and options give another dataset."""

_LIBRARIES = ("duckdb", "nanoarrow")


@dataclass(frozen=True)
class _JobContext:
    """A processing job and what it needs to run.

    asked_at is when the job was requested. deletions is the number of the last deletion before
    that (see common.existence).
    """

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
        """Whether source and files are kept, if the task has this option; None if it has none."""
        keeps_files = tasks.task(self.request["task"]).keeps_files
        return keeps_files(options_of(self.request)) if keeps_files else None

    @property
    def is_kept(self) -> bool:
        return self.keep_images is not False


def process(job: Job, store: Store, invocation: Invocation, lease: Lease) -> dict[str, Any]:
    """Makes the dataset version that a job asks for, or repairs the one that exists.

    Returns the job's result: dataset, version, latest, reused, repaired (keys), rows and warnings.
    Raises Unprocessable when the data cannot be used, Conflict when the dataset or the version was
    deleted after the job was requested, and Unavailable when S3 fails.
    """
    context = _JobContext(job.request, job.created_at, job.deletions, store, invocation, lease)
    with scratch_folder(invocation.scratch, "processing") as folder:
        source = folder / "source"
        lease("downloading", 0, f"Fetching {context.key}.")
        _download(context, source)
        _mark_source(context, source)
        sha256 = sha256_of(source)
        version = _version(job.request, sha256)
        lease("checking", 5, f"Looking for version {version}.")
        stored_manifest = DatasetWriter(store).confirm(context.dataset, version, context.deletions)
        existing = check_existing(store, stored_manifest, folder)
        if existing.damaged and context.is_kept:  # files that are not kept expire by themselves
            log("version damaged", level=logging.WARNING, version=version, keys=existing.damaged)
        manifest = existing.manifest
        if manifest is None or not (existing.is_whole and context.is_kept):
            manifest = _make(context, source, sha256, version, folder, existing)
    is_latest = _point_latest(context, version)
    return {
        "dataset": context.dataset,
        "version": version,
        "latest": is_latest,
        "reused": existing.is_whole and manifest is existing.manifest,
        "repaired": list(existing.damaged),
        "rows": manifest.rows,
        "warnings": msgspec.to_builtins(manifest.warnings),
    }


def _point_latest(context: _JobContext, version: str) -> bool:
    """Makes a version the latest one of its dataset, whatever other jobs do meanwhile.

    If the latest version belongs to a job that was requested later, that version stays: a retry,
    or a job that Lambda starts late, does not bring old data back. Returns whether this version is
    the latest one. Raises Conflict when the dataset or the version was deleted after the job was
    requested.
    """
    key, datasets = latest_key(context.dataset), DatasetWriter(context.store)
    while True:
        etag, latest = _pointed_at(context)
        datasets.confirm(context.dataset, version, context.deletions)
        context.lease.confirm()
        if latest is not None and latest.asked_at and latest.asked_at > context.asked_at:
            return latest.version == version
        body = encoded(Latest(version, timestamp(), context.asked_at))
        with contextlib.suppress(PreconditionFailed):
            etag = context.store.put(key, body, expected=etag)
            break
    try:
        datasets.confirm(context.dataset, version, context.deletions)
    except Conflict:  # the version was deleted meanwhile
        with contextlib.suppress(NotFound, PreconditionFailed):
            newest = datasets.newest_of(datasets.present(context.dataset))
            context.store.put(key, encoded(newest), expected=etag)
        return False
    return True


def _pointed_at(context: _JobContext) -> tuple[str, Latest | None]:
    """The ETag of the dataset's pointer, and the pointer.

    The pointer is None where it is damaged, or names a version that is gone.
    """
    key = latest_key(context.dataset)
    try:
        pointer = context.store.get(key)
    except KeyMissing:
        return ABSENT, None
    try:
        latest = decode_latest(key, pointer.body)
        is_present = DatasetWriter(context.store).is_present(context.dataset, latest.version)
    except (Corrupted, KeyMissing):
        return pointer.etag, None
    return pointer.etag, latest if is_present else None


def _download(context: _JobContext, source: Path) -> None:
    import shutil

    try:
        size = context.store.size(context.key)
        free = shutil.disk_usage(source.parent).free
        if size > free:
            raise Unprocessable(
                f"The file has {size:,} bytes and the function's /tmp has {free:,} left: raise "
                "ephemeral_storage (10,240 MB at most), or send less data."
            )
        context.store.download(context.key, source)
    except KeyMissing:
        raise Unprocessable(
            f"There is no object {context.key!r} any more: upload it again."
        ) from None


def _mark_source(context: _JobContext, source: Path) -> None:
    """Tags the source as kept or as short-lived, where the task has an option for it.

    This comes first, so that it is done even if the job fails. A source without pictures, by the
    names of its files, belongs to another task. It is not tagged as short-lived here: a mistake
    in a request removes no data.
    """
    keep = context.keep_images
    if keep is None:
        return
    from tasks.images.processing.archive import holds_pictures  # few tasks need it

    if keep or holds_pictures(source):
        _settle_lifetime(context, keep)


def _settle_lifetime(context: _JobContext, keep: bool) -> None:
    """Tags the source. Of several jobs, the one that was requested last decides."""
    with contextlib.suppress(KeyMissing):  # it was removed by hand meanwhile
        lifetimes.settle(context.store, context.key, Lifetime(keep, context.asked_at))


def _version(request: dict[str, Any], source_sha256: str) -> str:
    """The version's name: 16 digits of a hash of the source, the task and its options."""
    options = {name: value for name, value in request.items() if name not in ("dataset", "source")}
    parts = [PROCESSING_VERSION, source_sha256, options]
    return hashlib.sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()[:16]


def _make(
    context: _JobContext,
    source: Path,
    sha256: str,
    version: str,
    folder: Path,
    existing: ExistingVersion,
) -> DatasetManifest:
    """Processes the source and publishes the version; the manifest is written last."""
    request = context.request
    output = folder / "output"
    output.mkdir()
    size = source.stat().st_size
    processed = tasks.processing(request["task"]).process(
        source, options_of(request), output, context.invocation, context.lease
    )
    if not context.is_kept:  # processing has found pictures, whatever their names
        _settle_lifetime(context, keep=False)
    upload = _uploader(context, version, output, existing)
    manifest = DatasetManifest(
        dataset=context.dataset,
        version=version,
        created_at=timestamp(),
        task=request["task"],
        target=processed.target,
        options={k: v for k, v in request.items() if k not in ("dataset", "source", "task")},
        source={"key": context.key, "bytes": size, "sha256": sha256, **processed.source},
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
    if existing.manifest is not None and list(files_of(existing.manifest)) == list(
        files_of(manifest)
    ):
        return existing.manifest  # the damaged files were written again at their keys
    context.lease("publishing", 99, "Writing the manifest.")
    context.lease.confirm()
    return DatasetWriter(context.store).publish(manifest, context.deletions, replaced=existing.etag)


def _uploader(
    context: _JobContext, version: str, output: Path, existing: ExistingVersion
) -> Callable[[str], StoredFile]:
    prefix = version_prefix(context.dataset, version)

    def upload(name: str) -> StoredFile:
        path = output / name
        size, sha256 = path.stat().st_size, sha256_of(path)
        key = content_key(prefix, sha256, name, context.deletions)
        file = StoredFile(key=key, bytes=size, sha256=sha256)
        # Files that are not kept expire a day after they were written: write them again.
        if file not in existing.whole or not context.is_kept:
            context.lease("uploading", 90, f"Storing {name} ({size:,} bytes).")
            context.store.upload(path, file.key, None if context.is_kept else SHORT_LIVED)
        return file

    return upload
