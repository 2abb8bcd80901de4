"""What models there are: their versions, metrics and where their aliases have pointed."""

from collections.abc import Mapping
from typing import Any

import msgspec

import tasks
from common import newest
from common.decoding import stored
from common.existence import model_existence
from common.newest import Page, Row
from common.problems import Corrupted, NotFound
from common.registry import DAMAGED_MANIFEST, Alias, Registry, encode_manifest, manifest_key

_MOVES = 500
"""Of all aliases of a model together, in one answer; each has a few at least."""


def models(registry: Registry, page: Page) -> dict[str, Any]:
    """The models of a page, newest first, and the version that each of their aliases is at."""
    listed, more = newest.rows(page, registry.models(page), lambda token: _row(registry, token))
    return {"models": listed, **more}


def _row(registry: Registry, token: str) -> Row:
    try:
        found = registry.listed(token)
    except Corrupted:
        return None, [model_existence(newest.split(token)[1])]
    if found is None:
        return None, ()
    model, existence = found
    aliases, damaged = registry.aliases(model)
    is_pointed_at = damaged or any(alias.version for alias in aliases.values())
    if not is_pointed_at and not registry.versions(model):
        return None, ()  # the first version is being written, or all were deleted
    since = {"created_at": existence.created_at} if existence.created_at else {}
    pointing = {name: alias.version for name, alias in aliases.items()}
    return {"model": model, **since, "aliases": pointing}, damaged


def _recent(aliases: dict[str, Alias]) -> dict[str, Alias]:
    """The aliases with as many of their newest moves as fit into an answer."""
    most = max(10, _MOVES // max(1, len(aliases)))
    return {
        name: msgspec.structs.replace(alias, history=alias.history[-most:])
        for name, alias in aliases.items()
    }


def version(registry: Registry, model: str, name: str) -> bytes:
    """A version's manifest, with its signature also where it is older than signatures.

    Raises NotFound and Corrupted.
    """
    manifest = registry.version(model, name)
    if manifest.signature is None:
        try:
            found = tasks.signature(manifest.task, manifest.inputs, manifest.labels)
        except (ImportError, LookupError, TypeError, ValueError):  # it was altered
            return encode_manifest(manifest)
        manifest = msgspec.structs.replace(manifest, signature=found)
    return encode_manifest(manifest)


class _Evaluated(msgspec.Struct):
    """What a version's manifest says of how it was chosen."""

    task: str
    selected: str
    metrics: dict[str, dict[str, Any]]


def _entry(
    registry: Registry, model: str, version: str, aliases: Mapping[str, Alias]
) -> tuple[dict[str, Any], str | None]:
    """What a list shows of a version beside its name, and the key of its manifest if damaged."""
    pointing = sorted(name for name, alias in aliases.items() if alias.version == version)
    entry: dict[str, Any] = {"aliases": pointing}
    key = manifest_key(model, version)
    try:
        found = stored(key, registry.manifest(model, version), _Evaluated, DAMAGED_MANIFEST)
    except Corrupted:
        return entry, key
    except NotFound:  # it was deleted in between
        return entry, None
    metrics = {name: metric.get("value") for name, metric in found.metrics.items()}
    return {**entry, "task": found.task, "selected": found.selected, "metrics": metrics}, None


def model(registry: Registry, name: str, page: Page) -> dict[str, Any]:
    """A page of a model's versions, newest first, and its aliases with their newest moves.

    Raises NotFound.
    """
    versions, damaged = registry.versions(name), []
    try:
        is_there = registry.listed(f".{name}") is not None
    except Corrupted:
        is_there, damaged = True, [model_existence(name)]
    if not (is_there and versions):  # while a deleted one is being removed, versions are left
        notice = registry.deletion_notice(name)
        raise NotFound(f"There is no model {name!r}.{notice} POST /model_training makes one.")
    shown, more = newest.versions(versions, page)
    aliases, damaged_aliases = registry.aliases(name)
    entries = newest.at_once(lambda one: _entry(registry, name, one["version"], aliases), shown)
    damaged += [key for _, key in entries if key is not None] + damaged_aliases
    return {
        "model": name,
        "versions": [{**one, **entry} for one, (entry, _) in zip(shown, entries, strict=True)],
        "aliases": msgspec.to_builtins(_recent(aliases)),
        **more,
        **({"damaged": damaged} if damaged else {}),
    }
