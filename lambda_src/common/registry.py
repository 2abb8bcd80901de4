"""Models: immutable versions, and aliases that point at one of them.

An alias is one small object, moved by compare-and-swap and carrying its whole history.
"""

import hashlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from common.problems import Conflict, Corrupted, NotFound
from common.store import ABSENT, KeyMissing, PreconditionFailed, Reader, Store
from common.warnings import Warning

LIVE = "live"
"""The alias that inference answers from by default."""

NOT_SERVED = frozenset({"model.joblib"})
"""Files of a version that are for people: nothing that a bucket holds is ever unpickled."""

_TRIES = 64
"""Each lost race means that another writer has won, so sixteen at once need sixteen tries."""


class Move(msgspec.Struct, frozen=True):
    """One entry of an alias's history."""

    version: str
    at: str
    by: str
    reason: str


class Alias(msgspec.Struct, frozen=True):
    """Where an alias points, and every place it has pointed at, newest last."""

    alias: str
    model: str
    version: str
    history: list[Move]


class File(msgspec.Struct, frozen=True):
    """One file of a version: its sha256 in hexadecimal and its size in bytes."""

    sha256: str
    bytes: int


class ModelManifest(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Everything there is to know about one version of a model.

    inputs and details belong to the task: what its serving needs to turn instances into arrays,
    and whatever else it has found out. Written as JSON, each detail is a field of its own beside
    the others.
    """

    model: str
    version: str
    created_at: str
    task: str
    target: str | None
    metric: str
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


class Registry:
    """The models of one bucket, to be read."""

    def __init__(self, store: Reader) -> None:
        self._store = store

    def models(self) -> Iterator[str]:
        return self._store.children("models/")

    def versions(self, model: str) -> dict[str, str]:
        """When each version of a model was published, by version, oldest first."""
        entries = self._store.list(model_prefix(model) + "versions/")
        return {
            entry.key.split("/")[-2]: entry.modified
            for entry in entries
            if entry.key.endswith("/manifest.json")
        }

    def aliases(self, model: str) -> dict[str, Alias]:
        keys = [entry.key for entry in self._store.list(model_prefix(model) + "aliases/")]
        found = [decode_alias(self._store.get(key).body) for key in keys]
        return {alias.alias: alias for alias in found}

    def manifest(self, model: str, version: str) -> bytes:
        """A version's manifest as JSON. Raises NotFound."""
        try:
            return self._store.get(manifest_key(model, version)).body
        except KeyMissing:
            raise NotFound(f"Model {model!r} has no version {version!r}.") from None

    def files(self, model: str, version: str, files: Mapping[str, File]) -> dict[str, bytes]:
        """The files that a version is served by, of those in its manifest. Raises Corrupted."""
        prefix = version_prefix(model, version)
        return {
            name: self._checked(prefix + name, file)
            for name, file in files.items()
            if name not in NOT_SERVED
        }

    def _checked(self, key: str, file: File) -> bytes:
        advice = "Roll back, or train the model again."
        try:
            body = self._store.get(key).body
        except KeyMissing:
            raise Corrupted(f"{key} is missing. {advice}") from None
        digest = hashlib.sha256(body).hexdigest()
        if digest != file.sha256:
            raise Corrupted(f"{key} has sha256 {digest}, its manifest says {file.sha256}. {advice}")
        return body

    def alias(self, model: str, alias: str) -> Alias | None:
        """Where an alias points, or None while it does not exist."""
        try:
            return decode_alias(self._store.get(alias_key(model, alias)).body)
        except KeyMissing:
            return None


class RegistryWriter(Registry):
    """The models of one bucket, with the two ways in which they change."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._writes = store

    def publish(self, manifest: ModelManifest) -> None:
        """Writes the manifest, the last object of a version; its files stand already.

        Publishing a version again changes nothing, so that a retried job is harmless.
        """
        key = manifest_key(manifest.model, manifest.version)
        try:
            self._writes.put(key, encode_manifest(manifest), expected=ABSENT)
        except PreconditionFailed:
            return

    def point(
        self,
        model: str,
        alias: str,
        move: Move,
        expected: str | msgspec.UnsetType | None = msgspec.UNSET,
    ) -> Alias:
        """Moves an alias, keeping its history; at its place already, it stays as it is.

        expected is the version that the caller believes the alias to be at, None for an alias
        that should not exist yet; UNSET takes it from wherever it is. Raises NotFound for a
        version that does not exist, and Conflict when the alias is not where expected says.
        """
        self.manifest(model, move.version)
        key = alias_key(model, alias)
        for _ in range(_TRIES):
            current, tag = self._current(key)
            at = current.version if current else None
            if expected is not msgspec.UNSET and expected != at:
                raise Conflict(
                    f"Alias {alias!r} of model {model!r} is at version {at!r}, "
                    f"not at {expected!r}. Read it again and decide anew."
                )
            if current is not None and at == move.version:
                return current
            history = [*(current.history if current else ()), move]
            moved = Alias(alias, model, move.version, history)
            try:
                self._writes.put(key, msgspec.json.encode(moved), expected=tag)
            except PreconditionFailed:
                continue
            return moved
        raise Conflict(f"Alias {alias!r} of model {model!r} is moving too fast. Try again.")

    def _current(self, key: str) -> tuple[Alias | None, str]:
        try:
            found = self._store.get(key)
        except KeyMissing:
            return None, ABSENT
        return decode_alias(found.body), found.etag


def encode_manifest(manifest: ModelManifest) -> bytes:
    fields = msgspec.to_builtins(manifest)
    return msgspec.json.encode({**fields.pop("details", {}), **fields})


def decode_manifest(body: bytes) -> ModelManifest:
    fields = msgspec.json.decode(body)
    known = set(ModelManifest.__struct_fields__)
    details = {name: fields.pop(name) for name in list(fields) if name not in known}
    return msgspec.convert({**fields, "details": details}, ModelManifest)


def decode_alias(body: bytes) -> Alias:
    return msgspec.json.decode(body, type=Alias)


def moved(version: str, by: str, reason: str) -> Move:
    """A move made now."""
    return Move(version, datetime.now(UTC).isoformat(timespec="milliseconds"), by, reason)
