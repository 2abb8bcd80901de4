"""Deployed functions as moto knows them: which version a name and qualifier mean, and its code."""

import random
import re
from dataclasses import dataclass
from typing import Any

from moto.awslambda.models import lambda_backends
from moto.logs.models import logs_backends
from moto.sqs.models import sqs_backends

from local.lambda_runtime.logs import KEPT_EVENTS
from local.lambda_runtime.models import FunctionConfig

ACCOUNT_ID = "123456789012"
KEPT_STREAMS = 50
"""Of a log group: more than there are environments at once."""
ARN = re.compile(
    r"^arn:[^:]+:lambda:(?P<region>[^:]+):\d+:function:(?P<name>[^:]+)(?::(?P<q>.+))?$"
)


class FunctionNotFoundError(Exception):
    """The message is the one that Lambda answers with."""


@dataclass(frozen=True)
class Deployed:
    """A function version that can be run, as resolved for one invocation."""

    config: FunctionConfig
    code: bytes
    invoked_arn: str
    reserved_concurrency: int | None
    maximum_retries: int
    maximum_age_seconds: int
    on_failure: str | None
    """ARN of what gets the events that are given up."""


def resolve(name: str, qualifier: str | None, region: str) -> Deployed:
    """Find the version that `name` (or ARN, or name:qualifier) means now.

    Raises FunctionNotFoundError.
    """
    if match := ARN.match(name):
        name, qualifier = match["name"], match["q"] or qualifier
    elif ":" in name:
        name, _, qualifier = name.partition(":")
    backend = lambda_backends[ACCOUNT_ID][region]
    arn = f"arn:aws:lambda:{region}:{ACCOUNT_ID}:function:{name}"
    if qualifier:
        arn = f"{arn}:{qualifier}"
    try:
        latest = backend.get_function(name)
        function = backend.get_function(name, _weighted(backend, name, qualifier))
    except Exception as error:  # moto raises one of several classes, all of them meaning this
        raise FunctionNotFoundError(f"Function not found: {arn}") from error
    asynchronous = latest.event_invoke_config[-1].config if latest.event_invoke_config else {}
    return Deployed(
        config=_config(function, qualifier is not None and function is not latest),
        code=function.code_bytes,
        invoked_arn=arn,
        reserved_concurrency=_int_or_none(latest.reserved_concurrency),
        maximum_retries=int(asynchronous.get("MaximumRetryAttempts", 2)),
        maximum_age_seconds=int(asynchronous.get("MaximumEventAgeInSeconds", 21_600)),
        on_failure=asynchronous.get("DestinationConfig", {})
        .get("OnFailure", {})
        .get("Destination"),
    )


def put_log_events(region: str, group: str, stream: str, events: list[tuple[int, str]]) -> None:
    """Append to a log group, if it exists: the functions' roles may not create one.

    It keeps the newest events of the newest streams, so that it does not grow with every request.
    """
    backend = logs_backends[ACCOUNT_ID][region]
    if group not in backend.groups:
        return
    streams = backend.groups[group].streams
    if stream not in streams:
        for oldest in list(streams)[: 1 - KEPT_STREAMS]:
            del streams[oldest]
        backend.create_log_stream(group, stream)
    backend.put_log_events(
        group, stream, [{"timestamp": at, "message": message} for at, message in events]
    )
    del streams[stream].events[:-KEPT_EVENTS]


def send_message(queue_arn: str, body: str) -> None:
    """Put a message into an SQS queue, if there is one of this ARN."""
    region, name = queue_arn.split(":")[3], queue_arn.rpartition(":")[2]
    backend = sqs_backends[ACCOUNT_ID][region]
    if name in backend.queues:
        backend.send_message(name, body)


def _weighted(backend: Any, name: str, qualifier: str | None) -> str | None:
    """The version that an alias with weights sends this invocation to; else the qualifier."""
    if qualifier is None or qualifier.isdigit() or qualifier == "$LATEST":
        return qualifier
    routing = backend.get_alias(qualifier, name).routing_config or {}
    weights: dict[str, float] = routing.get("AdditionalVersionWeights") or {}
    point = random.random()
    for version, weight in weights.items():
        point -= weight
        if point < 0:
            return version
    return qualifier


def _config(function: Any, published: bool) -> FunctionConfig:
    return FunctionConfig(
        name=function.function_name,
        version=str(function.version) if published else "$LATEST",
        handler=function.handler,
        runtime=function.run_time,
        architecture=function.architectures[0],
        memory_mb=int(function.memory_size),
        timeout_seconds=float(function.timeout),
        variables=tuple(sorted(function.environment_vars.items())),
        role_arn=function.role,
        code_sha256=function.code_sha_256,
        region=function.region,
    )


def _int_or_none(value: Any) -> int | None:
    return None if value is None else int(value)
