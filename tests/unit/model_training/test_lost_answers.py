"""S3 that fails after it has performed a write, as callers of the API see it."""

from collections.abc import Iterator

import pytest

from common.registry import ModelManifest
from tests.unit.common.test_registry import manifest
from tests.unit.faulty_s3 import FaultyS3, Kind, served
from tests.unit.function import Answer
from tests.unit.model_training.function import ModelTraining

ALIAS = "/aliases/live.json"


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyS3]:
    with served(monkeypatch) as faulty:
        yield faulty


@pytest.fixture
def shop(s3: FaultyS3, monkeypatch: pytest.MonkeyPatch) -> ModelTraining:
    function = ModelTraining.deployed(monkeypatch)
    for version in ("v1", "v2"):
        published: ModelManifest = manifest(version, model="shop")
        function.registry.publish(published)
    return function


def point(shop: ModelTraining, version: str, expected: str | None) -> Answer:
    body = {"version": version, "expected_version": expected}
    return shop.call("PUT", "/models/{model}/aliases/{alias}", body, model="shop", alias="live")


@pytest.mark.parametrize("kind", ["500 after", "close after"])
def test_a_move_that_was_performed_is_answered_as_one(
    s3: FaultyS3, shop: ModelTraining, kind: Kind
) -> None:
    for version, expected in (("v1", None), ("v2", "v1")):
        s3.fail("PUT", ALIAS, kind)
        answer = point(shop, version, expected)
        assert (answer.status, answer.body.get("version")) == (200, version)
    assert shop.live() == ["v1", "v2"]


def test_a_move_of_somebody_else_is_still_a_conflict(s3: FaultyS3, shop: ModelTraining) -> None:
    point(shop, "v1", None)
    s3.fail("PUT", ALIAS, "500")
    assert point(shop, "v2", None).status == 409
    assert shop.live() == ["v1"]


@pytest.mark.parametrize("lost", ["/v2/manifest.json", "/model.json"])
def test_a_deletion_that_was_performed_is_counted_once(
    s3: FaultyS3, shop: ModelTraining, lost: str
) -> None:
    resource = "/models/{model}/versions/{version}"
    s3.fail("PUT", lost, "500 after")
    answer = shop.call("DELETE", resource, model="shop", version="v2")
    assert answer.status == 200
    assert shop.get("models/shop/model.json").count(b'"deletions":1') == 1
