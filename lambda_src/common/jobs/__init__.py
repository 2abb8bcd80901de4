"""Jobs, which may outlast an API request: recorded in S3, run by an asynchronous invocation.

A job is one JSON object. A run of the job holds a lease, which a heartbeat renews. Every write is a
compare-and-swap, so that two deliveries of one event never run a job at once. A run that is killed
(timeout, out of memory) stops renewing the lease. Then Lambda's retry takes the job over. When no
retry is left, the next reader of the job records its failure.
"""

import errno
import hashlib
import logging
import re
import time
from collections.abc import Callable
from typing import Any

import msgspec

from common import newest
from common.decoding import stored
from common.invocation import Invocation
from common.jobs.failures import MAX_ATTEMPTS, advice, exhausted, final_failure, lease_left
from common.jobs.keys import (
    ID_TOKEN,
    claim_job_id,
    claim_key,
    damaged,
    earlier_job_id,
    folder,
    job_key,
    new_id,
    owner,
)
from common.jobs.lease import WATCHDOG_SECONDS, Lease, LeaseLost, Progress
from common.jobs.record import PROMOTING, Job, measure
from common.logs import log
from common.newest import Page, Row
from common.problems import (
    Corrupted,
    NotFound,
    PayloadTooLarge,
    Problem,
    Unavailable,
    Unprocessable,
    cause_of,
)
from common.seals import encoded
from common.store import ABSENT, KeyMissing, PreconditionFailed, Store
from common.times import now

__all__ = [
    "PROMOTING",
    "WATCHDOG_SECONDS",
    "HandOver",
    "Job",
    "JobFunction",
    "Jobs",
    "Lease",
    "Progress",
]

type JobFunction = Callable[[Job, Lease], dict[str, Any]]
"""Runs a job and returns its result. It reports progress to the lease. It confirms the lease right
before any step that only one run may do."""


_FULL = (errno.ENOSPC, errno.EDQUOT)
_DISK_IS_FULL = (
    "The function's disk is full. Raise ephemeral_storage (10,240 MB at most), or send less data."
)

MAX_REQUEST_BYTES = 1_000_000
"""The most bytes of a request that a job records; every GET of the job returns them."""


class HandOver(Exception):
    """The job continues in another invocation of the function; the text reports its progress.

    Whatever that invocation needs must be stored by now. The caller of run dispatches the job.
    """


class Jobs:
    """The jobs of one function."""

    def __init__(self, store: Store, function: str) -> None:
        self._store = store
        self._function = function

    def _key(self, job_id: str) -> str:
        return job_key(self._function, job_id)

    def earlier(self, asked: Any, idempotency_key: str | None, caller: str = "") -> Job | None:
        """The job that the same caller made earlier with this key and request, or None.

        asked is the request as it was sent. Raises Unprocessable when the key was used for another
        request.
        """
        if idempotency_key is None:
            return None
        try:
            digest = _digest(asked)
        except (OverflowError, RecursionError, ValueError):
            return None  # such a request was never recorded
        job_id = earlier_job_id(self._store, self._function, caller, idempotency_key, digest)
        if job_id is None:
            return None
        try:
            job, _, _ = self._load(job_id)
        except (NotFound, Corrupted):
            return None  # create writes the record anew
        return self._check_owner(job, digest, idempotency_key, caller)

    def create(
        self,
        request: dict[str, Any],
        idempotency_key: str | None,
        sent: Any = None,
        caller: str = "",
        deletions: int = 0,
    ) -> Job:
        """Records a new job, or returns the one that the same caller made with key and request.

        request is what the job records. sent is what the caller sent, if that differs. deletions is
        the number of the last deletion of the model or dataset that the job makes. Raises
        Unprocessable when the key was used for another request, and PayloadTooLarge for a request
        of more than MAX_REQUEST_BYTES.
        """
        digest = _digest(request if sent is None else sent)
        if (size := len(msgspec.json.encode(request))) > MAX_REQUEST_BYTES:
            raise PayloadTooLarge(
                f"The options have {size:,} bytes, and {MAX_REQUEST_BYTES:,} is the most that a "
                "job keeps: name fewer columns."
            )
        if idempotency_key is None:
            job_id = new_id()
        else:
            job_id = claim_job_id(self._store, self._function, caller, idempotency_key, digest)
        at = now()
        job = Job(
            job_id=job_id,
            function=self._function,
            status="PENDING",
            stage="queued",
            percent=0,
            message="Waiting to start.",
            created_at=at,
            updated_at=at,
            caller=caller,
            request=request,
            request_sha256=digest,
            deletions=deletions,
        )
        try:
            self._store.put(self._key(job.job_id), encoded(job), expected=ABSENT)
        except PreconditionFailed:
            try:
                recorded, _, _ = self._load(job_id)
            except Corrupted:
                recorded = self._replace(job)
            return self._check_owner(recorded, digest, idempotency_key, caller)
        return job

    def _check_owner(self, job: Job, digest: str, key: str | None, caller: str) -> Job:
        """The job. Raises Corrupted if it belongs to another caller or request.

        Then the object of the key was altered.
        """
        same = job.request_sha256 == digest and (
            not job.caller or owner(job.caller) == owner(caller)
        )
        if key is not None and not same:
            raise damaged(claim_key(self._function, caller, key), key)
        return job

    def _replace(self, job: Job) -> Job:
        """Replaces a damaged record, and returns the job that is stored then."""
        damaged_object = self._store.get(self._key(job.job_id))
        try:
            self._store.put(self._key(job.job_id), encoded(job), expected=damaged_object.etag)
        except PreconditionFailed:  # another request has replaced it
            job, _, _ = self._load(job.job_id)
        return job

    def read(self, job_id: str) -> Job:
        """The job. If it was killed and has no retry left, its failure is recorded first.

        Raises NotFound, and Corrupted for a record that is damaged.
        """
        job, etag, silence = self._load(job_id)
        reason = final_failure(job, silence)
        if reason is None:
            return job
        job.fail(Unavailable(reason), request_id="", at=now())
        try:
            self._store.put(self._key(job_id), encoded(job), expected=etag)
        except PreconditionFailed:  # a run has changed it meanwhile: take that
            job, _, _ = self._load(job_id)
            return job
        measure(job)
        return job

    def page(self, page: Page) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """The summaries of a page of jobs, newest first, and the fields beside them."""
        jobs = folder(self._function)
        after = f"{jobs}{page.after}.json" if page.after else ""
        keys = (entry.key for entry in self._store.list(jobs, after, page.limit + 1))
        ids = (key.removeprefix(jobs).removesuffix(".json") for key in keys)
        return newest.rows(page, (one for one in ids if re.fullmatch(ID_TOKEN, one)), self._row)

    def _row(self, job_id: str) -> Row:
        try:
            return self.read(job_id).summary(), ()
        except NotFound:  # a lifecycle rule has removed it at this moment
            return None, ()
        except Corrupted:
            return None, [self._key(job_id)]

    def run(self, job_id: str, invocation: Invocation, job_function: JobFunction) -> Job:
        """Runs a job once, however often its event is delivered, and returns it.

        A Problem other than Unavailable fails the job for good. Unavailable is raised, so that
        Lambda retries, until the last attempt. If the job is handed over, the caller of this method
        dispatches it. Raises NotFound and Corrupted where the record is missing or damaged.
        """
        lease = self._claim(job_id, invocation)
        if lease is None:
            job, _, _ = self._load(job_id)
            log("duplicate delivery ignored", job_id=job_id, status=job.status)
            return job
        try:
            with lease:
                _attempt(lease, job_function, invocation.request_id)
        except LeaseLost:
            log("job given up: its lease is gone", level=logging.WARNING, job_id=job_id)
            return self._load(job_id)[0]  # another run may have changed the job
        return lease.job

    def _load(self, job_id: str) -> tuple[Job, str, float]:
        """The job, the tag of its object, and its silence in seconds (see failures)."""
        try:
            stored_object, silence = self._store.get_with_age(self._key(job_id))
        except KeyMissing:
            raise NotFound(f"There is no job {job_id!r} of {self._function}.") from None
        advice = (
            "What became of the job is unknown. Send its request again: with the same "
            "Idempotency-Key it makes the record anew, and the job runs once more."
        )
        return (
            stored(self._key(job_id), stored_object.body, Job, advice),
            stored_object.etag,
            silence,
        )

    def _claim(self, job_id: str, invocation: Invocation) -> Lease | None:
        """The lease of a job, or None for a duplicate delivery. Waits for a dead run's lease."""
        while True:
            job, etag, silence = self._load(job_id)
            if job.finished:
                return None
            waiting = lease_left(job, silence)
            if waiting > 0:
                last_etag = etag
                if invocation.seconds_left() < waiting + WATCHDOG_SECONDS:
                    return None
                time.sleep(waiting)
                job, etag, _ = self._load(job_id)
                if job.finished or etag != last_etag:
                    return None  # the run is alive: this is a duplicate delivery
            lease = Lease(self._store, self._key(job_id), job, etag, invocation)
            try:
                lease.take()
            except PreconditionFailed:
                continue
            return None if lease.job.finished else lease


def _digest(asked: Any) -> str:
    """The sha256 by which requests with the same key are compared."""
    return hashlib.sha256(msgspec.json.encode(asked, order="sorted")).hexdigest()


def _attempt(lease: Lease, job_function: JobFunction, request_id: str) -> None:
    try:
        lease.succeed(_result(job_function, lease, request_id))
    except LeaseLost:
        raise
    except HandOver as more:
        lease.hand_over(str(more))
    except Unavailable as problem:
        if lease.job.tries < MAX_ATTEMPTS:
            lease.release(problem.detail)
            raise
        lease.fail(exhausted(problem))
    except Problem as problem:
        lease.fail(problem)
    except MemoryError:
        lease.fail(Unprocessable(advice(lease.job, "out of memory")))
    except Exception as error:
        fields = {"job_id": lease.job.job_id}
        logging.getLogger("ml").exception("job failed", extra={"fields": fields})
        is_full = isinstance(error, OSError) and error.errno in _FULL
        lease.fail(Unprocessable(_DISK_IS_FULL) if is_full else _bug(request_id))


def _result(job_function: JobFunction, lease: Lease, request_id: str) -> dict[str, Any]:
    """The result of a job. The cause of a problem is logged, because callers do not get it."""
    job_id = lease.job.job_id
    try:
        return job_function(lease.job, lease)
    except Problem as problem:
        if cause := cause_of(problem):
            fields = {"job_id": job_id, "request_id": request_id, "cause": cause}
            log("cause of a problem", level=logging.WARNING, **fields)
        raise


def _bug(request_id: str) -> Problem:
    return Problem(
        "The job met an error that it did not expect. The function's log tells more, "
        f"at request id {request_id}."
    )
