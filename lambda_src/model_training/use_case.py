"""One training job: a dataset version becomes a model version, which may become the live one."""

import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

import tasks
from common.datasets import SPLITS, DatasetManifest, Datasets, Split, StoredFile
from common.invocation import Invocation
from common.jobs import WATCHDOG_SECONDS, HandOver, Job, Lease
from common.logs import log
from common.problems import Corrupted, NotFound, Problem, Unprocessable
from common.registry import ModelManifest, Registry
from common.scratch import scratch_folder
from common.store import KeyMissing, Store
from model_training import publication
from model_training.evaluations import StoredEvaluations
from model_training.promotion import Decision, TestRows, not_tested, promote
from model_training.requests import TrainingRequest, extended, options_of
from tasks.framework.training.context import Budget, TrainingContext

_DIGEST_BYTES = hashlib.sha256().digest_size

LEAST_SECONDS = 20.0
"""Training does not start with fewer seconds left."""


@dataclass(frozen=True)
class _JobContext:
    """A training job and what it needs to run."""

    request: TrainingRequest
    store: Store
    invocation: Invocation
    lease: Lease

    @property
    def job(self) -> Job:
        return self.lease.job

    @property
    def checkpoint_key(self) -> str:
        return f"jobs/{self.job.function}/{self.job.job_id}.checkpoint"


def train(job: Job, store: Store, invocation: Invocation, lease: Lease) -> dict[str, Any]:
    """Trains and publishes the model version that a job asks for, and promotes it if requested.

    Returns the job's result. Raises Unprocessable when no model can be trained on the data,
    Corrupted when a file of the dataset is damaged, Unavailable when S3 fails, and HandOver when
    training continues in another invocation.
    """
    request = msgspec.convert(job.request, TrainingRequest)
    context = _JobContext(request, store, invocation, lease)
    with scratch_folder(invocation.scratch, "training") as folder:
        manifest = publication.published(store, request.model, job)
        try:
            tested = _test_rows(context, folder)
        except (Corrupted, NotFound) as problem:
            if manifest is None:
                raise
            return publication.outcome(manifest, _without_test_rows(context, manifest, problem))
        manifest = manifest or _make(context, tested.dataset, tested.data)
        decision = promote(store, manifest, tested, request.promote, request.alias, lease)
    if tested.data.checkpoint is not None:
        lease.confirm()
        store.put(context.checkpoint_key, b"")  # the checkpoint is of no use any more
    return publication.outcome(manifest, decision)


def _without_test_rows(context: _JobContext, manifest: ModelManifest, problem: Problem) -> Decision:
    """The decision on a version that an earlier attempt has published, if its data is gone."""
    request = context.request
    if request.promote == "if_better":
        return not_tested(request.alias, problem)
    return promote(context.store, manifest, None, request.promote, request.alias, context.lease)


def _test_rows(context: _JobContext, folder: Path) -> TestRows:
    request = context.request
    dataset = Datasets(context.store).manifest(request.dataset, str(request.dataset_version))
    return TestRows(dataset, _training_data(context, dataset, folder))


def _training_data(
    context: _JobContext, dataset: DatasetManifest, folder: Path
) -> tasks.TrainingData:
    context.lease("downloading", 0, f"Fetching version {dataset.version} of {dataset.dataset}.")
    files: dict[Split, Path] = {}
    for split in SPLITS:
        files[split] = folder / f"{split}.arrow"
        _download(context.store, dataset, dataset.splits[split].arrow, files[split])
    rows = {split: dataset.splits[split].rows for split in SPLITS}
    return tasks.TrainingData(
        dataset.schema,
        dataset.target,
        rows,
        files,
        _checkpoint(context),
        _backbones(context.store, dataset.task, folder),
        _extended_version(context, dataset.task),
        dataset.split,
        dataset.options.get("missing_values"),
        dataset.version,
    )


def _extended_version(context: _JobContext, task: str) -> tasks.Published | None:
    """The version that the request asks to extend, or None."""
    version = extended(options_of(context.job.request, task), task)
    if version is None:
        return None
    registry, model = Registry(context.store), context.request.model
    manifest = registry.version(model, version)
    return tasks.Published(manifest, registry.files(model, version, manifest.files))


def _checkpoint(context: _JobContext) -> bytes | None:
    """The checkpoint of an earlier attempt of this job; None if there is none or it is damaged."""
    if len(context.job.attempts) < 2:
        return None
    try:
        stored = context.store.get(context.checkpoint_key).body
    except KeyMissing:
        return None
    digest, checkpoint = stored[:_DIGEST_BYTES], stored[_DIGEST_BYTES:]
    if hashlib.sha256(checkpoint).digest() == digest:
        return checkpoint
    if stored:
        log("checkpoint damaged", level=logging.WARNING, key=context.checkpoint_key)
    return None


def _backbones(store: Store, task: str, folder: Path) -> dict[str, Path]:
    """The files of the pretrained networks that the task can use and the deployment has."""
    paths = {}
    for name in tasks.task(task).backbones:
        path = folder / f"{name}.onnx"
        try:
            store.download(f"backbones/{name}.onnx", path)
        except KeyMissing:
            continue
        paths[name] = path
    return paths


def _download(store: Store, dataset: DatasetManifest, file: StoredFile, path: Path) -> None:
    try:
        store.download(file.key, path)
    except KeyMissing:
        Datasets(store).manifest(dataset.dataset, dataset.version)  # it may have been deleted since
        if _expires(dataset):
            raise _expired_files(dataset) from None
        raise _damaged(dataset, f"{file.key} is missing") from None
    with path.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    if digest != file.sha256:
        raise _damaged(dataset, f"{file.key} has sha256 {digest}, its manifest {file.sha256}")


def _damaged(dataset: DatasetManifest, damage: str) -> Corrupted:
    return Corrupted(
        f"{damage}. POST /data_processing again, with a new Idempotency-Key if any, and what "
        f"GET /datasets/{dataset.dataset}/versions/{dataset.version} gives as source.key, task and "
        "options: it makes anew what is missing or altered. Where that object is gone, upload the "
        "same file again first."
    )


def _expires(dataset: DatasetManifest) -> bool:
    """Whether the dataset's files are short-lived, by its options."""
    task = tasks.task(dataset.task)
    try:
        options = msgspec.convert(dataset.options, task.processing_options)
    except msgspec.ValidationError:  # options of another release
        return False
    return task.keeps_files is not None and not task.keeps_files(options)


def _expired_files(dataset: DatasetManifest) -> Unprocessable:
    return Unprocessable(
        f"The files of version {dataset.version!r} of dataset {dataset.dataset!r} are gone: it was "
        "made with keep_images false, and such photos are removed after a day, or after "
        "lifecycle_rules.short_lived_days. Upload the archive again, POST /data_processing, and "
        "train before that; or process it with keep_images true."
    )


def _make(
    context: _JobContext, dataset: DatasetManifest, data: tasks.TrainingData
) -> ModelManifest:
    request = context.request
    options = options_of(context.job.request, dataset.task)
    conditions = TrainingContext(
        seed=request.seed,
        budget=Budget(_budget_seconds(context, dataset.task)),
        memory_mb=context.invocation.memory_mb,
        threads=context.invocation.threads,
        progress=context.lease,
        store=StoredEvaluations(context.store, dataset.dataset, dataset.version),
    )
    try:
        trained = tasks.training(dataset.task).train(data, options, conditions)
    except tasks.Unfinished as unfinished:
        context.lease.confirm()
        digest = hashlib.sha256(unfinished.checkpoint).digest()
        context.store.put(context.checkpoint_key, digest + unfinished.checkpoint)
        raise HandOver(context.job.message) from None
    context.lease("publishing", 90, f"Storing version {publication.version_of(context.job)}.")
    about = {
        "model": request.model,
        "task": dataset.task,
        "target": dataset.target,
        "dataset": {"dataset": dataset.dataset, "version": dataset.version, "rows": data.rows},
    }
    return publication.publish(context.store, context.lease, trained, about, {"seed": request.seed})


def _budget_seconds(context: _JobContext, task: str) -> float:
    """The seconds for the choice among candidates. Raises Unprocessable when too few are left."""
    left = context.invocation.seconds_left() - WATCHDOG_SECONDS
    if left < LEAST_SECONDS:
        raise Unprocessable(
            f"{left:.0f} s are left of the function's time and training takes at least "
            f"{LEAST_SECONDS:.0f}: raise its timeout."
        )
    usual = tasks.task(task).training_time
    return min(context.request.time_budget_seconds or usual.seconds, left * usual.share)
