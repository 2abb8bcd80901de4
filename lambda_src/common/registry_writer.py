"""Changes of models: versions are published, and aliases are moved.

An alias is one small object, changed by compare-and-swap. It holds the newest moves. Earlier moves
are in other objects, each of which names the one before it.
"""

import contextlib
import hashlib

import msgspec

from common.decoding import stored
from common.existence import ExistenceWriter, list_all
from common.problems import Conflict, Corrupted, NotFound, Unavailable
from common.registry import (
    Alias,
    Earlier,
    ModelManifest,
    Move,
    Registry,
    alias_key,
    decode_alias,
    decode_manifest,
    document,
    history_prefix,
    manifest_key,
    model_prefix,
    moved,
)
from common.salvage import objects, text
from common.seals import encoded, is_altered, unannounced
from common.store import ABSENT, KeyMissing, PreconditionFailed, Store, content_key
from common.tombstones import tombstone

MAX_ALIASES = 50
"""The most aliases of a model. Reading a model reads all of them."""

MOST_MOVES = 100
"""The most moves in the object of an alias."""

_KEPT_MOVES = 50
"""Moves that stay in the object of an alias when it has more than MOST_MOVES."""

_TRIES = 64
"""How often a move is tried. In each round one writer wins: sixteen at once need sixteen tries."""


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
                self._writes.put(key, encoded(document(manifest)), expected=ABSENT)
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

    def _existence(self, model: str) -> ExistenceWriter:
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
        for entry in self._store.list(history_prefix(model, alias)):
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
        folder = history_prefix(alias.model, alias.alias)
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


def _is_of_another(model: str, alias: str, body: bytes) -> bool:
    """Whether a damaged object belongs to another alias, rather than having an altered name."""
    if text(body, "model") in (None, model) and text(body, "alias") in (None, alias):
        return False
    try:
        return not is_altered(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # it is cut off as well
        return True
