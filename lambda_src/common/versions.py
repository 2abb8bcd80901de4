"""Which versions of a model or a dataset there are, by the keys below a prefix."""

from common.store import KeyMissing, Reader

_TOMBSTONE_BYTES = 1000
"""The longest name of a caller has half of it; a manifest has more."""


def written(store: Reader, prefix: str) -> dict[str, str]:
    """When the manifest of each version was written, by version, in key order.

    A manifest that is alone is all that is left of a version that was deleted. A run that was
    stopped before that and wakes up later may have left a file there, too: what is as small as a
    tombstone is read.
    """
    at: dict[str, str] = {}
    doubtful: list[str] = []
    whole: set[str] = set()
    for entry in store.list(prefix):
        version, _, name = entry.key.removeprefix(prefix).partition("/")
        if name == "manifest.json":
            at[version] = entry.modified
            if entry.size <= _TOMBSTONE_BYTES:
                doubtful.append(version)
        elif name:
            whole.add(version)
    for version in whole.intersection(doubtful):
        if _is_deleted(store, f"{prefix}{version}/manifest.json"):
            whole.remove(version)
    return {version: modified for version, modified in at.items() if version in whole}


def _is_deleted(store: Reader, key: str) -> bool:
    from common.existence import tombstone  # there is hardly ever a need of it

    try:
        return tombstone(store.get(key).body) is not None
    except KeyMissing:
        return True
