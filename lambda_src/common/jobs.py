"""Work that may outlast an API request: recorded in S3, run by an asynchronous invocation.

A job is one JSON object. Whoever runs it holds a lease, renewed by a heartbeat; every write
is a compare-and-swap, so that two deliveries of one event can never run a job at once. A run
that is killed (timeout, out of memory) stops renewing: the retry that Lambda sends takes the
job over, and once no retry is to come, the next reader records the failure.
"""

import hashlib
import logging
import threading
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Protocol, Self

import msgspec

from common.invocation import Invocation
from common.logs import log
from common.metrics import Metric, write
from common.problems import NotFound, Problem, Unavailable, Unprocessable
from common.store import ABSENT, KeyMissing, PreconditionFailed, Store

LEASE_SECONDS = 20.0
HEARTBEAT_SECONDS = 5.0
MAX_ATTEMPTS = 3
"""The first delivery and Lambda's two retries of an asynchronous event."""

RETRY_WAIT = timedelta(minutes=6)
"""Lambda waits one minute before the first retry and two before the second; doubled."""

QUEUE_LIMIT = timedelta(hours=6)
"""The oldest event that Lambda still delivers (maximum_event_age_in_seconds)."""

WATCHDOG_SECONDS = 4.0
"""How long before its function is stopped a run gives up, so that it can still say why."""


class Attempt(msgspec.Struct, omit_defaults=True):
    """One run of a job; open while outcome is missing."""

    request_id: str
    started_at: datetime
    heartbeat_at: datetime
    deadline: datetime
    memory_mb: int
    memory_limit_mb: int
    outcome: (
        Literal[
            "succeeded", "failed", "continued", "timeout", "out of memory", "killed", "unavailable"
        ]
        | None
    ) = None
    detail: str | None = None


class Job(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The record of a job, which is also what its GET answers."""

    job_id: str
    function: str
    status: Literal["PENDING", "RUNNING", "SUCCEEDED", "FAILED"]
    stage: str
    percent: int
    message: str
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    attempts: list[Attempt] = []
    request: dict[str, Any]
    request_sha256: str
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None

    @property
    def finished(self) -> bool:
        return self.status in ("SUCCEEDED", "FAILED")

    @property
    def handed_over(self) -> bool:
        """Whether the last attempt has left the work to another invocation, yet to come."""
        return bool(self.attempts) and self.attempts[-1].outcome == "continued"

    @property
    def tries(self) -> int:
        """Attempts since work was last handed over: each invocation has retries of its own."""
        outcomes = [attempt.outcome for attempt in reversed(self.attempts)]
        return outcomes.index("continued") if "continued" in outcomes else len(outcomes)

    def public(self) -> dict[str, Any]:
        """The job as callers see it."""
        document: dict[str, Any] = msgspec.to_builtins(self)
        del document["request_sha256"]
        return document


class HandOver(Exception):
    """Work goes on in another invocation of the function; the text says how far it has come.

    Whatever that needs must be stored by now. Who runs the job has to send it on its way again.
    """


class LeaseLost(Exception):
    """Another run has taken the job over, or this one has run out of time."""


class Progress(Protocol):
    """How work tells where it stands; raises LeaseLost when it must stop."""

    def __call__(self, stage: str, percent: int, message: str) -> None: ...


type Work = Callable[[Job, Progress], dict[str, Any]]


def now() -> datetime:
    return datetime.now(UTC)


class Jobs:
    """The jobs of one function."""

    def __init__(self, store: Store, function: str) -> None:
        self._store = store
        self._function = function

    def _key(self, job_id: str) -> str:
        return f"jobs/{self._function}/{job_id}.json"

    def create(self, request: dict[str, Any], idempotency_key: str | None, sent: Any = None) -> Job:
        """Records a new job, or returns the one that the same key and request made before.

        sent is what the caller sent, where request holds more than follows from that alone.
        Raises Unprocessable when the key was used for another request.
        """
        asked = request if sent is None else sent
        digest = hashlib.sha256(msgspec.json.encode(asked, order="sorted")).hexdigest()
        at = now()
        job = Job(
            job_id=_job_id(self._function, idempotency_key),
            function=self._function,
            status="PENDING",
            stage="queued",
            percent=0,
            message="Waiting to start.",
            created_at=at,
            updated_at=at,
            request=request,
            request_sha256=digest,
        )
        try:
            self._store.put(self._key(job.job_id), msgspec.json.encode(job), expected=ABSENT)
        except PreconditionFailed:
            existing, _ = self._load(job.job_id)
            if existing.request_sha256 != digest:
                raise Unprocessable(
                    f"Idempotency-Key {idempotency_key!r} was used for another request. "
                    "Send a new key with a new request."
                ) from None
            return existing
        return job

    def read(self, job_id: str) -> Job:
        """The job as it stands; records the failure of one that was killed for good.

        Raises NotFound.
        """
        job, etag = self._load(job_id)
        reason = _given_up(job, now())
        if reason is None:
            return job
        _fail(job, Unavailable(reason), request_id="")
        try:
            self._store.put(self._key(job_id), msgspec.json.encode(job), expected=etag)
        except PreconditionFailed:  # somebody moved it meanwhile: theirs is the newer truth
            job, _ = self._load(job_id)
            return job
        _measure(job)
        return job

    def run(self, job_id: str, invocation: Invocation, work: Work) -> Job:
        """Runs a job's work once, whatever number of deliveries ask for it.

        A Problem that the caller caused fails the job for good. Unavailable is raised again,
        so that Lambda retries, until the last attempt. A job that is handed over is left for
        the caller to dispatch.
        """
        lease = self._claim(job_id, invocation)
        if lease is None:
            job, _ = self._load(job_id)
            log("duplicate delivery ignored", job_id=job_id, status=job.status)
            return job
        try:
            with lease:
                _attempt(lease, work, invocation.request_id)
        except LeaseLost:
            log("job given up: its lease is gone", level=logging.WARNING, job_id=job_id)
        return lease.job

    def _load(self, job_id: str) -> tuple[Job, str]:
        try:
            found = self._store.get(self._key(job_id))
        except KeyMissing:
            raise NotFound(f"There is no job {job_id!r} of {self._function}.") from None
        return msgspec.json.decode(found.body, type=Job), found.etag

    def _claim(self, job_id: str, invocation: Invocation) -> "_Lease | None":
        """The lease of a job that is free, once the lease of a dead run has expired."""
        while True:
            job, etag = self._load(job_id)
            if job.finished:
                return None
            waiting = _lease_left(job)
            if waiting > 0:
                heartbeat = job.attempts[-1].heartbeat_at
                if invocation.seconds_left() < waiting + WATCHDOG_SECONDS:
                    return None
                time.sleep(waiting)
                job, etag = self._load(job_id)
                if job.finished or job.attempts[-1].heartbeat_at != heartbeat:
                    return None  # it lives: this is a duplicate delivery
            lease = _Lease(self._store, self._key(job_id), job, etag, invocation)
            try:
                lease.take()
            except PreconditionFailed:
                continue
            return None if lease.job.finished else lease


class _Lease:
    """The right to run a job, renewed in the background until the work is done."""

    def __init__(self, store: Store, key: str, job: Job, etag: str, invocation: Invocation) -> None:
        self.job = job
        self._store = store
        self._key = key
        self._etag = etag
        self._invocation = invocation
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._done = threading.Event()
        self._lost = False
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def take(self) -> None:
        """Opens an attempt, or fails the job where another one would die as the last did."""
        job = self.job
        at = now()
        if job.attempts and job.attempts[-1].outcome is None:
            last = job.attempts[-1]
            last.outcome = cause_of_death(last)
            if job.tries >= MAX_ATTEMPTS or _would_repeat(last):
                _fail(job, Unprocessable(_advice(last)), self._invocation.request_id)
                self._write()
                return
        job.attempts.append(
            Attempt(
                request_id=self._invocation.request_id,
                started_at=at,
                heartbeat_at=at,
                deadline=datetime.fromtimestamp(self._invocation.deadline, UTC),
                memory_mb=_peak_memory_mb(),
                memory_limit_mb=self._invocation.memory_mb,
            )
        )
        job.status = "RUNNING"
        job.stage, job.percent = "starting", 0
        job.message = f"Attempt {len(job.attempts)} has started."
        job.started_at = job.started_at or at
        self._write()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        self._wake.set()
        self._thread.join()

    def progress(self, stage: str, percent: int, message: str) -> None:
        """Notes where the work stands; the background thread writes it."""
        if self._lost:
            raise LeaseLost
        with self._lock:
            changed = stage != self.job.stage
            self.job.stage, self.job.percent, self.job.message = stage, percent, message
        if changed:
            log(message, job_id=self.job.job_id, stage=stage, percent=percent)
        self._wake.set()

    def succeed(self, result: dict[str, Any]) -> None:
        self.job.result = result
        self._finish("SUCCEEDED", "Done.")

    def fail(self, problem: Problem) -> None:
        with self._lock:
            _fail(self.job, problem, self._invocation.request_id)
        self._finish("FAILED", problem.detail)

    def release(self, reason: str) -> None:
        """Ends this attempt and leaves the job to Lambda's next one."""
        waiting = f"Attempt {len(self.job.attempts)} failed; waiting for a retry."
        self._leave("unavailable", reason, waiting)

    def hand_over(self, reason: str) -> None:
        """Ends this attempt and leaves the job to another invocation."""
        self._leave("continued", reason, f"{reason} Waiting for another invocation.")

    def _leave(
        self, outcome: Literal["unavailable", "continued"], reason: str, message: str
    ) -> None:
        with self._lock:
            job = self.job
            job.status, job.result, job.error, job.finished_at = "RUNNING", None, None, None
            job.attempts[-1].outcome = outcome
            job.attempts[-1].detail = reason
            job.message = message
            try:
                self._write()
            except PreconditionFailed:
                raise LeaseLost from None
            self._lost = True

    def _finish(self, status: Literal["SUCCEEDED", "FAILED"], message: str) -> None:
        with self._lock:
            if self._lost:
                raise LeaseLost
            self._lost = True  # nothing may be written after the end
            job = self.job
            job.status, job.message = status, message
            if status == "SUCCEEDED":
                job.stage, job.percent = "done", 100
            job.finished_at = now()
            job.attempts[-1].outcome = "succeeded" if status == "SUCCEEDED" else "failed"
            try:
                self._write()
            except PreconditionFailed:
                raise LeaseLost from None

    def _beat(self) -> None:
        """Writes the heartbeat, and what progress has noted, until the work is done."""
        while not self._done.is_set():
            self._wake.wait(min(HEARTBEAT_SECONDS, max(0.0, self._until_watchdog())))
            self._wake.clear()
            with self._lock:
                if self._done.is_set() or self._lost:
                    return
                try:
                    if self._until_watchdog() <= 0:
                        self._give_up()
                        return
                    self._write()
                except PreconditionFailed:
                    self._lost = True
                    return
                except Unavailable as problem:  # the lease outlasts several missed beats
                    log("heartbeat missed", level=logging.WARNING, reason=problem.detail)
            self._done.wait(0.5)  # a burst of progress becomes one write

    def _until_watchdog(self) -> float:
        return self._invocation.seconds_left() - WATCHDOG_SECONDS

    def _give_up(self) -> None:
        last = self.job.attempts[-1]
        last.outcome = "timeout"
        _fail(self.job, Unprocessable(_advice(last)), self._invocation.request_id)
        self._write()
        self._lost = True

    def _write(self) -> None:
        at = now()
        self.job.updated_at = at
        if self.job.attempts:
            self.job.attempts[-1].heartbeat_at = at
            self.job.attempts[-1].memory_mb = _peak_memory_mb()
        body = msgspec.json.encode(self.job)
        try:
            self._etag = self._store.put(self._key, body, expected=self._etag)
        except PreconditionFailed:
            # A write whose answer was lost is sent again by the client, and meets itself.
            found = self._store.get(self._key)
            if found.body != body:
                raise
            self._etag = found.etag
        if self.job.finished:
            _measure(self.job)


def _attempt(lease: _Lease, work: Work, request_id: str) -> None:
    try:
        lease.succeed(work(lease.job, lease.progress))
    except LeaseLost:
        raise
    except HandOver as more:
        lease.hand_over(str(more))
    except Unavailable as problem:
        if lease.job.tries < MAX_ATTEMPTS:
            lease.release(problem.detail)
            raise
        lease.fail(problem)
    except Problem as problem:
        lease.fail(problem)
    except MemoryError:
        attempt = lease.job.attempts[-1]
        lease.fail(Unprocessable(_advice(attempt, "out of memory")))
    except Exception:
        fields = {"job_id": lease.job.job_id}
        logging.getLogger("ml").exception("job failed", extra={"fields": fields})
        lease.fail(_bug(request_id))


def cause_of_death(attempt: Attempt) -> Literal["timeout", "out of memory", "killed"]:
    """What ended a run that could not say so itself, from its last heartbeat."""
    if attempt.heartbeat_at + timedelta(seconds=LEASE_SECONDS) >= attempt.deadline:
        return "timeout"
    if attempt.memory_mb >= 0.85 * attempt.memory_limit_mb:
        return "out of memory"
    return "killed"


def _would_repeat(attempt: Attempt) -> bool:
    return attempt.outcome in ("timeout", "out of memory")


def _advice(attempt: Attempt, outcome: str | None = None) -> str:
    """What to do about a run that ended as its outcome (or the given one) says."""
    seconds = round((attempt.deadline - attempt.started_at).total_seconds())
    used = f"{attempt.memory_mb} of {attempt.memory_limit_mb} MB when last seen"
    match outcome or attempt.outcome:
        case "timeout":
            return (
                f"The function's time ({seconds} s) ran out. Raise its timeout or memory_size, "
                "or send less data."
            )
        case "out of memory":
            return (
                f"The function ran out of memory ({used}). Raise its memory_size, "
                "or send less data."
            )
        case "unavailable":
            return f"{attempt.detail} No retry has come."
        case _:
            return (
                f"The function was killed, most likely out of memory ({used}). Raise its "
                "memory_size; its log has the reason."
            )


def _lease_left(job: Job) -> float:
    """Seconds for which the last attempt may still be alive."""
    if not job.attempts or job.attempts[-1].outcome is not None:
        return 0.0
    until = job.attempts[-1].heartbeat_at + timedelta(seconds=LEASE_SECONDS)
    return (until - now()).total_seconds()


def _given_up(job: Job, at: datetime) -> str | None:
    """Why nobody will run this job any more, if so."""
    if job.finished:
        return None
    if job.status == "PENDING":
        if at - job.created_at < QUEUE_LIMIT:
            return None
        return "The job was never started: the function was throttled too long. Send it again."
    last = job.attempts[-1]
    if last.outcome is None:
        if _lease_left(job) > 0:
            return None
        last.outcome = cause_of_death(last)
    if last.outcome == "continued":
        if at - last.heartbeat_at < QUEUE_LIMIT:
            return None
        return "The job was never continued: the function was throttled too long. Send it again."
    if job.tries < MAX_ATTEMPTS and not _would_repeat(last):
        return None if at - last.heartbeat_at < RETRY_WAIT else _advice(last)
    return _advice(last)


def _fail(job: Job, problem: Problem, request_id: str) -> None:
    job.status = "FAILED"
    job.message = problem.detail
    job.error = problem.document(request_id)
    job.finished_at = job.updated_at = now()


def _measure(job: Job) -> None:
    """Writes the line of a finished job."""
    succeeded = job.status == "SUCCEEDED"
    metrics: dict[Metric, float] = {
        "JobsSucceeded": int(succeeded),
        "JobsFailed": int(not succeeded),
    }
    if job.started_at and job.finished_at:
        metrics["JobDuration"] = (job.finished_at - job.started_at).total_seconds()
    fields = {"job_id": job.job_id, "status": job.status, "attempts": len(job.attempts)}
    fields |= {name: job.request[name] for name in ("dataset", "model") if name in job.request}
    if job.error:
        fields["error"] = job.error["title"]
    write("job finished", metrics, fields)


def _bug(request_id: str) -> Problem:
    return Problem(
        "The job met an error that it did not expect. The function's log tells more, "
        f"at request id {request_id}."
    )


def _job_id(function: str, idempotency_key: str | None) -> str:
    if idempotency_key is None:
        return uuid.uuid4().hex
    return hashlib.sha256(f"{function}\n{idempotency_key}".encode()).hexdigest()[:32]


def _peak_memory_mb() -> int:
    """The most memory that this program has held, in MB; Linux counts it in KiB.

    getrusage would tell the most of whatever program has started this one, too.
    """
    _, _, peak = Path("/proc/self/status").read_text().partition("VmHWM:")
    return int(peak.split()[0]) * 1024 // 1_000_000
