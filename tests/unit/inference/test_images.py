"""Images that come by key, or as the body itself."""

import hashlib
from collections.abc import Iterator

import msgspec
import pytest
from onnx import TensorProto

from common.function import Request
from common.problems import MAX_ERRORS, Unprocessable
from common.registry import File, manifest_key, version_prefix
from common.store import Entry
from inference import images
from inference.models import Models
from inference.predictions import predict
from tasks import IMAGE_KEYS
from tests.unit.inference.memory import MemoryReader
from tests.unit.tasks.brought import echo


@pytest.fixture(autouse=True)
def keys_are_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGES_BY_KEY", "true")


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


@pytest.mark.parametrize(
    "content_type",
    ["image/jpg", "image/pjpeg", "image/x-png", "Image/JPG; name=a.jpg", " image/jpeg"],
)
def test_every_name_of_a_kind_of_image_is_taken(content_type: str) -> None:
    assert images.is_image(request(content_type))


@pytest.mark.parametrize("key", ["raw/\x01", "raw/a\x0bb", "raw/\ufffe", "raw/a\x1f.png"])
def test_a_key_that_no_list_of_s3_can_say_is_refused(key: str) -> None:
    store = MemoryReader()
    store.objects = {key: b"pixels"}
    with pytest.raises(Unprocessable) as refusal:
        images.resolved(store, [{"key": key}], IMAGE_KEYS)
    assert "control character" in refusal.value.errors[0].detail


def test_a_key_is_replaced_by_what_reads_its_object() -> None:
    store = MemoryReader()
    store.objects = {"raw/a/1.png": b"pixels", "raw/a/1.png.txt": b""}
    instances = [{"key": "raw/a/1.png", "more": 1}, {"image": "abc", "key": "raw/x"}, "text"]
    found, sent = images.resolved(store, instances, IMAGE_KEYS)
    assert (found[0]["more"], found[1:]) == (1, instances[1:])
    assert sent == {"/instances/0/image": "/instances/0/key"}
    assert not store.asked
    assert found[0]["image"]() == b"pixels"
    del store.objects["raw/a/1.png"]
    with pytest.raises(Unprocessable, match="any more"):
        found[0]["image"]()


def test_keys_are_refused_where_a_deployment_has_them_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGES_BY_KEY", "false")
    store = MemoryReader()
    store.objects = {"raw/1": b"1"}
    with pytest.raises(Unprocessable, match="images_by_key turns them on") as caught:
        images.resolved(store, [{"image": "a"}, {"key": "raw/1"}, {"key": 7}], IMAGE_KEYS)
    assert [error.pointer for error in caught.value.errors] == [
        "/instances/1/key",
        "/instances/2/key",
    ]
    assert images.resolved(store, [{"image": "a"}], IMAGE_KEYS) == ([{"image": "a"}], {})


def test_a_task_says_which_of_its_fields_may_come_by_key() -> None:
    store = MemoryReader()
    store.objects = {"raw/1": b"1", "raw/2": b"2"}
    both = {"image": "key", "other": "other_key"}
    (found,), sent = images.resolved(store, [{"key": "raw/1", "other_key": "raw/2"}], both)
    assert {field: read() for field, read in found.items()} == {"image": b"1", "other": b"2"}
    assert sent["/instances/0/other"] == "/instances/0/other_key"
    assert images.resolved(store, [{"key": "raw/1"}], {}) == ([{"key": "raw/1"}], {})


def test_only_objects_below_raw_within_the_bound_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryReader()
    store.objects = {"raw/large": b"12345678", "models/m": b"x", "raw/1": b"x"}
    monkeypatch.setattr(images, "MAX_BYTES", 5)
    bad = ["raw/large", "models/m", "raw/none", 7, "raw/", [], {}, None, "raw/\0", "raw/\ud800"]
    keys = [*bad, "raw/" + "x" * 3_000_000, "raw/1"]
    with pytest.raises(Unprocessable) as caught:
        images.resolved(store, [{"key": key} for key in keys], IMAGE_KEYS)
    assert [error.pointer for error in caught.value.errors] == [
        f"/instances/{row}/key" for row in range(11)
    ]
    assert all(len(error.detail) < 300 for error in caught.value.errors)
    assert not store.asked


def test_images_are_bounded_together_before_any_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryReader()
    store.objects = {"raw/1": b"12345678", "raw/2": b"1"}
    monkeypatch.setattr(images, "MAX_TOTAL", 17)
    keys = ["raw/1", "raw/1", "raw/2", "raw/1", "raw/1"]
    images.resolved(store, [{"key": key} for key in keys[:3]], IMAGE_KEYS)
    with pytest.raises(Unprocessable) as caught:
        images.resolved(store, [{"key": key} for key in keys], IMAGE_KEYS)
    (error,) = caught.value.errors
    assert error.pointer == "/instances/3/key"
    assert "25 bytes, and 17 is the most" in error.detail
    assert not store.asked


def test_keys_are_counted_before_any_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    store, listed = counting(monkeypatch)
    with pytest.raises(Unprocessable, match="201 images by key: send 200 at once at most") as found:
        images.resolved(store, [{"key": f"raw/{row}"} for row in range(201)], IMAGE_KEYS)
    assert [error.pointer for error in found.value.errors] == ["/instances/200/key"]
    assert not listed


def test_after_many_keys_that_hold_no_image_no_more_are_looked_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store, listed = counting(monkeypatch)
    with pytest.raises(Unprocessable) as found:
        images.resolved(store, [{"key": f"raw/{row}"} for row in range(200)], IMAGE_KEYS)
    assert len(found.value.errors) == len(listed) == MAX_ERRORS


def counting(monkeypatch: pytest.MonkeyPatch) -> tuple[MemoryReader, list[str]]:
    """An empty bucket, and the prefixes that are listed."""
    store, listed = MemoryReader(), list[str]()

    def found(prefix: str, at_once: int) -> Iterator[Entry]:
        listed.append(prefix)
        return iter(())

    monkeypatch.setattr(store, "list", found)
    return store, listed


def test_what_is_said_of_an_image_points_at_the_key_that_was_sent() -> None:
    store = MemoryReader()
    store.objects = {"raw/1.png": b"no image"}
    asked = {"name": "x", "codec": "image", "shape": [3, 1, 1], "dtype": "uint8"}
    graph = echo([3, 1, 1], TensorProto.UINT8).SerializeToString()
    about = {
        "model": "m",
        "version": "v",
        "task": "onnx",
        "inputs": {"inputs": [asked], "outputs": [{"name": "y"}], "batched": True},
        "files": {"model.onnx": File(hashlib.sha256(graph).hexdigest(), len(graph))},
    }
    store.objects[manifest_key("m", "v")] = msgspec.json.encode(about)
    store.objects[version_prefix("m", "v") + "model.onnx"] = graph
    instances = [{"key": "raw/1.png"}, {"image": "?"}]
    with pytest.raises(Unprocessable) as caught:
        predict(Models(store, 10**9), {"model": "m", "version": "v", "instances": instances})
    assert {error.pointer for error in caught.value.errors} == {
        "/instances/0/key",
        "/instances/1/image",
    }
