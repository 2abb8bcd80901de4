"""A model version from what was trained or brought: its files, its manifest, a job's result."""

import hashlib
import importlib.metadata
from collections.abc import Mapping
from typing import Any

import msgspec

from common import settings
from common.jobs import Job, now
from common.registry import (
    File,
    ModelManifest,
    RegistryWriter,
    version_prefix,
)
from common.store import Store
from model_training.promotion import Decision
from tasks import Trained

_LIBRARIES = ("numpy", "onnx", "onnxruntime", "scikit-learn", "scipy", "skl2onnx")


def version_of(job: Job) -> str:
    """The same for every attempt of a job, so that a retry never publishes a second one."""
    return f"{job.created_at:%Y%m%dT%H%M%SZ}-{job.job_id[:8]}"


def published(store: Store, model: str, job: Job) -> ModelManifest | None:
    """What an earlier attempt of this job has published already."""
    return RegistryWriter(store).published(model, version_of(job), job.deletions)


def publish(
    store: Store,
    job: Job,
    trained: Trained,
    about: Mapping[str, Any],
    lineage: Mapping[str, Any],
) -> ModelManifest:
    """Writes a version; about has model, task, target and dataset."""
    version = version_of(job)
    manifest = ModelManifest(
        version=version,
        created_at=now().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        metric=trained.metric,
        inputs=dict(trained.inputs),
        labels=None if trained.labels is None else list(trained.labels),
        selected=trained.selected,
        candidates=[dict(candidate) for candidate in trained.candidates],
        metrics=dict(trained.metrics),
        baseline=dict(trained.baseline),
        details=dict(trained.details),
        parity=dict(trained.parity),
        lineage={
            "code_version": settings.code_version(),
            "library_versions": {name: importlib.metadata.version(name) for name in _LIBRARIES},
            "job_id": job.job_id,
            **lineage,
        },
        warnings=list(trained.warnings),
        files=_upload(store, version_prefix(about["model"], version), trained.files),
        **about,
    )
    RegistryWriter(store).publish(manifest, job.deletions)
    return manifest


def outcome(manifest: ModelManifest, decision: Decision) -> dict[str, Any]:
    """The result of the job."""
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
    """Writes a version's files; until its manifest stands, they may be written again."""
    for name, content in files.items():
        store.put(prefix + name, content)
    return {
        name: File(hashlib.sha256(content).hexdigest(), len(content))
        for name, content in files.items()
    }
