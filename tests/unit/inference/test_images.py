"""Images that come by key, or as the body itself."""

import pytest

from common.function import Request
from common.problems import Unprocessable
from inference import images
from tests.unit.inference.memory import MemoryReader


def request(content_type: str, body: bytes = b"", **query: str) -> Request:
    return Request({}, {"content-type": content_type}, body, "me", query)


def test_a_body_of_an_image_is_an_instance_of_the_model_in_the_query() -> None:
    sent = request("image/png", b"pixels", model="m", version="v", other="x")
    assert images.is_image(sent)
    assert images.as_json(sent) == {
        "model": "m",
        "version": "v",
        "instances": [{"image": b"pixels"}],
    }
    assert not images.is_image(request("application/json"))
    with pytest.raises(Unprocessable, match=r"\?model="):
        images.as_json(request("image/png"))


def test_a_key_is_replaced_by_its_object() -> None:
    store = MemoryReader()
    store.objects = {"raw/a/1.png": b"pixels"}
    instances = [{"key": "raw/a/1.png", "more": 1}, {"image": "abc"}, "text"]
    assert images.fetched(store, instances) == [
        {"image": b"pixels", "more": 1},
        {"image": "abc"},
        "text",
    ]


def test_only_objects_below_raw_within_the_bound_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryReader()
    store.objects = {"raw/large": b"12345678", "models/m": b"x", "raw/1": b"x"}
    monkeypatch.setattr(images, "MAX_BYTES", 5)
    keys = ["raw/large", "models/m", "raw/none", 7, "raw/1"]
    with pytest.raises(Unprocessable) as caught:
        images.fetched(store, [{"key": key} for key in keys])
    assert [error.pointer for error in caught.value.errors] == [
        f"/instances/{row}/key" for row in range(4)
    ]
    assert store.asked == ["raw/1"]
