"""Each rule refuses what it is there for, and a document without a fault is taken."""

import copy
from typing import Any

import pytest

from local.gateway.import_rules import ignored, refused

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:f:live"
DOCUMENT: dict[str, Any] = {
    "openapi": "3.0.1",
    "info": {"title": "t", "version": "1"},
    "paths": {
        "/models/{model}": {
            "get": {
                "security": [{"sigv4": []}],
                "parameters": [{"name": "model", "in": "path", "schema": {"type": "string"}}],
                "responses": {
                    "200": {
                        "content": {
                            "application/json": {"schema": {"$ref": "#/components/schemas/Model"}}
                        }
                    }
                },
                "x-amazon-apigateway-integration": {
                    "type": "aws_proxy",
                    "httpMethod": "POST",
                    "uri": "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"
                    f"{FUNCTION}/invocations",
                    "timeoutInMillis": 29000,
                },
            },
            "options": {
                "security": [],
                "parameters": [{"name": "model", "in": "path", "schema": {"type": "string"}}],
                "responses": {"204": {"headers": {"Allow": {"schema": {"type": "string"}}}}},
                "x-amazon-apigateway-integration": {
                    "type": "mock",
                    "requestTemplates": {"application/json": '{"statusCode": 204}'},
                    "responses": {
                        "default": {
                            "statusCode": "204",
                            "responseParameters": {"method.response.header.Allow": "'GET'"},
                        }
                    },
                },
            },
        }
    },
    "components": {
        "schemas": {
            "Model": {
                "type": "object",
                "properties": {
                    "not": {"type": "string"},
                    "versions": {
                        "type": "array",
                        "items": {"$ref": "#/components/schemas/Version"},
                    },
                },
            },
            "Version": {"type": "object"},
        },
        "securitySchemes": {
            "sigv4": {"type": "apiKey", "name": "Authorization", "in": "header"},
        },
    },
    "x-amazon-apigateway-gateway-responses": {
        "THROTTLED": {
            "statusCode": "429",
            "responseParameters": {
                "gatewayresponse.header.X-Request-Id": "context.requestId",
                "gatewayresponse.header.Retry-After": "'1'",
            },
            "responseTemplates": {
                "application/json": '{"a":$context.error.messageString,"b":"$context.requestId"}'
            },
        }
    },
}
GET = ("paths", "/models/{model}", "get")
OPTIONS = ("paths", "/models/{model}", "options")
PROXY = (*GET, "x-amazon-apigateway-integration")
MOCK = (*OPTIONS, "x-amazon-apigateway-integration")
SCHEMAS = ("components", "schemas")
THROTTLED = ("x-amazon-apigateway-gateway-responses", "THROTTLED")
OPERATION = DOCUMENT["paths"]["/models/{model}"]["get"]


def changed(place: tuple[str, ...], value: Any) -> dict[str, Any]:
    """The document with a value at a place; None removes what is there."""
    document = copy.deepcopy(DOCUMENT)
    node = document
    for key in place[:-1]:
        node = node[key]
    if value is None:
        del node[place[-1]]
    else:
        node[place[-1]] = value
    return document


def test_a_document_without_a_fault_is_taken() -> None:
    assert refused(DOCUMENT) == []
    assert ignored(DOCUMENT) == []


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (("info", "description"), "x" * 6 * 1024**2, "over 6,291,456 bytes"),
        (("openapi",), "3.1.0", "version 3.1.0"),
        (("components", "securitySchemes", "jwt"), {"type": "http"}, "type is http"),
        (("paths", "/a b"), {}, "segment 'a b'"),
        (("paths", "/a/"), {}, None),
        (("paths", "/a//b"), {}, "segment ''"),
        (("paths", "/models/{name}/aliases"), {}, "another path has {model}"),
        (("paths", "/models/{name+}"), {}, "another path has {model}"),
        ((*GET, "parameters"), [], "variables are ['model'], and its parameters []"),
        ((*OPTIONS, "parameters"), None, "OPTIONS /models/{model}: the path's variables"),
        ((*GET, "security"), [{"sigv4": [], "key": []}], "several schemes"),
        ((*GET, "security"), [{"jwt": []}], "no security scheme jwt"),
        ((*GET, "responses", "400"), {"$ref": "#/components/responses/Bad"}, "no schema of"),
        ((*GET, "responses", "2XX"), {}, "status 2XX"),
        (PROXY, None, "has no integration"),
        ((*PROXY, "type"), "http", "integration of type http"),
        ((*PROXY, "httpMethod"), "GET", "called by POST"),
        ((*PROXY, "uri"), FUNCTION, f"uri {FUNCTION}"),
        ((*PROXY, "timeoutInMillis"), 300_001, "timeoutInMillis 300001"),
        ((*PROXY, "timeoutInMillis"), 49, "timeoutInMillis 49"),
        ((*MOCK, "requestTemplates"), None, "a mock has"),
        ((*MOCK, "requestTemplates"), {"application/json": "{}"}, "a mock has"),
        ((*MOCK, "requestTemplates"), {"application/json": "{"}, "a mock has"),
        ((*MOCK, "responses", "default", "statusCode"), "200", "answers 200, which is none"),
        ((*OPTIONS, "responses", "204"), {}, "is no header of the response 204"),
        (
            (*MOCK, "responses", "default", "responseParameters"),
            {"method.response.header.Allow": "GET"},
            "Allow is GET",
        ),
        ((*SCHEMAS, "Model-2"), {}, "letters and digits alone"),
        ((*SCHEMAS, "Other"), {"items": {"oneOf": []}}, "schemas.Other: oneOf"),
        (
            (*SCHEMAS, "Other"),
            {"properties": {"a": {"additionalProperties": True}}},
            "schemas.Other: additionalProperties",
        ),
        ((*SCHEMAS, "Version"), {"items": {"$ref": "#/components/schemas/Model"}}, "to itself"),
        ((*SCHEMAS, "Version"), None, "refers to #/components/schemas/Version"),
        ((THROTTLED[0], "TOO_MANY"), {}, "no such type"),
        ((*THROTTLED, "statusCode"), "4XX", "statusCode 4XX"),
        (
            (*THROTTLED, "responseParameters"),
            {"method.response.header.A": "'1'"},
            "THROTTLED: method.response.header.A",
        ),
        (
            (*THROTTLED, "responseParameters"),
            {"gatewayresponse.header.A": "1"},
            "header.A is 1",
        ),
        (
            (*THROTTLED, "responseParameters"),
            {"gatewayresponse.header.A": "context.request"},
            "is context.request",
        ),
        ((*THROTTLED, "responseTemplates"), {"a": '{"a": $context.requestId}'}, "no JSON"),
        ((*THROTTLED, "responseTemplates"), {"a": '"$context.error.text"'}, "$context.error.text"),
    ],
)
def test_a_fault_is_found_and_named(place: tuple[str, ...], value: Any, said: str | None) -> None:
    found = refused(changed(place, value))

    assert bool(found) == (said is not None)
    assert said is None or said in found[0]


def test_what_is_ignored_is_told() -> None:
    assert ignored(changed(("security",), [{"sigv4": []}]))
    assert ignored(changed((THROTTLED[0], "REQUEST_TOO_LARGE"), {}))
