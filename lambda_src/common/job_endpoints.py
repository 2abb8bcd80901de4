"""The API of jobs, the same for every function: POST answers 202 at once, GET has the state."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import msgspec

from common import newest
from common.function import DirectOptions, Request, Response
from common.invocation import Invocation
from common.jobs import Job, JobFunction, Jobs
from common.jobs.keys import ID_TOKEN
from common.problems import BadRequest, FieldError, Problem, Unavailable
from common.store import client_config, limited

DIRECT_CALLER = "lambda:InvokeFunction"
"""The caller of all direct calls: Lambda does not report who invokes a function."""

_KEY_LENGTH = 255

type Prepare = Callable[[], tuple[dict[str, Any], int]]
"""Checks a request against the bucket. Returns what the job records of it, and the number of the
last deletion of what the job makes. It is not called for a request that has its job already."""


def start(
    jobs: Jobs, request: Request, invocation: Invocation, asked: Any, prepare: Prepare
) -> Response:
    """Records a job for a request and invokes the function for it. Answers 202.

    Requests with the same key are compared by asked. Raises Problems of the request.
    """
    job = _recorded(jobs, asked, idempotency_key(request), request.caller, prepare)
    if job.waits:
        dispatch(invocation.function_arn, job.job_id)
    location = f"/{job.function}/{job.job_id}"
    return Response(HTTPStatus.ACCEPTED, job.public(), {"Location": location})


def run(jobs: Jobs, job_id: str, invocation: Invocation, job_function: JobFunction) -> Job:
    """Runs a job in this invocation; invokes the function again if the job is handed over."""
    job = jobs.run(job_id, invocation, job_function)
    if job.handed_over:
        dispatch(invocation.function_arn, job_id)
    return job


def show(jobs: Jobs, request: Request) -> Response:
    """Answers with the job that the path names."""
    return Response(HTTPStatus.OK, jobs.read(request.parameters["job_id"]).public())


def show_all(jobs: Jobs, request: Request) -> Response:
    """Answers with a page of jobs, newest first."""
    listed, more = jobs.page(newest.asked(request.query, ID_TOKEN))
    return Response(HTTPStatus.OK, {"jobs": listed, **more})


def run_directly(
    jobs: Jobs,
    invocation: Invocation,
    options: DirectOptions,
    asked: Any,
    prepare: Prepare,
    run_job: Callable[[str, Invocation], Job],
) -> dict[str, Any]:
    """Runs a job within this invocation and returns it, or starts it if the caller does not wait.

    Without an idempotency key, the request id is the key: Lambda repeats an asynchronous event
    under the same id. If options.raise_errors is set, raises the problem of a job that has failed,
    and Unavailable for one that can be tried again.
    """
    key = options.idempotency_key or invocation.request_id
    job = _recorded(jobs, asked, key, DIRECT_CALLER, prepare)
    if options.wait:
        try:
            job = run_job(job.job_id, invocation)
        except Unavailable:
            if options.raise_errors:
                raise
            # For Lambda this call succeeds, and so it is not repeated.
            dispatch(invocation.function_arn, job.job_id)
            job = jobs.read(job.job_id)
    elif job.waits:
        dispatch(invocation.function_arn, job.job_id)
    else:
        job = jobs.read(job.job_id)
    if options.raise_errors and job.error is not None:
        raise _failure(job.job_id, job.error)
    return job.public()


def _recorded(jobs: Jobs, asked: Any, key: str | None, caller: str, prepare: Prepare) -> Job:
    if (job := jobs.earlier(asked, key, caller)) is not None:
        return job
    prepared, deletions = prepare()
    return jobs.create(prepared, key, asked, caller, deletions)


def _failure(job_id: str, error: dict[str, Any]) -> Problem:
    """The problem that a failed job has recorded."""
    kinds = {kind.title: kind for kind in Problem.__subclasses__()}
    kind = kinds.get(error["title"], Problem)
    errors = msgspec.convert(error.get("errors", []), list[FieldError])
    return kind(f"Job {job_id} failed. {error['detail']}", errors)


def dispatch(function_arn: str, job_id: str) -> None:
    """Invokes this function asynchronously for a job. Raises Unavailable when Lambda refuses.

    Then the job keeps waiting. The same request with the same Idempotency-Key dispatches it again.
    A second delivery does no harm.
    """
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    functions = boto3.client("lambda", config=client_config())
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
