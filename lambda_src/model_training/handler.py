"""Lambda entry point of model_training.

Nothing here imports scikit-learn, so that requests are answered quickly: only the run of a job
loads it.
"""

from functools import cache
from http import HTTPStatus
from typing import Any

from common import existence, job_endpoints, settings
from common.decoding import convert
from common.existence import model_existence
from common.function import DirectOptions, Event, Function, Request, Response
from common.invocation import Invocation
from common.jobs import Job, Jobs, Lease
from common.problems import both
from common.query import flag
from common.registry_writer import RegistryWriter
from common.store import Store
from model_training import deletion
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
    return job_endpoints.start(_jobs(), request, invocation, body, lambda: _prepared(body))


def _show(request: Request, invocation: Invocation) -> Response:
    return job_endpoints.show(_jobs(), request)


def _list_jobs(request: Request, invocation: Invocation) -> Response:
    return job_endpoints.show_all(_jobs(), request)


def _put_alias(request: Request, invocation: Invocation) -> Response:
    body = request.json()
    at, asked = both(
        lambda: convert(dict(request.parameters), AliasPath), lambda: convert(body, AliasRequest)
    )
    return Response(HTTPStatus.OK, point(RegistryWriter(_bucket()), at, asked, request.caller))


def _run_job(job_id: str, invocation: Invocation) -> Job:
    store = _bucket()

    def run(job: Job, lease: Lease) -> dict[str, Any]:
        use_case = import_model if is_import(job.request) else train
        return use_case(job, store, invocation, lease)

    return job_endpoints.run(_jobs(), job_id, invocation, run)


def _direct(event: Event, options: DirectOptions, invocation: Invocation) -> dict[str, Any]:
    return job_endpoints.run_directly(
        _jobs(), invocation, options, event, lambda: _prepared(event), _run_job
    )


def _prepared(body: Any) -> tuple[dict[str, Any], int]:
    prepared = prepare(_bucket(), body)
    return prepared, existence.read(_bucket(), model_existence(prepared["model"])).last


def _delete_model(request: Request, invocation: Invocation) -> Response:
    force = flag(request.query, "force")
    model = request.parameters["model"]
    return Response(HTTPStatus.OK, deletion.delete_model(_bucket(), model, request.caller, force))


def _delete_model_version(request: Request, invocation: Invocation) -> Response:
    force = flag(request.query, "force")
    model, version = request.parameters["model"], request.parameters["version"]
    return Response(
        HTTPStatus.OK,
        deletion.delete_model_version(_bucket(), model, version, request.caller, force),
    )


def _delete_dataset(request: Request, invocation: Invocation) -> Response:
    dataset = request.parameters["dataset"]
    return Response(HTTPStatus.OK, deletion.delete_dataset(_bucket(), dataset, request.caller))


def _delete_dataset_version(request: Request, invocation: Invocation) -> Response:
    dataset, version = request.parameters["dataset"], request.parameters["version"]
    return Response(
        HTTPStatus.OK, deletion.delete_dataset_version(_bucket(), dataset, version, request.caller)
    )


handler = Function(
    name=_NAME,
    routes={
        "POST /model_training": _start,
        "GET /model_training": _list_jobs,
        "GET /model_training/{job_id}": _show,
        "PUT /models/{model}/aliases/{alias}": _put_alias,
        "DELETE /models/{model}": _delete_model,
        "DELETE /models/{model}/versions/{version}": _delete_model_version,
        "DELETE /datasets/{dataset}": _delete_dataset,
        "DELETE /datasets/{dataset}/versions/{version}": _delete_dataset_version,
    },
    direct=_direct,
    run_job=_run_job,
)
