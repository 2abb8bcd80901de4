"""Lambda entry point of data_processing."""

from functools import cache
from http import HTTPStatus
from typing import Any

from common import existence, job_endpoints, newest, settings
from common.datasets import Datasets
from common.existence import dataset_existence
from common.function import DirectOptions, Event, Function, Request, Response
from common.invocation import Invocation
from common.jobs import Job, Jobs
from common.store import Store
from data_processing import catalog
from data_processing.deletion import delete_raw
from data_processing.requests import CheckedRequest, create_upload, provide, read
from data_processing.use_case import process

_NAME = "data_processing"


@cache
def _store(bucket: str, prefix: str) -> Store:
    return Store(bucket, prefix)


def _bucket() -> Store:
    return _store(settings.data_bucket(), settings.data_prefix())


def _jobs() -> Jobs:
    return Jobs(_bucket(), _NAME)


def _create_upload(request: Request, invocation: Invocation) -> Response:
    upload = create_upload(_bucket(), request.json(), settings.max_upload_bytes())
    return Response(HTTPStatus.CREATED, upload)


def _delete_raw(request: Request, invocation: Invocation) -> Response:
    return Response(HTTPStatus.OK, delete_raw(_bucket(), request.query, request.caller))


def _start(request: Request, invocation: Invocation) -> Response:
    checked = read(request.json())
    return job_endpoints.start(
        _jobs(), request, invocation, checked.record, lambda: _prepared(checked)
    )


def _show(request: Request, invocation: Invocation) -> Response:
    return job_endpoints.show(_jobs(), request)


def _list_jobs(request: Request, invocation: Invocation) -> Response:
    return job_endpoints.show_all(_jobs(), request)


def _list_datasets(request: Request, invocation: Invocation) -> Response:
    page = newest.asked(request.query, newest.NAME_TOKEN)
    return Response(HTTPStatus.OK, catalog.list_datasets(Datasets(_bucket()), page))


def _get_dataset(request: Request, invocation: Invocation) -> Response:
    page = newest.asked(request.query, newest.VERSION_TOKEN)
    name = request.parameters["dataset"]
    return Response(HTTPStatus.OK, catalog.show_dataset(Datasets(_bucket()), name, page))


def _get_version(request: Request, invocation: Invocation) -> Response:
    name, version = request.parameters["dataset"], request.parameters["version"]
    return Response(HTTPStatus.OK, Datasets(_bucket()).manifest(name, version))


def _run_job(job_id: str, invocation: Invocation) -> Job:
    store = _bucket()
    return _jobs().run(
        job_id, invocation, lambda job, lease: process(job, store, invocation, lease)
    )


def _direct(event: Event, options: DirectOptions, invocation: Invocation) -> dict[str, Any]:
    checked = read(event)
    return job_endpoints.run_directly(
        _jobs(), invocation, options, event, lambda: _prepared(checked), _run_job
    )


def _prepared(checked: CheckedRequest) -> tuple[dict[str, Any], int]:
    provide(_bucket(), checked)
    return checked.record, existence.read(
        _bucket(), dataset_existence(checked.record["dataset"])
    ).last


handler = Function(
    name=_NAME,
    routes={
        "POST /data_processing/uploads": _create_upload,
        "DELETE /data_processing/uploads": _delete_raw,
        "POST /data_processing": _start,
        "GET /data_processing": _list_jobs,
        "GET /data_processing/{job_id}": _show,
        "GET /datasets": _list_datasets,
        "GET /datasets/{dataset}": _get_dataset,
        "GET /datasets/{dataset}/versions/{version}": _get_version,
    },
    direct=_direct,
    run_job=_run_job,
)
