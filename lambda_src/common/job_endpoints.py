"""The API of jobs, the same for every function that has them: 202 at once, GET for the state."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import msgspec

from common import newest
from common.function import DirectOptions, Request, Response
from common.invocation import Invocation
from common.jobs import Job, Jobs, Work
from common.jobs.keys import ID_TOKEN
from common.problems import BadRequest, FieldError, Problem, Unavailable
from common.store import in_time, limited

DIRECT_CALLER = "lambda:InvokeFunction"
"""The one caller that all direct calls have: Lambda does not tell a function who invokes it."""

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
    deletions is the number of the last one of what the job makes.
    """
    key = idempotency_key(request)
    job = jobs.create(prepared, key, sent, request.caller, deletions)
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


def show_all(jobs: Jobs, request: Request) -> Response:
    """A page of jobs, newest first."""
    listed, more = jobs.page(newest.asked(request.query, ID_TOKEN))
    return Response(HTTPStatus.OK, {"jobs": listed, **more})


def run_directly(
    jobs: Jobs,
    invocation: Invocation,
    options: DirectOptions,
    prepared: dict[str, Any],
    sent: Any,
    run_job: Callable[[str, Invocation], Job],
    deletions: int = 0,
) -> dict[str, Any]:
    """Runs a job within this invocation, whose caller waits for its end unless they said not to.

    Lambda delivers an asynchronous event again under the same request id, which is the key of
    whoever sends none. Raises the problem of a job that has failed, where the caller asks for
    errors. deletions is the number of the last one of what the job makes.
    """
    key = options.idempotency_key or invocation.request_id
    job = jobs.create(prepared, key, sent, DIRECT_CALLER, deletions)
    if options.wait:
        job = run_job(job.job_id, invocation)
    elif job.status == "PENDING":
        dispatch(invocation.function_arn, job.job_id)
    else:
        job = jobs.read(job.job_id)
    if options.raise_errors and job.error is not None:
        raise _failure(job.job_id, job.error)
    return job.public()


def _failure(job_id: str, error: dict[str, Any]) -> Problem:
    """What a failed job has recorded, as the problem that it was."""
    kinds = {kind.title: kind for kind in Problem.__subclasses__()}
    kind = kinds.get(error["title"], Problem)
    errors = msgspec.convert(error.get("errors", []), list[FieldError])
    return kind(f"Job {job_id} failed. {error['detail']}", errors)


def dispatch(function_arn: str, job_id: str) -> None:
    """Invokes this very function asynchronously. Raises Unavailable when Lambda refuses.

    The job stays PENDING then, and the same request with the same Idempotency-Key sends it
    again; a second delivery does no harm.
    """
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    functions = boto3.client("lambda", config=in_time())
    payload = msgspec.json.encode({"job_id": job_id})
    try:
        limited(
            lambda: functions.invoke(
                FunctionName=function_arn, InvocationType="Event", Payload=payload
            )
        )
    except (BotoCoreError, ClientError, TimeoutError) as error:
        raise Unavailable(
            f"Job {job_id} is recorded but could not be started: Lambda did not take its event. "
            "Send the request again, with its Idempotency-Key if it has one."
        ) from error


def idempotency_key(request: Request) -> str | None:
    """The Idempotency-Key header. Raises BadRequest for one that is empty or too long."""
    key = request.headers.get("idempotency-key")
    if key is not None and not 0 < len(key) <= _KEY_LENGTH:
        raise BadRequest(f"Idempotency-Key has {len(key)} characters: send 1 to {_KEY_LENGTH}.")
    return key
