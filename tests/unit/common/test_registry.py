"""Aliases move by compare-and-swap, and lose nothing of their history."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import msgspec
import pytest

from common.decoding import stored
from common.newest import Page, split
from common.problems import Conflict, Corrupted, NotFound
from common.registry import (
    Alias,
    Earlier,
    File,
    ModelManifest,
    Move,
    alias_key,
    manifest_key,
    moved,
    version_prefix,
)
from common.registry_writer import MAX_ALIASES, MOST_MOVES, RegistryWriter
from common.store import Store
from inference import catalog
from tests.unit.damage import DAMAGES, altered
from tests.unit.interference import interfere


@pytest.fixture
def registry(store: Store) -> RegistryWriter:
    return RegistryWriter(store)


def manifest(version: str, **changes: Any) -> ModelManifest:
    fields: dict[str, Any] = {
        "model": "churn",
        "version": version,
        "created_at": "2026-01-31T12:00:00.000Z",
        "task": "classification",
        "target": "y",
        "metric": "roc_auc",
        "inputs": {"features": []},
        "labels": ["no", "yes"],
        "selected": "logistic_regression",
        "candidates": [],
        "metrics": {},
        "baseline": {},
        "parity": {},
        "dataset": {},
        "lineage": {},
        "files": {"model.onnx": File("0" * 64, 1)},
    }
    return ModelManifest(**{**fields, **changes})


def publish(registry: RegistryWriter, *versions: str) -> None:
    for version in versions:
        registry.publish(manifest(version))


def test_versions_are_listed_oldest_first(store: Store, registry: RegistryWriter) -> None:
    names = ["20260102T000000Z-b", "20260101T000000Z-a"]
    publish(registry, *names)
    for name in names:
        store.put(version_prefix("churn", name) + "model.onnx", b"")
    assert list(registry.versions("churn")) == ["20260101T000000Z-a", "20260102T000000Z-b"]
    assert [split(token)[1] for token in registry.models(Page())] == ["churn"]


def test_publishing_again_changes_nothing(registry: RegistryWriter) -> None:
    registry.publish(manifest("v1", selected="first"))
    registry.publish(manifest("v1", selected="second"))
    found = msgspec.json.decode(registry.manifest("churn", "v1"), type=ModelManifest)
    assert found.selected == "first"


def test_an_unknown_version_is_not_found(registry: RegistryWriter) -> None:
    with pytest.raises(NotFound, match="'v9'"):
        registry.manifest("churn", "v9")
    with pytest.raises(NotFound, match="'v9'"):
        registry.point("churn", "live", moved("v9", "me", "why not"))
    assert registry.alias("churn", "live") is None


def test_an_alias_keeps_its_history(registry: RegistryWriter) -> None:
    publish(registry, "v1", "v2")
    for version, reason in [("v1", "first"), ("v2", "better"), ("v1", "rolled back")]:
        registry.point("churn", "live", moved(version, "me", reason))
    alias = registry.alias("churn", "live")
    assert alias is not None
    assert alias.version == "v1"
    assert [move.reason for move in alias.history] == ["first", "better", "rolled back"]
    assert registry.aliases("churn") == ({"live": alias}, [])


def test_moving_to_where_it_is_adds_no_history(registry: RegistryWriter) -> None:
    publish(registry, "v1")
    first = registry.point("churn", "live", moved("v1", "me", "first"))
    assert registry.point("churn", "live", moved("v1", "me", "again")) == first


@pytest.mark.parametrize("expected", [None, "v2"])
def test_an_alias_that_is_elsewhere_stays_there(
    registry: RegistryWriter, expected: str | None
) -> None:
    publish(registry, "v1", "v2", "v3")
    registry.point("churn", "live", moved("v1", "me", "first"))
    with pytest.raises(Conflict, match="'v1'"):
        registry.point("churn", "live", moved("v3", "me", "late"), expected=expected)
    alias = registry.alias("churn", "live")
    assert alias is not None
    assert alias.version == "v1"


def test_an_alias_that_should_exist_and_does_not_is_a_conflict(registry: RegistryWriter) -> None:
    publish(registry, "v1")
    with pytest.raises(Conflict):
        registry.point("churn", "live", moved("v1", "me", "x"), expected="v0")


def test_a_move_that_is_sent_again_has_been_made(registry: RegistryWriter) -> None:
    for version in ("v1", "v2"):
        registry.publish(manifest(version))
    registry.point("churn", "live", moved("v1", "me", "first"), expected=None)
    made = registry.point("churn", "live", moved("v2", "me", "better"), expected="v1")

    again = registry.point("churn", "live", moved("v2", "me", "better"), expected="v1")

    assert again == made
    for other in (moved("v2", "you", "better"), moved("v2", "me", "why not")):
        with pytest.raises(Conflict):
            registry.point("churn", "live", other, expected="v1")
    with pytest.raises(Conflict):
        registry.point("churn", "live", moved("v2", "me", "better"), expected=None)


def test_a_manifest_with_a_name_that_is_no_text_is_damaged(
    registry: RegistryWriter, store: Store
) -> None:
    registry.publish(manifest("v1"))
    key = manifest_key("churn", "v1")
    store.put(key, store.get(key).body.replace(b"{", b'{"a\xf3b":1,', 1))
    with pytest.raises(Corrupted, match="is damaged"):
        registry.version("churn", "v1")


def test_sixteen_at_once_lose_no_move(registry: RegistryWriter) -> None:
    versions = [f"v{number:02}" for number in range(16)]
    publish(registry, *versions)
    with ThreadPoolExecutor(16) as threads:
        list(
            threads.map(
                lambda version: registry.point("churn", "live", moved(version, version, "race")),
                versions,
            )
        )
    alias = registry.alias("churn", "live")
    assert alias is not None
    assert sorted(move.version or "" for move in alias.history) == versions
    assert alias.version == alias.history[-1].version


def test_sixteen_that_expect_the_same_have_one_winner(registry: RegistryWriter) -> None:
    versions = [f"v{number:02}" for number in range(16)]
    publish(registry, *versions)

    def race(version: str) -> bool:
        try:
            registry.point("churn", "live", moved(version, version, "race"), expected=None)
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(16) as threads:
        ended = list(threads.map(race, versions))
    alias = registry.alias("churn", "live")
    assert alias is not None
    won = [version for version, ok in zip(versions, ended, strict=True) if ok]
    assert [alias.version] == won == [move.version for move in alias.history]


def test_an_alias_is_one_small_object(registry: RegistryWriter) -> None:
    publish(registry, "v1")
    registry.point("churn", "live", moved("v1", "me", "first"))
    body = boto3.client("s3").get_object(Bucket="data", Key=alias_key("churn", "live"))["Body"]
    document = msgspec.json.decode(body.read())
    assert set(document) == {"alias", "model", "version", "history", "checksum"}
    assert set(document["history"][0]) == {"version", "at", "by", "reason"}


def test_a_model_has_no_more_aliases_than_are_read_at_once(
    store: Store, registry: RegistryWriter
) -> None:
    publish(registry, "v1", "v2")
    for number in range(MAX_ALIASES):
        registry.point("churn", f"alias{number}", moved("v1", "me", "first"))
    store.put(alias_key("churn", "alias7"), b"{")
    with pytest.raises(Conflict, match="50 aliases"):
        registry.point("churn", "one-more", moved("v1", "me", "first"))
    assert registry.point("churn", "alias3", moved("v2", "me", "second")).version == "v2"
    found, damaged = registry.aliases("churn")
    assert (len(found), damaged) == (MAX_ALIASES - 1, [alias_key("churn", "alias7")])


def all_moves(store: Store, alias: Alias) -> list[Move]:
    """The moves of an alias, oldest first, also those in objects of their own."""
    found, earlier = list(alias.history), alias.earlier
    while earlier:
        before = stored(earlier, store.get(earlier).body, Earlier, "")
        found, earlier = [*before.history, *found], before.earlier
    return found


def test_old_moves_of_an_alias_go_into_objects_of_their_own_and_outlast_its_damage(
    store: Store, registry: RegistryWriter
) -> None:
    publish(registry, "v0", "v1")
    moves = [moved(f"v{number % 2}", "me", f"move {number}") for number in range(260)]
    for move in moves:
        alias = registry.point("churn", "live", move)
    assert len(alias.history) <= MOST_MOVES
    assert all_moves(store, alias) == moves
    after, whole = moved("v0", "me", "after damage"), store.get(alias_key("churn", "live")).body
    all_but_newest = len(moves) - len(alias.history)
    damages: list[tuple[bytes, int]] = [
        (whole[:-1], 260),
        (whole[:-150], 259),
        (altered(whole), 260),
        (whole.replace(b"moves.json", b"moves.jsno"), 260),
        (whole[:220], all_but_newest),
        *((damage(whole), all_but_newest) for damage in DAMAGES.values()),
    ]
    for body, least in damages:
        store.put(alias_key("churn", "live"), body)

        kept = all_moves(store, registry.point("churn", "live", after))

        assert kept == [*moves[: len(kept) - 1], after], body
        assert len(kept) > least, body


def test_an_alias_that_is_lost_goes_on_from_the_moves_in_objects_of_their_own(
    store: Store, registry: RegistryWriter
) -> None:
    publish(registry, "v0", "v1")
    moves = [moved(f"v{number % 2}", "me", f"move {number}") for number in range(105)]
    for move in moves:
        alias = registry.point("churn", "live", move)
    store.delete([alias_key("churn", "live")])

    kept = all_moves(store, registry.point("churn", "live", moved("v0", "me", "after")))

    assert kept[:-1] == moves[: len(moves) - len(alias.history)] != []


@pytest.mark.parametrize("field", [b"version", b"history"])
def test_a_damaged_alias_is_where_its_last_move_left_it(
    store: Store, registry: RegistryWriter, field: bytes
) -> None:
    versions = ["v0", "v1", "v2"]
    publish(registry, *versions)
    for version in versions:
        registry.point("churn", "live", moved(version, "me", ""))
    key = alias_key("churn", "live")
    store.put(key, store.get(key).body.replace(field, field.swapcase(), 1))

    state = registry.alias_state("churn", "live")
    assert state.damage
    assert state.version == "v2"


def test_moves_that_were_put_away_when_the_alias_was_damaged_are_kept_once(
    store: Store, registry: RegistryWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(registry, "v0", "v1")
    moves = [moved(f"v{number % 2}", "me", f"move {number}") for number in range(MOST_MOVES)]
    for move in moves:
        registry.point("churn", "live", move)
    key, moves = alias_key("churn", "live"), [*moves, moved("v0", "me", "after damage")]
    cut = store.get(key).body[:-10]
    interfere(monkeypatch, "/live.json", lambda: store.put(key, cut))
    assert all_moves(store, registry.point("churn", "live", moves[-1])) == moves


def test_a_history_of_an_earlier_release_is_answered_in_part_and_loses_nothing(
    store: Store, registry: RegistryWriter
) -> None:
    publish(registry, "v0", "v1")
    registry.point("churn", "live", moved("v0", "me", "first"))
    moves = [Move(f"v{number % 2}", str(number), "me", '"' * 1000) for number in range(2000)]
    old = {"alias": "live", "model": "churn", "version": "v1", "history": moves}
    store.put(alias_key("churn", "live"), msgspec.json.encode(old))
    for version in ("v0", "v1"):
        store.put(version_prefix("churn", version) + "model.onnx", b"")

    shown = catalog.model(registry, "churn", Page())["aliases"]["live"]["history"]
    assert shown == msgspec.to_builtins(moves[-len(shown) :])
    assert 10 <= len(shown) <= 500
    alias = registry.point("churn", "live", moved("v0", "me", "next"))
    before = msgspec.json.decode(store.get(alias.earlier).body, type=Earlier)
    assert [*before.history, *alias.history[:-1]] == moves
