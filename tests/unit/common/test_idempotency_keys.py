"""An idempotency key belongs to its caller, and names one job."""

import hashlib
from typing import Any

import boto3
import msgspec
import pytest

from common.jobs import Jobs
from common.jobs.keys import job_key
from common.problems import Corrupted, Unavailable, Unprocessable
from common.store import Store

ROLE = "arn:aws:sts::111122223333:assumed-role/Trainer"
ANN, BOB = "arn:aws:iam::111122223333:user/ann", "arn:aws:iam::111122223333:user/bob"
REQUEST = {"a": 1, "b": 2}


@pytest.fixture
def jobs(store: Store) -> Jobs:
    return Jobs(store, "data_processing")


def made(jobs: Jobs, caller: str, key: str | None = "key", request: Any = REQUEST) -> str:
    return jobs.create(request, key, caller=caller).job_id


def claims(store: Store) -> list[str]:
    keys = [entry.key for entry in store.list("jobs/data_processing/")]
    return [key for key in keys if not key.endswith(".json")]


def test_the_same_key_and_request_of_a_caller_are_one_job(jobs: Jobs) -> None:
    first = made(jobs, ANN)

    assert made(jobs, ANN, request={"b": 2, "a": 1}) == first
    assert made(jobs, ANN, key="other") != first
    assert made(jobs, ANN, key=None) != first
    with pytest.raises(Unprocessable, match="'key' was used for another request"):
        made(jobs, ANN, request={"a": 2})


def test_a_stranger_with_the_same_key_neither_gets_the_job_nor_occupies_the_key(jobs: Jobs) -> None:
    of_bob = made(jobs, BOB, request={"a": 2})
    of_ann = made(jobs, ANN)

    assert of_ann != of_bob
    assert made(jobs, ANN) == of_ann
    assert jobs.read(of_ann).request == REQUEST


@pytest.mark.usefixtures("store")
def test_no_job_id_follows_from_what_a_stranger_can_know() -> None:
    places = [Store("data", prefix) for prefix in ("one/", "two/")]

    assert len({made(Jobs(place, "data_processing"), ANN) for place in places}) == 2


def test_the_sessions_of_a_role_are_one_caller(jobs: Jobs) -> None:
    first = made(jobs, f"{ROLE}/botocore-session-1700000000")

    assert made(jobs, f"{ROLE}/botocore-session-1700009999") == first
    assert made(jobs, f"{ROLE}2/botocore-session-1700009999") != first
    assert made(jobs, ROLE.replace("111122223333", "444455556666") + "/x") != first


def test_two_callers_whose_names_and_keys_run_together_are_two(jobs: Jobs) -> None:
    assert made(jobs, 'a", "b', key="c") != made(jobs, "a", key='b", "c')


def test_a_key_of_any_characters_is_one_key(jobs: Jobs) -> None:
    assert made(jobs, ANN, key="\ud800\0é") == made(jobs, ANN, key="\ud800\0é")


def test_whoever_was_killed_before_the_job_was_recorded_finds_it_again(
    jobs: Jobs, store: Store
) -> None:
    first = made(jobs, ANN)
    boto3.client("s3").delete_object(Bucket="data", Key=job_key("data_processing", first))

    assert made(jobs, ANN) == first
    assert jobs.read(first).status == "PENDING"


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"job_id": "../../models/m/model", "request_sha256": ""}',
    ],
    ids=["cut", "binary", "deep", "of no job"],
)
def test_a_damaged_claim_says_what_to_do(jobs: Jobs, store: Store, body: bytes) -> None:
    made(jobs, ANN)
    (claim,) = claims(store)
    store.put(claim, body)

    with pytest.raises(Corrupted, match="with a new key"):
        made(jobs, ANN)


def test_a_claim_that_expires_at_this_moment_is_to_be_sent_again(
    jobs: Jobs, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(jobs, ANN)
    (claim,) = claims(store)
    get = Store.get

    def expired(self: Store, key: str) -> Any:
        if key == claim:
            boto3.client("s3").delete_object(Bucket="data", Key=claim)
        return get(self, key)

    monkeypatch.setattr(Store, "get", expired)
    with pytest.raises(Unavailable, match="has just expired"):
        made(jobs, ANN)


def of_0_1(jobs: Jobs, store: Store, key: str, request: Any = REQUEST) -> str:
    """A job as version 0.1 has recorded it: its id followed from the function and the key."""
    job = jobs.create(request, None)
    job.job_id = hashlib.sha256(f"data_processing\n{key}".encode()).hexdigest()[:32]
    store.put(job_key("data_processing", job.job_id), msgspec.json.encode(job))
    return job.job_id


def test_a_retry_that_began_before_the_upgrade_finds_its_job(jobs: Jobs, store: Store) -> None:
    first = of_0_1(jobs, store, "key")

    assert [made(jobs, ANN), made(jobs, ANN)] == [first, first]


def test_another_request_is_not_refused_for_a_key_of_before_the_upgrade(
    jobs: Jobs, store: Store
) -> None:
    first = of_0_1(jobs, store, "key", {"a": 2})

    assert made(jobs, ANN) != first


@pytest.mark.parametrize("stranger", [True, False])
def test_what_another_key_stands_for_is_not_what_this_one_does(
    jobs: Jobs, store: Store, stranger: bool
) -> None:
    made(jobs, ANN)
    (mine,) = claims(store)
    other = made(jobs, BOB) if stranger else made(jobs, ANN, "other", {"a": 2})
    (theirs,) = set(claims(store)) - {mine}
    digest = msgspec.json.decode(store.get(mine).body)["request_sha256"]
    claim = {"job_id": other, "request_sha256": digest}
    store.put(mine, store.get(theirs).body if stranger else msgspec.json.encode(claim))

    with pytest.raises(Corrupted, match="'key' was used for, is damaged"):
        jobs.earlier(REQUEST, "key", ANN)
    with pytest.raises(Corrupted, match="'key' was used for, is damaged"):
        made(jobs, ANN)
