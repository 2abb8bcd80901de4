"""The Lambda proxy event (version 1.0) as the gateway makes it, and what it makes of the answer.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

import base64
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

from local.gateway.openapi import Match
from local.gateway.problems import GatewayError
from local.lambda_runtime.models import Credentials
from local.wsgi import Response

HOP_HEADERS = {"connection", "content-length", "transfer-encoding", "keep-alive", "date", "server"}


@dataclass(frozen=True)
class Call:
    """One request to a deployed stage. The path is raw and below the stage."""

    api_id: str
    stage: str
    account_id: str
    request_id: str
    method: str
    path: str
    query: str
    headers: list[tuple[str, str]]
    body: bytes
    principal: Credentials | None
    api_key_id: str | None
    variables: Mapping[str, str]


def proxy_event(call: Call, match: Match, binary_types: frozenset[str]) -> dict[str, Any]:
    """The event for the function."""
    query = parse_qsl(call.query, keep_blank_values=True)
    names = dict(call.headers)
    binary = _is_binary(names.get("content-type", ""), binary_types)
    return {
        "resource": match.route.path,
        "path": unquote(call.path),
        "httpMethod": call.method,
        "headers": {_title(name): value for name, value in call.headers} or None,
        "multiValueHeaders": {_title(name): [value] for name, value in call.headers} or None,
        "queryStringParameters": dict(query) or None,
        "multiValueQueryStringParameters": _grouped(query) or None,
        "pathParameters": match.path_parameters or None,
        "stageVariables": dict(call.variables) or None,
        "requestContext": _request_context(call, match.route.path, names),
        "body": _event_body(call.body, binary),
        "isBase64Encoded": binary and bool(call.body),
    }


def to_response(payload: bytes, request_id: str, binary_types: frozenset[str]) -> Response:
    """The answer of a function as an HTTP answer. Raises GatewayError when it is malformed."""
    malformed = GatewayError("DEFAULT_5XX", "Internal server error")
    try:
        answer = json.loads(payload)
    except ValueError as error:
        raise malformed from error
    allowed = {"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded", "cookies"}
    if not isinstance(answer, dict) or not answer.keys() <= allowed:
        raise malformed
    body = answer.get("body")
    if not isinstance(body, str | None) or not isinstance(answer.get("headers"), dict | None):
        raise malformed
    try:
        status = int(answer["statusCode"])
        headers = _answer_headers(answer)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise malformed from error
    if not 100 <= status <= 599:
        raise malformed
    names = {name.lower(): value for name, value in headers}
    content = (body or "").encode()
    if answer.get("isBase64Encoded") and _is_binary(names.get("content-type", ""), binary_types):
        content = base64.b64decode(content)
    if "content-type" not in names:
        headers.append(("Content-Type", "application/json"))
    headers += [("x-amzn-RequestId", request_id), ("x-amz-apigw-id", request_id[:16])]
    return Response(status, content, headers)


def _answer_headers(answer: Mapping[str, Any]) -> list[tuple[str, str]]:
    headers: list[tuple[str, str]] = []
    multiple = answer.get("multiValueHeaders") or {}
    for name, values in multiple.items():
        headers += [(name, str(value)) for value in values]
    known = {name.lower() for name in multiple}
    for name, value in (answer.get("headers") or {}).items():
        if name.lower() not in known:
            headers.append((name, _scalar(value)))
    return [
        (name, value.replace("\r", "").replace("\n", ""))
        for name, value in headers
        if name.lower() not in HOP_HEADERS
    ]


def _scalar(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _request_context(call: Call, resource: str, names: Mapping[str, str]) -> dict[str, Any]:
    arn = call.principal.principal_arn if call.principal else None
    now = time.time()
    return {
        "resourceId": "local",
        "resourcePath": resource,
        "httpMethod": call.method,
        "extendedRequestId": call.request_id,
        "requestTime": datetime.fromtimestamp(now, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "requestTimeEpoch": int(now * 1000),
        "path": f"/{call.stage}{unquote(call.path)}",
        "accountId": call.account_id,
        "protocol": "HTTP/1.1",
        "stage": call.stage,
        "domainPrefix": call.api_id,
        "domainName": names.get("host", ""),
        "requestId": call.request_id,
        "apiId": call.api_id,
        "identity": {
            "cognitoIdentityPoolId": None,
            "accountId": call.account_id if arn else None,
            "cognitoIdentityId": None,
            "caller": arn.rsplit("/", 1)[-1] if arn else None,
            "sourceIp": "127.0.0.1",
            "principalOrgId": None,
            "accessKey": call.principal.access_key_id if call.principal else None,
            "cognitoAuthenticationType": None,
            "cognitoAuthenticationProvider": None,
            "userArn": arn,
            "apiKeyId": call.api_key_id,
            "userAgent": names.get("user-agent"),
            "user": arn.rsplit("/", 1)[-1] if arn else None,
        },
    }


def _event_body(body: bytes, binary: bool) -> str | None:
    if not body:
        return None
    return base64.b64encode(body).decode() if binary else body.decode("utf-8", "replace")


def _is_binary(content_type: str, binary_types: frozenset[str]) -> bool:
    kind = content_type.split(";")[0].strip().lower()
    family = f"{kind.split('/')[0]}/*"
    return bool(binary_types & {kind, family, "*/*"})


def _grouped(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for name, value in pairs:
        grouped.setdefault(name, []).append(value)
    return grouped


def _title(name: str) -> str:
    """Header-Case: WSGI forgets how the client wrote it."""
    return "-".join(part.capitalize() for part in name.split("-"))
