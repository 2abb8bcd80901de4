"""Which versions of a model or a dataset there are, by the keys below a prefix."""

from common.store import Reader


def written(store: Reader, prefix: str) -> dict[str, str]:
    """When the manifest of each version was written, by version, in key order.

    A manifest that is alone is all that is left of a version that was deleted.
    """
    at: dict[str, str] = {}
    whole: set[str] = set()
    for entry in store.list(prefix):
        version, _, name = entry.key.removeprefix(prefix).partition("/")
        if name == "manifest.json":
            at[version] = entry.modified
        elif name:
            whole.add(version)
    return {version: modified for version, modified in at.items() if version in whole}
