"""What models there are: their versions, metrics and where their aliases have pointed."""

from typing import Any

import msgspec

from common.problems import NotFound
from common.registry import Registry


def models(registry: Registry) -> dict[str, Any]:
    """Every model and the version that each of its aliases is at."""
    return {
        "models": [
            {
                "model": model,
                "aliases": {name: at.version for name, at in registry.aliases(model).items()},
            }
            for model in registry.models()
        ]
    }


def model(registry: Registry, name: str) -> dict[str, Any]:
    """A model's versions, newest first, and its aliases with their history. Raises NotFound."""
    versions = registry.versions(name)
    if not versions:
        raise NotFound(f"There is no model {name!r}. POST /model_training makes one.")
    return {
        "model": name,
        "versions": [
            {"version": version, "created_at": created_at}
            for version, created_at in reversed(versions.items())
        ],
        "aliases": msgspec.to_builtins(registry.aliases(name)),
    }
