"""Deleting raw data: what is left of an object has no bytes and says when and by whom."""

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
"""How long objects are deleted for one request: it has 20 seconds in all."""


class _Raw(msgspec.Struct, frozen=True):
    """What to delete, as the query names it."""

    key: Key | None = None
    dataset: Name | None = None


def delete_raw(store: Store, query: Mapping[str, str], by: str) -> dict[str, Any]:
    """Deletes the object that the query names by its key, or all that were sent for a dataset.

    Raises Unprocessable, NotFound, and Unavailable when there is more than fits into a request.
    """
    by = shortened(by)
    named = convert({name: query[name] for name in ("key", "dataset") if name in query}, _Raw)
    if (named.key is None) == (named.dataset is None):
        raise Unprocessable("Name what to delete: either ?key=raw/... or ?dataset=<name>.")
    if named.key is not None:
        return {"key": named.key, "deleted": _delete(store, named.key, by)}
    at, found = timestamp(), 0
    ends = time.monotonic() + _SECONDS
    for entry in store.list(f"{RAW}{named.dataset}/"):
        found += 1
        if time.monotonic() > ends:
            raise Unavailable("There is more to delete than fits into a request: send it again.")
        if entry.size:  # what was deleted before has no bytes
            with suppress(KeyMissing):
                store.bury(entry.key, at, by)
    if not found:
        raise NotFound(f"There is no raw data of dataset {named.dataset!r}.")
    return {"dataset": named.dataset, "deleted": {"at": at, "by": by}}


def _delete(store: Store, key: str, by: str) -> dict[str, str]:
    try:
        if not is_raw(key) or impossible(key):
            raise KeyMissing(key)
        at, by = store.bury(key, timestamp(), by)
    except KeyMissing:
        raise NotFound(f"There is no object {key!r:.200} below {RAW}.") from None
    return {"at": at, "by": by}
