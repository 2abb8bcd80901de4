"""Whether a model or a dataset exists, and what was deleted of it, when and by whom.

One small object per model or dataset records this. It numbers deletions. A job records the number
of the last deletion before it was requested, and must not write what was deleted after that. A
deleted model or dataset is made anew only after all of its files are removed, so that a removal
never meets new files.

The deletion of a model or of its version has three steps: it announces itself, checks that no alias
points there, and deletes. A move of an alias to that version removes the announcement, and the
deletion starts again. So at least one of both notices the other, wherever either is interrupted.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import NoReturn

import msgspec
from msgspec import structs

from common import newest
from common.decoding import stored
from common.newest import Kind
from common.problems import Conflict, Corrupted, Unavailable
from common.seals import encoded
from common.store import ABSENT, KeyMissing, Object, PreconditionFailed, Reader, Store
from common.times import timestamp
from common.tombstones import Deletion, Tombstone, tombstone

_LISTING_SECONDS = 30.0
"""Seconds that a publication may spend on adding older models or datasets to the list."""

_MAX_BY = 400
"""The most bytes of a caller's name that a deletion records."""


class Existence(msgspec.Struct, frozen=True, omit_defaults=True):
    """When a model or a dataset was created, and what was deleted of it.

    deletions is the number of the last deletion, of a version or of the whole. deleted is the last
    deletion of the whole; it stays when the name is in use again. gone is set until then. remains
    is set while files may still have to be removed. aliases are the versions that a model's aliases
    pointed at when it was deleted. deleting is the announcement of a deletion.
    """

    created_at: str = ""
    deletions: int = 0
    deleted: Deletion | None = None
    gone: bool = False
    remains: bool = False
    aliases: dict[str, str | None] = {}
    deleting: str = ""

    def __post_init__(self) -> None:
        if self.gone and self.deleted is None:
            raise ValueError("What is gone has a deletion.")

    @property
    def last(self) -> int:
        """The number of the last deletion. A job that is requested now records it."""
        return max(self.deletions, self.deleted.number if self.deleted else 0)

    @property
    def next(self) -> int:
        """The number of the next deletion.

        It is at least the time in milliseconds, so that numbers grow even if this object is lost.
        """
        return max(self.last + 1, time.time_ns() // 1_000_000)


def shortened(by: str) -> str:
    """A caller's name as a deletion records it: printable, and at most _MAX_BY bytes of UTF-8."""
    printable = "".join(one if one.isprintable() else "?" for one in by)
    return printable.encode(errors="replace")[:_MAX_BY].decode(errors="ignore")


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
    """The record at key; an empty one if there is none, or it is damaged."""
    return _tagged(store, key)[0]


def recorded(store: Reader, key: str) -> Existence:
    """The record at key; an empty one if there is none. Raises Corrupted if it is damaged."""
    try:
        stored_object = store.get(key)
    except KeyMissing:
        return Existence()
    return stored(
        key, stored_object.body, Existence, "The next version that is made writes it anew."
    )


def listed(store: Reader, kind: Kind, token: str) -> tuple[str, Existence] | None:
    """The name that a token of a list stands for (see newest), and its record.

    None where the entry is out of date. Raises Corrupted where the record is damaged.
    """
    countdown, name = newest.split(token)
    key = _KEYS[kind](name)
    record = recorded(store, key)
    if record.gone:
        return None
    if countdown:
        own = entry(kind, name, record)
        if own is None:  # the record is written before any entry: it was lost or altered
            if not any(store.list(f"{kind}/{name}/", at_once=1)):  # all was removed by hand
                return None
            raise Corrupted(f"{key} is damaged: it does not say when {name!r} was created.")
        if own != newest.prefix(kind) + token:
            return None
    return name, record


def entry(kind: Kind, name: str, existence: Existence) -> str | None:
    """The key of the list's entry; None where the record does not say when it was created."""
    try:
        return newest.entry(kind, name, existence.created_at)
    except ValueError:  # it is older than these records, or was altered
        return None


def deletion_notice(store: Reader, key: str) -> str:
    """The sentence " It was deleted …" for a name that was deleted; else empty."""
    existence = read(store, key)
    return f" It {existence.deleted}." if existence.gone else ""


def removal_unfinished(what: str, path: str) -> Unavailable:
    """The problem of a job that would make something whose old files are being removed."""
    return Unavailable(
        f"{what} was deleted and its files are being removed. Try again in a minute. If this goes "
        f"on, the removal was interrupted: send DELETE /{path} again."
    )


def deleted_since(what: str, deletion: Deletion) -> Conflict:
    """The problem of a job that was requested before a deletion of what it makes."""
    return Conflict(
        f"{what} {deletion}, after this job was asked for. Send the request again if it is to be "
        "made anew, with a new Idempotency-Key if any; if not, send the DELETE once more, which "
        "removes the files that this job had begun to write."
    )


class ExistenceWriter:
    """Changes the record of one model or dataset. Every change is a compare-and-swap."""

    def __init__(self, store: Store, kind: Kind, name: str) -> None:
        self._store = store
        self._kind = kind
        self._name = name
        self.key = _KEYS[kind](name)
        """The key of the record, which stays after a deletion."""

        self.prefix = f"{kind}/{name}/"
        """The prefix of all keys of the model or dataset."""

        self._what = f"{kind.removesuffix('s').capitalize()} {name!r}"

    def read(self) -> Existence:
        """The record as it is stored."""
        return read(self._store, self.key)

    def begin(self, deletions: int, older: Callable[[], Mapping[str, str]]) -> Existence:
        """Makes sure that the model or dataset exists, for a job that is about to publish.

        deletions is the number of the last deletion that the job knows. older returns the versions
        and when each was written; it is called where the record has no time of creation yet. The
        entry in the list is written, too. Returns the record. Raises Conflict when the whole
        was deleted since, and Unavailable while files of an earlier deletion are being removed.
        """

        def begun(record: Existence) -> Existence:
            if deletion := self._unknown_deletion(record, deletions):
                raise deleted_since(self._what, deletion)
            self._refuse_remains(record)
            if record.gone:
                return structs.replace(record, created_at=timestamp(), gone=False, aliases={})
            if entry(self._kind, self._name, record) is not None:
                return record
            return structs.replace(record, created_at=min(older().values(), default=timestamp()))

        existence = self._change(begun)
        if (listed := entry(self._kind, self._name, existence)) is not None:
            self._store.put(listed, b"")
        return existence

    def manifest(
        self, key: str, deletions: int, known: Callable[[bytes], int | None] = lambda body: 0
    ) -> Object | None:
        """The object at the key of a manifest, for a job that may just have written it.

        A deletion of the whole may have come just before the manifest and missed it. Then a
        tombstone replaces the manifest. One that another job wrote after the deletion stays: known
        gives the number of the last deletion that a manifest's job knew, None where the manifest
        is damaged. Raises Conflict when the whole was deleted after the deletion that the job
        knows, and Unavailable while files of an earlier deletion are being removed.
        """
        try:
            stored_object = self._store.get(key)
        except KeyMissing:
            stored_object = None
        existence = self.read()
        deletion = self._unknown_deletion(existence, deletions)
        if deletion is None:
            self._refuse_remains(existence)
            return stored_object
        if stored_object is not None and tombstone(stored_object.body) is None:
            number = known(stored_object.body)
            if number is None or number >= deletion.number:
                raise deleted_since(self._what, deletion)
            with suppress(PreconditionFailed):  # it was replaced or removed already
                body = msgspec.json.encode(Tombstone(deletion))
                self._store.put(key, body, expected=stored_object.etag)
        raise deleted_since(self._what, deletion)

    def refuse(self, what: str, deletion: Deletion) -> NoReturn:
        """Raises Conflict for a job whose version was deleted after the job was requested.

        If the record was lost, its number is raised to that of the deletion first: otherwise the
        next job would be refused as well.
        """
        number = deletion.number
        self._change(
            lambda record: structs.replace(record, deletions=max(record.deletions, number))
        )
        raise deleted_since(what, deletion)

    def remove_entry(self, before: Existence) -> None:
        """Removes the entry in the list, by the record as it was before the deletion.

        If it is made anew, it has an entry of another time, which a late removal does not touch.
        """
        if (listed := entry(self._kind, self._name, before)) is not None:
            self._store.delete([listed])

    def record_deletion(self, by: str) -> Deletion:
        """Records the deletion of a version and returns it with its number."""
        changed = self._change(lambda record: structs.replace(record, deletions=record.next))
        return _deletion(changed.deletions, by)

    def announce(self, announcement: str) -> Existence:
        """Announces a deletion of the whole unless it is gone. Returns the record."""

        def with_announcement(record: Existence) -> Existence:
            return record if record.gone else structs.replace(record, deleting=announcement)

        return self._change(with_announcement)

    def withdraw(self, announcement: str = "") -> Existence:
        """Removes this announcement, or without one any announcement. Returns the record."""

        def withdrawn(record: Existence) -> Existence:
            is_meant = announcement in ("", record.deleting)
            return structs.replace(record, deleting="") if is_meant else record

        return self._change(withdrawn)

    def delete(
        self, by: str, aliases: dict[str, str | None], announcement: str = ""
    ) -> Existence | None:
        """Records the deletion of the whole and returns the record.

        With an announcement, only if that is still there; otherwise returns None. What is gone
        already gets a new deletion, which refuses jobs that were requested since the first.
        """

        def ended(record: Existence) -> Existence:
            if not record.gone and announcement not in ("", record.deleting):
                return record
            return structs.replace(
                record,
                deletions=(number := record.next),
                deleted=_deletion(number, by),
                gone=True,
                remains=True,
                aliases=record.aliases if record.gone else aliases,
                deleting="",
            )

        changed = self._change(ended)
        return changed if changed.gone else None

    def has_remains(self, deletion: Deletion) -> bool:
        """Whether this deletion, and no later one, still has files to remove."""
        record = self.read()
        return record.remains and record.deleted == deletion

    def record_removal(self, deletion: Deletion) -> None:
        """Records that a deletion has removed all files: now it can be made anew."""

        def with_files_removed(record: Existence) -> Existence:
            return structs.replace(record, remains=record.remains and record.deleted != deletion)

        self._change(with_files_removed)

    def _refuse_remains(self, record: Existence) -> None:
        if record.remains:
            raise removal_unfinished(self._what, f"{self._kind}/{self._name}")

    def _unknown_deletion(self, record: Existence, deletions: int) -> Deletion | None:
        """The deletion of the whole, if the job does not know it; else None."""
        late = record.deleted is not None and deletions < record.deleted.number
        return record.deleted if late else None

    def _change(self, edit: Callable[[Existence], Existence]) -> Existence:
        while True:
            record, tag = _tagged(self._store, self.key)
            changed = edit(record)
            if changed == record:
                return record
            try:
                self._store.put(self.key, encoded(changed), expected=tag)
            except PreconditionFailed:  # another request has changed it meanwhile
                continue
            return changed


def list_all(store: Store, kind: Kind, versions: Callable[[str], Mapping[str, str]]) -> None:
    """Adds all models or datasets to the list that are older than lists. This is done once.

    versions returns the versions of a name and when each was written. After _LISTING_SECONDS the
    rest is left to the next publication. Raises Unavailable when S3 fails.
    """
    with suppress(KeyMissing):
        store.get(newest.complete(kind))
        return
    ends = time.monotonic() + _LISTING_SECONDS

    def add(name: str) -> bool:
        if time.monotonic() > ends:
            return False
        record = read(store, _KEYS[kind](name))
        if not record.gone:
            with suppress(Conflict):  # deleted meanwhile
                ExistenceWriter(store, kind, name).begin(record.last, lambda: versions(name))
        return True

    if all(newest.at_once(add, list(newest.by_name(store, kind)))):
        store.put(newest.complete(kind), b"")


def _deletion(number: int, by: str) -> Deletion:
    return Deletion(number, timestamp(), shortened(by))


def _tagged(store: Reader, key: str) -> tuple[Existence, str]:
    """The record, empty if there is none or it is damaged; and its object's tag, or ABSENT."""
    try:
        stored_object = store.get(key)
    except KeyMissing:
        return Existence(), ABSENT
    with suppress(Corrupted):
        return stored(key, stored_object.body, Existence, ""), stored_object.etag
    return Existence(), stored_object.etag  # the record only forbids: without it, all is allowed
