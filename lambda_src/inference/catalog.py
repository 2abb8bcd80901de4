"""Lists of models and of their versions, with metrics and aliases."""

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
"""The most moves of all aliases of a model in one answer; each alias shows at least ten."""


def models(registry: Registry, page: Page) -> dict[str, Any]:
    """A page of models, newest first, with the version that each of their aliases points at."""
    listed, more = newest.rows(page, registry.models(page), lambda token: _row(registry, token))
    return {"models": listed, **more}


def _row(registry: Registry, token: str) -> Row:
    try:
        listed = registry.listed(token)
    except Corrupted:
        return None, [model_existence(newest.split(token)[1])]
    if listed is None:
        return None, ()
    model, existence = listed
    aliases, damaged = registry.aliases(model)
    is_pointed_at = damaged or any(alias.version for alias in aliases.values())
    if not is_pointed_at and not registry.versions(model):
        return None, ()  # the first version is being written, or all versions were deleted
    created = {"created_at": existence.created_at} if existence.created_at else {}
    pointing = {name: alias.version for name, alias in aliases.items()}
    return {"model": model, **created, "aliases": pointing}, damaged


def _recent(aliases: dict[str, Alias]) -> dict[str, Alias]:
    """The aliases, each with as many of its newest moves as fit into an answer."""
    most = max(10, _MOVES // max(1, len(aliases)))
    return {
        name: msgspec.structs.replace(alias, history=alias.history[-most:])
        for name, alias in aliases.items()
    }


def version(registry: Registry, model: str, name: str) -> bytes:
    """A version's manifest as JSON.

    Manifests up to 0.4.0 have no signature: it is added here. Raises NotFound and Corrupted.
    """
    manifest = registry.version(model, name)
    if manifest.signature is None:
        try:
            signature = tasks.signature(manifest.task, manifest.inputs, manifest.labels)
        except (ImportError, LookupError, TypeError, ValueError):  # the manifest was altered
            return encode_manifest(manifest)
        manifest = msgspec.structs.replace(manifest, signature=signature)
    return encode_manifest(manifest)


class _ShownFields(msgspec.Struct):
    """The fields of a manifest that a list of versions shows."""

    task: str
    selected: str
    metrics: dict[str, dict[str, Any]]


def _entry(
    registry: Registry, model: str, version: str, aliases: Mapping[str, Alias]
) -> tuple[dict[str, Any], str | None]:
    """The fields that a list adds to a version's name, and the key of its manifest if damaged."""
    pointing = sorted(name for name, alias in aliases.items() if alias.version == version)
    entry: dict[str, Any] = {"aliases": pointing}
    key = manifest_key(model, version)
    try:
        fields = stored(key, registry.manifest(model, version), _ShownFields, DAMAGED_MANIFEST)
    except Corrupted:
        return entry, key
    except NotFound:  # deleted meanwhile
        return entry, None
    metrics = {name: metric.get("value") for name, metric in fields.metrics.items()}
    return {**entry, "task": fields.task, "selected": fields.selected, "metrics": metrics}, None


def model(registry: Registry, name: str, page: Page) -> dict[str, Any]:
    """A page of a model's versions, newest first, and its aliases with their newest moves.

    Raises NotFound.
    """
    versions, damaged = registry.versions(name), []
    try:
        is_there = registry.listed(f".{name}") is not None
    except Corrupted:
        is_there, damaged = True, [model_existence(name)]
    if not (is_there and versions):  # versions remain while a deleted model is being removed
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
