"""Deleting models, datasets, and versions of them.

What decides is one conditional write: of a tombstone in place of a version's manifest, or of the
object that says whether a model or dataset exists. From then on it is gone, and whoever was about
to write it fails for good. Its files are removed after that; what was left undone is finished when
the same is asked again. That is a deletion of its own, also of what is gone: jobs that were asked
for in between are too late for it.

This function does so for datasets, too, so that no other one may delete anything: it reads them
anyway, while whoever reads uploads stays unable to touch a model.
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
    Life,
    dataset_existence,
    fate,
    model_existence,
)
from common.problems import Conflict, Corrupted, NotFound, Unavailable
from common.registry import Alias, RegistryWriter, decode_manifest
from common.registry import manifest_key as model_manifest
from common.seals import announced, unannounced
from common.store import ABSENT, KeyMissing, Object, PreconditionFailed, Store
from common.tombstones import Deletion, Tombstone, tombstone

_SECONDS = 15.0
"""How long files are removed for one request: it has 20 seconds in all."""

_AT_ONCE = 1000
"""Keys that S3 removes with one call."""

_TRIES = 20
"""How often a deletion begins again because somebody else changes the same at that moment."""


def delete_model(store: Store, model: str, by: str, force: bool) -> dict[str, Any]:
    """Deletes a model: its versions, its aliases, and its name until somebody trains it again.

    Raises NotFound, and Conflict while an alias points at a version, unless forced.
    """
    registry, life = RegistryWriter(store), Life(store, "models", model)
    before = life.found()
    if not before.gone and not _is_any(store, life.prefix):
        raise NotFound(f"There is no model {model!r}.")
    if not (force or before.gone):
        _refuse_pointed_at(registry, model)

    def end() -> Existence | None:
        announcement = "" if force else uuid.uuid4().hex
        if not (force or life.announce(announcement).gone):
            try:
                _refuse_pointed_at(registry, model)
            except Conflict:
                life.withdraw(announcement)
                raise
        pointed = {name: alias.version for name, alias in registry.aliases(model)[0].items()}
        return life.end(by, pointed, announcement)

    return {"model": model, "deleted": _end(store, life, before, end).public()}


def delete_dataset(store: Store, dataset: str, by: str) -> dict[str, Any]:
    """Deletes a dataset: its versions, and its name until somebody processes it again.

    Raises NotFound.
    """
    life = Life(store, "datasets", dataset)
    before = life.found()
    if not before.gone and not _is_any(store, life.prefix):
        raise NotFound(f"There is no dataset {dataset!r}.")
    deletion = _end(store, life, before, lambda: life.end(by, {}))
    return {"dataset": dataset, "deleted": deletion.public()}


def _end(
    store: Store, life: Life, before: Existence, end: Callable[[], Existence | None]
) -> Deletion:
    """Ends what was as before, and removes its files."""
    deletion = _repeated(end).deleted
    assert deletion is not None  # who is gone was deleted
    life.leave(before)
    _remove(store, life.prefix, {life.key}, lambda: life.remains(deletion))
    life.removed(deletion)
    return deletion


def delete_model_version(
    store: Store, model: str, version: str, by: str, force: bool
) -> dict[str, Any]:
    """Deletes a version of a model. Aliases that still point at it point at nothing from then on.

    Raises NotFound, and Conflict while an alias points at it, unless forced.
    """
    registry, key = RegistryWriter(store), model_manifest(model, version)

    def announce(found: Object) -> Object:
        return found if force else _announced(store, registry, model, version, found)

    try:
        left = _bury(store, Life(store, "models", model), key, by, announce)
    except KeyMissing:
        reason = fate(store, model_existence(model))
        raise NotFound(f"Model {model!r} has no version {version!r}.{reason}") from None
    # Also when not forced: a forced deletion may have been broken off after its tombstone.
    for alias in _at(version, registry.aliases(model)[0].values()):
        reason = f"Version {version!r} {left.deleted}."
        registry.release(model, alias.alias, version, by, reason)
    _clear(store, key, left)
    return {"model": model, "version": version, "deleted": left.deleted.public()}


def delete_dataset_version(store: Store, dataset: str, version: str, by: str) -> dict[str, Any]:
    """Deletes a version of a dataset; the newest of the others is its latest from then on.

    Raises NotFound.
    """
    key = dataset_manifest(dataset, version)
    try:
        left = _bury(store, Life(store, "datasets", dataset), key, by, lambda found: found)
    except KeyMissing:
        reason = fate(store, dataset_existence(dataset))
        raise NotFound(f"Dataset {dataset!r} has no version {version!r}.{reason}") from None
    # After it: a deletion that fails before has changed nothing. Who reads the pointer of one that
    # ends here takes the newest of the others.
    _unpoint(store, dataset, version)
    _clear(store, key, left)
    return {"dataset": dataset, "version": version, "deleted": left.deleted.public()}


def _unpoint(store: Store, dataset: str, version: str) -> None:
    """Removes the dataset's pointer if it names a version or nothing: the versions tell then."""
    key = latest_key(dataset)
    try:
        found = store.get(key)
    except KeyMissing:
        return
    try:
        latest = decode_latest(key, found.body).version
    except Corrupted:
        latest = version
    if latest == version or latest not in Datasets(store).versions(dataset):
        store.delete_unchanged(key, found.etag)


def _refuse_pointed_at(registry: RegistryWriter, model: str, version: str | None = None) -> None:
    """Raises Conflict where an alias points at what is to be deleted, or is damaged and may."""
    found, damaged = registry.aliases(model)
    if damaged:
        raise Conflict(
            f"It cannot be read whether aliases of model {model!r} point at what would be "
            f"deleted, as these are damaged: {', '.join(damaged)}. Write them anew with PUT "
            f"/models/{model}/aliases/<alias>, or delete with ?force=true."
        )
    if pointing := _at(version, found.values()):
        named = ", ".join(f"{alias.alias!r} at {alias.version!r}" for alias in pointing)
        raise Conflict(
            f"Aliases of model {model!r} point at what would be deleted: {named}. Move them with "
            f"PUT /models/{model}/aliases/<alias>, or delete with ?force=true: then they point at "
            "nothing, and whoever asks by them is told so."
        )


def _at(version: str | None, aliases: Iterable[Alias]) -> list[Alias]:
    """The aliases that point at a version, or at any."""
    return [
        alias for alias in aliases if alias.version is not None and version in (None, alias.version)
    ]


def _announced(
    store: Store, registry: RegistryWriter, model: str, version: str, found: Object
) -> Object:
    """A version's manifest, as it says that it is about to be deleted: no alias points there.

    Raises Conflict, and PreconditionFailed where it is not what was found any more.
    """
    _refuse_pointed_at(registry, model, version)
    key = model_manifest(model, version)
    try:
        decode_manifest(found.body, key)
    except Corrupted:
        return found  # no alias can be pointed there
    body = announced(found.body)
    tag = store.put(key, body, expected=found.etag)
    try:
        _refuse_pointed_at(registry, model, version)
    except Conflict:
        with suppress(PreconditionFailed):  # whoever has pointed there has taken it away
            store.put(key, unannounced(body), expected=tag)
        raise
    return Object(body, tag)


def _bury(
    store: Store, life: Life, key: str, by: str, announce: Callable[[Object], Object]
) -> Tombstone:
    """Puts a tombstone in place of a manifest, or of an older tombstone.

    announce is called with the manifest before that. Raises KeyMissing and Conflict.
    """

    def bury() -> Tombstone | None:
        found = _standing(store, life, key)
        with suppress(PreconditionFailed):
            found = announce(found) if tombstone(found.body) is None else found
            left = Tombstone(life.number(by), remains=True)
            store.put(key, msgspec.json.encode(left), expected=found.etag)
            return left
        return None

    return _repeated(bury)


def _standing(store: Store, life: Life, key: str) -> Object:
    """What is at the key of a manifest: nothing if that was lost and the version has files.

    Raises KeyMissing where there is no such version.
    """
    try:
        return store.get(key)
    except KeyMissing:
        if life.found().gone or not _is_any(store, _folder(key)):
            raise
        return Object(b"", ABSENT)


def _clear(store: Store, key: str, left: Tombstone) -> None:
    """Removes the files of a version, and says so in its tombstone. Raises Unavailable."""
    _remove(store, _folder(key), {key}, lambda: _left(store, key)[0] == left)
    found, tag = _left(store, key)
    if found == left:
        with suppress(PreconditionFailed):  # another request has done so
            store.put(key, msgspec.json.encode(Tombstone(left.deleted)), expected=tag)


def _left(store: Store, key: str) -> tuple[Tombstone | None, str]:
    """The tombstone at a manifest's key, if there still is one, and its tag."""
    try:
        found = store.get(key)
    except KeyMissing:  # all of the model or dataset was deleted meanwhile
        return None, ABSENT
    return tombstone(found.body), found.etag


def _folder(manifest_key: str) -> str:
    return manifest_key.removesuffix("manifest.json")


def _repeated[T](action: Callable[[], T | None]) -> T:
    """What an action returns, repeated while others are in its way. Raises Conflict."""
    for _ in range(_TRIES):
        if (result := action()) is not None:
            return result
    raise Conflict("Others change the same at this moment, again and again. Try again later.")


def _is_any(store: Store, prefix: str, but: Collection[str] = ()) -> bool:
    """Whether there are objects below a prefix, but for some."""
    entries = store.list(prefix, at_once=len(but) + 1)
    return any(entry.key not in but for entry in entries)


def _remove(store: Store, prefix: str, kept: Collection[str], remains: Callable[[], bool]) -> None:
    """Removes all objects below a prefix but those that are kept, while they are to be removed.

    Once another request has removed them, new ones may be there. Raises Unavailable.
    """
    ends = time.monotonic() + _SECONDS
    entries = (entry for entry in store.list(prefix) if entry.key not in kept)
    try:
        for batch in batched(entries, _AT_ONCE, strict=False):
            if time.monotonic() > ends:
                raise Unavailable("There are more of them than fit into a request.")
            if not remains():
                return
            store.delete_listed(batch)
    except Unavailable as problem:
        raise Unavailable(
            "It is deleted, but some of its files remain, and may still be used until they are "
            f"removed: send the same request again. {problem.detail}"
        ) from problem
