"""What datasets there are."""

from typing import Any

from common import newest
from common.datasets import Datasets
from common.existence import dataset_existence
from common.newest import Page, Row
from common.problems import Corrupted, NotFound


def list_datasets(datasets: Datasets, page: Page) -> dict[str, Any]:
    """The datasets of a page, newest first, and the newest version of each."""
    listed, more = newest.rows(page, datasets.names(page), lambda token: _row(datasets, token))
    return {"datasets": listed, **more}


def _row(datasets: Datasets, token: str) -> Row:
    try:
        found = datasets.listed(token)
    except Corrupted:
        return None, [dataset_existence(newest.split(token)[1])]
    if found is None:
        return None, ()
    name, existence = found
    try:
        latest, damaged = datasets.newest(name)
    except NotFound:  # its first version is being written, or all were deleted
        return None, ()
    since = {"created_at": existence.created_at} if existence.created_at else {}
    return {"dataset": name, **since, "latest": latest.version}, damaged


def show_dataset(datasets: Datasets, name: str, page: Page) -> dict[str, Any]:
    """A page of a dataset's versions, newest first. Raises NotFound."""
    latest, damaged = datasets.newest(name)
    versions = datasets.present(name)
    if latest.version not in versions:  # it was deleted in between
        latest = datasets.newest_of(versions)
    try:
        datasets.listed(f".{name}")
    except Corrupted:
        damaged = [*damaged, dataset_existence(name)]
    shown, more = newest.versions(versions, page)
    return {
        "dataset": name,
        "latest": latest.version,
        "versions": shown,
        **more,
        **({"damaged": damaged} if damaged else {}),
    }
