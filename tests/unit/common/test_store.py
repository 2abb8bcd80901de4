"""S3's conditions, listings and errors, as the rest of the code relies on them."""

import io
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs

import boto3
import pytest
from botocore.credentials import RefreshableCredentials
from botocore.exceptions import ClientError
from botocore.response import StreamingBody
from botocore.stub import Stubber

from common.problems import Unavailable
from common.store import ABSENT, KeyMissing, Object, PreconditionFailed, Store


def test_an_object_comes_back_with_its_tag(store: Store) -> None:
    etag = store.put("a/b.json", b"{}")
    assert store.get("a/b.json") == Object(b"{}", etag)
    assert store.size("a/b.json") == 2


def test_missing_keys_are_told(store: Store, tmp_path: Path) -> None:
    for read in (store.get, store.size):
        with pytest.raises(KeyMissing):
            read("nothing")
    with pytest.raises(KeyMissing):
        store.get_if_changed("nothing", '"tag"')
    with pytest.raises(KeyMissing):
        store.download("nothing", tmp_path / "file")


def test_only_one_writer_makes_a_key(store: Store) -> None:
    store.put("key", b"first", expected=ABSENT)
    with pytest.raises(PreconditionFailed):
        store.put("key", b"second", expected=ABSENT)
    assert store.get("key").body == b"first"


def test_a_pointer_moves_only_from_where_it_was_seen(store: Store) -> None:
    seen = store.put("key", b"1")
    moved = store.put("key", b"2", expected=seen)
    with pytest.raises(PreconditionFailed):
        store.put("key", b"3", expected=seen)
    assert store.get_if_changed("key", moved) is None
    changed = store.get_if_changed("key", seen)
    assert changed is not None
    assert changed.body == b"2"


def test_of_many_writers_one_wins(store: Store) -> None:
    seen, won = store.put("key", b"0"), []

    def write(number: int) -> None:
        try:
            store.put("key", str(number).encode(), expected=seen)
            won.append(number)
        except PreconditionFailed:
            pass

    threads = [threading.Thread(target=write, args=(number,)) for number in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.get("key").body == str(won[0]).encode()
    assert len(won) == 1


def test_listings_go_beyond_a_page(store: Store) -> None:
    for number in range(3):
        store.put(f"a/{number}/x", b"")
    store.put("b/0", b"")
    assert [entry.key for entry in store.list("a/")] == ["a/0/x", "a/1/x", "a/2/x"]
    assert list(store.children("a/")) == ["0", "1", "2"]
    assert list(store.children("none/")) == []


def test_files_go_up_and_down(store: Store, tmp_path: Path) -> None:
    (tmp_path / "up").write_bytes(b"content")
    store.upload(tmp_path / "up", "raw/file")
    store.download("raw/file", tmp_path / "down")
    assert (tmp_path / "down").read_bytes() == b"content"


def test_below_a_prefix_keys_go_without_it(store: Store, tmp_path: Path) -> None:
    below = Store("data", "ml/blue/")
    (tmp_path / "up").write_bytes(b"content")
    below.upload(tmp_path / "up", "a/0/x")
    below.tag("a/0/x", {"kind": "test"})
    below.put("a/1/x", b"")
    store.put("a/2/x", b"")

    assert [entry.key for entry in below.list("a/")] == ["a/0/x", "a/1/x"]
    assert list(below.children("a/")) == ["0", "1"]
    assert below.size("a/0/x") == len(b"content")
    below.download("a/0/x", tmp_path / "down")
    assert (tmp_path / "down").read_bytes() == below.get("a/0/x").body == b"content"
    assert "/ml/blue/a/3/x?" in below.presigned_put("a/3/x", 60).url
    with pytest.raises(KeyMissing, match="a/2/x"):
        below.get("a/2/x")
    assert [entry.key for entry in store.list("ml/")] == ["ml/blue/a/0/x", "ml/blue/a/1/x"]


def test_a_failing_s3_is_unavailable(store: Store, tmp_path: Path) -> None:
    (tmp_path / "up").write_bytes(b"content")
    elsewhere = Store("no-such-bucket")
    with pytest.raises(KeyMissing):
        elsewhere.get("key")
    with pytest.raises(Unavailable):
        elsewhere.upload(tmp_path / "up", "key")


def test_a_presigned_url_names_the_key_and_ends(store: Store) -> None:
    target = store.presigned_put("raw/a b/é.csv", 60)
    assert "raw/a%20b/%C3%A9.csv" in target.url
    assert "X-Amz-Expires=60" in target.url
    assert target.seconds == 60
    assert "checksum" not in target.url.lower()


@pytest.mark.parametrize(
    ("size", "headers"),
    [
        (None, {"If-None-Match": "*"}),
        (12, {"If-None-Match": "*", "Content-Length": "12"}),
    ],
)
def test_every_header_of_an_upload_is_signed(
    store: Store, size: int | None, headers: dict[str, str]
) -> None:
    target = store.presigned_put("raw/a.csv", 60, size)
    (signed,) = parse_qs(target.url)["X-Amz-SignedHeaders"]
    assert target.headers == headers
    assert set(signed.split(";")) == {"host", *map(str.lower, headers)}


def test_an_upload_goes_to_the_host_of_the_buckets_own_region(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    url = Store("data").presigned_put("raw/a.csv", 60).url
    assert url.startswith("https://data.s3.eu-central-1.amazonaws.com/raw/a.csv?")


@pytest.mark.parametrize(("left", "expected"), [(3600, 900), (870, 840), (30, 1)])
def test_a_presigned_url_ends_with_the_keys_that_have_signed_it(
    store: Store, monkeypatch: pytest.MonkeyPatch, left: int, expected: int
) -> None:
    end = datetime.now(UTC) + timedelta(seconds=left)
    keys = RefreshableCredentials("a", "b", "c", end, lambda: {}, "container-role")
    session = SimpleNamespace(get_credentials=lambda: keys)
    assert store.presigned_put("raw/a.csv", 900).seconds == 900
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", session)
    target = store.presigned_put("raw/a.csv", 900)
    assert target.seconds == expected
    assert f"X-Amz-Expires={expected}&" in target.url


FORBIDDEN: dict[str, Any] = {"service_error_code": "AccessDenied", "http_status_code": 403}


@pytest.mark.parametrize("listed", ["", "key2", "key"])
def test_a_missing_key_is_told_from_a_forbidden_one(listed: str) -> None:
    client = boto3.client("s3", region_name="us-east-1")
    entry = {"Key": listed, "Size": 1, "LastModified": datetime.now(UTC), "ETag": "tag"}
    with Stubber(client) as stub:
        stub.add_client_error("get_object", **FORBIDDEN)
        stub.add_response("list_objects_v2", {"Contents": [entry] if listed else []})
        if listed == "key":
            stub.add_client_error("get_object", **FORBIDDEN)

        with pytest.raises(ClientError if listed == "key" else KeyMissing):
            Store("data", client=client).get("key")


def test_a_key_that_is_written_while_it_is_missed_is_read() -> None:
    client = boto3.client("s3", region_name="us-east-1")
    entry = {"Key": "key", "Size": 1, "LastModified": datetime.now(UTC), "ETag": "tag"}
    body = StreamingBody(io.BytesIO(b"1"), 1)
    with Stubber(client) as stub:
        stub.add_client_error("get_object", **FORBIDDEN)
        stub.add_response("list_objects_v2", {"Contents": [entry]})
        stub.add_response("get_object", {"Body": body, "ETag": "tag"})

        assert Store("data", client=client).get("key") == Object(b"1", "tag")
