"""The permissions that a request to any other service needs, by botocore's models of them.

The action is the operation's name, with the few exceptions that AWS makes.
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, unquote

import botocore.session
from botocore.exceptions import UnknownServiceError

from local.iam.evaluation import Demand, UnknownRequestError
from local.lambda_runtime.functions import ACCOUNT_ID
from local.signature import SignedRequest

MODELS = {"monitoring": "cloudwatch", "states": "stepfunctions", "email": "ses"}
"""botocore's names of services that sign by another one."""

PREFIXES = {"monitoring": "cloudwatch", "email": "ses"}
"""Prefixes of actions that are not what the service signs by."""

ACTIONS = {
    "lambda:Invoke": "lambda:InvokeFunction",
    "lambda:InvokeAsync": "lambda:InvokeFunction",
    "lambda:InvokeWithResponseStream": "lambda:InvokeFunction",
}
TARGETS = {
    "kms": ("KeyId", "key/{}"),
    "lambda": ("FunctionName", "function:{}"),
    "logs": ("logGroupName", "log-group:{}:log-stream:{logStreamName}"),
    "sns": ("TopicArn", "{}"),
    "sqs": ("QueueUrl", "{}"),
}
"""The parameter that names what a call is about, and the end of its ARN.

A call without it is about something that is not known.
"""


def demand(request: SignedRequest, service: str, region: str) -> Demand:
    """The permission that a request needs. Raises UnknownRequestError."""
    operation, parameters = _operation(request, service)
    action = f"{PREFIXES.get(service, service)}:{operation}"
    return Demand(ACTIONS.get(action, action), _resource(service, region, parameters))


def _resource(service: str, region: str, parameters: Mapping[str, str]) -> str | None:
    name, end = TARGETS.get(service, ("", ""))
    value = parameters.get(name, "")
    if not value:
        return None
    if value.startswith("arn:"):
        arn = value
    else:
        given = {"logStreamName": "", **parameters}
        value = value.rpartition("function:" if service == "lambda" else "/")[2]
        arn = f"arn:aws:{service}:{region}:{ACCOUNT_ID}:{end.format(value, **given)}"
    qualifier = parameters.get("Qualifier")
    return f"{arn}:{qualifier}" if qualifier else arn


def _operation(request: SignedRequest, service: str) -> tuple[str, dict[str, str]]:
    """The name of the operation and those of its parameters that are text."""
    query = dict(parse_qsl(request.query))
    if target := request.headers.get("x-amz-target"):
        return target.rpartition(".")[2], _texts(json.loads(request.read_body() or b"{}"))
    if match := re.search(r"/operation/(\w+)$", request.path):
        return match[1], {}
    form = "x-www-form-urlencoded" in request.headers.get("content-type", "")
    fields = dict(parse_qsl(request.read_body().decode())) if form else query
    if "Action" in fields:
        return fields["Action"], fields
    for method, path, names, operation in _paths(MODELS.get(service, service)):
        if method == request.method and (match := path.fullmatch(request.path.rstrip("/"))):
            values = (unquote(value) for value in match.groups())
            return operation, {**query, **dict(zip(names, values, strict=True))}
    raise UnknownRequestError(f"{service}'s {request.method} {request.path}")


def _texts(document: Any) -> dict[str, str]:
    return {key: value for key, value in document.items() if isinstance(value, str)}


@cache
def _paths(service: str) -> list[tuple[str, re.Pattern[str], list[str], str]]:
    """Method, path, path parameters and name of a service's operations, the most literal first."""
    return sorted(_load(service), key=lambda entry: len(entry[2]))


def _load(service: str) -> Iterator[tuple[str, re.Pattern[str], list[str], str]]:
    try:
        model = botocore.session.get_session().get_service_model(service)
    except UnknownServiceError:
        return
    for name in model.operation_names:
        http = model.operation_model(name).http
        template = http["requestUri"].partition("?")[0].rstrip("/")
        names = re.findall(r"\{([^}+]+)\+?\}", template)
        parts = re.split(r"(\{[^}]+\})", template)
        expression = "".join(
            ("(.+)" if part.endswith("+}") else "([^/]+)")
            if part.startswith("{")
            else re.escape(part)
            for part in parts
        )
        yield http["method"], re.compile(expression), names, name
