"""What models there are: their versions, metrics and where their aliases have pointed."""

from typing import Any

import msgspec

from common.problems import NotFound
from common.registry import Registry


def models(registry: Registry) -> dict[str, Any]:
    """Every model and the version that each of its aliases is at."""
    listed, damaged = [], []
    for model in registry.models():
        aliases, unreadable = registry.aliases(model)
        listed.append({"model": model, "aliases": {n: one.version for n, one in aliases.items()}})
        damaged += unreadable
    return {"models": listed, **_named(damaged)}


def model(registry: Registry, name: str) -> dict[str, Any]:
    """A model's versions, newest first, and its aliases with their history. Raises NotFound."""
    versions = registry.versions(name)
    if not versions:
        raise NotFound(
            f"There is no model {name!r}.{registry.fate(name)} POST /model_training makes one."
        )
    aliases, damaged = registry.aliases(name)
    return {
        "model": name,
        "versions": [
            {"version": version, "created_at": created_at}
            for version, created_at in reversed(versions.items())
        ],
        "aliases": msgspec.to_builtins(aliases),
        **_named(damaged),
    }


def _named(damaged: list[str]) -> dict[str, list[str]]:
    """The keys of objects that a list leaves out because they are damaged."""
    return {"damaged": damaged} if damaged else {}
