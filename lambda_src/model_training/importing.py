"""One import job: a model that was trained elsewhere becomes a model version."""

import hashlib
from pathlib import Path
from typing import Any

import msgspec

from common.invocation import Invocation
from common.jobs import WATCHDOG_SECONDS, Job, Lease
from common.problems import Unprocessable
from common.registry import ModelManifest
from common.scratch import scratch_folder
from common.store import KeyMissing, Store
from model_training import publication
from model_training.promotion import promote
from model_training.requests import ImportRequest

MAX_BYTES = 250_000_000
"""The most bytes of the zip; the model in it may have 200 MB."""

TASK = "onnx"


def import_model(job: Job, store: Store, invocation: Invocation, lease: Lease) -> dict[str, Any]:
    """Checks and publishes the model of an import job, and promotes it if the request says so.

    Returns the job's result. Raises Unprocessable with the reason for which the model is refused,
    and Unavailable when S3 fails.
    """
    request = msgspec.convert(job.request, ImportRequest)
    with scratch_folder(invocation.scratch, "import") as folder:
        manifest = publication.published(store, request.model, job) or _make(
            request, store, invocation, lease, folder
        )
        decision = promote(store, manifest, None, request.promote, request.alias, lease)
    return publication.outcome(manifest, decision)


def _make(
    request: ImportRequest,
    store: Store,
    invocation: Invocation,
    lease: Lease,
    folder: Path,
) -> ModelManifest:
    # Imported here, so that only this kind of job loads onnx.
    from tasks.onnx import training

    key = request.source.key
    lease("downloading", 5, f"Fetching {key}.")
    archive = folder / "model.zip"
    _download(store, key, archive)
    lease("inspecting", 30, "Inspecting the model, and trying it on its examples.")
    unpacked = folder / "model"
    unpacked.mkdir()
    seconds = invocation.seconds_left() - 2 * WATCHDOG_SECONDS
    trained = training.import_model(archive, unpacked, invocation.memory_mb, seconds)
    lease("publishing", 85, f"Storing version {publication.version_of(lease.job)}.")
    with archive.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    about: dict[str, Any] = {"model": request.model, "task": TASK, "target": None, "dataset": {}}
    lineage = {"source": {"key": key, "sha256": sha256}}
    return publication.publish(store, lease, trained, about, lineage)


def _download(store: Store, key: str, path: Path) -> None:
    try:
        size = store.size(key)
        if size > MAX_BYTES:
            raise Unprocessable(f"{key} has {size:,} bytes: a model may have {MAX_BYTES:,}.")
        store.download(key, path)
    except KeyMissing:
        raise Unprocessable(f"There is no object {key!r} any more: upload it again.") from None
