"""Requests for training, imports and aliases, checked before a job is recorded."""

from typing import Annotated, Any, Literal

import msgspec

import tasks
from common.datasets import DatasetManifest, Datasets
from common.decoding import Key, Name, Version, convert
from common.problems import NotFound, Problem, both, invalid
from common.registry import LIVE, Registry
from common.sources import check_uploaded
from common.store import Store

type Promotion = Literal["if_better", "always", "never"]


class TrainingRequest(msgspec.Struct, kw_only=True, frozen=True):
    """The part of a request that is the same for all tasks.

    time_budget_seconds bounds the choice among candidates; its default depends on the task.
    promote decides whether the alias moves to the new version.
    """

    model: Name
    dataset: Name
    dataset_version: Version | None = None
    time_budget_seconds: Annotated[int, msgspec.Meta(ge=1, le=900)] | None = None
    promote: Promotion = "if_better"
    alias: Name = LIVE
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)] = 0


class _DatasetReference(msgspec.Struct, frozen=True):
    """The fields that name a dataset. Its task decides which options the request may have."""

    dataset: Name
    dataset_version: Version | None = None


class ImportSource(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the model is: a zip in the bucket."""

    key: Key


class ImportRequest(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A request to import a model that was trained elsewhere."""

    model: Name
    source: ImportSource = msgspec.field(name="import")
    promote: Promotion = "if_better"
    alias: Name = LIVE


class AliasRequest(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A request to move an alias to a version.

    expected_version is where the caller believes the alias to be, None if it should not exist yet.
    Without it, the alias moves from wherever it is.
    """

    version: Version
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)] = "Moved by hand."
    expected_version: Version | msgspec.UnsetType | None = msgspec.UNSET


class AliasPath(msgspec.Struct, frozen=True):
    """The parameters in the path of an alias."""

    model: Name
    alias: Name


def prepare(store: Store, body: Any) -> dict[str, Any]:
    """The request as the job records it, with the dataset's version and all defaults filled in.

    Raises Unprocessable with a pointer to each field that does not fit, and NotFound for a
    dataset or a version that does not exist.
    """
    if is_import(body):
        return _prepare_import(store, body)
    manifest = _dataset(store, body)
    request, options = both(
        lambda: convert(body, TrainingRequest), lambda: options_of(body, manifest.task)
    )
    _check_extended(store, request.model, extended(options, manifest.task), manifest.task)
    seconds = request.time_budget_seconds or tasks.task(manifest.task).training_time.seconds
    version = request.dataset_version or manifest.version
    filled_in = {"dataset_version": version, "time_budget_seconds": seconds}
    return {**msgspec.to_builtins(request), **filled_in, **msgspec.to_builtins(options)}


def _dataset(store: Store, body: Any) -> DatasetManifest:
    """The dataset that a request names. Raises the Problem of the request, or of the dataset."""
    datasets = Datasets(store)
    try:
        named = convert(body, _DatasetReference)
        if named.dataset_version is None:
            return datasets.newest_manifest(named.dataset)
        return datasets.manifest(named.dataset, named.dataset_version)
    except Problem:
        convert(body, TrainingRequest)  # other bad fields are reported first
        raise


def extended(options: msgspec.Struct, task: str) -> str | None:
    """The version that the options ask to extend; None if they do not, or the task cannot."""
    extends = tasks.task(task).extends
    return extends(options) if extends else None


def _check_extended(store: Store, model: str, version: str | None, task: str) -> None:
    """Raises Unprocessable unless the version to extend exists and has the same task."""
    if version is None:
        return
    try:
        manifest = Registry(store).version(model, version)
    except NotFound as problem:
        raise invalid(["extends"], problem.detail.rstrip(".")) from None
    if manifest.task != task:
        raise invalid(
            ["extends"],
            f"version {version!r} is of the task {manifest.task}, the dataset of {task}",
        )


def is_import(request: Any) -> bool:
    """Whether a request is for a model that was trained elsewhere."""
    return isinstance(request, dict) and "import" in request


def _prepare_import(store: Store, body: dict[str, Any]) -> dict[str, Any]:
    _, request = both(lambda: _check_one_source(body), lambda: convert(body, ImportRequest))
    check_uploaded(store, request.source.key, ["import", "key"])
    prepared: dict[str, Any] = msgspec.to_builtins(request)
    return prepared


def _check_one_source(body: dict[str, Any]) -> None:
    if "dataset" in body:
        raise invalid(["dataset"], "give either dataset or import")


def options_of(body: dict[str, Any], task: str) -> msgspec.Struct:
    """The task's own options: all fields of a request but those that every task has.

    Raises Unprocessable where an option does not fit.
    """
    common = TrainingRequest.__struct_fields__
    rest = {name: value for name, value in body.items() if name not in common}
    return convert(rest, tasks.task(task).training_options)
