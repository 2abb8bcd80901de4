"""Idempotency keys: which job a key of a caller stands for.

A key belongs to its caller: the same key of two callers stands for two jobs. An object named by
both points at the job, whose id is random, so that nobody can compute the id of another's job.
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
    """What a key stands for: a job, and the sha256 of the request that was sent with it."""

    job_id: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f-]{32,46}\Z")]
    request_sha256: str


ID_TOKEN = "[0-9]{13}-[0-9a-f]{32}"
"""The pattern of a job's id, by which the pages of a list go on."""


def new_id() -> str:
    """The id of a job that is made now: it cannot be guessed, and S3 lists it before older ones."""
    return f"{countdown(datetime.now(UTC))}-{uuid.uuid4().hex}"


def folder(function: str) -> str:
    """Where the jobs of a function are, and nothing else."""
    return f"jobs/{function}/newest/"


def job_key(function: str, job_id: str) -> str:
    """Where a job is recorded. Those of 0.2 and before have ids without a time.

    >>> job_key("model_training", "9f86d081884c7d659a2feaa0c55ad015")
    'jobs/model_training/9f86d081884c7d659a2feaa0c55ad015.json'
    """
    if re.fullmatch(ID_TOKEN, job_id):
        return f"{folder(function)}{job_id}.json"
    return f"jobs/{function}/{job_id}.json"


def owner(caller: str) -> str:
    """The part of a caller's name that stays: the sessions of a role are one caller.

    >>> owner("arn:aws:sts::111122223333:assumed-role/Trainer/botocore-session-1700000000")
    'arn:aws:sts::111122223333:assumed-role/Trainer'
    >>> owner("somebody's own:assumed-role/name/1")
    "somebody's own:assumed-role/name/1"
    """
    if not caller.startswith("arn:"):
        return caller
    account, assumed_role, names = caller.partition(":assumed-role/")
    return f"{account}{assumed_role}{names.partition('/')[0]}" if assumed_role else caller


def claimed(store: Store, function: str, caller: str, key: str, digest: str) -> str:
    """The id of the job that a caller's key stands for; one that is new if the key is.

    digest is the request's sha256. The job may not be recorded yet: whoever claims a key may be
    killed before that. Raises Unprocessable when the key was sent with another request, and
    Corrupted when it cannot be read which one that was.
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
    former = _of_0_1(store, function, key)
    if former is None or former.request_sha256 != digest:
        return claim.job_id
    store.put(at, encoded(former), expected=tag)
    return former.job_id


def stands_for(store: Store, function: str, caller: str, key: str, digest: str) -> str | None:
    """The id of the job that a caller's key stands for already, if so. Raises as claimed does."""
    at = claim_key(function, caller, key)
    try:
        return _earlier(at, store.get(at).body, key, digest)
    except KeyMissing:
        return None


def damaged(at: str, key: str) -> Corrupted:
    """The problem of a key whose object does not say which job it stands for."""
    return Corrupted(
        f"{at}, which says what Idempotency-Key {key!r} was used for, is damaged. "
        "Send the request with a new key."
    )


def claim_key(function: str, caller: str, key: str) -> str:
    """Where it is recorded what a caller's key stands for."""
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


def _of_0_1(store: Store, function: str, key: str) -> Claim | None:
    """What version 0.1 made of a key: a job whose id followed from function and key alone.

    Without it, a retry that was begun before an upgrade would make a second job.
    """
    source = f"{function}\n{key}".encode(errors="surrogatepass")
    job_id = hashlib.sha256(source).hexdigest()[:32]
    try:
        return msgspec.json.decode(store.get(f"jobs/{function}/{job_id}.json").body, type=Claim)
    except (KeyMissing, *_NOT_JSON):
        return None
