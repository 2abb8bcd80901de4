"""Work that may outlast an API request: recorded in S3, run by an asynchronous invocation.

A job is one JSON object. Whoever runs it holds a lease, renewed by a heartbeat; every write
is a compare-and-swap, so that two deliveries of one event can never run a job at once. A run
that is killed (timeout, out of memory) stops renewing: the retry that Lambda sends takes the
job over, and once no retry is to come, the next reader records the failure.
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
from common.jobs.keys import (
    ID_TOKEN,
    claim_key,
    claimed,
    damaged,
    folder,
    job_key,
    new_id,
    owner,
    stands_for,
)
from common.jobs.lease import WATCHDOG_SECONDS, Lease, LeaseLost, Progress
from common.jobs.record import PROMOTING, Job, measure
from common.jobs.verdict import MAX_ATTEMPTS, advice, exhausted, given_up, lease_left
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
    "Jobs",
    "Lease",
    "Progress",
    "Work",
]

type Work = Callable[[Job, Lease], dict[str, Any]]
"""What makes a job's result. It tells its progress to the lease, and has it confirmed right before
what only the run that holds the job may do."""


_FULL = (errno.ENOSPC, errno.EDQUOT)
_DISK_IS_FULL = (
    "The function's disk is full. Raise ephemeral_storage (10,240 MB at most), or send less data."
)

MAX_REQUEST_BYTES = 1_000_000
"""Of what a job keeps of its request, which every GET of it answers with."""


class HandOver(Exception):
    """Work goes on in another invocation of the function; the text says how far it has come.

    Whatever that needs must be stored by now. Who runs the job has to send it on its way again.
    """


class Jobs:
    """The jobs of one function."""

    def __init__(self, store: Store, function: str) -> None:
        self._store = store
        self._function = function

    def _key(self, job_id: str) -> str:
        return job_key(self._function, job_id)

    def earlier(self, asked: Any, idempotency_key: str | None, caller: str = "") -> Job | None:
        """The job that the same caller's key and request have made before, if it can be read.

        Raises Unprocessable when the key was used for another request.
        """
        if idempotency_key is None:
            return None
        try:
            digest = _digest(asked)
        except (OverflowError, RecursionError, ValueError):
            return None  # nothing that was ever recorded
        job_id = stands_for(self._store, self._function, caller, idempotency_key, digest)
        if job_id is None:
            return None
        try:
            job, _, _ = self._load(job_id)
        except (NotFound, Corrupted):
            return None  # whoever creates it writes it anew
        return self._own(job, digest, idempotency_key, caller)

    def create(
        self,
        request: dict[str, Any],
        idempotency_key: str | None,
        sent: Any = None,
        caller: str = "",
        deletions: int = 0,
    ) -> Job:
        """Records a new job, or returns the one that the same caller's key and request made.

        sent is what the caller sent, where request holds more than follows from that alone;
        deletions is the number of the last one of what the job makes.
        Raises Unprocessable when the key was used for another request, and PayloadTooLarge for
        one that its GET could not answer with.
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
            job_id = claimed(self._store, self._function, caller, idempotency_key, digest)
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
                found, _, _ = self._load(job_id)
            except Corrupted:
                found = self._anew(job)
            return self._own(found, digest, idempotency_key, caller)
        return job

    def _own(self, job: Job, digest: str, key: str | None, caller: str) -> Job:
        """A job that was found by its key; raises Corrupted for one of another caller or request.

        Only an object that was altered names such a job.
        """
        same = job.request_sha256 == digest and (
            not job.caller or owner(job.caller) == owner(caller)
        )
        if key is not None and not same:
            raise damaged(claim_key(self._function, caller, key), key)
        return job

    def _anew(self, job: Job) -> Job:
        """Writes a job's record in place of one that is damaged, and that nobody can run."""
        found = self._store.get(self._key(job.job_id))
        try:
            self._store.put(self._key(job.job_id), encoded(job), expected=found.etag)
        except PreconditionFailed:  # somebody else has done so
            job, _, _ = self._load(job.job_id)
        return job

    def read(self, job_id: str) -> Job:
        """The job as it stands; records the failure of one that was killed for good.

        Raises NotFound, and Corrupted for a record that is damaged.
        """
        job, etag, silence = self._load(job_id)
        reason = given_up(job, silence)
        if reason is None:
            return job
        job.fail(Unavailable(reason), request_id="", at=now())
        try:
            self._store.put(self._key(job_id), encoded(job), expected=etag)
        except PreconditionFailed:  # somebody moved it meanwhile: theirs is the newer truth
            job, _, _ = self._load(job_id)
            return job
        measure(job)
        return job

    def page(self, page: Page) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """The jobs of a page in short, newest first, and the fields beside them."""
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

    def run(self, job_id: str, invocation: Invocation, work: Work) -> Job:
        """Runs a job's work once, whatever number of deliveries ask for it.

        A Problem that the caller caused fails the job for good. Unavailable is raised again,
        so that Lambda retries, until the last attempt. A job that is handed over is left for
        the caller to dispatch. Raises NotFound and Corrupted where its record is gone or damaged.
        """
        lease = self._claim(job_id, invocation)
        if lease is None:
            job, _, _ = self._load(job_id)
            log("duplicate delivery ignored", job_id=job_id, status=job.status)
            return job
        try:
            with lease:
                _attempt(lease, work, invocation.request_id)
        except LeaseLost:
            log("job given up: its lease is gone", level=logging.WARNING, job_id=job_id)
            return self._load(job_id)[0]  # what this run has of it is not what became of it
        return lease.job

    def _load(self, job_id: str) -> tuple[Job, str, float]:
        """The job, its tag, and its silence (see verdict)."""
        try:
            found, silence = self._store.get_with_age(self._key(job_id))
        except KeyMissing:
            raise NotFound(f"There is no job {job_id!r} of {self._function}.") from None
        advice = (
            "What became of the job is unknown. Send its request again: with the same "
            "Idempotency-Key it makes the record anew, and the job runs once more."
        )
        return stored(self._key(job_id), found.body, Job, advice), found.etag, silence

    def _claim(self, job_id: str, invocation: Invocation) -> Lease | None:
        """The lease of a job that is free, once the lease of a dead run has expired."""
        while True:
            job, etag, silence = self._load(job_id)
            if job.finished:
                return None
            waiting = lease_left(job, silence)
            if waiting > 0:
                seen = etag
                if invocation.seconds_left() < waiting + WATCHDOG_SECONDS:
                    return None
                time.sleep(waiting)
                job, etag, _ = self._load(job_id)
                if job.finished or etag != seen:
                    return None  # it lives: this is a duplicate delivery
            lease = Lease(self._store, self._key(job_id), job, etag, invocation)
            try:
                lease.take()
            except PreconditionFailed:
                continue
            return None if lease.job.finished else lease


def _digest(asked: Any) -> str:
    """What tells two requests with the same key apart."""
    return hashlib.sha256(msgspec.json.encode(asked, order="sorted")).hexdigest()


def _attempt(lease: Lease, work: Work, request_id: str) -> None:
    try:
        lease.succeed(_result(work, lease, request_id))
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


def _result(work: Work, lease: Lease, request_id: str) -> dict[str, Any]:
    """What work returns; what a library said of its problem is logged, as callers are not told."""
    job_id = lease.job.job_id
    try:
        return work(lease.job, lease)
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
