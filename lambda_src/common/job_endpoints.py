"""The API of jobs, the same for every function that has them: 202 at once, GET for the state."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import msgspec

from common.function import Request, Response
from common.invocation import Invocation
from common.jobs import Job, Jobs, Work
from common.problems import BadRequest, Unavailable

_KEY_LENGTH = 255


def start(
    jobs: Jobs,
    request: Request,
    invocation: Invocation,
    prepared: dict[str, Any],
    sent: Any = None,
    deletions: int = 0,
) -> Response:
    """Records a job for a validated request and sends it on its way.

    sent is what tells two requests apart, where prepared holds more than the caller said.
    deletions counts those of what the job makes so far.
    """
    job = jobs.create(prepared, idempotency_key(request), sent, deletions=deletions)
    if job.status == "PENDING":
        dispatch(invocation.function_arn, job.job_id)
    location = f"/{job.function}/{job.job_id}"
    return Response(HTTPStatus.ACCEPTED, job.public(), {"Location": location})


def run(jobs: Jobs, job_id: str, invocation: Invocation, work: Work) -> Job:
    """Runs a job in this invocation, and sends it on to another one if its work says so."""
    job = jobs.run(job_id, invocation, work)
    if job.handed_over:
        dispatch(invocation.function_arn, job_id)
    return job


def show(jobs: Jobs, request: Request) -> Response:
    """The state of the job in the path."""
    return Response(HTTPStatus.OK, jobs.read(request.parameters["job_id"]).public())


def run_directly(
    jobs: Jobs,
    invocation: Invocation,
    prepared: dict[str, Any],
    run_job: Callable[[str, Invocation], Job],
    deletions: int = 0,
) -> dict[str, Any]:
    """Runs a job within this invocation; the caller waits for its end."""
    job = jobs.create(prepared, idempotency_key=None, deletions=deletions)
    return run_job(job.job_id, invocation).public()


def dispatch(function_arn: str, job_id: str) -> None:
    """Invokes this very function asynchronously. Raises Unavailable when Lambda refuses.

    The job stays PENDING then, and the same request with the same Idempotency-Key sends it
    again; a second delivery does no harm.
    """
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        boto3.client("lambda").invoke(
            FunctionName=function_arn,
            InvocationType="Event",
            Payload=msgspec.json.encode({"job_id": job_id}),
        )
    except (BotoCoreError, ClientError) as error:
        raise Unavailable(
            f"Job {job_id} is recorded but could not be started ({error}). "
            "Send the request again with the same Idempotency-Key."
        ) from error


def idempotency_key(request: Request) -> str | None:
    """The Idempotency-Key header. Raises BadRequest for one that is empty or too long."""
    key = request.headers.get("idempotency-key")
    if key is not None and not 0 < len(key) <= _KEY_LENGTH:
        raise BadRequest(f"Idempotency-Key has {len(key)} characters: send 1 to {_KEY_LENGTH}.")
    return key
