"""The parts of the API front that need no server."""

import json
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from local.gateway.api_keys import api_key_id
from local.gateway.events import to_response
from local.gateway.openapi import Document
from local.gateway.problems import (
    ERROR_TYPES,
    FIXED,
    STATUS,
    Context,
    GatewayError,
    mock_answer,
    render,
)
from local.gateway.throttle import Throttle, limits

CONTEXT = Context("id-1", "prod", "/a", "GET")


def document(*paths: str) -> Document:
    return Document({"paths": {path: {"get": {}} for path in paths}})


@pytest.mark.parametrize(
    ("path", "route", "parameters"),
    [
        ("/a", "/a", {}),
        ("/a/", "/a", {}),
        ("/a/b", "/a/{x}", {"x": "b"}),
        ("/a/b%2Fc", "/a/{x}", {"x": "b/c"}),
        ("/a/literal", "/a/literal", {}),
        ("/a/literal/c", "/a/literal/{y}", {"y": "c"}),
        ("/a/b/c", "/a/{x}/{y}", {"x": "b", "y": "c"}),
        ("/p/q/r/s", "/p/{rest+}", {"rest": "q/r/s"}),
    ],
)
def test_the_most_literal_route_matches(path: str, route: str, parameters: object) -> None:
    paths = ("/a", "/a/{x}", "/a/{x}/{y}", "/a/literal", "/a/literal/{y}", "/p/{rest+}")

    match = document(*paths).match("GET", path)

    assert match is not None
    assert (match.route.path, match.path_parameters) == (route, parameters)


@pytest.mark.parametrize(("method", "path"), [("POST", "/a"), ("GET", "/"), ("GET", "/a/b")])
def test_no_route(method: str, path: str) -> None:
    assert document("/a").match(method, path) is None


@given(st.sampled_from(sorted(STATUS.keys() - FIXED)), st.text())
def test_gateway_errors_are_json_whatever_their_text(kind: str, text: str) -> None:
    template = '{"detail":$context.error.messageString,"id":"$context.requestId"}'
    responses = {kind: {"responseTemplates": {"application/json": template}}}

    plain = render(GatewayError(kind, text), {}, CONTEXT)
    own = render(GatewayError(kind, text), responses, CONTEXT)

    assert plain.status == STATUS[kind]
    assert json.loads(plain.body) == {"message": text}
    assert ("x-amzn-ErrorType", ERROR_TYPES[kind]) in plain.headers
    assert json.loads(own.body) == {"detail": text, "id": "id-1"}


def test_a_request_that_is_too_large_has_the_gateways_own_form() -> None:
    own = {
        "statusCode": 499,
        "responseParameters": {"gatewayresponse.header.X-Id": "context.requestId"},
        "responseTemplates": {"application/json": "{}"},
    }
    responses = {"REQUEST_TOO_LARGE": own, "DEFAULT_4XX": own}

    answer = render(GatewayError("REQUEST_TOO_LARGE", "Request Too Long"), responses, CONTEXT)

    assert (answer.status, json.loads(answer.body)) == (413, {"message": "Request Too Long"})
    assert "X-Id" not in dict(answer.headers)


def test_default_responses_give_form_but_no_status() -> None:
    default = {
        "DEFAULT_4XX": {
            "statusCode": 499,
            "responseParameters": {"gatewayresponse.header.X-Id": "context.requestId"},
        }
    }

    answer = render(GatewayError("THROTTLED", "-"), default, CONTEXT)

    assert answer.status == 429
    assert ("X-Id", "id-1") in answer.headers


@given(
    st.binary()
    | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(
        lambda value: json.dumps(value).encode()
    )
)
def test_any_payload_of_a_function_is_answered_or_malformed(payload: bytes) -> None:
    with pytest.raises(GatewayError, match="Internal server error"):
        to_response(payload, "id-1", frozenset())


def test_header_values_cannot_add_headers() -> None:
    payload = json.dumps({"statusCode": 200, "headers": {"X-A": "1\r\nX-B: 2"}}).encode()

    assert ("X-A", "1X-B: 2") in to_response(payload, "id-1", frozenset()).headers


def test_binary_bodies_are_decoded_for_binary_types_only() -> None:
    headers = {"Content-Type": "image/png"}
    payload = json.dumps(
        {"statusCode": 200, "headers": headers, "body": "/w==", "isBase64Encoded": True}
    ).encode()

    assert to_response(payload, "id-1", frozenset({"image/*"})).body == b"\xff"
    assert to_response(payload, "id-1", frozenset()).body == b"/w=="


def test_a_bucket_refills_at_its_rate() -> None:
    now = 0.0
    throttle = Throttle(lambda: now)
    key = ("api", "prod", "/a", "GET")

    assert [throttle.admit(key, 2, 3) for _ in range(4)] == [True, True, True, False]
    now = 0.5
    assert [throttle.admit(key, 2, 3) for _ in range(2)] == [True, False]
    assert throttle.admit(("api", "prod", "/b", "GET"), 2, 3)


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/a", (1.0, 2.0)), ("/models/{model}", (3.0, 4.0)), ("/b", (5.0, 6.0))],
)
def test_a_methods_own_setting_comes_first(path: str, expected: tuple[float, float]) -> None:
    def setting(rate: int, burst: int) -> dict[str, int]:
        return {"throttlingRateLimit": rate, "throttlingBurstLimit": burst}

    settings = {
        "a/GET": setting(1, 2),
        "models~1{model}/GET": setting(3, 4),
        "*/*": setting(5, 6),
    }

    assert limits(settings, path, "GET") == expected


def secured(**scheme: str) -> Document:
    operation: dict[str, Any] = {"security": [{"one": []}]}
    return Document(
        {
            "paths": {"/a": {"get": operation, "post": {"security": []}}},
            "components": {"securitySchemes": {"one": {"type": "apiKey", **scheme}}},
        }
    )


@pytest.mark.parametrize(
    ("scheme", "expected"),
    [
        ({"x-amazon-apigateway-authtype": "awsSigv4"}, (True, False, False)),
        ({"name": "x-api-key"}, (False, True, False)),
        ({"x-amazon-apigateway-authtype": "cognito_user_pools"}, (False, False, True)),
        ({"x-amazon-apigateway-authtype": "custom"}, (False, False, True)),
    ],
)
def test_what_a_route_asks_for(scheme: dict[str, str], expected: tuple[bool, bool, bool]) -> None:
    document = secured(**scheme)
    asked, open_to_all = document.match("GET", "/a"), document.match("POST", "/a")
    assert asked is not None
    assert open_to_all is not None
    assert (asked.route.iam, asked.route.api_key, asked.route.authorizer) == expected
    assert not (open_to_all.route.iam)
    assert not (open_to_all.route.api_key)
    assert not (open_to_all.route.authorizer)


def test_mock_integrations_answer_with_their_headers() -> None:
    headers = {"method.response.header.Access-Control-Allow-Origin": "'*'"}
    integration = {
        "type": "mock",
        "responses": {"default": {"statusCode": "204", "responseParameters": headers}},
    }
    options = {"x-amazon-apigateway-integration": integration}
    match = Document({"paths": {"/a": {"options": options}}}).match("OPTIONS", "/a")
    assert match is not None
    assert match.route.mock is not None
    answer = mock_answer(match.route.mock)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers == [("Access-Control-Allow-Origin", "*")]


def test_a_key_opens_the_stages_of_its_plans_only(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        gateway = boto3.client("apigateway", region_name="us-east-1")
        stage = {"apiId": "api", "stage": "prod"}
        plan = gateway.create_usage_plan(name="basic", apiStages=[stage])["id"]
        keys = [gateway.create_api_key(name=name, enabled=True) for name in ("held", "loose")]
        off = gateway.create_api_key(name="off", enabled=False)
        for key in (keys[0], off):
            gateway.create_usage_plan_key(usagePlanId=plan, keyId=key["id"], keyType="API_KEY")

        assert api_key_id(keys[0]["value"], "api", "prod", "us-east-1") == keys[0]["id"]
        assert api_key_id(keys[0]["value"], "api", "test", "us-east-1") is None
        for key in (keys[1], off):
            assert api_key_id(key["value"], "api", "prod", "us-east-1") is None
        assert api_key_id("", "api", "prod", "us-east-1") is None
