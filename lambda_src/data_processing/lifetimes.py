"""Whether the photos of an upload stay: as the last of the requests that name them says.

S3 tags without conditions, so that a run which was stopped could tag anew what a later request
keeps. An object that is written by compare-and-swap says what holds, and whoever has tagged looks
at it once more.
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
    """What a request says of an upload, and when it was sent."""

    keeps: bool
    asked_at: Annotated[datetime, msgspec.Meta(tz=True)]


def settle(store: Store, key: str, asked: Lifetime) -> None:
    """Tags an upload as the last request says, be it this one or another. Raises KeyMissing."""
    holds = _recorded(store, _place(key), asked)
    while True:
        store.tag(key, KEPT if holds.keeps else SHORT_LIVED)
        latest, _ = _read(store, _place(key))
        if latest is None or latest == holds:
            return
        holds = latest


def _place(key: str) -> str:
    """Among the records of jobs, with which it goes."""
    return f"jobs/data_processing/{hashlib.sha256(key.encode()).hexdigest()}.lifetime"


def _recorded(store: Store, at: str, asked: Lifetime) -> Lifetime:
    while True:
        holds, etag = _read(store, at)
        if holds is not None and holds.asked_at > asked.asked_at:
            return holds
        try:
            store.put(at, encoded(asked), expected=etag)
        except PreconditionFailed:
            continue
        return asked


def _read(store: Store, at: str) -> tuple[Lifetime | None, str]:
    """What is recorded, None where that is missing or damaged, and the tag of its object."""
    try:
        found = store.get(at)
    except KeyMissing:
        return None, ABSENT
    try:
        return stored(at, found.body, Lifetime, ""), found.etag
    except Corrupted:
        return None, found.etag
