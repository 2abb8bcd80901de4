"""The versions of a model or a dataset, by the keys below a prefix."""

from common.store import KeyMissing, Reader
from common.tombstones import tombstone

_TOMBSTONE_BYTES = 1000
"""More than any tombstone has; manifests are larger."""


def written(store: Reader, prefix: str) -> dict[str, str]:
    """When each version was written, by version, in key order.

    This is the time of a version's oldest object. Its manifest may be written again later: by a
    repair, or by the announcement of a deletion. The order of versions does not change then.

    A small manifest without other files is a tombstone. A small manifest beside files may be a
    damaged one, or a tombstone beside the file of a late writer: only then it is read.
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
