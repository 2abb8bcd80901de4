"""Whether a model or a dataset is there, and what was deleted of it, when and by whom.

Each has one small object for this. Deletions are numbered in it, and a job records the number of
the last one before it was asked for: what was deleted since then is nothing that it may write
again. Nothing is made anew before all files of what was deleted are removed, so that a removal
never meets a new file.

What aliases may point at is first announced to be deleted, then looked for in the aliases, then
deleted. Whoever moves an alias there takes the announcement away, and the deletion begins again. So
one of both sees the other, whatever is broken off in between.
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
"""How long whoever publishes also lists what is older than lists."""

_MAX_BY = 400
"""Bytes that are kept of who has deleted something."""


class Existence(msgspec.Struct, frozen=True, omit_defaults=True):
    """Of a model or a dataset: when it came to be, and the last deletion of it and in it.

    deletions is the number of the last one. deleted is the last time that all of it was deleted,
    also when the name is in use again; gone says that it is not, and remains that files of it may
    not be removed yet. aliases are where a model's pointed at that time. deleting is an
    announcement.
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
            raise ValueError("Who is gone was deleted.")

    @property
    def last(self) -> int:
        """The number of the last deletion, which a job records that is asked for now."""
        return max(self.deletions, self.deleted.number if self.deleted else 0)

    @property
    def next(self) -> int:
        """The number of the next deletion: at least the time, so that it does not fall where this
        object was lost."""
        return max(self.last + 1, time.time_ns() // 1_000_000)


def shortened(by: str) -> str:
    """Who has deleted something, as it is recorded: nothing of it grows in JSON but quotes."""
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
    """What is recorded, which is nothing of what is older than such records."""
    return _tagged(store, key)[0]


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
    key = _KEYS[kind](name)
    found = recorded(store, key)
    if found.gone:
        return None
    if countdown:
        own = entry(kind, name, found)
        if own is None:  # what is written before any entry is lost, or was altered
            if not any(store.list(f"{kind}/{name}/", at_once=1)):  # all was removed by hand
                return None
            raise Corrupted(f"{key} is damaged: it does not say since when there is {name!r}.")
        if own != newest.prefix(kind) + token:
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


def removing(what: str, path: str) -> Unavailable:
    """The problem of a job that makes anew what is being removed."""
    return Unavailable(
        f"{what} was deleted and its files are being removed. Try again in a minute; if they still "
        f"are, that was broken off: send DELETE /{path} again."
    )


def too_late(what: str, deletion: Deletion) -> Conflict:
    """The problem of a job that was asked for before what it makes was deleted."""
    return Conflict(
        f"{what} {deletion}, after this job was asked for. Send the request again if it is to be "
        "made anew, with a new Idempotency-Key if any; if not, send the DELETE once more, which "
        "removes the files that this job had begun to write."
    )


class Life:
    """The existence of one model or dataset, to be changed."""

    def __init__(self, store: Store, kind: Kind, name: str) -> None:
        self._store = store
        self._kind = kind
        self._name = name
        self.key = _KEYS[kind](name)
        """Of its object, which stays when all of it is deleted."""

        self.prefix = f"{kind}/{name}/"
        """What all of its keys begin with."""

        self._what = f"{kind.removesuffix('s').capitalize()} {name!r}"

    def found(self) -> Existence:
        """What is recorded."""
        return read(self._store, self.key)

    def begin(self, seen: int, older: Callable[[], Mapping[str, str]]) -> Existence:
        """What there is, or is from now on, for a job that has seen deletions up to a number.

        older gives the versions of what is older than these records, and when each was written.
        From then on it has its entry in the list, also where one was lost. Raises Conflict when
        all of it was deleted since, and Unavailable while files of that are being removed.
        """

        def begun(found: Existence) -> Existence:
            if deletion := self._since(found, seen):
                raise too_late(self._what, deletion)
            self._refuse_remains(found)
            if found.gone:
                return structs.replace(found, created_at=timestamp(), gone=False, aliases={})
            if entry(self._kind, self._name, found) is not None:
                return found
            return structs.replace(found, created_at=min(older().values(), default=timestamp()))

        existence = self._change(begun)
        if (listed := entry(self._kind, self._name, existence)) is not None:
            self._store.put(listed, b"")
        return existence

    def manifest(self, key: str, seen: int) -> Object | None:
        """What is at the key of a manifest, for a job that has perhaps just written it.

        A deletion of all may have come before the manifest and have missed it. Then a tombstone
        takes its place. Raises Conflict when all was deleted since what the job has seen, and
        Unavailable while files of what was deleted before are being removed.
        """
        try:
            found = self._store.get(key)
        except KeyMissing:
            found = None
        existence = self.found()
        deletion = self._since(existence, seen)
        if deletion is None:
            self._refuse_remains(existence)
            return found
        if found is not None and tombstone(found.body) is None:
            with suppress(PreconditionFailed):  # it is gone already
                body = msgspec.json.encode(Tombstone(deletion))
                self._store.put(key, body, expected=found.etag)
        raise too_late(self._what, deletion)

    def refuse(self, what: str, deletion: Deletion) -> NoReturn:
        """Raises Conflict for a job that is too late for a part that was deleted.

        A number that was lost goes on from there, so that the next job is not too late as well.
        """
        number = deletion.number
        self._change(lambda found: structs.replace(found, deletions=max(found.deletions, number)))
        raise too_late(what, deletion)

    def leave(self, before: Existence) -> None:
        """Removes the entry in the list of what was as before. Who is not there has none shown.

        Whoever makes it anew has an entry of another time, so that no late removal takes that.
        """
        if (listed := entry(self._kind, self._name, before)) is not None:
            self._store.delete([listed])

    def number(self, by: str) -> Deletion:
        """A new deletion, of a part."""
        changed = self._change(lambda found: structs.replace(found, deletions=found.next))
        return _deletion(changed.deletions, by)

    def announce(self, announcement: str) -> Existence:
        """Says that all of it is to be deleted, unless it is gone, and returns what there is."""

        def told(found: Existence) -> Existence:
            return found if found.gone else structs.replace(found, deleting=announcement)

        return self._change(told)

    def withdraw(self, announcement: str = "") -> Existence:
        """Takes away an announcement, or whichever there is, and returns what there is then."""

        def withdrawn(found: Existence) -> Existence:
            is_meant = announcement in ("", found.deleting)
            return structs.replace(found, deleting="") if is_meant else found

        return self._change(withdrawn)

    def end(
        self, by: str, aliases: dict[str, str | None], announcement: str = ""
    ) -> Existence | None:
        """Deletes all of it as was announced, or at once, and returns what there is then.

        What is gone already is deleted again, for the jobs that were asked for since. Returns None
        where the announcement was taken away.
        """

        def ended(found: Existence) -> Existence:
            if not found.gone and announcement not in ("", found.deleting):
                return found
            return structs.replace(
                found,
                deletions=(number := found.next),
                deleted=_deletion(number, by),
                gone=True,
                remains=True,
                aliases=found.aliases if found.gone else aliases,
                deleting="",
            )

        changed = self._change(ended)
        return changed if changed.gone else None

    def remains(self, deletion: Deletion) -> bool:
        """Whether it is for this deletion to remove files, and not for a later one."""
        found = self.found()
        return found.remains and found.deleted == deletion

    def removed(self, deletion: Deletion) -> None:
        """Says that a deletion has removed all files: from now on it can be made anew."""

        def without(found: Existence) -> Existence:
            return structs.replace(found, remains=found.remains and found.deleted != deletion)

        self._change(without)

    def _refuse_remains(self, found: Existence) -> None:
        if found.remains:
            raise removing(self._what, f"{self._kind}/{self._name}")

    def _since(self, found: Existence, seen: int) -> Deletion | None:
        """The deletion of all that a job has not seen yet."""
        late = found.deleted is not None and seen < found.deleted.number
        return found.deleted if late else None

    def _change(self, edit: Callable[[Existence], Existence]) -> Existence:
        while True:
            found, tag = _tagged(self._store, self.key)
            changed = edit(found)
            if changed == found:
                return found
            try:
                self._store.put(self.key, encoded(changed), expected=tag)
            except PreconditionFailed:  # somebody else has changed it meanwhile
                continue
            return changed


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
                Life(store, kind, name).begin(found.last, lambda: versions(name))
        return True

    if all(newest.at_once(enter, list(newest.by_name(store, kind)))):
        store.put(newest.complete(kind), b"")


def _deletion(number: int, by: str) -> Deletion:
    return Deletion(number, timestamp(), shortened(by))


def _tagged(store: Reader, key: str) -> tuple[Existence, str]:
    """What is recorded, and the tag of the object or ABSENT."""
    try:
        found = store.get(key)
    except KeyMissing:
        return Existence(), ABSENT
    with suppress(Corrupted):
        return stored(key, found.body, Existence, ""), found.etag
    return Existence(), found.etag  # it only ever forbids: without it, everything goes on
