"""What datasets there are."""

from typing import Any

from common.datasets import Datasets
from common.problems import NotFound


def list_datasets(datasets: Datasets) -> dict[str, Any]:
    """Every dataset that has a version, and its newest one."""
    found = []
    for name in datasets.names():
        try:
            found.append({"dataset": name, "latest": datasets.latest(name).version})
        except NotFound:  # its first version is being written
            continue
    return {"datasets": found}


def show_dataset(datasets: Datasets, name: str) -> dict[str, Any]:
    """A dataset's versions, newest first. Raises NotFound."""
    latest = datasets.latest(name)
    written = sorted(datasets.versions(name).items(), key=lambda item: item[1], reverse=True)
    return {
        "dataset": name,
        "latest": latest.version,
        "versions": [{"version": version, "created_at": at} for version, at in written],
    }
