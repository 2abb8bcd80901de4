"""Deleting models, datasets, and versions of them.

One conditional write decides. For a version, it replaces the manifest with a tombstone. For a model
or dataset, it changes the object that records whether it exists. From then on the version, model or
dataset is gone, and a job that was about to write it fails for good. The files are removed
afterwards. If that is interrupted, the same request finishes it. A repeated request counts as a
new deletion: jobs that were requested in between fail, too.

model_training deletes datasets, too, so that no other function needs the permission. It reads
datasets anyway, and data_processing, which reads uploads, cannot touch a model.
"""

import time
import uuid
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from itertools import batched
from typing import Any

import msgspec

from common.datasets import Datasets, decode_latest, latest_key
from common.datasets import manifest_key as dataset_manifest
from common.existence import (
    Existence,
    ExistenceWriter,
    dataset_existence,
    deletion_notice,
    model_existence,
)
from common.problems import Conflict, Corrupted, NotFound, Unavailable
from common.registry import Alias, decode_manifest
from common.registry import manifest_key as model_manifest
from common.registry_writer import RegistryWriter
from common.seals import announced, unannounced
from common.store import ABSENT, KeyMissing, Object, PreconditionFailed, Store
from common.tombstones import Deletion, Tombstone, tombstone

_SECONDS = 15.0
"""Seconds for removing files; the whole request has 20."""

_AT_ONCE = 1000
"""The most keys that S3 removes with one call."""

_TRIES = 20
"""How often a deletion starts again when another request changes the same object."""


def delete_model(store: Store, model: str, by: str, force: bool) -> dict[str, Any]:
    """Deletes a model with its versions and aliases. Training can make it anew later.

    by is the caller, who is recorded. Raises NotFound, Conflict while an alias points at a version
    (unless force is set), and Unavailable when one request cannot remove all files.
    """
    registry, existence = RegistryWriter(store), ExistenceWriter(store, "models", model)
    before = existence.read()
    if not before.gone and not _has_objects(store, existence.prefix):
        raise NotFound(f"There is no model {model!r}.")
    if not (force or before.gone):
        _refuse_pointed_at(registry, model)

    def end() -> Existence | None:
        announcement = "" if force else uuid.uuid4().hex
        if not (force or existence.announce(announcement).gone):
            try:
                _refuse_pointed_at(registry, model)
            except Conflict:
                existence.withdraw(announcement)
                raise
        pointed = {name: alias.version for name, alias in registry.aliases(model)[0].items()}
        return existence.delete(by, pointed, announcement)

    return {"model": model, "deleted": _end(store, existence, before, end).public()}


def delete_dataset(store: Store, dataset: str, by: str) -> dict[str, Any]:
    """Deletes a dataset with its versions. Processing can make it anew later.

    Raises NotFound, and Unavailable when one request cannot remove all files.
    """
    existence = ExistenceWriter(store, "datasets", dataset)
    before = existence.read()
    if not before.gone and not _has_objects(store, existence.prefix):
        raise NotFound(f"There is no dataset {dataset!r}.")
    deletion = _end(store, existence, before, lambda: existence.delete(by, {}))
    return {"dataset": dataset, "deleted": deletion.public()}


def _end(
    store: Store, existence: ExistenceWriter, before: Existence, end: Callable[[], Existence | None]
) -> Deletion:
    """Records a deletion with `end`, then removes the entry in the list and all files."""
    deletion = _until_done(end).deleted
    assert deletion is not None  # end has recorded one
    existence.remove_entry(before)
    _remove(store, existence.prefix, {existence.key}, lambda: existence.has_remains(deletion))
    existence.record_removal(deletion)
    return deletion


def delete_model_version(
    store: Store, model: str, version: str, by: str, force: bool
) -> dict[str, Any]:
    """Deletes a version of a model. Aliases that still point at it then point at no version.

    Raises NotFound, Conflict while an alias points at it (unless force is set), and Unavailable
    when one request cannot remove all files.
    """
    registry, key = RegistryWriter(store), model_manifest(model, version)

    def announce(current: Object) -> Object:
        return current if force else _announced(store, registry, model, version, current)

    try:
        marker = _write_tombstone(store, ExistenceWriter(store, "models", model), key, by, announce)
    except KeyMissing:
        reason = deletion_notice(store, model_existence(model))
        raise NotFound(f"Model {model!r} has no version {version!r}.{reason}") from None
    # Even without force: a forced deletion may have been interrupted after its tombstone.
    for alias in _pointing_at(version, registry.aliases(model)[0].values()):
        reason = f"Version {version!r} {marker.deleted}."
        registry.detach(model, alias.alias, version, by, reason)
    _remove_version_files(store, key, marker)
    return {"model": model, "version": version, "deleted": marker.deleted.public()}


def delete_dataset_version(store: Store, dataset: str, version: str, by: str) -> dict[str, Any]:
    """Deletes a version of a dataset. If it was the latest, the newest of the others becomes that.

    Raises NotFound, and Unavailable when one request cannot remove all files.
    """
    key = dataset_manifest(dataset, version)
    try:
        marker = _write_tombstone(
            store, ExistenceWriter(store, "datasets", dataset), key, by, lambda current: current
        )
    except KeyMissing:
        reason = deletion_notice(store, dataset_existence(dataset))
        raise NotFound(f"Dataset {dataset!r} has no version {version!r}.{reason}") from None
    # This follows the tombstone, so that a deletion that fails before it has changed nothing. If
    # this call fails, readers of the pointer fall back on the newest of the other versions.
    _remove_pointer(store, dataset, version)
    _remove_version_files(store, key, marker)
    return {"dataset": dataset, "version": version, "deleted": marker.deleted.public()}


def _remove_pointer(store: Store, dataset: str, version: str) -> None:
    """Removes the dataset's pointer if it names this version, or none that exists.

    Without a pointer, readers take the version that was written last.
    """
    key = latest_key(dataset)
    try:
        pointer = store.get(key)
    except KeyMissing:
        return
    try:
        latest = decode_latest(key, pointer.body).version
    except Corrupted:
        latest = version
    if latest == version or latest not in Datasets(store).versions(dataset):
        store.delete_unchanged(key, pointer.etag)


def _refuse_pointed_at(registry: RegistryWriter, model: str, version: str | None = None) -> None:
    """Raises Conflict where an alias points at the version (None: at any), or cannot be read."""
    aliases, damaged = registry.aliases(model)
    if damaged:
        raise Conflict(
            f"It cannot be read whether aliases of model {model!r} point at what would be "
            f"deleted, as these are damaged: {', '.join(damaged)}. Write them anew with PUT "
            f"/models/{model}/aliases/<alias>, or delete with ?force=true."
        )
    if pointing := _pointing_at(version, aliases.values()):
        named = ", ".join(f"{alias.alias!r} at {alias.version!r}" for alias in pointing)
        raise Conflict(
            f"Aliases of model {model!r} point at what would be deleted: {named}. Move them with "
            f"PUT /models/{model}/aliases/<alias>, or delete with ?force=true: then they point at "
            "nothing, and requests that use them are answered with 404."
        )


def _pointing_at(version: str | None, aliases: Iterable[Alias]) -> list[Alias]:
    """The aliases that point at a version (None: at any version)."""
    return [
        alias for alias in aliases if alias.version is not None and version in (None, alias.version)
    ]


def _announced(
    store: Store, registry: RegistryWriter, model: str, version: str, current: Object
) -> Object:
    """Announces a deletion in a version's manifest and returns the changed object.

    Aliases are checked before and after. Raises Conflict where one points at the version, and
    PreconditionFailed where the manifest has changed since it was read.
    """
    _refuse_pointed_at(registry, model, version)
    key = model_manifest(model, version)
    try:
        decode_manifest(current.body, key)
    except Corrupted:
        return current  # no alias can be moved to a damaged version
    body = announced(current.body)
    tag = store.put(key, body, expected=current.etag)
    try:
        _refuse_pointed_at(registry, model, version)
    except Conflict:
        with suppress(PreconditionFailed):  # the move of the alias has removed the announcement
            store.put(key, unannounced(body), expected=tag)
        raise
    return Object(body, tag)


def _write_tombstone(
    store: Store,
    existence: ExistenceWriter,
    key: str,
    by: str,
    announce: Callable[[Object], Object],
) -> Tombstone:
    """Replaces a manifest, or an older tombstone, with a tombstone and returns it.

    announce is called with the manifest before that, and returns the manifest that is replaced.
    Raises KeyMissing where there is no such version, and Conflict.
    """

    def bury() -> Tombstone | None:
        current = _stored_manifest(store, existence, key)
        with suppress(PreconditionFailed):
            current = announce(current) if tombstone(current.body) is None else current
            marker = Tombstone(existence.record_deletion(by), remains=True)
            store.put(key, msgspec.json.encode(marker), expected=current.etag)
            return marker
        return None

    return _until_done(bury)


def _stored_manifest(store: Store, existence: ExistenceWriter, key: str) -> Object:
    """The object at the key of a manifest; an empty one if only files of the version are left.

    Raises KeyMissing where there is no such version.
    """
    try:
        return store.get(key)
    except KeyMissing:
        if existence.read().gone or not _has_objects(store, _folder(key)):
            raise
        return Object(b"", ABSENT)


def _remove_version_files(store: Store, key: str, marker: Tombstone) -> None:
    """Removes the files of a version and records that in its tombstone. Raises Unavailable."""
    _remove(store, _folder(key), {key}, lambda: _stored_tombstone(store, key)[0] == marker)
    stored_marker, tag = _stored_tombstone(store, key)
    if stored_marker == marker:
        with suppress(PreconditionFailed):  # another request has recorded it
            store.put(key, msgspec.json.encode(Tombstone(marker.deleted)), expected=tag)


def _stored_tombstone(store: Store, key: str) -> tuple[Tombstone | None, str]:
    """The tombstone at a manifest's key (None if there is none), and its tag."""
    try:
        stored_object = store.get(key)
    except KeyMissing:  # all of the model or dataset was deleted meanwhile
        return None, ABSENT
    return tombstone(stored_object.body), stored_object.etag


def _folder(manifest_key: str) -> str:
    return manifest_key.removesuffix("manifest.json")


def _until_done[T](action: Callable[[], T | None]) -> T:
    """Repeats an action until it returns a value. Raises Conflict after _TRIES calls."""
    for _ in range(_TRIES):
        if (result := action()) is not None:
            return result
    raise Conflict("Other requests keep changing the same object. Try again later.")


def _has_objects(store: Store, prefix: str, but: Collection[str] = ()) -> bool:
    """Whether there are objects below a prefix, other than the keys in `but`."""
    entries = store.list(prefix, at_once=len(but) + 1)
    return any(entry.key not in but for entry in entries)


def _remove(store: Store, prefix: str, kept: Collection[str], remains: Callable[[], bool]) -> None:
    """Removes all objects below a prefix but the kept ones, while remains() is true.

    Once another request has removed them all, new objects may be written there: those stay. Raises
    Unavailable when time runs out.
    """
    ends = time.monotonic() + _SECONDS
    entries = (entry for entry in store.list(prefix) if entry.key not in kept)
    try:
        for batch in batched(entries, _AT_ONCE, strict=False):
            if time.monotonic() > ends:
                raise Unavailable("One request cannot remove so many files.")
            if not remains():
                return
            store.delete_listed(batch)
    except Unavailable as problem:
        raise Unavailable(
            "It is deleted, but some of its files remain, and may still be used until they are "
            f"removed: send the same request again. {problem.detail}"
        ) from problem
