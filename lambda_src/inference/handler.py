"""Lambda entry point of inference."""

import gc
import math
import os
import time
from functools import cache
from http import HTTPStatus

from common import logs, settings
from common.function import DirectOptions, Event, Function, Request, Response
from common.invocation import Invocation
from common.registry import Registry
from inference import images
from inference.models import Models
from inference.predictions import InferenceAnswer, predict
from inference.preloading import prepare
from inference.s3 import ReadOnlyStore

MEMORY_SHARE = 0.5
"""The share of the function's memory for models; the rest is for code and arrays."""

ANSWER_SECONDS = 4.0
"""Seconds of the API's limit that a prediction with a deadline leaves for everything else."""

TIME_SHARE = 0.9
"""The share of the function's remaining time that a prediction may take."""


@cache
def _bucket() -> ReadOnlyStore:
    return ReadOnlyStore.of_environment(settings.data_bucket(), settings.data_prefix())


def _registry() -> Registry:
    return Registry(_bucket())


@cache
def _models(memory_mb: int) -> Models:
    return Models(_bucket(), int(memory_mb * 1_000_000 * MEMORY_SHARE))


def _predict(request: Request, invocation: Invocation) -> Response:
    body = images.as_json(request) if images.is_image(request) else request.json()
    deadline = _deadline(invocation, settings.api_seconds() - ANSWER_SECONDS)
    models = _models(invocation.memory_mb)
    return Response(HTTPStatus.OK, predict(models, body, deadline, invocation.line))


def _list_models(request: Request, invocation: Invocation) -> Response:
    from common import newest
    from inference import catalog

    page = newest.asked(request.query, newest.NAME_TOKEN)
    return Response(HTTPStatus.OK, catalog.models(_registry(), page))


def _get_model(request: Request, invocation: Invocation) -> Response:
    from common import newest
    from inference import catalog

    page = newest.asked(request.query, newest.VERSION_TOKEN)
    return Response(HTTPStatus.OK, catalog.model(_registry(), request.parameters["model"], page))


def _get_version(request: Request, invocation: Invocation) -> Response:
    from inference import catalog

    model, version = request.parameters["model"], request.parameters["version"]
    return Response(HTTPStatus.OK, catalog.version(_registry(), model, version))


def _direct(event: Event, options: DirectOptions, invocation: Invocation) -> InferenceAnswer:
    models = _models(invocation.memory_mb)
    return predict(models, event, _deadline(invocation), invocation.line)


def _deadline(invocation: Invocation, most: float = math.inf) -> float:
    return time.monotonic() + min(most, TIME_SHARE * invocation.seconds_left())


handler = Function(
    name="inference",
    routes={
        "POST /inference": _predict,
        "GET /models": _list_models,
        "GET /models/{model}": _get_model,
        "GET /models/{model}/versions/{version}": _get_version,
    },
    direct=_direct,
)


def _start(initialization: str) -> None:
    """Prepares the environment before its first request; initialization is Lambda's type of it."""
    logs.configure()
    models = _models(int(os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]))
    prepare(models, settings.preload_models(), _bucket().connect)
    if initialization == "snap-start":
        # The snapshot may be used days later: connections have broken and the clock has stopped.
        _bucket().disconnect()
        models.expire_aliases()
    gc.freeze()
    gc.enable()


if initialization := os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE"):
    _start(initialization)
