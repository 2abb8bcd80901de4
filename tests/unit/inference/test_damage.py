"""An object that is damaged is named; everything else answers."""

import json
from typing import Any

import msgspec
import pytest

from common.seals import encoded
from tests.unit.damage import DAMAGES, damaged
from tests.unit.inference import test_function
from tests.unit.inference.memory import MemoryReader
from tests.unit.inference.test_function import call, infer

deployed = test_function.deployed
ALIAS = "models/shop/aliases/live.json"
MANIFEST = "models/shop/versions/v1/manifest.json"


def damage_object(store: MemoryReader, key: str, damage: str) -> None:
    store.objects[key] = DAMAGES[damage](store.objects[key])


def corrupted(answer: tuple[int, Any], key: str) -> str:
    """The detail of a problem that reports a damaged object."""
    status, problem = answer
    assert (status, problem["title"]) == (500, "Stored object corrupted")
    assert key in problem["detail"]
    assert "not expect" not in problem["detail"]
    return str(problem["detail"])


@damaged
def test_a_damaged_alias_is_named_and_the_rest_is_listed(store: MemoryReader, damage: str) -> None:
    store.point("other", "live", "v1")
    store.point("shop", "canary", "v2")
    damage_object(store, ALIAS, damage)

    status, listed = call("GET", "/models")
    assert status == 200
    assert listed["models"] == [
        {"model": "other", "aliases": {"live": "v1"}},
        {"model": "shop", "aliases": {"canary": "v2"}},
    ]
    assert listed["damaged"] == [ALIAS]
    status, shop = call("GET", "/models/{model}", model="shop")
    assert (status, list(shop["aliases"]), shop["damaged"]) == (200, ["canary"], [ALIAS])
    assert [one["version"] for one in shop["versions"]] == ["v2", "v1"]
    assert infer(alias="canary", instances=[{"price": 1}])[0] == 200


@damaged
def test_a_damaged_manifest_is_named_and_its_version_listed(
    store: MemoryReader, damage: str
) -> None:
    damage_object(store, MANIFEST, damage)

    status, shop = call("GET", "/models/{model}", model="shop")

    assert (status, shop["damaged"]) == (200, [MANIFEST])
    entries = {one["version"]: one for one in shop["versions"]}
    assert entries["v1"].keys() == {"version", "created_at", "aliases"}
    assert "selected" in entries["v2"]


@damaged
def test_a_prediction_by_a_damaged_alias_says_what_to_do(store: MemoryReader, damage: str) -> None:
    damage_object(store, ALIAS, damage)

    detail = corrupted(infer(instances=[{"price": 1}]), ALIAS)

    assert "PUT /models/shop/aliases/live" in detail


@damaged
def test_what_was_live_answers_after_its_alias_is_damaged(
    store: MemoryReader, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inference.models.ALIAS_SECONDS", 0.0)
    assert infer(instances=[{"price": 1}])[1]["version"] == "v1"
    damage_object(store, ALIAS, damage)

    for _ in range(2):
        assert infer(instances=[{"price": 1}])[1]["version"] == "v1"
    store.point("shop", "live", "v2")
    assert infer(instances=[{"price": 1}])[1]["version"] == "v2"


@damaged
def test_a_damaged_manifest_stops_its_own_version_only(store: MemoryReader, damage: str) -> None:
    damage_object(store, MANIFEST, damage)
    path = "/models/{model}/versions/{version}"

    assert "train the model again" in corrupted(
        call("GET", path, model="shop", version="v1"), MANIFEST
    )
    corrupted(infer(instances=[{"price": 1}]), MANIFEST)
    assert infer(version="v2", instances=[{"price": 1}])[0] == 200
    assert call("GET", path, model="shop", version="v2")[0] == 200
    assert call("GET", "/models")[0] == call("GET", "/models/{model}", model="shop")[0] == 200


def test_a_manifest_is_answered_as_it_is_stored(store: MemoryReader) -> None:
    body = json.loads(store.objects[MANIFEST]) | {"residual_quantiles": {"0.5": 1e-9}}
    store.objects[MANIFEST] = json.dumps(body).encode()

    status, answer = call("GET", "/models/{model}/versions/{version}", model="shop", version="v1")

    del answer["signature"]  # which it is older than
    assert (status, answer) == (200, body)


@pytest.mark.parametrize(
    "tail", [b"", b"\n", b"  ", b"\r\n"], ids=["none", "line", "blanks", "crlf"]
)
@pytest.mark.parametrize("was", [b'"price"', b'"number"'])
def test_a_manifest_that_was_altered_and_saved_again_is_refused(
    store: MemoryReader, was: bytes, tail: bytes
) -> None:
    body = encoded(msgspec.Raw(store.objects[MANIFEST]))
    store.objects[MANIFEST] = body.replace(was, was[:-1] + b's"') + tail
    assert "checksum" in corrupted(infer(instances=[{"price": 1}]), MANIFEST)


@pytest.mark.parametrize("indent", [None, 2])
def test_a_manifest_that_an_editor_has_written_anew_is_refused(
    store: MemoryReader, indent: int | None
) -> None:
    body = json.loads(encoded(msgspec.Raw(store.objects[MANIFEST])))
    store.objects[MANIFEST] = json.dumps(body, indent=indent).encode()
    assert "checksum" in corrupted(infer(instances=[{"price": 1}]), MANIFEST)


def test_a_label_may_be_named_after_what_stands_at_the_end(store: MemoryReader) -> None:
    body = json.loads(store.objects[MANIFEST]) | {"metrics": {"checksum": {"checksum": 1}}}
    store.objects[MANIFEST] = json.dumps(body).encode()
    assert infer(instances=[{"price": 1}])[0] == 200
    store.objects[MANIFEST] = encoded(body)
    assert infer(version="v1", instances=[{"price": 1}])[0] == 200


@pytest.mark.parametrize(
    "change",
    [
        {"task": "regresion"},
        {"inputs": {}},
        {"inputs": {"features": [{"name": "price", "type": "numbr", "nullable": False}]}},
        {"inputs": {"features": 7}},
    ],
    ids=["task", "inputs", "type", "features"],
)
def test_a_manifest_that_does_not_suit_its_files_is_damaged(
    store: MemoryReader, change: dict[str, Any]
) -> None:
    body = json.loads(store.objects[MANIFEST]) | change
    store.objects[MANIFEST] = json.dumps(body).encode()
    assert "train the model again" in corrupted(infer(instances=[{"price": 1}]), MANIFEST)
    assert infer(version="v2", instances=[{"price": 1}])[0] == 200


def test_a_whole_manifest_of_another_version_is_damaged_here(store: MemoryReader) -> None:
    store.objects[MANIFEST] = store.objects[MANIFEST.replace("v1", "v2")]

    detail = corrupted(infer(version="v1", instances=[{"price": 1}]), MANIFEST)

    assert "its version is 'v2'" in detail
    shown = call("GET", "/models/{model}/versions/{version}", model="shop", version="v1")
    corrupted(shown, MANIFEST)
    assert infer(version="v2", instances=[{"price": 1}])[0] == 200


def test_a_whole_alias_of_another_name_is_damaged_here(store: MemoryReader) -> None:
    store.point("shop", "canary", "v2")
    store.objects[ALIAS] = store.objects[ALIAS.replace("live", "canary")]

    assert "its alias is 'canary'" in corrupted(infer(instances=[{"price": 1}]), ALIAS)
    _, shop = call("GET", "/models/{model}", model="shop")
    assert (list(shop["aliases"]), shop["damaged"]) == (["canary"], [ALIAS])
