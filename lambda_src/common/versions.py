"""Which versions of a model or a dataset there are, by the keys below a prefix."""

from common.store import KeyMissing, Reader
from common.tombstones import tombstone

_TOMBSTONE_BYTES = 1000
"""Who has deleted it takes half of it at most; a manifest has more."""


def written(store: Reader, prefix: str) -> dict[str, str]:
    """When each version was written, by version, in key order: the first of what there is of it.

    Its manifest is the last of that, and may be written again later: by a deletion that announces
    itself, a move of an alias that takes this back, a repair. The order of versions stays.

    A manifest that is as small as a tombstone and alone is one. Beside files it may be a damaged
    manifest, or a tombstone that a late writer has left a file with: it is read.
    """
    first: dict[str, str] = {}
    published: set[str] = set()
    small: set[str] = set()
    filed: set[str] = set()
    for entry in store.list(prefix):
        version, _, name = entry.key.removeprefix(prefix).partition("/")
        first[version] = min(entry.modified, first.get(version, entry.modified))
        if name == "manifest.json":
            published.add(version)
            if entry.size <= _TOMBSTONE_BYTES:
                small.add(version)
        elif name:
            filed.add(version)
    for version in small:
        if version not in filed or _is_deleted(store, f"{prefix}{version}/manifest.json"):
            published.remove(version)
    return {version: at for version, at in first.items() if version in published}


def _is_deleted(store: Reader, key: str) -> bool:
    try:
        return tombstone(store.get(key).body) is not None
    except KeyMissing:
        return True
