"""Reads and writes while S3 fails, stalls or loses its answers."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest
from botocore.stub import Stubber

import common
from common import job_endpoints, time_limit
from common import store as store_module
from common.jobs.failures import LEASE_SECONDS
from common.problems import Unavailable
from common.store import ABSENT, PreconditionFailed, Store
from tests.unit.faulty_s3 import FaultyS3, Kind, served

API_SECONDS = 29.0


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyS3]:
    with served(monkeypatch) as faulty:
        boto3.client("s3").create_bucket(Bucket="data")
        yield faulty


@pytest.fixture
def store(s3: FaultyS3) -> Store:
    return Store("data")


@pytest.mark.parametrize("kind", ["500 after", "close after"])
@pytest.mark.parametrize("times", [1, 3])
def test_a_write_whose_answer_was_lost_has_won(
    s3: FaultyS3, store: Store, kind: Kind, times: int
) -> None:
    s3.fail("PUT", "pointer", kind, times)
    made = store.put("pointer", b"1", expected=ABSENT)
    assert store.get("pointer").etag == made

    s3.fail("PUT", "pointer", kind, times)
    moved = store.put("pointer", b"2", expected=made)
    assert (store.get("pointer").body, store.get("pointer").etag) == (b"2", moved)


def test_a_write_that_somebody_else_has_won_is_lost(s3: FaultyS3, store: Store) -> None:
    made = store.put("pointer", b"1")
    store.put("pointer", b"2")
    s3.fail("PUT", "pointer", "500")
    with pytest.raises(PreconditionFailed):
        store.put("pointer", b"3", expected=made)
    with pytest.raises(PreconditionFailed):
        store.put("pointer", b"1", expected=ABSENT)


def test_the_same_words_of_somebody_else_are_not_ones_own_write(store: Store) -> None:
    """A counter must not lose one of two concurrent increments."""
    seen = store.put("count", b"1")
    store.put("count", b"2", expected=seen)
    with pytest.raises(PreconditionFailed):
        store.put("count", b"2", expected=seen)


def test_a_write_that_was_not_performed_is_unavailable(s3: FaultyS3, store: Store) -> None:
    s3.fail("PUT", "pointer", "500", times=9)
    with pytest.raises(Unavailable):
        store.put("pointer", b"1", expected=ABSENT)


def test_what_is_to_be_replaced_and_is_gone_is_not_where_it_was(store: Store) -> None:
    with pytest.raises(PreconditionFailed):
        store.put("pointer", b"2", expected='"tag"')


@pytest.mark.parametrize("conflicts", [1, 3])
def test_two_writes_at_the_same_moment_are_not_yet_decided(
    monkeypatch: pytest.MonkeyPatch, conflicts: int
) -> None:
    monkeypatch.setattr(store_module, "_BUSY_WAITS", (0.0, 0.0, 0.0))
    client = boto3.client("s3", region_name="us-east-1")
    with Stubber(client) as stub:
        for _ in range(conflicts):
            stub.add_client_error("put_object", "ConditionalRequestConflict", http_status_code=409)
        if conflicts == 1:
            stub.add_response("put_object", {"ETag": "tag"})
            assert Store("data", client=client).put("key", b"1", expected=ABSENT) == "tag"
        else:
            stub.add_client_error("head_object", "404", http_status_code=404)
            with pytest.raises(PreconditionFailed):
                Store("data", client=client).put("key", b"1", expected=ABSENT)


@pytest.mark.parametrize("kind", ["never", "trickle"])
def test_an_answer_that_never_comes_ends_in_time(
    s3: FaultyS3, store: Store, monkeypatch: pytest.MonkeyPatch, kind: Kind
) -> None:
    store.put("key", b"1" * 1000)
    monkeypatch.setattr(store_module, "CALL_SECONDS", 0.2)
    monkeypatch.setattr(store_module, "BYTES_PER_SECOND", 1e9)
    s3.fail("GET", "key", kind, times=9)
    with pytest.raises(Unavailable, match="'key'"):
        store.get("key")


@pytest.mark.parametrize("act", ["put", "size", "list", "tag", "children"])
def test_every_call_ends_in_time(
    s3: FaultyS3, store: Store, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    store.put("key", b"1")
    monkeypatch.setattr(store_module, "CALL_SECONDS", 0.2)
    for method in ("GET", "PUT", "HEAD"):
        s3.fail(method, "", "never", times=9)
    acts: dict[str, Callable[[], object]] = {
        "put": lambda: store.put("key", b"2", expected=ABSENT),
        "size": lambda: store.size("key"),
        "list": lambda: list(store.list("")),
        "tag": lambda: store.tag("key", {}),
        "children": lambda: list(store.children("")),
    }
    with pytest.raises(Unavailable):
        acts[act]()


@pytest.mark.parametrize("act", ["delete", "bury"])
def test_a_call_that_was_given_up_sends_nothing_more(
    s3: FaultyS3, store: Store, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    """The object may have been made anew before the thread of the call continues."""
    monkeypatch.setattr(store_module, "_READ_SECONDS", 1.0)
    store.put("key", b"1")
    before = set(threading.enumerate())
    s3.fail("PUT" if act == "bury" else "POST", "", "never", times=1)
    with monkeypatch.context() as patch:
        patch.setattr(store_module, "CALL_SECONDS", 0.3)
        with pytest.raises(Unavailable):
            store.delete(["key"]) if act == "delete" else store.bury("key", "now", "me")

    for thread in set(threading.enumerate()) - before:
        if thread.name == "limited":
            thread.join(20)

    assert store.get("key").body == b"1"


def test_the_time_of_a_request_is_all_that_its_calls_have(s3: FaultyS3, store: Store) -> None:
    store.put("key", b"1")
    s3.fail("GET", "key", "never", times=9)
    started = time.monotonic()
    with time_limit.ending_in(0.2):
        for _ in range(3):
            with pytest.raises(Unavailable):
                store.get("key")
    assert time.monotonic() - started < store_module.CALL_SECONDS
    assert s3.asked.count("GET /data/key") <= 2
    assert store.put("key", b"2")  # the next event has its own time


def test_lambda_that_never_answers_is_given_up_in_time(
    s3: FaultyS3, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "CALL_SECONDS", 0.2)
    s3.fail("POST", "/functions/", "never", times=9)
    with pytest.raises(Unavailable, match="Job j is recorded but could not be started"):
        job_endpoints.dispatch("arn:aws:lambda:us-east-1:1:function:f:live", "j")


def test_an_answer_that_breaks_off_is_unavailable(s3: FaultyS3, store: Store) -> None:
    store.put("key", b"12345")
    s3.fail("GET", "key", "part")
    with pytest.raises(Unavailable):
        store.get("key")
    assert store.get("key").body == b"12345"


def test_the_limits_are_below_the_lease_and_below_what_the_api_waits() -> None:
    """Those of a process of its own: in here, they are longer."""
    program = (
        "from common import store, time_limit; "
        "print(store.CALL_SECONDS, store._READ_SECONDS, time_limit.REQUEST_SECONDS)"
    )
    source = Path(common.__file__).parents[1]
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=source, capture_output=True, text=True, check=True
    )
    call, read, request = map(float, ran.stdout.split())
    assert 2 * read < call < LEASE_SECONDS
    assert call < request < API_SECONDS
