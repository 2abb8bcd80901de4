"""Publishing a model version: its files, its manifest, and the result of its job."""

import hashlib
import importlib.metadata
from collections.abc import Mapping
from typing import Any

import msgspec

import tasks
from common import settings
from common.jobs import Job, Lease
from common.registry import File, ModelManifest, version_prefix
from common.registry_writer import RegistryWriter
from common.store import Store, content_key
from common.times import timestamp
from model_training.promotion import Decision
from tasks import Trained

_LIBRARIES = ("numpy", "onnx", "onnxruntime", "scikit-learn", "scipy", "skl2onnx")


def version_of(job: Job) -> str:
    """The name of a job's version. Every attempt has the same, so that a retry adds no version."""
    random = job.job_id[-32:]  # ids begin with a time; those of 0.2 have none
    return f"{job.created_at:%Y%m%dT%H%M%SZ}-{random[:8]}"


def published(store: Store, model: str, job: Job) -> ModelManifest | None:
    """The manifest that an earlier attempt of this job has published, or None.

    Raises Conflict when the model or the version was deleted after the job was requested.
    """
    return RegistryWriter(store).published(model, version_of(job), job.deletions)


def publish(
    store: Store,
    lease: Lease,
    trained: Trained,
    about: Mapping[str, Any],
    lineage: Mapping[str, Any],
) -> ModelManifest:
    """Stores the files and the manifest of a version.

    about has the manifest's fields model, task, target and dataset; lineage has more fields for
    its lineage. Returns the manifest that is stored: another run of the job may have been first.
    Raises LeaseLost, and Conflict when the model was deleted after the job was requested.
    """
    job = lease.job
    version = version_of(job)
    labels = None if trained.labels is None else list(trained.labels)
    signature = tasks.signature(about["task"], trained.inputs, labels)
    libraries = {name: importlib.metadata.version(name) for name in _LIBRARIES}
    files = trained.files
    if about["task"] in tasks.TASKS:  # a brought model is stored as it was brought
        # Imported here, as other requests need no numpy.
        from tasks.framework.training.metadata import described

        names = {name: about[name] for name in ("task", "model", "target")}
        names["version"] = version
        encoding = tasks.encoding(about["task"], trained.inputs)
        files = described(files, names, signature, encoding, labels, libraries)
    manifest = ModelManifest(
        version=version,
        created_at=timestamp(),
        metric=trained.metric,
        signature=signature,
        inputs=dict(trained.inputs),
        labels=labels,
        selected=trained.selected,
        candidates=[dict(candidate) for candidate in trained.candidates],
        metrics=dict(trained.metrics),
        baseline=dict(trained.baseline),
        details=dict(trained.details),
        parity=dict(trained.parity),
        lineage={
            "code_version": settings.code_version(),
            "library_versions": libraries,
            "job_id": job.job_id,
            **lineage,
        },
        warnings=list(trained.warnings),
        files=_upload(store, version_prefix(about["model"], version), files),
        **about,
    )
    lease.confirm()
    return RegistryWriter(store).publish(manifest, job.deletions)


def outcome(manifest: ModelManifest, decision: Decision) -> dict[str, Any]:
    """The result of the job, as its answer has it."""
    return {
        "model": manifest.model,
        "version": manifest.version,
        "promoted": decision.promoted,
        "promotion": decision.record(),
        "selected": manifest.selected,
        "metrics": manifest.metrics,
        "warnings": msgspec.to_builtins(manifest.warnings),
    }


def _upload(store: Store, prefix: str, files: Mapping[str, bytes]) -> dict[str, File]:
    """Stores a version's files at keys of their content, so that other runs do no harm."""
    uploaded = {}
    for name, content in files.items():
        sha256 = hashlib.sha256(content).hexdigest()
        key = content_key(prefix, sha256, name)
        store.put(key, content)
        uploaded[name] = File(sha256, len(content), key)
    return uploaded
