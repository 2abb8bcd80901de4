"""What API Gateway does not take of an OpenAPI document when it imports one.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/request-response-data-mappings.html
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from local.gateway.openapi import ANY_METHOD, METHODS
from local.gateway.problems import FIXED

MAX_BYTES = 6 * 1024**2
SCHEMAS = "#/components/schemas/"

RESPONSE_TYPES = frozenset(
    {
        "ACCESS_DENIED",
        "API_CONFIGURATION_ERROR",
        "AUTHORIZER_CONFIGURATION_ERROR",
        "AUTHORIZER_FAILURE",
        "BAD_REQUEST_BODY",
        "BAD_REQUEST_PARAMETERS",
        "DEFAULT_4XX",
        "DEFAULT_5XX",
        "EXPIRED_TOKEN",
        "INTEGRATION_FAILURE",
        "INTEGRATION_TIMEOUT",
        "INVALID_API_KEY",
        "INVALID_SIGNATURE",
        "MISSING_AUTHENTICATION_TOKEN",
        "QUOTA_EXCEEDED",
        "REQUEST_TOO_LARGE",
        "RESOURCE_NOT_FOUND",
        "THROTTLED",
        "UNAUTHORIZED",
        "UNSUPPORTED_MEDIA_TYPE",
        "WAF_FILTERED",
    }
)

_CONTEXT = frozenset(
    {
        "accountId",
        "apiId",
        "domainName",
        "domainPrefix",
        "error.message",
        "error.messageString",
        "error.responseType",
        "error.validationErrorString",
        "extendedRequestId",
        "httpMethod",
        "identity.sourceIp",
        "identity.userAgent",
        "path",
        "protocol",
        "requestId",
        "requestTime",
        "requestTimeEpoch",
        "resourceId",
        "resourcePath",
        "stage",
    }
)
_SEGMENT = re.compile(r"[A-Za-z0-9._,:-]+|\{[A-Za-z0-9._-]+\+?\}")
_LITERAL = re.compile(r"'[^']*'")
_SOURCE = re.compile(
    r"'[^']*'|stageVariables\.\w+|context\.[\w.]+|"
    r"method\.request\.(header|querystring|path|multivalueheader|multivaluequerystring)\.[\w.$-]+"
)
_PROXY_URI = re.compile(
    r"arn:[\w-]+:apigateway:[\w-]+:lambda:path/2015-03-31/functions/"
    r"arn:[\w-]+:lambda:[\w-]+:\d{12}:function:[\w-]+(:[\w$-]+)?/invocations"
)
_MILLISECONDS = (50, 300_000)
"""A proxy's shortest and longest wait, the latter with a raised quota."""

_UNSUPPORTED = ("oneOf", "anyOf", "allOf", "not", "additionalProperties", "discriminator")


def refused(document: Mapping[str, Any]) -> list[str]:
    """Why an import fails, each as the place in the document and what is wrong there."""
    responses = document.get("x-amazon-apigateway-gateway-responses", {})
    return [
        *_of_document(document),
        *_of_paths(document),
        *_of_schemas(document),
        *_of_gateway_responses(responses),
    ]


def ignored(document: Mapping[str, Any]) -> list[str]:
    """What an import takes and pays no heed to, where somebody would rely on it."""
    found = []
    if document.get("security"):
        found.append("security: that of the root counts for no operation")
    responses = document.get("x-amazon-apigateway-gateway-responses", {})
    found += [f"{kind}: its form cannot be changed" for kind in sorted(FIXED & responses.keys())]
    return found


def _of_document(document: Mapping[str, Any]) -> Iterator[str]:
    if len(json.dumps(document)) > MAX_BYTES:
        yield f"the document: over {MAX_BYTES:,} bytes"
    if not re.fullmatch(r"3\.0\.\d", str(document.get("openapi"))):
        yield f"openapi: version {document.get('openapi')}"
    for name, scheme in _schemes(document).items():
        if scheme.get("type") != "apiKey":
            yield f"securitySchemes.{name}: its type is {scheme.get('type')}"


def _of_paths(document: Mapping[str, Any]) -> Iterator[str]:
    variables: dict[str, str] = {}
    for path, methods in document.get("paths", {}).items():
        parent = ""
        for segment in path.strip("/").split("/") if path != "/" else ():
            if not _SEGMENT.fullmatch(segment):
                yield f"{path}: segment {segment!r}"
            if segment.startswith("{") and variables.setdefault(parent, segment) != segment:
                yield f"{path}: {segment} where another path has {variables[parent]}"
            parent += f"/{segment}"
        for method, operation in methods.items():
            if method in METHODS or method == ANY_METHOD:
                at = f"{method.upper()} {path}"
                yield from (f"{at}: {fault}" for fault in _of_operation(document, path, operation))


def _of_operation(
    document: Mapping[str, Any], path: str, operation: Mapping[str, Any]
) -> Iterator[str]:
    named = set(re.findall(r"\{([^}+]+)\+?\}", path))
    parameters = operation.get("parameters", ())
    declared = {one.get("name") for one in parameters if one.get("in") == "path"}
    if named != declared:
        yield f"the path's variables are {sorted(named)}, and its parameters {sorted(declared)}"
    for requirement in operation.get("security", ()):
        if len(requirement) != 1:
            yield "asks for several schemes at once"
        for name in requirement.keys() - _schemes(document).keys():
            yield f"there is no security scheme {name}"
    schemas = document.get("components", {}).get("schemas", {})
    for reference in _references(operation):
        if reference.removeprefix(SCHEMAS) not in schemas:
            yield f"refers to {reference}, which is no schema of the document"
    for status in operation.get("responses", {}):
        if not re.fullmatch(r"[1-5]\d\d|default", status):
            yield f"status {status}"
    yield from _of_integration(operation)


def _of_integration(operation: Mapping[str, Any]) -> Iterator[str]:
    integration = operation.get("x-amazon-apigateway-integration")
    if integration is None:
        yield "has no integration"
        return
    kind = str(integration.get("type")).lower()
    if kind == "aws_proxy":
        if integration.get("httpMethod") != "POST":
            yield "functions are called by POST"
        if not _PROXY_URI.fullmatch(str(integration.get("uri"))):
            yield f"uri {integration.get('uri')}"
        least, most = _MILLISECONDS
        if not least <= integration.get("timeoutInMillis", most) <= most:
            yield f"timeoutInMillis {integration['timeoutInMillis']}"
    elif kind == "mock":
        templates = integration.get("requestTemplates", {})
        if not templates or not all(_has_status(template) for template in templates.values()):
            yield "a mock has a request template with a statusCode"
    else:
        yield f"integration of type {kind}"
    for response in integration.get("responses", {}).values():
        status = response.get("statusCode")
        if status not in operation.get("responses", {}):
            yield f"the integration answers {status}, which is none of the operation's responses"
            continue
        headers = operation["responses"][status].get("headers", {})
        for name, source in response.get("responseParameters", {}).items():
            if name.removeprefix("method.response.header.") not in headers:
                yield f"{name} is no header of the response {status}"
            if not _LITERAL.fullmatch(source) and not source.startswith("integration.response."):
                yield f"{name} is {source}"


def _of_schemas(document: Mapping[str, Any]) -> Iterator[str]:
    schemas = document.get("components", {}).get("schemas", {})
    references = {name: set(_references(schema)) for name, schema in schemas.items()}
    for name, schema in schemas.items():
        if not re.fullmatch(r"[A-Za-z0-9]+", name):
            yield f"schemas.{name}: the name has letters and digits alone"
        for keyword in _keywords(schema):
            yield f"schemas.{name}: {keyword}"
        for reference in references[name]:
            if reference.removeprefix(SCHEMAS) not in schemas:
                yield f"schemas.{name}: refers to {reference}, which is no schema of the document"
        if name in _reached(name, references):
            yield f"schemas.{name}: refers to itself"


def _of_gateway_responses(responses: Mapping[str, Any]) -> Iterator[str]:
    for kind, response in responses.items():
        if kind not in RESPONSE_TYPES:
            yield f"gateway response {kind}: there is no such type"
        if not re.fullmatch(r"[1-5]\d\d", str(response.get("statusCode", "200"))):
            yield f"gateway response {kind}: statusCode {response['statusCode']}"
        for name, source in response.get("responseParameters", {}).items():
            if not re.fullmatch(r"gatewayresponse\.(header|path|querystring)\.[\w.$-]+", name):
                yield f"gateway response {kind}: {name}"
            if not _SOURCE.fullmatch(source) or (
                source.startswith("context.") and source.removeprefix("context.") not in _CONTEXT
            ):
                yield f"gateway response {kind}: {name} is {source}"
        for template in response.get("responseTemplates", {}).values():
            for name in re.findall(r"\$context\.([\w.]+\w)", template):
                if name not in _CONTEXT:
                    yield f"gateway response {kind}: $context.{name}"
            if not _is_json(_filled(template)):
                yield f"gateway response {kind}: its template makes no JSON"


def _schemes(document: Mapping[str, Any]) -> Mapping[str, Any]:
    schemes: Mapping[str, Any] = document.get("components", {}).get("securitySchemes", {})
    return schemes


def _references(node: object) -> Iterator[str]:
    if isinstance(node, Mapping):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def _reached(name: str, references: Mapping[str, set[str]]) -> set[str]:
    """The schemas that one refers to, by way of others, too."""
    found: set[str] = set()
    left = [name]
    while left:
        for reference in references.get(left.pop(), ()):
            target = reference.removeprefix(SCHEMAS)
            if target not in found:
                found.add(target)
                left.append(target)
    return found


def _keywords(schema: Mapping[str, Any]) -> Iterator[str]:
    """What API Gateway's models do not know; a property may have such a name."""
    yield from (keyword for keyword in _UNSUPPORTED if keyword in schema)
    for value in schema.get("properties", {}).values():
        yield from _keywords(value)
    if isinstance(schema.get("items"), Mapping):
        yield from _keywords(schema["items"])


def _has_status(template: str) -> bool:
    try:
        return "statusCode" in json.loads(template)
    except ValueError:
        return False


def _filled(template: str) -> str:
    """A template with values in place of its variables."""
    text = template.replace("$context.error.messageString", '"text"')
    return re.sub(r"\$context\.[\w.]*\w", "text", text)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
