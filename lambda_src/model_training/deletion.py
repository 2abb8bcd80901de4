"""Deleting models, datasets, and versions of them.

What decides is one conditional write: of a tombstone in place of a version's manifest, or of the
object that says whether a model or dataset exists. From then on it is gone, and whoever was about
to write it fails for good. Its files are removed after that; what was left undone is finished when
the same is asked again.

This function does so for datasets, too, so that no other one may delete anything: it reads them
anyway, while whoever reads uploads stays unable to touch a model.
"""

import time
from collections.abc import Collection, Iterable
from itertools import batched
from typing import Any

import msgspec

from common.datasets import Datasets, latest_key
from common.datasets import manifest_key as dataset_manifest
from common.datasets import version_prefix as dataset_version_prefix
from common.existence import (
    Deletion,
    Life,
    Tombstone,
    dataset_existence,
    fate,
    model_existence,
    read,
    tombstone,
)
from common.problems import Conflict, Corrupted, NotFound, Unavailable
from common.registry import Alias, RegistryWriter, model_prefix
from common.registry import manifest_key as model_manifest
from common.registry import version_prefix as model_version_prefix
from common.store import KeyMissing, PreconditionFailed, Store

_SECONDS = 15.0
"""How long files are removed for one request: it has 20 seconds in all."""

_AT_ONCE = 1000
"""Keys that S3 removes with one call."""


def delete_model(store: Store, model: str, by: str, force: bool) -> dict[str, Any]:
    """Deletes a model: its versions, its aliases, and its name until somebody trains it again.

    Raises NotFound, and Conflict while an alias points at a version, unless forced.
    """
    key, prefix = model_existence(model), model_prefix(model)
    before = read(store, key)
    if not before.gone and next(iter(store.list(prefix)), None) is None:
        raise NotFound(f"There is no model {model!r}.")
    registry, life = RegistryWriter(store), Life(store, "models", model)
    if not before.gone and not force:
        _refuse_damaged(registry, model)
        _refuse(model, _pointing(registry, model))
    aliases, _ = registry.aliases(model)
    deletion = life.end(by, msgspec.to_builtins(aliases))
    if not before.gone and not force and (late := _pointing(registry, model)):
        life.restore(before)  # somebody has moved an alias before the end was written
        _refuse(model, late)
    life.leave(before)
    _remove(store, prefix, {key})
    return {"model": model, "deleted": deletion.public()}


def delete_model_version(
    store: Store, model: str, version: str, by: str, force: bool
) -> dict[str, Any]:
    """Deletes a version of a model. Forced, aliases that point at it point at nothing from then on.

    Raises NotFound, and Conflict while an alias points at it, unless forced.
    """
    registry, key = RegistryWriter(store), model_manifest(model, version)
    life = Life(store, "models", model)
    if not force:
        _refuse_damaged(registry, model)
        _refuse(model, _pointing(registry, model, version))
    try:
        deletion, before = _bury(store, life, key, by)
    except KeyMissing:
        raise NotFound(
            f"Model {model!r} has no version {version!r}.{fate(store, model_existence(model))}"
        ) from None
    pointing = _pointing(registry, model, version)
    if pointing and before is not None and not force:
        before.restore(store)  # somebody has moved an alias before the tombstone was written
        _refuse(model, pointing)
    reason = f"Version {version!r} {deletion}."
    for alias in pointing:
        registry.release(model, alias.alias, version, by, reason)
    _remove(store, model_version_prefix(model, version), {key})
    return {"model": model, "version": version, "deleted": deletion.public()}


def delete_dataset(store: Store, dataset: str, by: str) -> dict[str, Any]:
    """Deletes a dataset: its versions, and its name until somebody processes it again.

    Raises NotFound.
    """
    key, prefix = dataset_existence(dataset), f"datasets/{dataset}/"
    before = read(store, key)
    if not before.gone and next(iter(store.list(prefix)), None) is None:
        raise NotFound(f"There is no dataset {dataset!r}.")
    life = Life(store, "datasets", dataset)
    deletion = life.end(by, {})
    life.leave(before)
    _remove(store, prefix, {key})
    return {"dataset": dataset, "deleted": deletion.public()}


def delete_dataset_version(store: Store, dataset: str, version: str, by: str) -> dict[str, Any]:
    """Deletes a version of a dataset; the newest of the others is its latest from then on.

    Raises NotFound.
    """
    key = dataset_manifest(dataset, version)
    life = Life(store, "datasets", dataset)
    # Before and after: the latest version is never one that is deleted, wherever this ends early,
    # nor where a job has made it the latest meanwhile.
    _unpoint(store, dataset, version)
    try:
        deletion, _ = _bury(store, life, key, by)
    except KeyMissing:
        reason = fate(store, dataset_existence(dataset))
        raise NotFound(f"Dataset {dataset!r} has no version {version!r}.{reason}") from None
    _unpoint(store, dataset, version)
    _remove(store, dataset_version_prefix(dataset, version), {key})
    return {"dataset": dataset, "version": version, "deleted": deletion.public()}


def _unpoint(store: Store, dataset: str, version: str) -> None:
    """Removes the dataset's pointer if it names a version or is damaged: the versions tell then."""
    try:
        latest = Datasets(store).pointer(dataset).version
    except KeyMissing:
        return
    except Corrupted:
        latest = version
    if latest == version:
        store.delete([latest_key(dataset)])


class _Buried(msgspec.Struct, frozen=True):
    """A manifest that a tombstone has replaced."""

    key: str
    body: bytes
    tag: str

    def restore(self, store: Store) -> None:
        store.put(self.key, self.body, expected=self.tag)


def _bury(store: Store, life: Life, key: str, by: str) -> tuple[Deletion, _Buried | None]:
    """Puts a tombstone in place of a manifest, if there is none yet. Raises KeyMissing."""
    while True:
        found = store.get(key)
        if deletion := tombstone(found.body):
            return deletion, None
        deletion = life.count(by)
        body = msgspec.json.encode(Tombstone(deletion))
        try:
            tag = store.put(key, body, expected=found.etag)
        except PreconditionFailed:  # somebody else has deleted it, or repaired it
            continue
        return deletion, _Buried(key, found.body, tag)


def _pointing(registry: RegistryWriter, model: str, version: str | None = None) -> list[Alias]:
    """The aliases of a model that point at a version, or at any."""
    found, _ = registry.aliases(model)
    return [
        alias
        for alias in found.values()
        if alias.version is not None and version in (None, alias.version)
    ]


def _refuse_damaged(registry: RegistryWriter, model: str) -> None:
    """Raises Conflict where an alias is damaged: it may point at what is to be deleted."""
    _, damaged = registry.aliases(model)
    if damaged:
        raise Conflict(
            f"It cannot be read whether aliases of model {model!r} point at what would be "
            f"deleted, as these are damaged: {', '.join(damaged)}. Write them anew with PUT "
            f"/models/{model}/aliases/<alias>, or delete with ?force=true."
        )


def _refuse(model: str, pointing: Collection[Alias]) -> None:
    """Raises Conflict where there is an alias that points at what is to be deleted."""
    if not pointing:
        return
    named = ", ".join(f"{alias.alias!r} at {alias.version!r}" for alias in pointing)
    raise Conflict(
        f"Aliases of model {model!r} point at what would be deleted: {named}. Move them with PUT "
        f"/models/{model}/aliases/<alias>, or delete with ?force=true: then they point at nothing, "
        "and whoever asks by them is told so."
    )


def _remove(store: Store, prefix: str, kept: Collection[str]) -> None:
    """Removes all objects below a prefix but those that are kept. Raises Unavailable."""
    ends = time.monotonic() + _SECONDS
    keys: Iterable[str] = (entry.key for entry in store.list(prefix) if entry.key not in kept)
    for batch in batched(keys, _AT_ONCE, strict=False):
        if time.monotonic() > ends:
            raise Unavailable(
                "It is deleted, but some of its files remain. Send the same request again."
            )
        store.delete(batch)
