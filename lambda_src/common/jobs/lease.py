"""The right to run a job: taken by compare-and-swap, renewed by a heartbeat."""

import logging
import threading
import time
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Literal, Protocol, Self

from common.decoding import stored
from common.invocation import Invocation
from common.jobs.failures import MAX_ATTEMPTS, advice, inferred_outcome, would_repeat
from common.jobs.memory import Memory
from common.jobs.record import Attempt, Job, measure
from common.logs import log
from common.problems import Corrupted, Problem, Unavailable, Unprocessable
from common.seals import encoded
from common.store import KeyMissing, PreconditionFailed, Store
from common.times import now

HEARTBEAT_SECONDS = 5.0
MISSED_SECONDS = 1.0
"""Seconds until a heartbeat that S3 did not take is repeated."""

WATCHDOG_SECONDS = 4.0
"""Seconds before the function's timeout at which a run gives up, so that it can record why."""


class LeaseLost(Exception):
    """Another run has taken the job over, or this one has run out of time."""


class Progress(Protocol):
    """Reports how far a job has come. Raises LeaseLost when the job must stop."""

    def __call__(self, stage: str, percent: int, message: str) -> None: ...


class Lease:
    """The right to run a job, renewed in the background until the job is done.

    Calling it reports progress (see Progress).
    """

    def __init__(self, store: Store, key: str, job: Job, etag: str, invocation: Invocation) -> None:
        self.job = job
        self._store = store
        self._key = key
        self._etag = etag
        self._invocation = invocation
        self._attempt: Attempt | None = None
        self._memory = Memory()
        self._began, self._ticks = now(), time.monotonic()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._done = threading.Event()
        self._lost = False
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def take(self) -> None:
        """Starts an attempt, or fails the job where the attempt would end as the last one did.

        Raises PreconditionFailed when another run has taken the job.
        """
        job = self.job
        at = self._now()
        if job.attempts and job.attempts[-1].outcome is None:
            last = job.attempts[-1]
            last.outcome = inferred_outcome(last)
            if job.tries >= MAX_ATTEMPTS or would_repeat(job):
                self._fail(Unprocessable(advice(job)))
                self._write()
                return
        self._attempt = Attempt(
            request_id=self._invocation.request_id,
            started_at=at,
            heartbeat_at=at,
            deadline=at + timedelta(seconds=self._invocation.seconds_left()),
            memory_mb=self._memory.peak_mb(),
            memory_limit_mb=self._invocation.memory_mb,
        )
        job.attempts.append(self._attempt)
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

    def __call__(self, stage: str, percent: int, message: str) -> None:
        """Notes the progress; the background thread writes it. Raises LeaseLost.

        percent is of the whole job, from 0 to 100.
        """
        if self._lost:
            raise LeaseLost
        with self._lock:
            changed = stage != self.job.stage
            self.job.stage, self.job.percent, self.job.message = stage, percent, message
        if changed:
            log(message, job_id=self.job.job_id, stage=stage, percent=percent)
        self._wake.set()

    def confirm(self) -> None:
        """Renews the lease at once. Raises LeaseLost when another run has the job, or time is up.

        A run that was stopped for a while finds this out only here. So call it right before
        anything that must be done once, such as publishing a version or moving an alias.
        """
        with self._lock:
            if self._lost:
                raise LeaseLost
            try:
                if self._until_watchdog() > 0:
                    self._write()
                    return
                self._give_up()
            except PreconditionFailed:
                self._lost = True
            raise LeaseLost

    def succeed(self, result: dict[str, Any]) -> None:
        """Ends the job with its result. Raises LeaseLost and Unavailable."""
        self.job.result = result
        self._finish("SUCCEEDED", "Done.")

    def fail(self, problem: Problem) -> None:
        """Ends the job with a problem. Raises LeaseLost and Unavailable."""
        with self._lock:
            self._fail(problem)
        self._finish("FAILED", problem.detail)

    def release(self, reason: str) -> None:
        """Ends this attempt and leaves the job to Lambda's next retry."""
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
            job = self.job
            job.status, job.message = status, message
            if status == "SUCCEEDED":
                job.stage, job.percent, job.error = "done", 100, None
            job.finished_at = self._now()
            job.attempts[-1].outcome = "succeeded" if status == "SUCCEEDED" else "failed"
            try:
                self._write()
            except PreconditionFailed:
                self._lost = True
                raise LeaseLost from None
            except Unavailable:
                job.status, job.finished_at, job.attempts[-1].outcome = "RUNNING", None, None
                raise
            self._lost = True  # nothing may be written after this

    def _beat(self) -> None:
        """Writes the heartbeat with the newest progress until the job is done."""
        pause = HEARTBEAT_SECONDS
        while not self._done.is_set():
            self._wake.wait(min(pause, max(0.0, self._until_watchdog())))
            self._wake.clear()
            pause = HEARTBEAT_SECONDS
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
                except Unavailable as problem:  # the lease outlasts a missed beat
                    log("heartbeat missed", level=logging.WARNING, reason=problem.detail)
                    pause = MISSED_SECONDS
            self._done.wait(0.5)  # a burst of progress becomes one write

    def _until_watchdog(self) -> float:
        return self._invocation.seconds_left() - WATCHDOG_SECONDS

    def _give_up(self) -> None:
        last = self.job.attempts[-1]
        last.outcome = "timeout"
        self._fail(Unprocessable(advice(self.job)))
        self._write()
        self._lost = True

    def _fail(self, problem: Problem) -> None:
        self.job.fail(problem, self._invocation.request_id, self._now())

    def _now(self) -> datetime:
        """The time. It runs evenly from the creation of the lease, even if the clock is set."""
        return self._began + timedelta(seconds=time.monotonic() - self._ticks)

    def _write(self) -> None:
        at = self._now()
        self.job.updated_at = at
        if self._attempt is not None:
            self._attempt.heartbeat_at = at
            self._attempt.memory_mb = self._memory.peak_mb()
        body = encoded(self.job)
        try:
            self._etag = self._store.put(self._key, body, expected=self._etag)
        except PreconditionFailed:
            self._etag = self._own_tag()
            self._etag = self._store.put(self._key, body, expected=self._etag)
        if self.job.finished:
            measure(self.job)

    def _own_tag(self) -> str:
        """The tag of a write by this run whose answer was lost.

        Raises PreconditionFailed when another run has written the job.
        """
        try:
            stored_object = self._store.get(self._key)
            job = stored(self._key, stored_object.body, Job, "")
        except (KeyMissing, Corrupted):
            raise PreconditionFailed(self._key) from None
        own, count = self._attempt, len(self.job.attempts)
        if own is None or job.finished or len(job.attempts) != count:
            raise PreconditionFailed(self._key)
        last = job.attempts[-1]  # a retry of Lambda's has the same request id
        if (last.request_id, last.started_at) != (own.request_id, own.started_at):
            raise PreconditionFailed(self._key)
        return stored_object.etag
