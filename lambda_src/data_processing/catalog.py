"""What datasets there are."""

from typing import Any

from common.datasets import Datasets
from common.problems import NotFound


def list_datasets(datasets: Datasets) -> dict[str, Any]:
    """Every dataset that has a version, and its newest one."""
    found, damaged = [], []
    for name in datasets.names():
        try:
            latest, unreadable = datasets.newest(name)
        except NotFound:  # its first version is being written
            continue
        found.append({"dataset": name, "latest": latest.version})
        damaged += unreadable
    return {"datasets": found, **_named(damaged)}


def show_dataset(datasets: Datasets, name: str) -> dict[str, Any]:
    """A dataset's versions, newest first. Raises NotFound."""
    latest, damaged = datasets.newest(name)
    versions = datasets.versions(name)
    if not versions:
        raise datasets.missing(name)
    written = sorted(versions.items(), key=lambda item: item[1], reverse=True)
    return {
        "dataset": name,
        "latest": latest.version,
        "versions": [{"version": version, "created_at": at} for version, at in written],
        **_named(damaged),
    }


def _named(damaged: list[str]) -> dict[str, list[str]]:
    """The keys of objects that were found to be damaged, if any."""
    return {"damaged": damaged} if damaged else {}
