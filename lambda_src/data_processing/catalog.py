"""Lists of datasets and of their versions."""

from typing import Any

from common import newest
from common.datasets import Datasets
from common.existence import dataset_existence
from common.newest import Page, Row
from common.problems import Corrupted, NotFound


def list_datasets(datasets: Datasets, page: Page) -> dict[str, Any]:
    """A page of the bucket's datasets, newest first, each with its newest version.

    The answer has the fields `datasets`, `next` if there are more, and `damaged` with the keys of
    objects that cannot be read.
    """
    listed, more = newest.rows(page, datasets.names(page), lambda token: _row(datasets, token))
    return {"datasets": listed, **more}


def _row(datasets: Datasets, token: str) -> Row:
    try:
        listed = datasets.listed(token)
    except Corrupted:
        return None, [dataset_existence(newest.split(token)[1])]
    if listed is None:
        return None, ()
    name, existence = listed
    try:
        latest, damaged = datasets.newest(name)
    except NotFound:  # its first version is being written, or all versions were deleted
        return None, ()
    created = {"created_at": existence.created_at} if existence.created_at else {}
    return {"dataset": name, **created, "latest": latest.version}, damaged


def show_dataset(datasets: Datasets, name: str, page: Page) -> dict[str, Any]:
    """A page of a dataset's versions, newest first, and the name of the newest one.

    Raises NotFound for a dataset that has no version.
    """
    latest, damaged = datasets.newest(name)
    versions = datasets.present(name)
    if latest.version not in versions:  # deleted since it was read
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
