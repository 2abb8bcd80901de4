"""The signed GETs of inference, against botocore's signer and an emulated S3."""

import datetime
import string
import subprocess
import sys
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import given
from hypothesis import strategies as st
from moto.core.models import DEFAULT_ACCOUNT_ID as ACCOUNT
from moto.s3.models import s3_backends
from moto.server import ThreadedMotoServer

import inference
from common import time_limit
from common.problems import Unavailable
from common.store import Entry, KeyMissing, Object
from inference.s3 import _WAITS, Credentials, ReadOnlyStore, find_credentials, quoted, sign
from tests.unit.inference.server import Server

BUCKET = "some-data"
MOMENT = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)

words = st.text(string.ascii_letters + string.digits + "-_.~ /+=&%é日", min_size=1, max_size=40)


@given(
    path=words,
    parameters=st.dictionaries(words, words, max_size=4),
    etag=st.none() | st.text(string.ascii_letters + '"', min_size=1, max_size=20),
    token=st.none() | st.text(string.ascii_letters, min_size=1, max_size=20),
)
def test_signature_is_botocores(
    path: str, parameters: dict[str, str], etag: str | None, token: str | None
) -> None:
    host = "bucket.s3.eu-west-1.amazonaws.com"
    target = "/" + urllib.parse.quote(path, safe="/-_.~")
    query = "&".join(
        f"{urllib.parse.quote(name, safe='-_.~')}={urllib.parse.quote(value, safe='-_.~')}"
        for name, value in sorted(parameters.items(), key=lambda item: _encoded(item))
    )
    headers = {} if etag is None else {"if-none-match": etag}

    signed = sign(
        host, target, query, headers, Credentials("key", "secret", token), "eu-west-1",
        MOMENT.timestamp(),
    )  # fmt: skip

    url = f"https://{host}{target}" + (f"?{query}" if query else "")
    assert signed["authorization"] == _botocore(url, headers, token)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_quoting_is_urllibs(text: str) -> None:
    assert quoted(text) == urllib.parse.quote(text, safe="-_.~")
    assert quoted(text, safe=b"/") == urllib.parse.quote(text, safe="/-_.~")


def _encoded(item: tuple[str, str]) -> tuple[str, str]:
    return urllib.parse.quote(item[0], safe="-_.~"), urllib.parse.quote(item[1], safe="-_.~")


def _botocore(url: str, headers: dict[str, str], token: str | None) -> str:
    request = AWSRequest("GET", url, dict(headers))
    request.context["client_config"] = None
    request.context["payload_signing_enabled"] = True
    signer = botocore.auth.S3SigV4Auth(
        BotocoreCredentials("key", "secret", token), "s3", "eu-west-1"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.auth, "get_current_datetime", lambda *_, **__: MOMENT)
        signer.add_auth(request)
    return str(request.headers["Authorization"])


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    yield f"http://127.0.0.1:{port}"
    server.stop()


@pytest.fixture
def s3(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
    client.create_bucket(Bucket=BUCKET)
    return client


@pytest.fixture
def store(s3: Any, endpoint: str) -> ReadOnlyStore:
    return ReadOnlyStore(BUCKET, "us-east-1", endpoint)


@pytest.mark.parametrize("key", ["a/b.json", "with space+plus%25", "日本/é~_-."])
def test_get_reads_what_was_put(s3: Any, store: ReadOnlyStore, key: str) -> None:
    tag = s3.put_object(Bucket=BUCKET, Key=key, Body=b"content")["ETag"]

    found = store.get(key)

    assert (found.body, found.etag) == (b"content", tag)


def test_a_missing_key_is_told_apart(store: ReadOnlyStore) -> None:
    with pytest.raises(KeyMissing, match="nothing/here"):
        store.get("nothing/here")


def test_an_unchanged_object_is_not_sent_again(s3: Any, store: ReadOnlyStore) -> None:
    s3.put_object(Bucket=BUCKET, Key="pointer", Body=b"1")
    first = store.get("pointer")
    assert store.get_if_changed("pointer", first.etag) is None

    s3.put_object(Bucket=BUCKET, Key="pointer", Body=b"2")

    changed = store.get_if_changed("pointer", first.etag)
    assert changed is not None
    assert changed.body == b"2"


def test_listings_go_over_all_pages(s3: Any, store: ReadOnlyStore) -> None:
    keys = [f"many/{number:04d} x/é" for number in range(1005)]
    bucket = s3_backends[ACCOUNT]["aws"]
    for key in keys:  # a thousand requests would take seconds
        bucket.put_object(BUCKET, key, b"")

    assert [entry.key for entry in store.list("many/")] == keys
    assert list(store.children("many/")) == [f"{number:04d} x" for number in range(1005)]


def test_listings_have_keys_of_any_characters(s3: Any, store: ReadOnlyStore) -> None:
    names = ["\x01", "\n", " ", "%", "%41", "&amp;", "+", "<", "é", "\ud7ff\ue000", "😀"]
    for name in names:
        s3_backends[ACCOUNT]["aws"].put_object(BUCKET, f"odd/{name}/x", b"")

    assert [entry.key for entry in store.list("odd/")] == [f"odd/{name}/x" for name in names]
    assert list(store.children("odd/")) == names


def test_below_a_prefix_keys_go_without_it(s3: Any, endpoint: str) -> None:
    for key in ("ml/blue/a/0/x", "ml/blue/a/1/x", "a/2/x"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=key.encode())
    below = ReadOnlyStore(BUCKET, "us-east-1", endpoint, "ml/blue/")

    assert [entry.key for entry in below.list("a/")] == ["a/0/x", "a/1/x"]
    assert list(below.children("a/")) == ["0", "1"]
    assert below.get("a/0/x").body == b"ml/blue/a/0/x"
    with pytest.raises(KeyMissing, match="a/2/x"):
        below.get("a/2/x")


def test_a_dead_server_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    store = ReadOnlyStore(BUCKET, "us-east-1", "http://127.0.0.1:9")

    with pytest.raises(Unavailable, match="Try again later"):
        store.get("a")


def test_a_lost_connection_is_opened_again(s3: Any, store: ReadOnlyStore) -> None:
    s3.put_object(Bucket=BUCKET, Key="a", Body=b"1")
    store.get("a")
    assert store._of_thread.connection is not None
    store._of_thread.connection.close()

    assert store.get("a").body == b"1"


CLOSING = b"HTTP/1.1 %s\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
GOOD = b"HTTP/1.1 200 OK\r\nETag: tag\r\nContent-Length: 1\r\n\r\n1"


@pytest.fixture
def scripted(server: Server, monkeypatch: pytest.MonkeyPatch) -> ReadOnlyStore:
    """A store whose S3 is the server of scripted answers."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    server.requests.clear()
    return ReadOnlyStore(BUCKET, "us-east-1", f"http://{server.host}")


def test_two_failures_that_close_are_made_up_for_by_the_third_try(
    server: Server, scripted: ReadOnlyStore
) -> None:
    server.answer = [CLOSING % b"500 Internal Server Error", CLOSING % b"503 Slow Down", GOOD]

    assert scripted.get("a") == Object(b"1", "tag")
    assert len(server.requests) == 3


def test_a_closed_connection_costs_no_try(server: Server, scripted: ReadOnlyStore) -> None:
    """Neither one whose end was announced nor one that was closed while nobody looked."""
    server.answer = GOOD
    assert scripted.get("a").body == b"1"  # and it hangs up without a word

    server.answer = [CLOSING % b"500 Internal Server Error", b"", GOOD]
    assert scripted.get("a").body == b"1"
    assert scripted.get("a").body == b"1"


def test_three_failures_are_unavailable(server: Server, scripted: ReadOnlyStore) -> None:
    server.answer = CLOSING % b"500 Internal Server Error"

    with pytest.raises(Unavailable) as failed:
        scripted.get("a")
    assert "answers 500" in str(failed.value.__cause__)
    assert len(server.requests) == 3


def test_when_the_time_of_the_request_is_over_s3_is_not_asked(
    server: Server, scripted: ReadOnlyStore
) -> None:
    server.answer = GOOD

    with time_limit.ending_in(-1), pytest.raises(Unavailable) as failed:
        scripted.get("a")
    assert "no time left" in str(failed.value.__cause__)
    assert failed.value.detail.startswith("The request took too long and was ended: send fewer")

    assert server.requests == []
    assert scripted.get("a").body == b"1"


def test_all_tries_take_less_than_the_api_waits() -> None:
    """By the figures of a process of its own: in here, they are longer."""
    program = (
        "from inference import connection, s3; from common import time_limit; "
        "print(connection.OPENING_SECONDS, s3._TIMEOUT, sum(s3._WAITS), time_limit.REQUEST_SECONDS)"
    )
    source = Path(inference.__file__).parents[1]
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=source, capture_output=True, text=True, check=True
    )
    opening, answer, waits, request = map(float, ran.stdout.split())
    assert len(_WAITS) * (opening + answer) + waits < request < 29 - opening - answer


@pytest.mark.parametrize(
    ("listed", "again", "raised"),
    [
        (["key2"], None, KeyMissing),
        (["key"], (403, "", b"AccessDenied"), PermissionError),
        (["key"], (200, "tag", b"1"), None),  # written while it was missed
    ],
)
def test_a_missing_key_is_told_from_a_forbidden_one(
    monkeypatch: pytest.MonkeyPatch, listed: list[str], again: Any, raised: Any
) -> None:
    store = ReadOnlyStore(BUCKET, "us-east-1", "http://127.0.0.1:9")
    answers = iter([(403, "", b"AccessDenied"), again])
    monkeypatch.setattr(store, "_request", lambda *_: next(answers))
    monkeypatch.setattr(store, "list", lambda _: iter([Entry(key, 1, "", "") for key in listed]))

    if raised is None:
        assert store.get("key") == Object(b"1", "tag")
    else:
        with pytest.raises(raised):
            store.get("key")


def test_a_connection_may_be_opened_ahead_and_closed(s3: Any, store: ReadOnlyStore) -> None:
    s3.put_object(Bucket=BUCKET, Key="a", Body=b"1")
    store.connect()
    assert store.get("a").body == b"1"

    store.disconnect()

    assert store.get("a").body == b"1"


def test_credentials_of_a_restored_snapshot_come_from_an_endpoint(server: Server) -> None:
    body = (
        b'{"AccessKeyId": "key", "SecretAccessKey": "secret", "Token": "token", '
        b'"Expiration": "2026-01-02T03:04:05Z"}'
    )
    server.answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)

    found = find_credentials(
        {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://{server.host}/2021-04-23/credentials",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": "allowed",
        }
    )

    assert found == Credentials("key", "secret", "token", MOMENT.timestamp())
    assert server.requests[-1].startswith(b"GET /2021-04-23/credentials HTTP/1.1\r\n")
    assert b"authorization: allowed\r\n" in server.requests[-1]


def test_an_endpoint_that_fails_is_a_failure_to_be_tried_again(server: Server) -> None:
    server.answer = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 4\r\n\r\noops"

    with pytest.raises(OSError, match="answers 500: b'oops'"):
        find_credentials(
            {
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://{server.host}/credentials",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN": "token",
            }
        )
