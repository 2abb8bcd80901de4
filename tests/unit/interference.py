"""What others do to a bucket while something is being written to it."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from common.store import Entry, Object, Store


def interfere(
    monkeypatch: pytest.MonkeyPatch,
    ending: str,
    action: Callable[[], object],
    *,
    after: bool = False,
) -> None:
    """Does something once, right before (or after) a key that ends like this is written."""
    put, waiting = Store.put, [action]

    def replacement(self: Store, key: str, *arguments: Any, **options: Any) -> str:
        matches = bool(waiting) and key.endswith(ending)
        if matches and not after:
            waiting.pop()()
        tag = put(self, key, *arguments, **options)
        if matches and after:
            waiting.pop()()
        return tag

    monkeypatch.setattr(Store, "put", replacement)


def before_reading(
    monkeypatch: pytest.MonkeyPatch, ending: str, action: Callable[[], object]
) -> None:
    """Does something once, right before a key that ends like this is read."""
    get, waiting = Store.get, [action]

    def replacement(self: Store, key: str) -> Object:
        if waiting and key.endswith(ending):
            waiting.pop()()
        return get(self, key)

    monkeypatch.setattr(Store, "get", replacement)


def while_removing(
    monkeypatch: pytest.MonkeyPatch, ending: str, action: Callable[[], object]
) -> None:
    """Does something once, right before objects are removed of which one's key ends so."""
    delete, waiting = Store.delete_listed, [action]

    def replacement(self: Store, entries: Sequence[Entry]) -> None:
        if waiting and any(entry.key.endswith(ending) for entry in entries):
            waiting.pop()()
        delete(self, entries)

    monkeypatch.setattr(Store, "delete_listed", replacement)
