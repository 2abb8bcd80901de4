"""Lambda entry point of model_training.

Nothing here imports scikit-learn: a request is answered long before that would be loaded, and
only a job's own run pays for it.
"""

from functools import cache
from http import HTTPStatus
from typing import Any

from common import job_endpoints, settings
from common.decoding import convert
from common.function import DirectOptions, Event, Function, Request, Response
from common.invocation import Invocation
from common.jobs import Job, Jobs, Progress
from common.registry import RegistryWriter
from common.store import Store
from model_training.importing import import_model
from model_training.promotion import point
from model_training.requests import AliasPath, AliasRequest, is_import, prepare
from model_training.use_case import train

_NAME = "model_training"


@cache
def _store(bucket: str, prefix: str) -> Store:
    return Store(bucket, prefix)


def _bucket() -> Store:
    return _store(settings.data_bucket(), settings.data_prefix())


def _jobs() -> Jobs:
    return Jobs(_bucket(), _NAME)


def _start(request: Request, invocation: Invocation) -> Response:
    body = request.json()
    prepared = prepare(_bucket(), body)
    return job_endpoints.start(_jobs(), request, invocation, prepared, sent=body)


def _show(request: Request, invocation: Invocation) -> Response:
    return job_endpoints.show(_jobs(), request)


def _put_alias(request: Request, invocation: Invocation) -> Response:
    at = convert(dict(request.parameters), AliasPath)
    asked = convert(request.json(), AliasRequest)
    return Response(HTTPStatus.OK, point(RegistryWriter(_bucket()), at, asked, request.caller))


def _run_job(job_id: str, invocation: Invocation) -> Job:
    store = _bucket()

    def run(job: Job, progress: Progress) -> dict[str, Any]:
        use_case = import_model if is_import(job.request) else train
        return use_case(job, store, invocation, progress)

    return job_endpoints.run(_jobs(), job_id, invocation, run)


def _direct(event: Event, options: DirectOptions, invocation: Invocation) -> dict[str, Any]:
    prepared = prepare(_bucket(), event)
    return job_endpoints.run_directly(_jobs(), invocation, options, prepared, event, _run_job)


handler = Function(
    name=_NAME,
    routes={
        "POST /model_training": _start,
        "GET /model_training/{job_id}": _show,
        "PUT /models/{model}/aliases/{alias}": _put_alias,
    },
    direct=_direct,
    run_job=_run_job,
)
