"""The record of a job, as it is stored and as its GET returns it."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

from common.metrics import Metric, write
from common.problems import MAX_FIELD_DETAIL, Problem, cut

_MADE = ("dataset", "model")
"""Fields of a request that lists and logs show."""

_SHOWN = ("job_id", "status", "caller", "created_at", "started_at", "finished_at")
_RESULT = ("version", "promoted", "reused", "rows", "selected")
"""Fields of a job's result that lists show."""


PROMOTING = "promoting"
"""The stage of a job whose version is published; its message names that and the next step."""

Time = Annotated[datetime, msgspec.Meta(tz=True)]


_LAST_YEAR = 9000
"""The last year of a valid time: later ones could overflow when days are added."""


class Attempt(msgspec.Struct, omit_defaults=True):
    """One run of a job. It has not ended while outcome is missing.

    Its times are from the clock of the machine that runs it, which may be wrong: they are compared
    only with each other. deadline is when Lambda stops the function.
    """

    request_id: str
    started_at: Time
    heartbeat_at: Time
    deadline: Time
    memory_mb: int
    memory_limit_mb: int
    outcome: (
        Literal[
            "succeeded", "failed", "continued", "timeout", "out of memory", "killed", "unavailable"
        ]
        | None
    ) = None
    detail: str | None = None

    def __post_init__(self) -> None:
        if any(at.year > _LAST_YEAR for at in (self.started_at, self.heartbeat_at, self.deadline)):
            raise ValueError("An attempt has impossible times.")


class _Error(msgspec.Struct):
    """The fields that every error of a job has."""

    title: str
    status: int
    detail: str


class Job(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The record of a job, which is also what its GET returns.

    caller is who requested it, empty for jobs of 0.2 and before. deletions is the number of the
    last deletion, before the request, of the model or dataset that it makes (see
    common.existence).
    """

    job_id: str
    function: str
    status: Literal["PENDING", "RUNNING", "SUCCEEDED", "FAILED"]
    stage: str
    percent: int
    message: str
    created_at: Time
    updated_at: Time
    started_at: Time | None = None
    finished_at: Time | None = None
    attempts: list[Attempt] = []
    caller: str = ""
    request: dict[str, Any]
    request_sha256: str
    deletions: int = 0
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        """Raises ValueError for values that no run writes, so that the record counts as damaged."""
        if self.status == "RUNNING" and not self.attempts:
            raise ValueError("A running job has an attempt.")
        if self.error is not None:
            msgspec.convert(self.error, _Error)

    @property
    def finished(self) -> bool:
        return self.status in ("SUCCEEDED", "FAILED")

    @property
    def waits(self) -> bool:
        """Whether the job waits for an event. The event may be lost; a second one does no harm."""
        ended = self.attempts[-1].outcome if self.attempts else None
        return self.status == "PENDING" or (not self.finished and ended is not None)

    @property
    def handed_over(self) -> bool:
        """Whether the last attempt has left the job to another invocation."""
        return bool(self.attempts) and self.attempts[-1].outcome == "continued"

    @property
    def tries(self) -> int:
        """Attempts since the job was last handed over: each invocation has its own retries."""
        outcomes = [attempt.outcome for attempt in reversed(self.attempts)]
        return outcomes.index("continued") if "continued" in outcomes else len(outcomes)

    def public(self) -> dict[str, Any]:
        """The job as callers see it."""
        document: dict[str, Any] = msgspec.to_builtins(self)
        del document["request_sha256"]
        document.pop("deletions", None)
        return document

    def summary(self) -> dict[str, Any]:
        """The job as lists show it: without its request, its attempts and most of its result."""
        document = self.public()
        shown = {name: document[name] for name in _SHOWN if name in document}
        shown |= {name: self.request[name] for name in _MADE if name in self.request}
        if self.result is not None:
            shown["result"] = {key: self.result[key] for key in _RESULT if key in self.result}
        if self.error is not None:
            shown["error"] = {name: self.error[name] for name in ("title", "status")}
            shown["error"]["detail"] = cut(self.error["detail"], MAX_FIELD_DETAIL)
        return shown

    def fail(self, problem: Problem, request_id: str, at: datetime) -> None:
        """Ends the job with a problem; the record still has to be stored."""
        self.status = "FAILED"
        self.message = problem.detail
        self.error = problem.document(request_id)
        self.finished_at = self.updated_at = at


def measure(job: Job) -> None:
    """Writes the log line of a finished job, with its metrics."""
    succeeded = job.status == "SUCCEEDED"
    metrics: dict[Metric, float] = {
        "JobsSucceeded": int(succeeded),
        "JobsFailed": int(not succeeded),
    }
    if job.started_at and job.finished_at:
        seconds = (job.finished_at - job.started_at).total_seconds()
        metrics["JobDuration"] = max(0.0, seconds)  # two attempts may have two clocks
    fields = {"job_id": job.job_id, "status": job.status, "attempts": len(job.attempts)}
    fields |= {name: job.request[name] for name in _MADE if name in job.request}
    if job.caller:
        fields["caller"] = job.caller
    if job.error:
        fields |= {"error": job.error["title"], "error_status": job.error["status"]}
        fields["detail"] = job.error["detail"]
    write("job finished", metrics, fields)
