"""Every operation answers an HTTP API and a function URL as it does the REST API."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.unit.data_processing.function import DataProcessing
from tests.unit.function import Context, Function
from tests.unit.hostile.inference import Inference, instance
from tests.unit.model_training.function import ModelTraining
from tests.unit.test_openapi import DOCUMENT

CALLER = "arn:aws:iam::111122223333:user/ann"

OPERATIONS = [
    pytest.param(method.upper(), path, operation["tags"][0], id=operation["operationId"])
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
]

BODIES: dict[str, Any] = {
    "POST /data_processing/uploads": {"dataset": "test", "filename": "a.csv"},
    "POST /data_processing": {
        "dataset": "test", "source": {"rows": [{"x": 1, "y": 2}]}, "task": "regression",
        "target": "y",
    },
    "POST /model_training": {"model": "m", "dataset": "shop"},
    "PUT /models/{model}/aliases/{alias}": {"version": "v", "reason": "better"},
    "POST /inference": {"model": "m", "instances": [instance("onnx")]},
}  # fmt: skip

QUERIES = {"DELETE /data_processing/uploads": {"dataset": "a+b c"}, "GET /models": {"limit": "1"}}

GOOD = {"model": "m", "version": "v", "dataset": "shop"}
"""Parameters of what is there, as far as it can be asked for again and again."""


@pytest.fixture(scope="module")
def functions(processing: DataProcessing, training: ModelTraining) -> Iterator[dict[str, Function]]:
    with Inference.serving("onnx") as inference:
        yield {"data_processing": processing, "model_training": training, "inference": inference}


def rest(method: str, path: str, parameters: dict[str, str]) -> dict[str, Any]:
    route = f"{method} {path}"
    return {
        "httpMethod": method,
        "resource": path,
        "pathParameters": parameters or None,
        "headers": {"Idempotency-Key": "the same", "Content-Type": "application/json"},
        "queryStringParameters": QUERIES.get(route),
        "body": json.dumps(BODIES[route]) if route in BODIES else None,
        "isBase64Encoded": False,
        "requestContext": {"identity": {"userArn": CALLER, "sourceIp": "127.0.0.1"}},
    }


def payload_2(method: str, path: str, parameters: dict[str, str], stage: str) -> dict[str, Any]:
    """The same request as a function URL sends it, or a route $default of a stage."""
    route = f"{method} {path}"
    raw = re.sub(r"{(\w+)}", lambda match: parameters[match[1]], path)
    prefix = "" if stage == "$default" else f"/{stage}"
    event = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": prefix + raw,
        "rawQueryString": urlencode(QUERIES.get(route, {})),
        "headers": {"idempotency-key": "the same", "content-type": "application/json"},
        "requestContext": {
            "http": {"method": method, "path": prefix + raw, "sourceIp": "127.0.0.1"},
            "authorizer": {"iam": {"userArn": CALLER, "cognitoIdentity": None}},
            "stage": stage,
        },
        "isBase64Encoded": False,
    }
    return event | ({"body": json.dumps(BODIES[route])} if route in BODIES else {})


def answer(function: Function, event: dict[str, Any]) -> tuple[int, dict[str, str], Any]:
    found = function.entry.handler(event, Context(aws_request_id="r1"))
    assert found.keys() == {"statusCode", "headers", "body", "isBase64Encoded"}
    body = json.loads(found["body"])
    if "url" in body:  # of an upload, which has a key of its own
        body = sorted(body)
    return found["statusCode"], found["headers"], body


@pytest.mark.parametrize("given", ["good", "absent", "a%2Fb"])
@pytest.mark.parametrize(("method", "path", "tag"), OPERATIONS)
def test_the_answer_is_the_rest_apis(
    method: str, path: str, tag: str, given: str, functions: dict[str, Function]
) -> None:
    function, route = functions[tag], f"{method} {path}"
    names = re.findall(r"{(\w+)}", path)
    is_there = given == "good" and method == "GET"
    parameters = {name: GOOD.get(name, "b" * 32) if is_there else "b" * 32 for name in names}
    if given == "a%2Fb":
        parameters |= dict.fromkeys(names[:1], given)

    expected = answer(function, rest(method, path, parameters))
    if is_there and tag == "inference":
        assert expected[0] == 200
    url = payload_2(method, path, parameters, "$default")
    named = {"routeKey": route, "pathParameters": parameters or None}
    without = {key: value for key, value in named.items() if key != "pathParameters"}
    staged = payload_2(method, path, parameters, "prod")

    for event in (url, staged, url | named, staged | named, url | without):
        assert answer(function, event) == expected
