"""Lists: newest first, in pages of a few calls of S3 each, whatever happens in between."""

from collections import Counter
from typing import Any

import boto3
import msgspec
import pytest

from common import existence, newest
from common.datasets import Datasets
from common.existence import Existence, model_existence
from common.newest import Page, asked, entry
from common.problems import Unavailable, Unprocessable
from common.registry import model_prefix, version_prefix
from common.registry_writer import RegistryWriter
from common.store import Store
from inference import catalog
from model_training.deletion import delete_model, delete_model_version
from tests.unit.common.test_registry import manifest
from tests.unit.interference import interfere
from tests.unit.stalled import silent


@pytest.fixture
def registry(store: Store) -> RegistryWriter:
    return RegistryWriter(store)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every time that is asked for is a minute later."""
    times = (
        f"2026-01-31T{hour:02d}:{minute:02d}:00.000Z" for hour in range(24) for minute in range(60)
    )
    monkeypatch.setattr(existence, "timestamp", lambda: next(times))


def publish(registry: RegistryWriter, store: Store, *models: str, version: str = "v1") -> None:
    for model in models:
        store.put(version_prefix(model, version) + "model.onnx", b"")
        registry.publish(manifest(version, model=model))


def names(store: Store, page: Page) -> tuple[list[str], str | None]:
    answer = catalog.models(RegistryWriter(store), page)
    assert "damaged" not in answer
    return [row["model"] for row in answer["models"]], answer.get("next")


def all_names(store: Store, limit: int = 2) -> list[str]:
    found, token = names(store, Page(limit))
    while token is not None:
        assert len(found) < 100
        more, token = names(store, Page(limit, token))
        found += more
    return found


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"limit": text}, "/limit")
        for text in ("0", "101", "-1", "1.5", "", "ten", "٣", "050", "1" * 5000)
    ]
    + [
        ({"after": text}, "/after")
        for text in (
            "",
            "churn",
            "../raw/",
            "8230182400000.a/b",
            "8230182400000.",
            "8" * 5000,
            "\0",
        )
    ],
)
def test_a_page_that_cannot_be(query: dict[str, str], pointer: str) -> None:
    with pytest.raises(Unprocessable) as problem:
        asked(query, newest.NAME_TOKEN)
    assert [error.pointer for error in problem.value.errors] == [pointer]
    assert "newest" not in problem.value.detail


def test_a_page_that_can_be() -> None:
    assert asked({}, newest.NAME_TOKEN) == Page(50, "")
    query = {"limit": "100", "after": "8230182400000.churn", "other": "x"}
    assert asked(query, newest.NAME_TOKEN) == Page(100, "8230182400000.churn")


@pytest.mark.usefixtures("clock")
def test_models_are_listed_newest_first(store: Store, registry: RegistryWriter) -> None:
    publish(registry, store, "b", "c", "a")
    publish(registry, store, "b", version="v2")
    assert names(store, Page()) == (["a", "c", "b"], None)
    assert names(store, Page(3)) == (["a", "c", "b"], None)
    first, token = names(store, Page(2))
    assert first == ["a", "c"]
    assert token is not None
    assert names(store, Page(2, token)) == (["b"], None)


@pytest.mark.usefixtures("clock")
def test_what_comes_and_goes_between_two_pages(store: Store, registry: RegistryWriter) -> None:
    publish(registry, store, "a", "b", "c", "d", "e")
    first, token = names(store, Page(2))
    assert first == ["e", "d"]
    assert token is not None
    publish(registry, store, "f")
    for model in ("d", "b"):  # the one that the token names, too
        delete_model(store, model, "me", force=False)
    assert names(store, Page(2, token)) == (["c", "a"], None)
    assert all_names(store) == ["f", "e", "c", "a"]


@pytest.mark.usefixtures("clock")
def test_who_was_deleted_and_made_anew_is_listed_once(
    store: Store, registry: RegistryWriter
) -> None:
    publish(registry, store, "a", "b")
    before = existence.read(store, model_existence("a"))
    delete_model(store, "a", "me", force=False)
    assert all_names(store) == ["b"]
    store.put(entry("models", "a", before.created_at), b"")  # a late writer
    assert all_names(store) == ["b"]
    deletions = existence.read(store, model_existence("a")).deletions
    registry.publish(manifest("v2", model="a"), deletions=deletions)
    store.put(version_prefix("a", "v2") + "model.onnx", b"")
    assert all_names(store) == ["a", "b"]


@pytest.mark.usefixtures("clock")
def test_a_model_without_a_version_is_not_listed(store: Store, registry: RegistryWriter) -> None:
    publish(registry, store, "a", "b")
    delete_model_version(store, "a", "v1", "me", force=False)
    assert all_names(store) == ["b"]


@pytest.mark.usefixtures("clock")
def test_an_entry_that_was_lost_is_written_by_the_next_version(
    store: Store, registry: RegistryWriter
) -> None:
    publish(registry, store, "a", "b")
    key = entry("models", "a", existence.read(store, model_existence("a")).created_at)
    store.delete([key])
    assert all_names(store) == ["b"]
    publish(registry, store, "a", version="v2")
    assert all_names(store) == ["b", "a"]


def test_what_is_damaged_is_named_and_the_rest_is_listed(
    store: Store, registry: RegistryWriter
) -> None:
    publish(registry, store, "a", "b")
    store.put(model_existence("a"), b'{"created_at":')
    answer = catalog.models(registry, Page())
    assert [row["model"] for row in answer["models"]] == ["b"]
    assert answer["damaged"] == [model_existence("a")]


@pytest.mark.parametrize("created_at", ["", "yesterday", "9999-99-99T00:00:00Z"])
def test_a_time_that_is_none_is_damage_that_the_next_version_mends(
    store: Store, registry: RegistryWriter, created_at: str
) -> None:
    publish(registry, store, "a", "b")
    store.put(model_existence("a"), msgspec.json.encode(Existence(created_at)))
    answer = catalog.models(registry, Page())
    assert [row["model"] for row in answer["models"]] == ["b"]
    assert answer["damaged"] == [model_existence("a")]

    publish(registry, store, "a", version="v2")
    assert sorted(all_names(store)) == ["a", "b"]


def test_a_model_whose_record_is_lost_is_named(store: Store, registry: RegistryWriter) -> None:
    publish(registry, store, "a", "b")
    store.delete([model_existence("a")])
    answer = catalog.models(registry, Page())
    assert [row["model"] for row in answer["models"]] == ["b"]
    assert answer["damaged"] == [model_existence("a")]


def test_what_others_put_between_the_entries_is_left_out(
    store: Store, registry: RegistryWriter
) -> None:
    publish(registry, store, "a", "b")
    for stray in (".DS_Store", "-", "1.a", "8230182400000.A", "8230182400000.b/c", "z"):
        store.put(newest.prefix("models") + stray, b"")
    for stray in ("README.md", "New Folder/x", "Churn/model.json"):
        store.put(f"models/{stray}", b"")
    assert sorted(all_names(store)) == ["a", "b"]
    store.delete([newest.complete("models")])
    assert all_names(store) == ["a", "b"]


def old(store: Store, *models: str) -> None:
    """Models as 0.2 has left them."""
    for model in models:
        prefix = version_prefix(model, "v1")
        store.put(prefix + "model.onnx", b"")
        store.put(prefix + "manifest.json", b"x" * 2000)


def test_models_of_0_2_are_listed_by_name_until_one_is_published(
    store: Store, registry: RegistryWriter
) -> None:
    old(store, "a-b", "a", "a0", "c", "z")
    for limit in (1, 2, 3, 5, 50):
        assert all_names(store, limit) == ["a-b", "a", "a0", "c", "z"]
    _, token = names(store, Page(2))
    assert token is not None
    delete_model(store, "c", "me", force=False)
    publish(registry, store, "n")
    assert names(store, Page(50, token)) == (["a0", "n", "z"], None)  # it continues by name
    listed = all_names(store)
    assert listed[0] == "n"
    assert sorted(listed) == ["a", "a-b", "a0", "n", "z"]
    for row in catalog.models(registry, Page())["models"]:
        assert row["created_at"]


def test_what_time_does_not_allow_is_listed_by_the_next_version(
    store: Store, registry: RegistryWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    old(store, "a", "b")
    monkeypatch.setattr(existence, "_LISTING_SECONDS", 0.0)
    publish(registry, store, "n")
    assert all_names(store) == ["a", "b", "n"]
    monkeypatch.setattr(existence, "_LISTING_SECONDS", 600.0)
    publish(registry, store, "n", version="v2")
    assert all_names(store)[0] == "n"
    assert newest.complete("models") in [item.key for item in store.list("models/.newest/")]


def test_versions_are_listed_newest_first(store: Store) -> None:
    written = {f"v{n}": f"2026-01-31T00:00:0{n // 2}+00:00" for n in range(5)}
    page, seen = Page(2), []
    while True:
        shown, more = newest.versions(written, page)
        seen += [row["version"] for row in shown]
        written.pop("v3", None)  # between two pages
        if "next" not in more:
            break
        assert asked({"after": more["next"]}, newest.VERSION_TOKEN).after == more["next"]
        page = Page(2, more["next"])
    assert seen == ["v4", "v3", "v2", "v1", "v0"]


def aged(store: Store, prefix: str, seconds: float) -> None:
    for item in store.list(prefix):
        silent("data", item.key, seconds)


def test_a_version_whose_deletion_broke_off_stays_where_it_is_in_the_list(
    store: Store, registry: RegistryWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 2, 3):
        publish(registry, store, "a", version=f"v{number}")
        aged(store, version_prefix("a", f"v{number}"), 400 - 100 * number)
    before = catalog.model(registry, "a", Page())["versions"]
    page = catalog.model(registry, "a", Page(1))
    seen = page["versions"]

    def fails() -> None:
        raise Unavailable("S3 is away.")

    interfere(monkeypatch, "/manifest.json", fails, after=True)  # the announcement is written
    with pytest.raises(Unavailable):
        delete_model_version(store, "a", "v2", "me", force=False)

    while "next" in page:
        page = catalog.model(registry, "a", Page(1, page["next"]))
        seen += page["versions"]
    assert [row["version"] for row in seen] == ["v3", "v2", "v1"]
    assert seen == before


def test_a_dataset_version_whose_manifest_is_written_anew_stays_where_it_is_in_the_list(
    store: Store,
) -> None:
    for number, file in enumerate(("0123456789abcdef/train.arrow", "train.arrow"), 1):
        prefix = f"datasets/a/v{number}/"  # the second one is of an earlier release
        store.put(prefix + file, b"")
        store.put(prefix + "manifest.json", b"x" * 2000)
        aged(store, prefix, 300 - 100 * number)
    before = Datasets(store).versions("a")
    store.put("datasets/a/v1/manifest.json", b"y" * 2000)
    assert Datasets(store).versions("a") == before
    assert Datasets.newest_of(before).version == "v2"


def counted(store: Store, calls: Counter[str]) -> Store:
    client = boto3.client("s3")
    client.meta.events.register(
        "before-call.s3", lambda model, **_: calls.update([str(model.name)])
    )
    return Store("data", client=client)


def test_a_page_of_1500_models_takes_one_list_and_few_calls_for_each_shown(store: Store) -> None:
    for number in range(1500):
        name, at = f"m{number:04d}", f"2026-01-31T00:{number // 60:02d}:{number % 60:02d}.000Z"
        store.put(entry("models", name, at), b"")
        store.put(model_existence(name), msgspec.json.encode(Existence(at)))
        if number > 1400:
            alias: dict[str, Any] = {"alias": "live", "model": name, "version": "v1", "history": []}
            store.put(f"{model_prefix(name)}aliases/live.json", msgspec.json.encode(alias))
    store.put(newest.complete("models"), b"")
    calls: Counter[str] = Counter()
    found, _ = names(counted(store, calls), Page(50))
    assert found == [f"m{number:04d}" for number in range(1499, 1449, -1)]
    assert calls == {"ListObjectsV2": 1 + 50, "GetObject": 50 + 50}
