"""One processing job: a raw object becomes a dataset version."""

import hashlib
import importlib.metadata
from collections.abc import Callable
from dataclasses import dataclass
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
    latest_key,
    version_prefix,
)
from common.invocation import Invocation
from common.jobs import Job, Progress, now
from common.problems import Unprocessable
from common.scratch import scratch_folder
from common.store import KeyMissing, Store
from data_processing.requests import options_of

PROCESSING_VERSION = "4"
"""Changes whenever the same source and options would give another dataset."""

_LIBRARIES = ("duckdb", "nanoarrow")


@dataclass(frozen=True)
class _Work:
    """A job's request, the deletions that it has seen, and what it is done with."""

    request: dict[str, Any]
    deletions: int
    store: Store
    invocation: Invocation
    progress: Progress

    @property
    def dataset(self) -> str:
        return str(self.request["dataset"])

    @property
    def key(self) -> str:
        return str(self.request["source"]["key"])

    @property
    def is_kept(self) -> bool:
        """Whether the source and the dataset's files stay, which a task's options may deny."""
        return bool(getattr(options_of(self.request), "keep_images", True))


def process(job: Job, store: Store, invocation: Invocation, progress: Progress) -> dict[str, Any]:
    """Makes the dataset version that a job asks for, or finds that it exists already.

    Raises Unprocessable when the data cannot be used, Conflict when the dataset or the version was
    deleted after the job was asked for, Unavailable when S3 fails.
    """
    work = _Work(job.request, job.deletions, store, invocation, progress)
    with scratch_folder(invocation.scratch, "processing") as folder:
        source = folder / "source"
        progress("downloading", 0, f"Fetching {work.key}.")
        _download(work, source)
        sha256 = _sha256(source)
        version = _version(job.request, sha256)
        stands = DatasetWriter(store).confirm(work.dataset, version, work.deletions)
        if isinstance(stands, DatasetManifest) and work.is_kept:
            manifest, reused = stands, True
        else:  # files that are not kept may be gone
            manifest, reused = _make(work, source, sha256, version, folder), False
    if not work.is_kept:
        store.tag(work.key, SHORT_LIVED)
    DatasetWriter(store).confirm(work.dataset, version, work.deletions)
    latest = Latest(version, _timestamp())
    store.put(latest_key(work.dataset), msgspec.json.encode(latest))
    return {
        "dataset": work.dataset,
        "version": version,
        "reused": reused,
        "rows": manifest.rows,
        "warnings": msgspec.to_builtins(manifest.warnings),
    }


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


def _version(request: dict[str, Any], source_sha256: str) -> str:
    """The first 16 digits of the hash of all that a dataset follows from."""
    options = {name: value for name, value in request.items() if name not in ("dataset", "source")}
    parts = [PROCESSING_VERSION, source_sha256, options]
    return hashlib.sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()[:16]


def _make(work: _Work, source: Path, sha256: str, version: str, folder: Path) -> DatasetManifest:
    """Processes the source and publishes the version; its manifest comes last."""
    request = work.request
    output = folder / "output"
    output.mkdir()
    size = source.stat().st_size
    processed = tasks.processing(request["task"]).process(
        source, options_of(request), output, work.invocation, work.progress
    )
    upload = _uploader(work, version, output)
    manifest = DatasetManifest(
        dataset=work.dataset,
        version=version,
        created_at=_timestamp(),
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
    work.progress("publishing", 99, "Writing the manifest.")
    return DatasetWriter(work.store).publish(manifest, work.deletions)


def _uploader(work: _Work, version: str, output: Path) -> Callable[[str], StoredFile]:
    prefix = version_prefix(work.dataset, version)

    def upload(name: str) -> StoredFile:
        path = output / name
        size = path.stat().st_size
        work.progress("uploading", 90, f"Storing {name} ({size:,} bytes).")
        work.store.upload(path, prefix + name, None if work.is_kept else SHORT_LIVED)
        return StoredFile(key=prefix + name, bytes=size, sha256=_sha256(path))

    return upload


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _timestamp() -> str:
    return now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
