"""Deleting raw data.

An empty object stays at the key. Its metadata says when the data was deleted, and by whom.
"""

import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import msgspec

from common.decoding import Key, Name, convert
from common.existence import shortened
from common.problems import NotFound, Unavailable, Unprocessable
from common.sources import RAW, is_raw
from common.store import KeyMissing, Store, impossible
from common.times import timestamp

_SECONDS = 15.0
"""Seconds for deleting objects; the whole request has 20."""


class _Selection(msgspec.Struct, frozen=True):
    """What the query selects: one object, or all raw data of a dataset."""

    key: Key | None = None
    dataset: Name | None = None


def delete_raw(store: Store, query: Mapping[str, str], by: str) -> dict[str, Any]:
    """Deletes one object (`key` in the query), or all raw data of a dataset (`dataset`).

    by is the caller, who is recorded. Raises Unprocessable unless the query has exactly one of
    both, NotFound where nothing matches, and Unavailable when one request cannot delete it all.
    """
    by = shortened(by)
    selected = convert(
        {name: query[name] for name in ("key", "dataset") if name in query}, _Selection
    )
    if (selected.key is None) == (selected.dataset is None):
        raise Unprocessable("Name what to delete: either ?key=raw/... or ?dataset=<name>.")
    if selected.key is not None:
        return {"key": selected.key, "deleted": _delete(store, selected.key, by)}
    at, count = timestamp(), 0
    ends = time.monotonic() + _SECONDS
    for entry in store.list(f"{RAW}{selected.dataset}/"):
        count += 1
        if time.monotonic() > ends:
            raise Unavailable("There is more to delete than fits into a request: send it again.")
        if entry.size:  # an empty object was deleted before
            with suppress(KeyMissing):
                store.bury(entry.key, at, by)
    if not count:
        raise NotFound(f"There is no raw data of dataset {selected.dataset!r}.")
    return {"dataset": selected.dataset, "deleted": {"at": at, "by": by}}


def _delete(store: Store, key: str, by: str) -> dict[str, str]:
    try:
        if not is_raw(key) or impossible(key):
            raise KeyMissing(key)
        at, by = store.bury(key, timestamp(), by)
    except KeyMissing:
        raise NotFound(f"There is no object {key!r:.200} below {RAW}.") from None
    return {"at": at, "by": by}
