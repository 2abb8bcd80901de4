"""The OpenAPI document of a deployment, read as API Gateway reads it."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from jsonschema import Draft4Validator  # type: ignore[import-untyped]
from referencing import Registry
from referencing.jsonschema import DRAFT4

METHODS = {"get", "put", "post", "delete", "options", "head", "patch"}
ANY_METHOD = "x-amazon-apigateway-any-method"
FUNCTION_URI = re.compile(r"/functions/(?P<arn>arn:[^/]+)/invocations$")
DEFAULT_TIMEOUT_MS = 29_000


@dataclass(frozen=True)
class Route:
    """One method of one path, with all that the gateway decides by."""

    path: str
    method: str
    function_arn: str
    timeout_seconds: float
    iam: bool
    api_key: bool
    authorizer: bool  # of a user pool, or a function
    mock: Mapping[str, Any] | None  # status and headers, where the gateway answers by itself
    required: tuple[str, ...]  # e.g. "querystring.name"
    schema: Mapping[str, Any] | None  # of an application/json body
    body_required: bool


@dataclass(frozen=True)
class Match:
    """A route with the values of its path parameters, decoded."""

    route: Route
    path_parameters: dict[str, str]


class Document:
    """Routes of one document; the most literal path wins."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.raw = document
        self.binary_types = frozenset(document.get("x-amazon-apigateway-binary-media-types", ()))
        self.gateway_responses: Mapping[str, Any] = document.get(
            "x-amazon-apigateway-gateway-responses", {}
        )
        resource = DRAFT4.create_resource(document)
        self._registry: Registry[Any] = Registry().with_resource("urn:api", resource)
        routes = sorted(self._routes(), key=lambda route: _specificity(route.path))
        self._compiled = [(_pattern(route.path), route) for route in routes]
        self._validators = {
            id(route): Draft4Validator(_absolute(route.schema), registry=self._registry)
            for route in routes
            if route.schema is not None
        }

    def match(self, method: str, path: str) -> Match | None:
        """The route of a raw (percent-encoded) path below the stage, or None."""
        for pattern, route in self._compiled:
            found = pattern.fullmatch(path.rstrip("/") or "/")
            if found and route.method in (method, "ANY"):
                names = re.findall(r"{(\w+)\+?}", route.path)
                values = [unquote(value) for value in found.groups()]
                return Match(route, dict(zip(names, values, strict=True)))
        return None

    def body_error(self, route: Route, body: bytes) -> str | None:
        """What is wrong with a JSON body by the route's schema, in the gateway's manner."""
        if route.schema is None:
            return None
        if not body:
            return "Invalid request body" if route.body_required else None
        try:
            instance = json.loads(body)
        except ValueError:
            return "Invalid request body"
        errors = sorted(self._validators[id(route)].iter_errors(instance), key=str)
        return "[" + ", ".join(_describe(error) for error in errors) + "]" if errors else None

    def _routes(self) -> Iterator[Route]:
        for path, methods in self.raw.get("paths", {}).items():
            for method, operation in methods.items():
                if method in METHODS or method == ANY_METHOD:
                    yield self._route(path, method, operation)

    def _route(self, path: str, method: str, operation: Mapping[str, Any]) -> Route:
        integration = operation.get("x-amazon-apigateway-integration", {})
        uri = FUNCTION_URI.search(str(integration.get("uri", "")))
        validator = self._validator(operation)
        body = operation.get("requestBody", {})
        content = body.get("content", {}).get("application/json", {})
        parameters = operation.get("parameters", []) if validator.get("parameters") else []
        kinds = self._scheme_kinds(operation)
        explicit = operation.get("x-amazon-apigateway-auth", {}).get("type", "").upper()
        return Route(
            path=path,
            method="ANY" if method == ANY_METHOD else method.upper(),
            function_arn=uri["arn"] if uri else "",
            timeout_seconds=integration.get("timeoutInMillis", DEFAULT_TIMEOUT_MS) / 1000,
            iam="awsSigv4" in kinds or explicit == "AWS_IAM",
            api_key="apiKey" in kinds,
            authorizer=bool(kinds & {"cognito_user_pools", "custom"}),
            mock=_mock(integration),
            required=tuple(
                f"{_LOCATIONS[one['in']]}.{one['name']}"
                for one in parameters
                if one.get("required")
            ),
            schema=content.get("schema") if validator.get("body") else None,
            body_required=bool(body.get("required")),
        )

    def _validator(self, operation: Mapping[str, Any]) -> dict[str, bool]:
        key = "x-amazon-apigateway-request-validator"
        name = operation.get(key, self.raw.get(key))
        definition = self.raw.get("x-amazon-apigateway-request-validators", {}).get(name, {})
        return {
            "body": bool(definition.get("validateRequestBody")),
            "parameters": bool(definition.get("validateRequestParameters")),
        }

    def _scheme_kinds(self, operation: Mapping[str, Any]) -> set[str]:
        """What an operation asks for: awsSigv4, cognito_user_pools, custom, or plain apiKey."""
        schemes = self.raw.get("components", {}).get("securitySchemes", {})
        requirements = operation.get("security", self.raw.get("security", []))
        named = [schemes.get(name, {}) for requirement in requirements for name in requirement]
        return {
            str(one.get("x-amazon-apigateway-authtype", one.get("type", "none"))) for one in named
        }


_LOCATIONS = {"path": "path", "query": "querystring", "header": "header"}


def _mock(integration: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The default response of a mock integration."""
    if integration.get("type", "").lower() != "mock":
        return None
    default: Mapping[str, Any] = integration["responses"]["default"]
    return default


def _specificity(path: str) -> list[int]:
    """Sorts literal segments before parameters, and those before greedy ones."""
    segments = path.strip("/").split("/")
    return [2 if one.endswith("+}") else int(one.startswith("{")) for one in segments]


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"({\w+\+?})", path)
    return re.compile(
        "".join(
            "(.+)"
            if part.endswith("+}")
            else "([^/]+)"
            if part.startswith("{")
            else re.escape(part)
            for part in parts
        )
    )


def _absolute(schema: Any) -> Any:
    """The schema with its local references pointing into the document."""
    if isinstance(schema, Mapping):
        return {
            key: f"urn:api{value}"
            if key == "$ref" and isinstance(value, str) and value.startswith("#")
            else _absolute(value)
            for key, value in schema.items()
        }
    if isinstance(schema, list):
        return [_absolute(one) for one in schema]
    return schema


def _describe(error: Any) -> str:
    """One validation error in API Gateway's words, as far as they are known."""
    if error.validator == "required":
        missing = [name for name in error.validator_value if name not in error.instance]
        names = ",".join(f'"{name}"' for name in missing)
        return f"object has missing required properties ([{names}])"
    if error.validator == "type":
        wanted = error.validator_value
        names = ",".join(f'"{one}"' for one in ([wanted] if isinstance(wanted, str) else wanted))
        return (
            f"instance type ({_json_type(error.instance)}) does not match any allowed "
            f"primitive type (allowed: [{names}])"
        )
    if error.validator == "enum":
        choices = json.dumps(error.validator_value)
        value = json.dumps(error.instance)
        return f"instance value ({value}) not found in enum (possible values: {choices})"
    return str(error.message)


def _json_type(value: Any) -> str:
    if value is None:
        return "null"
    for kind, name in ((bool, "boolean"), (str, "string"), (int, "integer"), (float, "number")):
        if isinstance(value, kind):
            return name
    return "array" if isinstance(value, list) else "object"
