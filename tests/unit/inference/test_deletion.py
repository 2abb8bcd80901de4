"""Requests for deleted things report when and by whom they were deleted."""

from typing import Any

import msgspec
import pytest

from common.existence import Existence
from common.tombstones import Deletion, Tombstone
from tests.unit.inference import test_function
from tests.unit.inference.memory import MemoryReader
from tests.unit.inference.test_function import call, infer

deployed = test_function.deployed
DELETION = Deletion(1, "2026-11-29T21:00:00.000Z", "arn:aws:iam::123456789012:user/ann")
SAID = f"deleted at {DELETION.at} by user/ann"
ROWS: list[dict[str, Any]] = [{"price": 1}]


def delete_version(store: MemoryReader, version: str) -> None:
    prefix = f"models/shop/versions/{version}/"
    for key in [key for key in store.objects if key.startswith(prefix)]:
        del store.objects[key]
    store.objects[prefix + "manifest.json"] = msgspec.json.encode(Tombstone(DELETION))


def delete_model(store: MemoryReader) -> None:
    store.objects.clear()
    gone = Existence(deletions=1, deleted=DELETION, gone=True)
    store.objects["models/shop/model.json"] = msgspec.json.encode(gone)


def test_a_deleted_version_is_not_found_and_says_so(store: MemoryReader) -> None:
    delete_version(store, "v2")

    for status, problem in (
        call("GET", "/models/{model}/versions/{version}", model="shop", version="v2"),
        infer(version="v2", instances=ROWS),
    ):
        assert status == 404
        assert SAID in problem["detail"]
    assert infer(instances=ROWS)[0] == 200
    _, shop = call("GET", "/models/{model}", model="shop")
    assert [one["version"] for one in shop["versions"]] == ["v1"]


def test_an_alias_that_points_at_nothing_says_why(
    store: MemoryReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inference.models.ALIAS_SECONDS", 0.0)
    assert infer(instances=ROWS)[0] == 200
    store.point("shop", "live", None)

    status, problem = infer(instances=ROWS)

    assert status == 404
    assert "points at nothing: a test. PUT /models/shop/aliases/live" in problem["detail"]
    _, shop = call("GET", "/models/{model}", model="shop")
    assert shop["aliases"]["live"]["version"] is None


def test_a_deleted_model_is_not_found_and_says_so(store: MemoryReader) -> None:
    delete_model(store)

    for status, problem in (
        call("GET", "/models/{model}", model="shop"),
        call("GET", "/models/{model}/versions/{version}", model="shop", version="v1"),
        infer(instances=ROWS),
        infer(version="v1", instances=ROWS),
    ):
        assert status == 404
        assert SAID in problem["detail"]


def test_a_version_that_is_deleted_while_it_is_loaded_is_not_found(store: MemoryReader) -> None:
    def delete() -> None:
        if store.asked[-1].endswith("model.onnx"):
            delete_version(store, "v2")

    store.takes = delete

    status, problem = infer(version="v2", instances=ROWS)

    assert (status, problem["title"]) == (404, "Not found")
    assert SAID in problem["detail"]
