"""What became of a run that can no longer say so itself, and what its caller should do.

Whether a run still lives follows from the silence of its job: the seconds since the job's object
was last written, by S3's clock. The clocks of whoever writes or reads it may be a day apart.
"""

from datetime import timedelta
from typing import Literal

from common.jobs.record import PROMOTING, Attempt, Job
from common.problems import Unavailable

LEASE_SECONDS = 20.0
MAX_ATTEMPTS = 3
"""The first delivery and Lambda's two retries of an asynchronous event."""

RETRY_WAIT_SECONDS = 6 * 60.0
"""Lambda waits one minute before the first retry and two before the second; doubled."""

QUEUE_SECONDS = 6 * 3600.0
"""The oldest event that Lambda still delivers (maximum_event_age_in_seconds)."""

SEND_AGAIN = "Send the request again, with a new Idempotency-Key if any."
"""The same key answers with the job that has failed."""

_NO_EVENT = f"the function was throttled, or S3 could not be reached, for too long. {SEND_AGAIN}"


def cause_of_death(attempt: Attempt) -> Literal["timeout", "out of memory", "killed"]:
    """What ended a run that could not say so itself, from its last heartbeat."""
    if attempt.heartbeat_at + timedelta(seconds=LEASE_SECONDS) >= attempt.deadline:
        return "timeout"
    if attempt.memory_mb >= 0.85 * attempt.memory_limit_mb:
        return "out of memory"
    return "killed"


def would_repeat(job: Job) -> bool:
    """Whether another attempt would end as the last one did.

    One of a job that has published what it makes does less than the last one.
    """
    is_too_much = job.attempts[-1].outcome in ("timeout", "out of memory")
    return is_too_much and job.stage != PROMOTING


def advice(job: Job, outcome: str | None = None) -> str:
    """What to do about a job whose last run ended as its outcome (or the given one) says."""
    text = _advice(job.attempts[-1], outcome)
    return f"{text} {job.message}" if job.stage == PROMOTING else text


def exhausted(problem: Unavailable) -> Unavailable:
    """The problem of a job whose last attempt has failed."""
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
    """Seconds for which the last attempt may still be alive."""
    if not job.attempts or job.attempts[-1].outcome is not None:
        return 0.0
    return max(0.0, LEASE_SECONDS - silence)


def given_up(job: Job, silence: float) -> str | None:
    """Why nobody will run this job any more, if so."""
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
        last.outcome = cause_of_death(last)
    if last.outcome == "continued":
        if silence < QUEUE_SECONDS:
            return None
        return f"The job was never continued: {_NO_EVENT}"
    if job.tries < MAX_ATTEMPTS and not would_repeat(job):
        return None if silence < RETRY_WAIT_SECONDS else advice(job)
    return advice(job)
