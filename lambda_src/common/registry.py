"""Models: immutable versions, and aliases that point at one of them.

An alias is one small object, moved by compare-and-swap, with its newest moves; those before them
are in objects of their own, each of which names the one before.
"""

import contextlib
import hashlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from common import times
from common.decoding import stored
from common.problems import Conflict, Corrupted, NotFound, Unavailable
from common.seals import FIELDS, encoded, is_altered, unannounced
from common.signature import Signature
from common.store import (
    ABSENT,
    KeyMissing,
    Object,
    PreconditionFailed,
    Reader,
    Store,
    content_key,
)
from common.tombstones import tombstone
from common.warnings import Warning

if TYPE_CHECKING:
    from common.existence import Existence, Life
    from common.newest import Page

LIVE = "live"
"""The alias that inference answers from by default."""

NOT_SERVED = frozenset({"model.joblib"})
"""Files of a version that are for people: nothing that a bucket holds is ever unpickled."""

MAX_ALIASES = 50
"""Of a model. Who reads a model reads all of them."""

MOST_MOVES = 100
"""In the object of an alias."""

_KEPT_MOVES = 50
"""When it has more, these stay, and those before get an object."""

_FILE_ADVICE = "Roll back, or train the model again."

_TRIES = 64
"""Each lost race means that another writer has won, so sixteen at once need sixteen tries."""


class Move(msgspec.Struct, frozen=True):
    """One entry of an alias's history; version is None where it was left pointing at nothing."""

    version: str | None
    at: str
    by: str
    reason: str


class Alias(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Where an alias points, and the places it has pointed at, newest last.

    version is None after the version that it pointed at was deleted. earlier is the key of the
    Earlier moves, where there are any: it comes first, so that an object that is cut off has it.
    """

    alias: str
    model: str
    version: str | None
    earlier: str = ""
    history: list[Move]


class Earlier(msgspec.Struct, frozen=True, omit_defaults=True):
    """Moves of an alias, newest last, and the key of those before them."""

    history: Annotated[list[Move], msgspec.Meta(min_length=1)]
    earlier: str = ""


class Seen(msgspec.Struct, frozen=True):
    """An alias when it was read, None while it does not exist, and the tag of its object.

    damage says what is wrong with the object, if anything: alias is what can still be read then.
    """

    alias: Alias | None
    etag: str
    damage: str = ""

    @property
    def version(self) -> str | None:
        return None if self.alias is None else self.alias.version


class File(msgspec.Struct, frozen=True, omit_defaults=True):
    """One file of a version: its sha256 in hexadecimal, its size in bytes and its whole key.

    Versions of earlier releases have no keys: their files are beside the manifest, by their names.
    """

    sha256: str
    bytes: int
    key: str | None = None


class ModelManifest(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Everything there is to know about one version of a model.

    signature says what the model takes and gives; manifests up to 0.4.0 have none. inputs and
    details belong to the task: what its serving needs to turn instances into arrays, and whatever
    else it has found out. Written as JSON, each detail is a field of its own beside the others.
    """

    model: str
    version: str
    created_at: str
    task: str
    target: str | None
    metric: str
    signature: Signature | None = None
    inputs: dict[str, Any]
    labels: list[str] | None = None
    selected: str
    candidates: list[dict[str, Any]]
    metrics: dict[str, Any]
    baseline: dict[str, Any]
    details: dict[str, Any] = {}
    parity: dict[str, Any]
    dataset: dict[str, Any]
    lineage: dict[str, Any]
    files: dict[str, File]
    warnings: list[Warning] = []


def model_prefix(model: str) -> str:
    return f"models/{model}/"


def version_prefix(model: str, version: str) -> str:
    return f"models/{model}/versions/{version}/"


def manifest_key(model: str, version: str) -> str:
    return version_prefix(model, version) + "manifest.json"


def alias_key(model: str, alias: str) -> str:
    return f"models/{model}/aliases/{alias}.json"


def _history_prefix(model: str, alias: str) -> str:
    return f"models/{model}/history/{alias}/"


class Registry:
    """The models of one bucket, to be read."""

    def __init__(self, store: Reader) -> None:
        self._store = store

    def models(self, page: "Page") -> Iterator[str]:
        """The tokens of a page of names (see newest)."""
        from common import newest  # no prediction has a need of it

        return newest.names(self._store, "models", page)

    def listed(self, token: str) -> "tuple[str, Existence] | None":
        """The name that a token stands for, unless there is no such model any more.

        Raises Corrupted.
        """
        from common.existence import listed

        return listed(self._store, "models", token)

    def versions(self, model: str) -> dict[str, str]:
        """When each version of a model was published, by version, oldest first."""
        from common.versions import written  # no prediction has a need of it

        return written(self._store, model_prefix(model) + "versions/")

    def aliases(self, model: str) -> tuple[dict[str, Alias], list[str]]:
        """A model's aliases by name, and the keys of those that are damaged."""
        from common import newest  # no prediction has a need of it

        def read(name: str) -> Alias | Corrupted | None:
            try:
                return self.alias(model, name)
            except Corrupted as damage:
                return damage

        names = self._alias_names(model)
        read_all = dict(zip(names, newest.at_once(read, names), strict=True))
        found = {name: one for name, one in read_all.items() if isinstance(one, Alias)}
        damaged = [name for name, one in read_all.items() if isinstance(one, Corrupted)]
        return found, [alias_key(model, name) for name in damaged]

    def moves(self, alias: Alias) -> Iterator[Move]:
        """The moves of an alias as far back as they can be read, the newest of them first."""
        yield from reversed(alias.history)
        key = alias.earlier
        while key:
            try:
                earlier = stored(key, self._store.get(key).body, Earlier, "")
            except (Corrupted, KeyMissing):
                return
            yield from reversed(earlier.history)
            key = earlier.earlier

    def _alias_names(self, model: str) -> list[str]:
        entries = self._store.list(model_prefix(model) + "aliases/")
        return [entry.key.rpartition("/")[2].removesuffix(".json") for entry in entries]

    def version(self, model: str, version: str) -> ModelManifest:
        """A version's manifest. Raises NotFound, and Corrupted for one that is damaged."""
        return decode_manifest(self.manifest(model, version), manifest_key(model, version))

    def manifest(self, model: str, version: str) -> bytes:
        """A version's manifest as it is stored. Raises NotFound."""
        return self._manifest(model, version).body

    def _manifest(self, model: str, version: str) -> Object:
        try:
            return self._store.get(manifest_key(model, version))
        except KeyMissing:
            raise NotFound(
                f"Model {model!r} has no version {version!r}.{self.fate(model)}"
            ) from None

    def fate(self, model: str) -> str:
        """A sentence on what has become of a model that is not found, if it was deleted."""
        from common.existence import fate, model_existence  # who finds models has no need of it

        return fate(self._store, model_existence(model))

    def files(self, model: str, version: str, files: Mapping[str, File]) -> dict[str, bytes]:
        """The files that a version is served by, of those in its manifest.

        Raises Corrupted, and NotFound for a version that was deleted since its manifest was read.
        """
        prefix = version_prefix(model, version)
        try:
            return {
                name: self._checked(file.key or prefix + name, file)
                for name, file in files.items()
                if name not in NOT_SERVED
            }
        except KeyMissing as missing:
            self.version(model, version)
            raise Corrupted(f"{missing} is missing. {_FILE_ADVICE}") from None

    def _checked(self, key: str, file: File) -> bytes:
        body = self._store.get(key).body
        digest = hashlib.sha256(body).hexdigest()
        if digest != file.sha256:
            said = f"its manifest says {file.sha256}"
            raise Corrupted(f"{key} has sha256 {digest}, {said}. {_FILE_ADVICE}")
        return body

    def alias(self, model: str, alias: str) -> Alias | None:
        """Where an alias points, or None while it does not exist. Raises Corrupted."""
        key = alias_key(model, alias)
        try:
            return decode_alias(self._store.get(key).body, key)
        except KeyMissing:
            return None


class RegistryWriter(Registry):
    """The models of one bucket, with the two ways in which they change."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._writes = store

    def publish(self, manifest: ModelManifest, seen: int = 0) -> ModelManifest:
        """Writes the manifest, the last object of a version; its files stand already.

        seen is the number of the last deletion that the job has seen (see existence). Publishing a
        version again changes nothing, so that a retried job is harmless: what stands then is
        returned. Raises Conflict when the model or this version was deleted since.
        """
        model, version = manifest.model, manifest.version
        self._remove_late_moves(model)
        self._life(model).begin(seen, lambda: self.versions(model))
        while (stands := self.published(model, version, seen)) is None:
            with contextlib.suppress(PreconditionFailed):
                key = manifest_key(model, version)
                self._writes.put(key, encoded(_document(manifest)), expected=ABSENT)
        from common.existence import list_all

        with contextlib.suppress(Unavailable):  # whoever publishes next will do it
            list_all(self._writes, "models", self.versions)
        return stands

    def published(self, model: str, version: str, seen: int = 0) -> ModelManifest | None:
        """A version that a job has published already, if so.

        Raises Conflict when the model or this version was deleted since.
        """
        life, key = self._life(model), manifest_key(model, version)
        found = life.manifest(key, seen)
        if found is None:
            return None
        if left := tombstone(found.body):
            life.refuse(f"Version {version!r} of model {model!r}", left.deleted)
        return decode_manifest(found.body, key)

    def _remove_late_moves(self, model: str) -> None:
        """Removes aliases of a model that is gone: whoever moved them there has died since."""
        life = self._life(model)
        if not life.found().gone:
            return
        left = list(self._store.list(model_prefix(model) + "aliases/"))
        if left and life.found().gone:  # or they may be of one that was made anew
            self._writes.delete_listed(left)

    def _life(self, model: str) -> "Life":
        from common.existence import Life

        return Life(self._writes, "models", model)

    def hold(self, model: str, version: str | None) -> None:
        """Has a model stay in which an alias was just moved, and the version that it is at.

        Who wants to delete one of them unless it is in use has to look for aliases again. Raises
        NotFound when it was deleted, and Corrupted.
        """
        existence = self._life(model).withdraw()
        if existence.gone:
            raise NotFound(f"There is no model {model!r}. It {existence.deleted}.")
        if version is None:
            return
        key = manifest_key(model, version)
        while True:
            found = self._manifest(model, version)
            decode_manifest(found.body, key)
            body = unannounced(found.body)
            if body == found.body:
                return
            with contextlib.suppress(PreconditionFailed):
                self._writes.put(key, body, expected=found.etag)

    def settle(self, moved: Alias, move: Move) -> Alias:
        """Has the last move of an alias stand, and returns the alias as it is then.

        Where its version was deleted meanwhile, the move is taken back as if it had never been,
        unless the alias was moved on from there: then it was made before the deletion. Raises
        NotFound, and Corrupted, for a move that is taken back.
        """
        try:
            self.hold(moved.model, move.version)
        except (NotFound, Corrupted) as problem:
            refusal = problem
        else:
            return moved
        while True:
            seen = self.seen(moved.model, moved.alias)
            if seen.alias is None or seen.damage or move not in seen.alias.history:
                raise refusal
            made = seen.alias.history.index(move)
            if any(later.version for later in seen.alias.history[made + 1 :]):
                return seen.alias
            with contextlib.suppress(PreconditionFailed):
                self._put_back(seen.alias, seen.alias.history[:made], seen.etag)

    def _put_back(self, alias: Alias, history: list[Move], tag: str) -> None:
        """Gives an alias an earlier history: it is where that ends, if that is still there.

        Without any, and where the model is gone, there is no alias. Raises PreconditionFailed.
        """
        key, by = alias_key(alias.model, alias.alias), alias.history[-1].by
        while history and not self._life(alias.model).found().gone:
            version = history[-1].version
            back = msgspec.structs.replace(alias, version=version, history=history)
            tag = self._writes.put(key, encoded(back), expected=tag)
            try:
                return self.hold(alias.model, version)
            except Corrupted:  # it was there before
                return
            except NotFound as problem:
                history = [*history, moved(None, by, problem.detail)]
        self._writes.delete_unchanged(key, tag)

    def release(self, model: str, alias: str, version: str, by: str, reason: str) -> bool:
        """Leaves an alias pointing at nothing if it points at a version; whether it did."""
        key = alias_key(model, alias)
        while True:
            seen = self.seen(model, alias)
            if seen.alias is None or seen.version != version:
                return False
            try:
                history = [*seen.alias.history, moved(None, by, reason)]
                left = msgspec.structs.replace(seen.alias, version=None, history=history)
                self._writes.put(key, encoded(left), expected=seen.etag)
            except PreconditionFailed:
                continue
            return True

    def point(
        self,
        model: str,
        alias: str,
        move: Move,
        expected: str | msgspec.UnsetType | None = msgspec.UNSET,
    ) -> Alias:
        """Moves an alias, keeping its history; at its place already, it stays as it is.

        expected is the version that the caller believes the alias to be at, None for an alias
        that should not exist yet; UNSET takes it from wherever it is. An alias that is damaged is
        written anew, with whatever can be read of its history. Raises NotFound for a version that
        does not exist, Corrupted for one whose manifest is damaged, and Conflict when the alias is
        not where expected says, unless the last move was this one and came from there: whoever
        got no answer sends it again.
        """
        self.version(model, str(move.version))
        for _ in range(_TRIES):
            seen = self.seen(model, alias)
            current, at = seen.alias, seen.version
            if current is not None and move in current.history:
                return current  # this very move was made, and another one since; no answer came
            if expected not in (msgspec.UNSET, at) and not _is_made(current, move, expected):
                advice = seen.damage or "Read it again and decide anew."
                raise Conflict(
                    f"Alias {alias!r} of model {model!r} is at {_version(at)}, "
                    f"not at {_version(expected)}. {advice}"
                )
            if current is not None and at == move.version and not seen.damage:
                self.hold(model, str(at))
                return current
            try:
                return self.move(model, alias, move, seen)
            except PreconditionFailed:
                continue
        raise Conflict(f"Alias {alias!r} of model {model!r} is moving too fast. Try again.")

    def seen(self, model: str, alias: str) -> Seen:
        """Where an alias is now."""
        key = alias_key(model, alias)
        try:
            found = self._store.get(key)
        except KeyMissing:  # it is new, or lost: then its older moves are there
            return Seen(self._salvaged(model, alias, b""), ABSENT)
        try:
            return Seen(decode_alias(found.body, key), found.etag)
        except Corrupted as damage:
            return Seen(self._salvaged(model, alias, found.body), found.etag, damage.detail)

    def _salvaged(self, model: str, alias: str, body: bytes) -> Alias | None:
        """What can be read of a damaged alias: where it points, if anywhere, and its history."""
        from common.salvage import objects, text  # of no use while nothing is damaged

        if _is_of_another(model, alias, body):
            body = b""
        history = objects(body, Move)
        ahead, _, _ = body.partition(b'"history"')  # each move has a version, too
        version = text(ahead, "version")
        if version is None and history:
            version = history[-1].version
        earlier, before = self._before(model, alias, text(body, "earlier"))
        history = [move for move in history if move not in before]
        if not (version or history or earlier):
            return None
        return Alias(
            alias=alias, model=model, version=version or None, earlier=earlier, history=history
        )

    def _before(self, model: str, alias: str, said: str | None) -> tuple[str, list[Move]]:
        """The key of the moves before those of a damaged alias, and these.

        It is what the alias said, if that can be read, or the newest one that no other one names.
        """
        found: dict[str, Earlier] = {}
        for entry in self._store.list(_history_prefix(model, alias)):
            with contextlib.suppress(Corrupted, KeyMissing):
                body = self._store.get(entry.key).body
                found[entry.key] = stored(entry.key, body, Earlier, "")
        named = {one.earlier for one in found.values()}
        newest = {key: one.history[-1].at for key, one in found.items() if key not in named}
        key = said if said in found else max(newest, key=lambda key: newest[key], default="")
        return (key, found[key].history) if key else ("", [])

    def move(self, model: str, alias: str, move: Move, seen: Seen) -> Alias:
        """Moves an alias from where it was seen, keeping its history.

        Returns it as it is then, where others may have moved it on. Raises PreconditionFailed when
        it has moved since it was seen, be it there and back, NotFound when the version was deleted
        meanwhile, and Conflict for one alias too many.
        """
        if seen.etag == ABSENT and len(self._alias_names(model)) >= MAX_ALIASES:
            raise Conflict(
                f"Model {model!r} has {MAX_ALIASES} aliases, which is the most: move one of them."
            )
        history, earlier = (seen.alias.history, seen.alias.earlier) if seen.alias else ([], "")
        moved = self._shortened(
            Alias(
                alias=alias,
                model=model,
                version=move.version,
                earlier=earlier,
                history=[*history, move],
            )
        )
        key = alias_key(model, alias)
        self._writes.put(key, encoded(moved), expected=seen.etag)
        return self.settle(moved, move)

    def _shortened(self, alias: Alias) -> Alias:
        """An alias with its newest moves, once those before them are in an object."""
        if len(alias.history) <= MOST_MOVES:
            return alias
        body = encoded(Earlier(alias.history[:-_KEPT_MOVES], alias.earlier))
        folder = _history_prefix(alias.model, alias.alias)
        key = content_key(folder, hashlib.sha256(body).hexdigest(), "moves.json")
        self._writes.put(key, body)
        kept = alias.history[-_KEPT_MOVES:]
        return msgspec.structs.replace(alias, history=kept, earlier=key)


def _version(name: object) -> str:
    return "no version" if name is None else f"version {name!r}"


def _is_made(alias: Alias | None, move: Move, expected: object) -> bool:
    """Whether the last move of an alias is the same as another one, and came from a version."""
    if alias is None or not alias.history:
        return False
    *before, last = alias.history
    is_same = (last.version, last.by, last.reason) == (move.version, move.by, move.reason)
    return is_same and (before[-1].version if before else None) == expected


def encode_manifest(manifest: ModelManifest) -> bytes:
    """What callers are answered with."""
    return msgspec.json.encode(_document(manifest))


def _document(manifest: ModelManifest) -> dict[str, Any]:
    fields = msgspec.to_builtins(manifest)
    return {**fields.pop("details", {}), **fields}


DAMAGED_MANIFEST = (
    "This version cannot be used any more: point aliases at another one, or train the model again."
)


def decode_manifest(body: bytes, key: str = "A manifest") -> ModelManifest:
    """What is stored at key. Raises Corrupted, and NotFound for what was deleted."""
    manifest = stored(key, body, ModelManifest, DAMAGED_MANIFEST)
    fields = stored(key, body, dict[str, Any], DAMAGED_MANIFEST)  # names of fields, too, are text
    known = {*ModelManifest.__struct_fields__, *FIELDS}
    details = {name: value for name, value in fields.items() if name not in known}
    return msgspec.structs.replace(manifest, details=details)


def decode_alias(body: bytes, key: str) -> Alias:
    """What is stored at key. Raises Corrupted."""
    _, model, _, name = key.removesuffix(".json").split("/")
    advice = f"PUT /models/{model}/aliases/{name} writes it anew, with what is left of its history."
    return stored(key, body, Alias, advice)


def _is_of_another(model: str, alias: str, body: bytes) -> bool:
    """Whether a damaged object names another alias, and no altered letter is why."""
    from common.salvage import text

    if text(body, "model") in (None, model) and text(body, "alias") in (None, alias):
        return False
    try:
        return not is_altered(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # it is cut off, too
        return True


def moved(version: str | None, by: str, reason: str) -> Move:
    """A move made now, to the microsecond: no other one of an alias is the same."""
    return Move(version, times.text(times.now(), "microseconds"), by, reason)
