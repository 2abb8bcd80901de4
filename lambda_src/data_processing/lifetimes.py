"""How long the photos of an upload are kept: the latest request that names them decides.

S3 tags objects without conditions. A run that was stopped for a while could therefore overwrite the
tag of a later request. So the latest request is recorded in an object, which is written by
compare-and-swap. After tagging, each run reads that object again and corrects its tag.
"""

import hashlib
from datetime import datetime
from typing import Annotated

import msgspec

from common.datasets import KEPT, SHORT_LIVED
from common.decoding import stored
from common.problems import Corrupted
from common.seals import encoded
from common.store import ABSENT, KeyMissing, PreconditionFailed, Store


class Lifetime(msgspec.Struct, frozen=True):
    """Whether a request keeps the photos of its upload, and when the request was sent."""

    keeps: bool
    asked_at: Annotated[datetime, msgspec.Meta(tz=True)]


def settle(store: Store, key: str, asked: Lifetime) -> None:
    """Tags the upload at key as the latest request asks, be it this one or a later one.

    Raises KeyMissing when the upload is gone.
    """
    latest_request = _recorded(store, _lifetime_key(key), asked)
    while True:
        store.tag(key, KEPT if latest_request.keeps else SHORT_LIVED)
        latest, _ = _read(store, _lifetime_key(key))
        if latest is None or latest == latest_request:
            return
        latest_request = latest


def _lifetime_key(key: str) -> str:
    """The key of the record: it is among the jobs, so that it expires with them."""
    return f"jobs/data_processing/{hashlib.sha256(key.encode()).hexdigest()}.lifetime"


def _recorded(store: Store, at: str, asked: Lifetime) -> Lifetime:
    """The latest request: the recorded one if it is newer, else this one, which is recorded."""
    while True:
        latest_request, etag = _read(store, at)
        if latest_request is not None and latest_request.asked_at > asked.asked_at:
            return latest_request
        try:
            store.put(at, encoded(asked), expected=etag)
        except PreconditionFailed:
            continue
        return asked


def _read(store: Store, at: str) -> tuple[Lifetime | None, str]:
    """The record, or None if it is missing or damaged; and the tag of its object, or ABSENT."""
    try:
        stored_object = store.get(at)
    except KeyMissing:
        return None, ABSENT
    try:
        return stored(at, stored_object.body, Lifetime, ""), stored_object.etag
    except Corrupted:
        return None, stored_object.etag
