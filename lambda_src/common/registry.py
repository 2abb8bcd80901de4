"""Models: immutable versions, and aliases that point at one of them."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from common import times
from common.decoding import stored
from common.problems import Corrupted, NotFound
from common.seals import FIELDS
from common.signature import Signature
from common.store import (
    KeyMissing,
    Object,
    Reader,
)
from common.warnings import Warning

if TYPE_CHECKING:
    from common.existence import Existence
    from common.newest import Page

LIVE = "live"
"""The alias that inference uses by default."""

NOT_SERVED = frozenset({"model.joblib"})
"""Files of a version that are for its owner. Inference never unpickles anything."""

_FILE_ADVICE = "Roll back, or train the model again."


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


def history_prefix(model: str, alias: str) -> str:
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


def encode_manifest(manifest: ModelManifest) -> bytes:
    """A manifest as callers get it: JSON without checksum."""
    return msgspec.json.encode(document(manifest))


def document(manifest: ModelManifest) -> dict[str, Any]:
    """A manifest as plain values, with each detail as a field beside the others."""
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


def moved(version: str | None, by: str, reason: str) -> Move:
    """A move that is made now. Its time has microseconds, so that no two moves are equal."""
    return Move(version, times.text(times.now(), "microseconds"), by, reason)
