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

type Prepare = Callable[[], tuple[dict[str, Any], int]]
"""Checks a request against what there is; answers what the job records of it, and the number of
the last deletion of what the job makes. A request that has its job already is not prepared."""


def start(
    jobs: Jobs, request: Request, invocation: Invocation, asked: Any, prepare: Prepare
) -> Response:
    """Records a job for a request and sends it on its way.

    asked is what tells two requests with the same key apart.
    """
    job = _recorded(jobs, asked, idempotency_key(request), request.caller, prepare)
    if job.waits:
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
    asked: Any,
    prepare: Prepare,
    run_job: Callable[[str, Invocation], Job],
) -> dict[str, Any]:
    """Runs a job within this invocation, whose caller waits for its end unless they said not to.

    Lambda delivers an asynchronous event again under the same request id, which is the key of
    whoever sends none. Raises the problem of a job that has failed, and Unavailable for one that is
    to be tried again, where the caller asks for errors.
    """
    key = options.idempotency_key or invocation.request_id
    job = _recorded(jobs, asked, key, DIRECT_CALLER, prepare)
    if options.wait:
        try:
            job = run_job(job.job_id, invocation)
        except Unavailable:
            if options.raise_errors:
                raise
            # Lambda takes this call as done and will not send it again.
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
    """What a failed job has recorded, as the problem that it was."""
    kinds = {kind.title: kind for kind in Problem.__subclasses__()}
    kind = kinds.get(error["title"], Problem)
    errors = msgspec.convert(error.get("errors", []), list[FieldError])
    return kind(f"Job {job_id} failed. {error['detail']}", errors)


def dispatch(function_arn: str, job_id: str) -> None:
    """Invokes this very function asynchronously. Raises Unavailable when Lambda refuses.

    The job waits then, and the same request with the same Idempotency-Key sends it again; a
    second delivery does no harm.
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
