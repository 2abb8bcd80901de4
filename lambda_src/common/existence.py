"""Whether a model or a dataset is there, and what was deleted of it, when and by whom.

Each has one small object for this. Deletions are counted in it, and a job records how many there
had been when it was asked for: what was deleted since then is nothing that it may write again. So
no clock decides whether a writer is too late.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, NoReturn

import msgspec
from msgspec import structs

from common import newest
from common.decoding import stored
from common.newest import Kind
from common.problems import Conflict, Corrupted
from common.store import ABSENT, KeyMissing, Object, PreconditionFailed, Reader, Store

_LISTING_SECONDS = 30.0
"""How long whoever publishes also lists what is older than lists."""


class Deletion(msgspec.Struct, frozen=True):
    """That something was deleted. number counts the deletions of its model or dataset."""

    number: int
    at: str
    by: str

    def __str__(self) -> str:
        who = self.by.rpartition(":")[2] if self.by.startswith("arn:") else self.by
        return f"was deleted at {self.at} by {who}"

    def public(self) -> dict[str, str]:
        """The deletion as callers see it."""
        return {"at": self.at, "by": self.by}


class Tombstone(msgspec.Struct, frozen=True):
    """What is left of a version, at the key of its manifest, so that nobody writes it again."""

    deleted: Deletion


class Existence(msgspec.Struct, frozen=True, omit_defaults=True):
    """Of a model or a dataset: when it came to be, how many deletions there were of it and in it.

    deleted is the last time that all of it was deleted, also when the name is in use again; gone
    says that it is not. aliases are what a model's were at that time.
    """

    created_at: str = ""
    deletions: int = 0
    deleted: Deletion | None = None
    gone: bool = False
    aliases: dict[str, Any] = {}


def timestamp() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def model_existence(model: str) -> str:
    """The key of the object for a model."""
    return f"models/{model}/model.json"


def dataset_existence(dataset: str) -> str:
    """The key of the object for a dataset."""
    return f"datasets/{dataset}/dataset.json"


_KEYS: Mapping[Kind, Callable[[str], str]] = {
    "models": model_existence,
    "datasets": dataset_existence,
}


def read(store: Reader, key: str) -> Existence:
    """What is recorded, which is nothing of what is older than such records."""
    try:
        return recorded(store, key)
    except Corrupted:  # it only ever forbids: without it, everything goes on
        return Existence()


def recorded(store: Reader, key: str) -> Existence:
    """What is recorded, which is nothing of what is older. Raises Corrupted."""
    try:
        found = store.get(key)
    except KeyMissing:
        return Existence()
    return stored(key, found.body, Existence, "The next version that is made writes it anew.")


def listed(store: Reader, kind: Kind, token: str) -> tuple[str, Existence] | None:
    """The name that an entry of a list stands for (see newest), unless it is out of date.

    Raises Corrupted.
    """
    countdown, name = newest.split(token)
    found = recorded(store, _KEYS[kind](name))
    if found.gone or (countdown and entry(kind, name, found) != newest.prefix(kind) + token):
        return None
    return name, found


def entry(kind: Kind, name: str, existence: Existence) -> str | None:
    """The key of an entry that belongs to what exists, if it can have one."""
    try:
        return newest.entry(kind, name, existence.created_at)
    except ValueError:  # it is older than such records, or was altered
        return None


def fate(store: Reader, key: str) -> str:
    """A sentence on what has become of a name that nothing is found of, if it was deleted."""
    found = read(store, key)
    return f" It {found.deleted}." if found.gone else ""


def tombstone(body: bytes) -> Deletion | None:
    """The deletion that is recorded where a manifest was expected, if it is one."""
    try:
        return msgspec.json.decode(body, type=Tombstone).deleted
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def too_late(what: str, deletion: Deletion) -> Conflict:
    """The problem of a job that was asked for before what it makes was deleted."""
    return Conflict(
        f"{what} {deletion}, after this job was asked for. Send the request again if it is to be "
        "made anew, with a new Idempotency-Key if any."
    )


class Life:
    """The existence of one model or dataset, to be changed."""

    def __init__(self, store: Store, kind: Kind, name: str) -> None:
        self._store = store
        self._kind = kind
        self._name = name
        self._key = _KEYS[kind](name)
        self._what = f"{kind.removesuffix('s').capitalize()} {name!r}"

    def begin(self, seen: int, older: Callable[[], Mapping[str, str]]) -> Existence:
        """What there is, or is from now on, for a job that has seen so many deletions.

        older gives the versions of what is older than these records, and when each was written.
        From then on it has its entry in the list, also where one was lost. Raises Conflict when
        all of it was deleted since.
        """

        def begun(found: Existence) -> Existence:
            if deletion := self._since(found, seen):
                raise too_late(self._what, deletion)
            if found.gone:
                return structs.replace(found, created_at=timestamp(), gone=False, aliases={})
            if found.created_at:
                return found
            return structs.replace(found, created_at=min(older().values(), default=timestamp()))

        existence = self._change(begun)
        if (listed := entry(self._kind, self._name, existence)) is not None:
            self._store.put(listed, b"")
        return existence

    def manifest(self, key: str, seen: int) -> Object | None:
        """What is at the key of a manifest, for a job that has perhaps just written it.

        A deletion of all may have come before the manifest and have missed it. Then a tombstone
        takes its place. Raises Conflict when all was deleted since the job has seen so many.
        """
        try:
            found = self._store.get(key)
        except KeyMissing:
            found = None
        deletion = self._since(self._seen()[0], seen)
        if deletion is None:
            return found
        if found is not None and tombstone(found.body) is None:
            with suppress(PreconditionFailed):  # it is gone already
                body = msgspec.json.encode(Tombstone(deletion))
                self._store.put(key, body, expected=found.etag)
        raise too_late(self._what, deletion)

    def refuse(self, what: str, deletion: Deletion) -> NoReturn:
        """Raises Conflict for a job that is too late for a part that was deleted.

        A count that was lost goes on from there, so that the next job is not too late as well.
        """
        number = deletion.number
        self._change(lambda found: structs.replace(found, deletions=max(found.deletions, number)))
        raise too_late(what, deletion)

    def restore(self, before: Existence) -> None:
        """Takes back the end of what was as before."""
        deleted = before.deleted
        self._change(lambda found: structs.replace(found, deleted=deleted, gone=False, aliases={}))

    def leave(self, before: Existence) -> None:
        """Removes the entry in the list of what was as before. Who is not there has none shown."""
        if (listed := entry(self._kind, self._name, before)) is not None:
            self._store.delete([listed])

    def count(self, by: str) -> Deletion:
        """One more deletion, of a part."""
        at = timestamp()
        counted = self._change(lambda found: structs.replace(found, deletions=found.deletions + 1))
        return Deletion(counted.deletions, at, by)

    def end(self, by: str, aliases: dict[str, Any]) -> Deletion:
        """Deletes all of it, if it is not gone already."""

        def ended(found: Existence) -> Existence:
            if found.gone and found.deleted is not None:
                return found
            number = found.deletions + 1
            deleted = Deletion(number, timestamp(), by)
            return structs.replace(
                found, deletions=number, deleted=deleted, gone=True, aliases=aliases
            )

        deleted = self._change(ended).deleted
        assert deleted is not None  # who is gone was deleted
        return deleted

    def _since(self, found: Existence, seen: int) -> Deletion | None:
        """The deletion of all that a job has not seen yet."""
        late = found.deleted is not None and seen < found.deleted.number
        return found.deleted if late else None

    def _change(self, edit: Callable[[Existence], Existence]) -> Existence:
        while True:
            found, tag = self._seen()
            changed = edit(found)
            if changed == found:
                return found
            try:
                self._store.put(self._key, msgspec.json.encode(changed), expected=tag)
            except PreconditionFailed:  # somebody else has changed it meanwhile
                continue
            return changed

    def _seen(self) -> tuple[Existence, str]:
        try:
            found = self._store.get(self._key)
        except KeyMissing:
            return Existence(), ABSENT
        return _decoded(self._key, found.body), found.etag


def list_all(store: Store, kind: Kind, versions: Callable[[str], Mapping[str, str]]) -> None:
    """Gives an entry in the list to all that is older than entries, once.

    versions gives the versions of a name, and when each was written. What does not fit into
    _LISTING_SECONDS is left to whoever publishes next. Raises Unavailable.
    """
    with suppress(KeyMissing):
        store.get(newest.complete(kind))
        return
    ends = time.monotonic() + _LISTING_SECONDS

    def enter(name: str) -> bool:
        if time.monotonic() > ends:
            return False
        found = read(store, _KEYS[kind](name))
        if not found.gone:
            with suppress(Conflict):  # it was deleted meanwhile
                Life(store, kind, name).begin(found.deletions, lambda: versions(name))
        return True

    if all(newest.at_once(enter, list(newest.by_name(store, kind)))):
        store.put(newest.complete(kind), b"")


def _decoded(key: str, body: bytes) -> Existence:
    try:
        return stored(key, body, Existence, "")
    except Corrupted:  # it only ever forbids: without it, everything goes on
        return Existence()
