"""A bucket in memory, which counts requests and can fail."""

import hashlib
from collections.abc import Callable, Iterator

import msgspec

from common.problems import Unavailable
from common.registry import Alias, alias_key, moved
from common.store import PAGE, Entry, KeyMissing, Object


class MemoryReader:
    """What a Reader is, over a dictionary."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.down = False
        self.takes: Callable[[], None] = lambda: None
        """What time goes by while it is asked."""

    def point(self, model: str, alias: str, version: str | None) -> None:
        history = [moved(version, "me", "a test.")]
        document = Alias(alias=alias, model=model, version=version, history=history)
        self.objects[alias_key(model, alias)] = msgspec.json.encode(document)

    def get(self, key: str) -> Object:
        self.asked.append(key)
        self.takes()
        if self.down:
            raise Unavailable("S3 is down. Try again later.")
        if key not in self.objects:
            raise KeyMissing(key)
        body = self.objects[key]
        return Object(body, hashlib.sha256(body).hexdigest())

    def get_if_changed(self, key: str, etag: str) -> Object | None:
        found = self.get(key)
        return None if found.etag == etag else found

    def list(self, prefix: str, after: str = "", at_once: int = PAGE) -> Iterator[Entry]:
        for key in sorted(self.objects):
            if key.startswith(prefix) and key > after:
                yield Entry(key, len(self.objects[key]), "2026-01-01T00:00:00Z", '"tag"')

    def children(self, prefix: str, after: str = "", at_once: int = PAGE) -> Iterator[str]:
        keys = [entry.key for entry in self.list(prefix, after)]
        yield from sorted({key[len(prefix) :].split("/")[0] for key in keys})
