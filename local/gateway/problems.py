"""The gateway's own answers: its response types, and their form by the OpenAPI document.

https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local.wsgi import Response

STATUS = {
    "ACCESS_DENIED": 403,
    "API_CONFIGURATION_ERROR": 500,
    "AUTHORIZER_CONFIGURATION_ERROR": 500,
    "EXPIRED_TOKEN": 403,
    "INTEGRATION_FAILURE": 504,
    "INTEGRATION_TIMEOUT": 504,
    "INVALID_API_KEY": 403,
    "INVALID_SIGNATURE": 403,
    "MISSING_AUTHENTICATION_TOKEN": 403,
    "REQUEST_TOO_LARGE": 413,
    "THROTTLED": 429,
    "DEFAULT_5XX": 502,
}
ERROR_TYPES = {
    "ACCESS_DENIED": "UnrecognizedClientException",
    "API_CONFIGURATION_ERROR": "InternalServerErrorException",
    "AUTHORIZER_CONFIGURATION_ERROR": "AuthorizerConfigurationException",
    "EXPIRED_TOKEN": "InvalidSignatureException",
    "INTEGRATION_FAILURE": "InternalServerErrorException",
    "INTEGRATION_TIMEOUT": "InternalServerErrorException",
    "INVALID_API_KEY": "ForbiddenException",
    "INVALID_SIGNATURE": "InvalidSignatureException",
    "MISSING_AUTHENTICATION_TOKEN": "MissingAuthenticationTokenException",
    "REQUEST_TOO_LARGE": "RequestTooLargeException",
    "THROTTLED": "TooManyRequestsException",
    "DEFAULT_5XX": "InternalServerErrorException",
}
FIXED = frozenset({"REQUEST_TOO_LARGE"})
"""What API Gateway answers in its own form, whatever the document says."""

DEFAULT_TEMPLATE = '{"message":$context.error.messageString}'


class GatewayError(Exception):
    """The gateway answers by itself. `kind` is one of its response types."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True)
class Context:
    """The values that templates may name."""

    request_id: str
    stage: str
    resource_path: str
    method: str


def render(error: GatewayError, responses: Mapping[str, Any], context: Context) -> Response:
    """The answer for an error, by the document's gateway responses or the default form."""
    default = STATUS[error.kind]
    family = "DEFAULT_4XX" if default < 500 else "DEFAULT_5XX"
    if error.kind in FIXED:
        responses = {}
    own = responses.get(error.kind) or {}
    custom = own or responses.get(family) or {}
    values = _values(error, context)
    headers = {
        "Content-Type": "application/json",
        "x-amzn-RequestId": context.request_id,
        "x-amzn-ErrorType": ERROR_TYPES[error.kind],
    }
    for name, source in custom.get("responseParameters", {}).items():
        headers[name.removeprefix("gatewayresponse.header.")] = _parameter(source, values)
    template = next(iter(custom.get("responseTemplates", {}).values()), DEFAULT_TEMPLATE)
    body = _substitute(template, values)
    return Response(int(own.get("statusCode", default)), body.encode(), list(headers.items()))


def mock_answer(response: Mapping[str, Any]) -> Response:
    """What a mock integration answers: a status and headers, no body."""
    parameters = response.get("responseParameters", {})
    headers = [
        (name.removeprefix("method.response.header."), _parameter(source, {}))
        for name, source in parameters.items()
    ]
    return Response(int(response["statusCode"]), b"", headers)


def _values(error: GatewayError, context: Context) -> dict[str, str]:
    return {
        "context.error.message": str(error),
        "context.error.messageString": json.dumps(str(error)),
        "context.error.responseType": error.kind,
        "context.requestId": context.request_id,
        "context.extendedRequestId": context.request_id,
        "context.stage": context.stage,
        "context.resourcePath": context.resource_path,
        "context.httpMethod": context.method,
    }


def _parameter(source: str, values: Mapping[str, str]) -> str:
    if source.startswith("'") and source.endswith("'"):
        return source[1:-1]
    return values.get(source, "")


def _substitute(template: str, values: Mapping[str, str]) -> str:
    return re.sub(r"\$(context(?:\.\w+)+)", lambda match: values.get(match[1], ""), template)
