"""Models: immutable versions, and aliases that point at one of them.

An alias is one small object, changed by compare-and-swap. It holds the newest moves. Earlier moves
are in other objects, each of which names the one before it.
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
    from common.existence import Existence, ExistenceWriter
    from common.newest import Page

LIVE = "live"
"""The alias that inference uses by default."""

NOT_SERVED = frozenset({"model.joblib"})
"""Files of a version that are for its owner. Inference never unpickles anything."""

MAX_ALIASES = 50
"""The most aliases of a model. Reading a model reads all of them."""

MOST_MOVES = 100
"""The most moves in the object of an alias."""

_KEPT_MOVES = 50
"""Moves that stay in the object of an alias when it has more than MOST_MOVES."""

_FILE_ADVICE = "Roll back, or train the model again."

_TRIES = 64
"""How often a move is tried. In each round one writer wins: sixteen at once need sixteen tries."""


class Move(msgspec.Struct, frozen=True):
    """One entry of an alias's history; version is None where it no longer points at a version."""

    version: str | None
    at: str
    by: str
    reason: str


class Alias(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The version that an alias points at, and its moves, newest last.

    version is None after that version was deleted. earlier is the key of the Earlier moves, if
    any. It precedes history, so that it can be read even if the object is cut off.
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


class AliasState(msgspec.Struct, frozen=True):
    """An alias as it was read, None while it does not exist, and the tag of its object or ABSENT.

    damage describes what is wrong with the object, if anything. Then alias is what can be read.
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

    signature describes inputs and outputs; manifests up to 0.4.0 have none. inputs and details
    belong to the task: inputs is what its serving needs to turn instances into arrays, details is
    whatever else training has recorded. In JSON, each detail is a field beside the others.
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
    """Reads the models of one bucket."""

    def __init__(self, store: Reader) -> None:
        self._store = store

    def models(self, page: "Page") -> Iterator[str]:
        """The tokens of a page of names (see newest)."""
        from common import newest  # no prediction has a need of it

        return newest.names(self._store, "models", page)

    def listed(self, token: str) -> "tuple[str, Existence] | None":
        """The name that a token stands for, and its record; None if the model is gone.

        Raises Corrupted where the record is damaged.
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
        readable = {name: one for name, one in read_all.items() if isinstance(one, Alias)}
        damaged = [name for name, one in read_all.items() if isinstance(one, Corrupted)]
        return readable, [alias_key(model, name) for name in damaged]

    def moves(self, alias: Alias) -> Iterator[Move]:
        """The moves of an alias, newest first, as far back as they can be read."""
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
                f"Model {model!r} has no version {version!r}.{self.deletion_notice(model)}"
            ) from None

    def deletion_notice(self, model: str) -> str:
        """The sentence " It was deleted …" for a model that was deleted; else empty."""
        from common.existence import deletion_notice, model_existence  # rarely needed

        return deletion_notice(self._store, model_existence(model))

    def files(self, model: str, version: str, files: Mapping[str, File]) -> dict[str, bytes]:
        """The contents of a version's files by name, but for those in NOT_SERVED.

        files are those of its manifest. Raises Corrupted for a missing or altered file, and
        NotFound where the version was deleted since its manifest was read.
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
            expected = f"its manifest says {file.sha256}"
            raise Corrupted(f"{key} has sha256 {digest}, {expected}. {_FILE_ADVICE}")
        return body

    def alias(self, model: str, alias: str) -> Alias | None:
        """An alias, or None while it does not exist. Raises Corrupted."""
        key = alias_key(model, alias)
        try:
            return decode_alias(self._store.get(key).body, key)
        except KeyMissing:
            return None


class RegistryWriter(Registry):
    """Reads and changes the models of one bucket: publishes versions and moves aliases."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._writes = store

    def publish(self, manifest: ModelManifest, deletions: int = 0) -> ModelManifest:
        """Writes the manifest, the last object of a version, after its files.

        deletions is the number of the last deletion that the job knows (see existence). Publishing
        a version again changes nothing, so that a retry does no harm. Returns the manifest that is
        stored. Raises Conflict when the model or this version was deleted since.
        """
        model, version = manifest.model, manifest.version
        self._remove_late_moves(model)
        self._existence(model).begin(deletions, lambda: self.versions(model))
        while (stored_manifest := self.published(model, version, deletions)) is None:
            with contextlib.suppress(PreconditionFailed):
                key = manifest_key(model, version)
                self._writes.put(key, encoded(_document(manifest)), expected=ABSENT)
        from common.existence import list_all

        with contextlib.suppress(Unavailable):  # the next publication does it
            list_all(self._writes, "models", self.versions)
        return stored_manifest

    def published(self, model: str, version: str, deletions: int = 0) -> ModelManifest | None:
        """The manifest of a version if a job has published it, else None.

        Raises Conflict when the model or this version was deleted since the deletion that the job
        knows, and Corrupted for a damaged manifest.
        """
        existence, key = self._existence(model), manifest_key(model, version)
        stored_object = existence.manifest(key, deletions)
        if stored_object is None:
            return None
        if left := tombstone(stored_object.body):
            existence.refuse(f"Version {version!r} of model {model!r}", left.deleted)
        return decode_manifest(stored_object.body, key)

    def _remove_late_moves(self, model: str) -> None:
        """Removes aliases of a model that is gone: a run that was killed may have left them."""
        existence = self._existence(model)
        if not existence.read().gone:
            return
        left = list(self._store.list(model_prefix(model) + "aliases/"))
        if left and existence.read().gone:  # otherwise they may belong to a new model of this name
            self._writes.delete_listed(left)

    def _existence(self, model: str) -> "ExistenceWriter":
        from common.existence import ExistenceWriter

        return ExistenceWriter(self._writes, "models", model)

    def withdraw_deletions(self, model: str, version: str | None) -> None:
        """Withdraws announced deletions of a model, and of a version that an alias now points at.

        Those deletions then check the aliases again. Raises NotFound where the model or the version
        was deleted already, and Corrupted for a damaged manifest.
        """
        existence = self._existence(model).withdraw()
        if existence.gone:
            raise NotFound(f"There is no model {model!r}. It {existence.deleted}.")
        if version is None:
            return
        key = manifest_key(model, version)
        while True:
            stored_object = self._manifest(model, version)
            decode_manifest(stored_object.body, key)
            body = unannounced(stored_object.body)
            if body == stored_object.body:
                return
            with contextlib.suppress(PreconditionFailed):
                self._writes.put(key, body, expected=stored_object.etag)

    def confirm_move(self, moved: Alias, move: Move) -> Alias:
        """Makes the last move of an alias final, and returns the alias as it is then.

        If the version was deleted meanwhile, the move is undone without a trace. If the alias has
        moved on since, the move counts as made before the deletion. Raises NotFound or Corrupted
        when the move is undone.
        """
        try:
            self.withdraw_deletions(moved.model, move.version)
        except (NotFound, Corrupted) as problem:
            refusal = problem
        else:
            return moved
        while True:
            state = self.alias_state(moved.model, moved.alias)
            if state.alias is None or state.damage or move not in state.alias.history:
                raise refusal
            made = state.alias.history.index(move)
            if any(later.version for later in state.alias.history[made + 1 :]):
                return state.alias
            with contextlib.suppress(PreconditionFailed):
                self._restore(state.alias, state.alias.history[:made], state.etag)

    def _restore(self, alias: Alias, history: list[Move], tag: str) -> None:
        """Restores an alias to an earlier history. It then points where that history ends.

        If that version was deleted, the alias points at no version. Without a history, or where the
        model is gone, the alias is removed. Raises PreconditionFailed.
        """
        key, by = alias_key(alias.model, alias.alias), alias.history[-1].by
        while history and not self._existence(alias.model).read().gone:
            version = history[-1].version
            back = msgspec.structs.replace(alias, version=version, history=history)
            tag = self._writes.put(key, encoded(back), expected=tag)
            try:
                return self.withdraw_deletions(alias.model, version)
            except Corrupted:  # the alias pointed there before
                return
            except NotFound as problem:
                history = [*history, moved(None, by, problem.detail)]
        self._writes.delete_unchanged(key, tag)

    def detach(self, model: str, alias: str, version: str, by: str, reason: str) -> bool:
        """Makes an alias point at no version if it points at this one. Returns whether it did."""
        key = alias_key(model, alias)
        while True:
            state = self.alias_state(model, alias)
            if state.alias is None or state.version != version:
                return False
            try:
                history = [*state.alias.history, moved(None, by, reason)]
                left = msgspec.structs.replace(state.alias, version=None, history=history)
                self._writes.put(key, encoded(left), expected=state.etag)
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
        """Moves an alias to a version and returns it. If it is there already, nothing changes.

        expected is the version that the caller believes the alias to be at, None for an alias that
        should not exist yet, UNSET for any. A damaged alias is written anew with whatever can be
        read of its history. Raises NotFound for a version that does not exist, Corrupted for one
        whose manifest is damaged, and Conflict when the alias is not at the expected version. A
        request that is repeated because its answer was lost does not raise Conflict.
        """
        self.version(model, str(move.version))
        for _ in range(_TRIES):
            state = self.alias_state(model, alias)
            current, at = state.alias, state.version
            if current is not None and move in current.history:
                return current  # this move was made, its answer was lost, and another one followed
            if expected not in (msgspec.UNSET, at) and not _is_repeated(current, move, expected):
                advice = state.damage or "Read it again and decide anew."
                raise Conflict(
                    f"Alias {alias!r} of model {model!r} is at {_version(at)}, "
                    f"not at {_version(expected)}. {advice}"
                )
            if current is not None and at == move.version and not state.damage:
                self.withdraw_deletions(model, str(at))
                return current
            try:
                return self.move(model, alias, move, state)
            except PreconditionFailed:
                continue
        raise Conflict(f"Alias {alias!r} of model {model!r} is moving too fast. Try again.")

    def alias_state(self, model: str, alias: str) -> AliasState:
        """An alias as it is stored now, also where it is damaged."""
        key = alias_key(model, alias)
        try:
            stored_object = self._store.get(key)
        except KeyMissing:  # it is new, or lost: then its older moves still exist
            return AliasState(self._salvaged(model, alias, b""), ABSENT)
        try:
            return AliasState(decode_alias(stored_object.body, key), stored_object.etag)
        except Corrupted as damage:
            return AliasState(
                self._salvaged(model, alias, stored_object.body), stored_object.etag, damage.detail
            )

    def _salvaged(self, model: str, alias: str, body: bytes) -> Alias | None:
        """What can be read of a damaged alias: its version and its history; None if nothing can."""
        from common.salvage import objects, text  # rarely needed

        if _is_of_another(model, alias, body):
            body = b""
        history = objects(body, Move)
        ahead, _, _ = body.partition(b'"history"')  # each move has a version, too
        version = text(ahead, "version")
        if version is None and history:
            version = history[-1].version
        earlier, before = self._earlier_moves(model, alias, text(body, "earlier"))
        history = [move for move in history if move not in before]
        if not (version or history or earlier):
            return None
        return Alias(
            alias=alias, model=model, version=version or None, earlier=earlier, history=history
        )

    def _earlier_moves(self, model: str, alias: str, named: str | None) -> tuple[str, list[Move]]:
        """The key of the earlier moves of a damaged alias, and the moves; empty if there are none.

        It is the key that the alias names, if that can be read. Otherwise it is the newest object
        that no other one names.
        """
        parts: dict[str, Earlier] = {}
        for entry in self._store.list(_history_prefix(model, alias)):
            with contextlib.suppress(Corrupted, KeyMissing):
                body = self._store.get(entry.key).body
                parts[entry.key] = stored(entry.key, body, Earlier, "")
        followed = {one.earlier for one in parts.values()}
        newest = {key: one.history[-1].at for key, one in parts.items() if key not in followed}
        key = named if named in parts else max(newest, key=lambda key: newest[key], default="")
        return (key, parts[key].history) if key else ("", [])

    def move(self, model: str, alias: str, move: Move, state: AliasState) -> Alias:
        """Moves an alias unless it has changed since `state` was read. Its history is kept.

        Returns the alias as it is then; others may have moved it on. Raises PreconditionFailed
        when it has changed, even there and back, NotFound when the version was deleted meanwhile,
        and Conflict when the model has MAX_ALIASES already.
        """
        if state.etag == ABSENT and len(self._alias_names(model)) >= MAX_ALIASES:
            raise Conflict(
                f"Model {model!r} has {MAX_ALIASES} aliases, which is the most: move one of them."
            )
        history, earlier = (state.alias.history, state.alias.earlier) if state.alias else ([], "")
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
        self._writes.put(key, encoded(moved), expected=state.etag)
        return self.confirm_move(moved, move)

    def _shortened(self, alias: Alias) -> Alias:
        """The alias with its newest moves; earlier ones are stored in another object first."""
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


def _is_repeated(alias: Alias | None, move: Move, expected: object) -> bool:
    """Whether the last move of an alias equals this one, and came from the expected version."""
    if alias is None or not alias.history:
        return False
    *before, last = alias.history
    is_same = (last.version, last.by, last.reason) == (move.version, move.by, move.reason)
    return is_same and (before[-1].version if before else None) == expected


def encode_manifest(manifest: ModelManifest) -> bytes:
    """A manifest as callers get it: JSON without checksum."""
    return msgspec.json.encode(_document(manifest))


def _document(manifest: ModelManifest) -> dict[str, Any]:
    fields = msgspec.to_builtins(manifest)
    return {**fields.pop("details", {}), **fields}


DAMAGED_MANIFEST = (
    "This version cannot be used any more: point aliases at another one, or train the model again."
)


def decode_manifest(body: bytes, key: str = "A manifest") -> ModelManifest:
    """The manifest that is stored at key. Raises Corrupted, and NotFound for a deleted version."""
    manifest = stored(key, body, ModelManifest, DAMAGED_MANIFEST)
    fields = stored(key, body, dict[str, Any], DAMAGED_MANIFEST)  # also checks the names of fields
    known = {*ModelManifest.__struct_fields__, *FIELDS}
    details = {name: value for name, value in fields.items() if name not in known}
    return msgspec.structs.replace(manifest, details=details)


def decode_alias(body: bytes, key: str) -> Alias:
    """The alias that is stored at key. Raises Corrupted."""
    _, model, _, name = key.removesuffix(".json").split("/")
    advice = f"PUT /models/{model}/aliases/{name} writes it anew, with what is left of its history."
    return stored(key, body, Alias, advice)


def _is_of_another(model: str, alias: str, body: bytes) -> bool:
    """Whether a damaged object belongs to another alias, rather than having an altered name."""
    from common.salvage import text

    if text(body, "model") in (None, model) and text(body, "alias") in (None, alias):
        return False
    try:
        return not is_altered(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # it is cut off as well
        return True


def moved(version: str | None, by: str, reason: str) -> Move:
    """A move that is made now. Its time has microseconds, so that no two moves are equal."""
    return Move(version, times.text(times.now(), "microseconds"), by, reason)
