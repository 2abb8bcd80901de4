"""Idempotency keys, and the ids of jobs.

A key belongs to its caller: the same key of two callers names two jobs. An object, whose name is
computed from caller and key, points at the job. The id of the job is random, so that nobody can
compute the id of another caller's job.
"""

import hashlib
import json
import re
import uuid
from datetime import UTC, datetime
from typing import Annotated

import msgspec

from common.decoding import stored
from common.newest import countdown
from common.problems import Corrupted, Unavailable, Unprocessable
from common.seals import encoded
from common.store import ABSENT, KeyMissing, PreconditionFailed, Store

_NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Claim(msgspec.Struct, frozen=True):
    """The job that a key belongs to, and the sha256 of the request that was sent with it."""

    job_id: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f-]{32,46}\Z")]
    request_sha256: str


ID_TOKEN = "[0-9]{13}-[0-9a-f]{32}"
"""The pattern of a job's id, which is also the token of a page."""


def new_id() -> str:
    """A new id of a job. It cannot be guessed, and S3 lists it before older ones."""
    return f"{countdown(datetime.now(UTC))}-{uuid.uuid4().hex}"


def folder(function: str) -> str:
    """The prefix of the jobs of a function, which has no other keys."""
    return f"jobs/{function}/newest/"


def job_key(function: str, job_id: str) -> str:
    """The key of a job. Ids of release 0.2 and before have no time.

    >>> job_key("model_training", "9f86d081884c7d659a2feaa0c55ad015")
    'jobs/model_training/9f86d081884c7d659a2feaa0c55ad015.json'
    """
    if re.fullmatch(ID_TOKEN, job_id):
        return f"{folder(function)}{job_id}.json"
    return f"jobs/{function}/{job_id}.json"


def owner(caller: str) -> str:
    """The permanent part of a caller's name: all sessions of a role are one caller.

    >>> owner("arn:aws:sts::111122223333:assumed-role/Trainer/botocore-session-1700000000")
    'arn:aws:sts::111122223333:assumed-role/Trainer'
    >>> owner("somebody's own:assumed-role/name/1")
    "somebody's own:assumed-role/name/1"
    """
    if not caller.startswith("arn:"):
        return caller
    account, assumed_role, names = caller.partition(":assumed-role/")
    return f"{account}{assumed_role}{names.partition('/')[0]}" if assumed_role else caller


def claim_job_id(store: Store, function: str, caller: str, key: str, digest: str) -> str:
    """The id of the job that a caller's key belongs to; a new key gets a new id.

    digest is the request's sha256. The job may not be recorded yet: a run may be killed between
    both. Raises Unprocessable when the key was sent with another request, Corrupted when the
    object of the key is damaged, and Unavailable when the key has just expired.
    """
    at = claim_key(function, caller, key)
    claim = Claim(new_id(), digest)
    try:
        tag = store.put(at, encoded(claim), expected=ABSENT)
    except PreconditionFailed:
        try:
            return _earlier(at, store.get(at).body, key, digest)
        except KeyMissing:
            detail = f"Idempotency-Key {key!r} has just expired. Send it again."
            raise Unavailable(detail) from None
    former = _claim_of_0_1(store, function, key)
    if former is None or former.request_sha256 != digest:
        return claim.job_id
    store.put(at, encoded(former), expected=tag)
    return former.job_id


def earlier_job_id(store: Store, function: str, caller: str, key: str, digest: str) -> str | None:
    """The id of the job that a caller's key belongs to, or None. Raises like claim_job_id."""
    at = claim_key(function, caller, key)
    try:
        return _earlier(at, store.get(at).body, key, digest)
    except KeyMissing:
        return None


def damaged(at: str, key: str) -> Corrupted:
    """The problem of a key whose object at `at` is damaged."""
    return Corrupted(
        f"{at}, which says what Idempotency-Key {key!r} was used for, is damaged. "
        "Send the request with a new key."
    )


def claim_key(function: str, caller: str, key: str) -> str:
    """The key of the object that names the job of a caller's Idempotency-Key."""
    whose = json.dumps([owner(caller), key])
    return f"jobs/{function}/{hashlib.sha256(whose.encode()).hexdigest()}.key"


def _earlier(at: str, body: bytes, key: str, digest: str) -> str:
    try:
        earlier = stored(at, body, Claim, "")
    except Corrupted as error:
        raise damaged(at, key) from error
    if earlier.request_sha256 != digest:
        raise Unprocessable(
            f"Idempotency-Key {key!r} was used for another request. "
            "Send a new key with a new request."
        )
    return earlier.job_id


def _claim_of_0_1(store: Store, function: str, key: str) -> Claim | None:
    """The job of a key by the rule of release 0.1: its id follows from function and key alone.

    Without this, a retry that began before an upgrade would make a second job.
    """
    source = f"{function}\n{key}".encode(errors="surrogatepass")
    job_id = hashlib.sha256(source).hexdigest()[:32]
    try:
        return msgspec.json.decode(store.get(f"jobs/{function}/{job_id}.json").body, type=Claim)
    except (KeyMissing, *_NOT_JSON):
        return None
