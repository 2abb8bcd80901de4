"""The cache of models: what it loads, keeps, refuses, and how it follows an alias."""

import itertools
import weakref
from collections.abc import Callable
from typing import Any

import pytest

import tasks
from common.problems import Corrupted, LacksMemory, NotFound, Unavailable
from common.registry import manifest_key
from inference.models import ALIAS_SECONDS, Models
from tests.unit.inference.conftest import publish
from tests.unit.inference.memory import MemoryReader

PLENTY = 10**9
MODEL_BYTES = 10**6


def growing() -> Callable[[], int]:
    """Memory that grows by so much with every model."""
    return itertools.count(0, MODEL_BYTES).__next__


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_model_is_loaded_once(store: MemoryReader) -> None:
    models = Models(store, PLENTY)

    first, second = models.at_version("shop", "v1"), models.at_version("shop", "v1")

    assert first is second
    assert store.asked.count("models/shop/versions/v1/model.onnx") == 1


def test_the_pickle_is_never_fetched(store: MemoryReader) -> None:
    Models(store, PLENTY).at_alias("shop", "live")

    assert not [key for key in store.asked if key.endswith(".joblib")]


def test_a_moved_alias_is_followed_within_seconds(store: MemoryReader) -> None:
    clock = Clock()
    models = Models(store, PLENTY, clock)
    assert models.at_alias("shop", "live").version == "v1"
    store.point("shop", "live", "v2")
    assert models.at_alias("shop", "live").version == "v1"

    clock.now += ALIAS_SECONDS

    assert models.at_alias("shop", "live").version == "v2"


@pytest.mark.parametrize("is_known", [False, True], ids=["cold", "warm"])
def test_a_version_that_was_deleted_after_its_alias_moved(
    store: MemoryReader, is_known: bool
) -> None:
    models = Models(store, PLENTY, clock=lambda: 0.0)
    if is_known:
        models.at_alias("shop", "live")
        models.at_version("shop", "v2")
        models._loaded.clear()  # as memory for another model takes
    manifest = manifest_key("shop", "v1")

    def moved_and_deleted() -> None:
        if store.asked[-1] == manifest:
            store.point("shop", "live", "v2")
            store.objects.pop(manifest, None)

    store.takes = moved_and_deleted
    assert models.at_alias("shop", "live").version == "v2"


def test_an_alias_is_asked_for_once_per_interval(store: MemoryReader) -> None:
    clock = Clock()
    models = Models(store, PLENTY, clock)
    for _ in range(3):
        models.at_alias("shop", "live")
    clock.now += ALIAS_SECONDS
    for _ in range(3):
        models.at_alias("shop", "live")

    assert store.asked.count("models/shop/aliases/live.json") == 2


def test_the_last_version_answers_while_s3_is_down(store: MemoryReader) -> None:
    clock = Clock()
    models = Models(store, PLENTY, clock)
    models.at_alias("shop", "live")
    store.down = True
    clock.now += ALIAS_SECONDS

    assert models.at_alias("shop", "live").version == "v1"


def test_while_s3_is_down_it_is_not_asked_by_every_request(store: MemoryReader) -> None:
    """To find out may take longer than an answer is trusted."""
    clock = Clock()
    models = Models(store, PLENTY, clock)
    models.at_alias("shop", "live")
    store.down = True
    store.takes = lambda: setattr(clock, "now", clock.now + 10 * ALIAS_SECONDS)
    clock.now += ALIAS_SECONDS

    for _ in range(3):
        assert models.at_alias("shop", "live").version == "v1"

    assert store.asked.count("models/shop/aliases/live.json") == 2


def test_a_cold_start_without_s3_is_unavailable(store: MemoryReader) -> None:
    store.down = True

    with pytest.raises(Unavailable):
        Models(store, PLENTY).at_alias("shop", "live")


def test_an_alias_that_is_gone_is_not_found(store: MemoryReader) -> None:
    clock = Clock()
    models = Models(store, PLENTY, clock)
    models.at_alias("shop", "live")
    del store.objects["models/shop/aliases/live.json"]
    clock.now += ALIAS_SECONDS

    with pytest.raises(NotFound, match="no alias 'live'"):
        models.at_alias("shop", "live")


def test_what_does_not_exist_is_not_found(store: MemoryReader) -> None:
    models = Models(store, PLENTY)

    with pytest.raises(NotFound, match="no alias 'live'"):
        models.at_alias("nothing", "live")
    with pytest.raises(NotFound, match="no version 'v9'"):
        models.at_version("shop", "v9")


def test_the_least_recently_used_model_goes_first(
    store: MemoryReader, trained: tasks.Trained
) -> None:
    publish(store, trained, "v3")
    models = Models(store, 2 * MODEL_BYTES, resident=growing())
    for version in ("v1", "v2", "v1", "v3"):
        models.at_version("shop", version)
    store.asked.clear()

    models.at_version("shop", "v1")
    models.at_version("shop", "v2")

    assert [key for key in store.asked if key.endswith(".onnx")] == [
        "models/shop/versions/v2/model.onnx"
    ]


class Roomy:
    """A task whose models take all memory that there is: none is loaded beside another."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._alive: weakref.WeakSet[Any] = weakref.WeakSet()

    def load(self, *_: Any) -> Any:
        if len(self._alive) == self._most:
            raise LacksMemory("It takes more memory than the function has.")
        model = type("Large", (), {})()
        self._alive.add(model)
        return model


def test_a_model_that_finds_no_memory_takes_that_of_others(
    store: MemoryReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = Roomy(most=1)
    monkeypatch.setattr(tasks, "serving", lambda _: task)
    models = Models(store, PLENTY)
    for version in ("v1", "v2", "v1"):
        assert models.at_version("shop", version).version == version
    assert store.asked.count("models/shop/versions/v2/model.onnx") == 1


def test_a_model_that_finds_no_memory_alone_is_refused(
    store: MemoryReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = Roomy(most=0)
    monkeypatch.setattr(tasks, "serving", lambda _: task)
    with pytest.raises(LacksMemory):
        Models(store, PLENTY).at_version("shop", "v1")


def test_a_model_holds_what_memory_grew_by_or_its_files_at_least(store: MemoryReader) -> None:
    size = len(store.objects["models/shop/versions/v1/model.onnx"])

    assert Models(store, PLENTY, resident=growing()).at_version("shop", "v1").memory == MODEL_BYTES
    assert Models(store, PLENTY, resident=lambda: 0).at_version("shop", "v1").memory == size
    assert Models(store, PLENTY).at_version("shop", "v1").memory >= size


def test_a_model_larger_than_the_bound_still_answers(store: MemoryReader) -> None:
    models = Models(store, memory_bytes=1)

    assert models.at_version("shop", "v1").version == "v1"


@pytest.mark.parametrize("damage", ["altered", "cut", "gone"])
def test_a_damaged_file_is_refused(store: MemoryReader, damage: str) -> None:
    key = "models/shop/versions/v1/model.onnx"
    body = store.objects.pop(key)
    if damage != "gone":
        store.objects[key] = body[:-1] + b"\x00" if damage == "altered" else body[: len(body) // 2]

    with pytest.raises(Corrupted, match=r"v1/model\.onnx"):
        Models(store, PLENTY).at_version("shop", "v1")
