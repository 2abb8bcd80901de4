"""How runs end that were killed before they could record it, and what the caller should do.

Whether a run is still alive follows from the silence of its job: the seconds since the job's object
was last written. S3's clock measures them, because the clocks of writers and readers may differ.
"""

from datetime import timedelta
from typing import Literal

from common.jobs.record import PROMOTING, Attempt, Job
from common.problems import Unavailable

LEASE_SECONDS = 20.0
MAX_ATTEMPTS = 3
"""The first delivery and Lambda's two retries of an asynchronous event."""

RETRY_WAIT_SECONDS = 6 * 60.0
"""Twice what Lambda waits: one minute before the first retry, two before the second."""

QUEUE_SECONDS = 6 * 3600.0
"""The age of the oldest event that Lambda still delivers (maximum_event_age_in_seconds)."""

SEND_AGAIN = "Send the request again, with a new Idempotency-Key if any."
"""The advice for a failed job. With the same key, the failed job would be returned."""

_NO_EVENT = f"the function was throttled, or S3 could not be reached, for too long. {SEND_AGAIN}"


def inferred_outcome(attempt: Attempt) -> Literal["timeout", "out of memory", "killed"]:
    """How a run ended that could not record it, inferred from its last heartbeat."""
    if attempt.heartbeat_at + timedelta(seconds=LEASE_SECONDS) >= attempt.deadline:
        return "timeout"
    if attempt.memory_mb >= 0.85 * attempt.memory_limit_mb:
        return "out of memory"
    return "killed"


def would_repeat(job: Job) -> bool:
    """Whether another attempt would end as the last one did.

    It would not if the version is published already: then little work is left.
    """
    is_too_much = job.attempts[-1].outcome in ("timeout", "out of memory")
    return is_too_much and job.stage != PROMOTING


def advice(job: Job, outcome: str | None = None) -> str:
    """What the caller can do about a job, by the outcome of its last run (or the given one)."""
    text = _advice(job.attempts[-1], outcome)
    return f"{text} {job.message}" if job.stage == PROMOTING else text


def exhausted(problem: Unavailable) -> Unavailable:
    """The problem of a job that has no attempts left."""
    return Unavailable(f"{problem.detail} The last attempt has failed. {SEND_AGAIN}")


def _advice(attempt: Attempt, outcome: str | None) -> str:
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
            return f"{attempt.detail} No retry has come. {SEND_AGAIN}"
        case _:
            return (
                f"The function was killed, most likely out of memory ({used}). Raise its "
                "memory_size; its log has the reason."
            )


def lease_left(job: Job, silence: float) -> float:
    """The seconds for which the last attempt may still be alive, given the silence in seconds."""
    if not job.attempts or job.attempts[-1].outcome is not None:
        return 0.0
    return max(0.0, LEASE_SECONDS - silence)


def final_failure(job: Job, silence: float) -> str | None:
    """Why the job will never be run again; None while it may be, or if it has finished.

    silence is in seconds. Sets the outcome of a last attempt that was killed.
    """
    if job.finished:
        return None
    if job.status == "PENDING":
        if silence < QUEUE_SECONDS:
            return None
        return f"The job was never started: {_NO_EVENT}"
    last = job.attempts[-1]
    if last.outcome is None:
        if lease_left(job, silence) > 0:
            return None
        last.outcome = inferred_outcome(last)
    if last.outcome == "continued":
        if silence < QUEUE_SECONDS:
            return None
        return f"The job was never continued: {_NO_EVENT}"
    if job.tries < MAX_ATTEMPTS and not would_repeat(job):
        return None if silence < RETRY_WAIT_SECONDS else advice(job)
    return advice(job)
