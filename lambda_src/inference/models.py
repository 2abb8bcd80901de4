"""The models that an environment keeps in memory, and the aliases that it follows."""

import logging
import math
import os
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

import tasks
from common.decoding import stored
from common.logs import log
from common.metrics import RequestLine, write
from common.problems import Corrupted, LacksMemory, NotFound, Problem, Unavailable
from common.registry import (
    DAMAGED_MANIFEST,
    Alias,
    File,
    Registry,
    alias_key,
    decode_alias,
    manifest_key,
)
from common.store import KeyMissing, Reader

ALIAS_SECONDS = 2.0
"""Seconds for which an alias is used before S3 is asked whether it has moved."""


class Served(msgspec.Struct, frozen=True):
    """The fields of a model's manifest that serving needs."""

    model: str
    version: str
    task: str
    inputs: dict[str, Any]
    files: dict[str, File]
    labels: list[str] | None = None


class Loaded(msgspec.Struct, frozen=True):
    """A model in memory. memory is the growth of the process in bytes when it was loaded."""

    version: str
    model: tasks.Model
    memory: int


class _Pointer(msgspec.Struct, frozen=True):
    alias: Alias
    etag: str
    checked_at: float


def resident_bytes() -> int:
    """The memory of this process at the moment, in bytes."""
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Models:
    """The models of a bucket. They stay in memory up to a limit.

    memory_bytes is that limit. Above it, the least recently used models are evicted, but never the
    one in use. clock returns seconds, resident the memory of the process in bytes.
    """

    def __init__(
        self,
        store: Reader,
        memory_bytes: int,
        clock: Callable[[], float] = time.monotonic,
        resident: Callable[[], int] = resident_bytes,
    ) -> None:
        self.store = store
        self._memory_bytes = memory_bytes
        self._clock = clock
        self._resident = resident
        self._loaded: OrderedDict[tuple[str, str], Loaded] = OrderedDict()
        self._pointers: dict[tuple[str, str], _Pointer] = {}

    def at_alias(self, model: str, alias: str, line: RequestLine | None = None) -> Loaded:
        """The version that an alias points at. Raises NotFound, Corrupted, Unavailable.

        line is that of the request, in which the version is noted.
        """
        version = self._version(model, alias)
        try:
            return self.at_version(model, version, line)
        except NotFound:
            self._pointers.pop((model, alias), None)
            pointed = self._version(model, alias)
            if pointed == version:
                raise
            # The alias has moved, and then the old version was deleted.
            return self.at_version(model, pointed, line)

    def at_version(self, model: str, version: str, line: RequestLine | None = None) -> Loaded:
        """One version of a model. Raises NotFound, Corrupted, Unavailable."""
        loaded = self._loaded.get((model, version))
        if line is not None:
            hits = int(loaded is not None)
            line.note({"ModelCacheHits": hits}, model=model, version=version)
        if loaded is None:
            return self._add(model, version)
        self._loaded.move_to_end((model, version))
        return loaded

    def preload(self, model: str, alias: str) -> None:
        """Loads the version that an alias points at, ahead of requests. Raises like at_alias."""
        self._add(model, self._version(model, alias))

    def expire_aliases(self) -> None:
        """Makes the next request for each alias ask S3 again."""
        for key, pointer in self._pointers.items():
            self._pointers[key] = msgspec.structs.replace(pointer, checked_at=-math.inf)

    def _add(self, model: str, version: str) -> Loaded:
        loaded = self._loaded[model, version] = self._load(model, version)
        self._evict()
        return loaded

    def _version(self, model: str, alias: str) -> str:
        pointed = self._follow(model, alias)
        if pointed.version is None:
            why = f": {pointed.history[-1].reason}" if pointed.history else "."
            raise NotFound(
                f"Alias {alias!r} of model {model!r} points at nothing{why} "
                f"PUT /models/{model}/aliases/{alias} moves it."
            )
        return pointed.version

    def _follow(self, model: str, alias: str) -> Alias:
        pointer = self._pointers.get((model, alias))
        now = self._clock()
        if pointer is not None and now - pointer.checked_at < ALIAS_SECONDS:
            return pointer.alias
        pointer = self._refresh(model, alias, pointer, now)
        self._pointers[model, alias] = pointer
        return pointer.alias

    def _refresh(self, model: str, alias: str, last: _Pointer | None, now: float) -> _Pointer:
        key = alias_key(model, alias)
        try:
            changed = self.store.get_if_changed(key, last.etag) if last else self.store.get(key)
        except KeyMissing:
            self._pointers.pop((model, alias), None)
            notice = Registry(self.store).deletion_notice(model)
            raise NotFound(
                f"Model {model!r} has no alias {alias!r}.{notice} "
                f"GET /models/{model} shows what it has. "
                "The warnings of a version, and the result of the job that made it, say why it did "
                f"not go live by itself: PUT /models/{model}/aliases/{alias} if it is to."
            ) from None
        except Unavailable as problem:
            if last is None:
                raise
            return _kept(last, model, problem, self._clock())
        if changed is None:
            assert last is not None  # only a tag that was sent can be unchanged
            return _Pointer(last.alias, last.etag, now)
        try:
            return _Pointer(decode_alias(changed.body, key), changed.etag, now)
        except Corrupted as problem:
            if last is None:
                raise
            return _kept(last, model, problem, now)

    def _load(self, model: str, version: str) -> Loaded:
        started, before = self._clock(), self._resident()
        registry = Registry(self.store)
        body = registry.manifest(model, version)
        key = manifest_key(model, version)
        manifest = stored(key, body, Served, DAMAGED_MANIFEST)
        files = registry.files(model, version, manifest.files)
        try:
            loaded_model = _load_model(key, manifest, files)
        except LacksMemory:
            if not self._loaded:
                raise
            loaded_model = None
        if loaded_model is None:  # not in `except`: the error would keep the files in memory
            while self._loaded:
                self._evict_oldest()
            before = self._resident() - _size(files)
            loaded_model = _load_model(key, manifest, files)
        milliseconds = round(1000 * (self._clock() - started), 3)
        fields = {"model": model, "version": version, "bytes": _size(files)}
        write("model loaded", {"ModelLoadTime": milliseconds}, fields)
        # A model may need far more than its file: a forest twelve times as much, a network as much.
        held = max(_size(files), self._resident() - before)
        return Loaded(version, loaded_model, held)

    def _evict(self) -> None:
        while len(self._loaded) > 1 and self._held() > self._memory_bytes:
            self._evict_oldest()

    def _evict_oldest(self) -> None:
        (model, version), _ = self._loaded.popitem(last=False)
        log("model evicted", model=model, version=version)

    def _held(self) -> int:
        return sum(loaded.memory for loaded in self._loaded.values())


def _load_model(key: str, manifest: Served, files: Mapping[str, bytes]) -> tasks.Model:
    """Loads a model from its files. Raises Corrupted where manifest and files do not match."""
    try:
        return tasks.serving(manifest.task).load(manifest.inputs, manifest.labels, files)
    except (MemoryError, Problem):
        raise
    except Exception as error:
        reason = "the version's files cannot be loaded as it says"
        raise Corrupted(f"{key} is damaged: {reason}. {DAMAGED_MANIFEST}") from error


def _kept(last: _Pointer, model: str, problem: Problem, now: float) -> _Pointer:
    """Keeps the last known alias: an answer from it is better than an error."""
    log("alias not checked", level=logging.WARNING, model=model, reason=problem.detail)
    return _Pointer(last.alias, last.etag, now)


def _size(files: Mapping[str, bytes]) -> int:
    return sum(map(len, files.values()))
