"""Whether a model or a dataset is there, and what was deleted of it, when and by whom.

Each has one small object for this. Deletions are counted in it, and a job records how many there
had been when it was asked for: what was deleted since then is nothing that it may write again. So
no clock decides whether a writer is too late.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, NoReturn

import msgspec
from msgspec import structs

from common.decoding import stored
from common.problems import Conflict, Corrupted
from common.store import ABSENT, KeyMissing, Object, PreconditionFailed, Reader, Store


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


def read(store: Reader, key: str) -> Existence:
    """What is recorded, which is nothing of what is older than such records."""
    try:
        return _decoded(key, store.get(key).body)
    except KeyMissing:
        return Existence()


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
    """The existence of one model or dataset, to be changed. what names it in errors."""

    def __init__(self, store: Store, key: str, what: str) -> None:
        self._store = store
        self._key = key
        self._what = what

    def begin(self, seen: int, older: Callable[[], Mapping[str, str]]) -> Existence:
        """What there is, or is from now on, for a job that has seen so many deletions.

        older gives the versions of what is older than these records, and when each was written.
        Raises Conflict when all of it was deleted since.
        """

        def begun(found: Existence) -> Existence:
            if deletion := self._since(found, seen):
                raise too_late(self._what, deletion)
            if found.gone:
                return structs.replace(found, created_at=timestamp(), gone=False, aliases={})
            if found.created_at:
                return found
            return structs.replace(found, created_at=min(older().values(), default=timestamp()))

        return self._change(begun)

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

    def count(self, by: str) -> Deletion:
        """One more deletion, of a part."""
        at = timestamp()
        counted = self._change(lambda found: structs.replace(found, deletions=found.deletions + 1))
        return Deletion(counted.deletions, at, by)

    def end(self, by: str, aliases: dict[str, Any]) -> Deletion:
        """Deletes all of it, if it is not gone already."""

        def ended(found: Existence) -> Existence:
            if found.gone:
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


def _decoded(key: str, body: bytes) -> Existence:
    try:
        return stored(key, body, Existence, "")
    except Corrupted:  # it only ever forbids: without it, everything goes on
        return Existence()
