"""The OpenAPI document of a deployment, read as API Gateway reads it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

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
        routes = sorted(self._routes(), key=lambda route: _specificity(route.path))
        self._compiled = [(_pattern(route.path), route) for route in routes]

    def match(self, method: str, path: str) -> Match | None:
        """The route of a raw (percent-encoded) path below the stage, or None."""
        for pattern, route in self._compiled:
            found = pattern.fullmatch(path.rstrip("/") or "/")
            if found and route.method in (method, "ANY"):
                names = re.findall(r"{(\w+)\+?}", route.path)
                values = [unquote(value) for value in found.groups()]
                return Match(route, dict(zip(names, values, strict=True)))
        return None

    def _routes(self) -> Iterator[Route]:
        for path, methods in self.raw.get("paths", {}).items():
            for method, operation in methods.items():
                if method in METHODS or method == ANY_METHOD:
                    yield self._route(path, method, operation)

    def _route(self, path: str, method: str, operation: Mapping[str, Any]) -> Route:
        integration = operation.get("x-amazon-apigateway-integration", {})
        uri = FUNCTION_URI.search(str(integration.get("uri", "")))
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
        )

    def _scheme_kinds(self, operation: Mapping[str, Any]) -> set[str]:
        """What an operation asks for: awsSigv4, cognito_user_pools, custom, or plain apiKey."""
        schemes = self.raw.get("components", {}).get("securitySchemes", {})
        requirements = operation.get("security", [])
        named = [schemes.get(name, {}) for requirement in requirements for name in requirement]
        return {
            str(one.get("x-amazon-apigateway-authtype", one.get("type", "none"))) for one in named
        }


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
