"""Events of HTTP APIs and function URLs (payload format 2.0), in the form of the REST API's.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
"""

from collections.abc import Collection, Mapping
from typing import Any

from common.problems import BadRequest, Problem, invalid

_VERSION = "2.0"

_NAMES: Mapping[type, str] = {dict: "object", str: "str"}

type Event = dict[str, Any]


def route(event: Event, routes: Collection[str]) -> str:
    """The route of an event, whether it is one of `routes` or not.

    The gateway's routeKey comes first, because the gateway has authorized the request by it. If
    that is none of the routes, such as $default, method and path decide. The route of an event that
    no gateway sends is empty.

    >>> http = {"http": {"method": "GET"}}
    >>> get = {"version": "2.0", "rawPath": "/models/churn", "requestContext": http}
    >>> route(get, ["GET /models/{model}", "GET /models"])
    'GET /models/{model}'
    """
    try:
        named = _at(event, str, "routeKey")
        if named is None or named not in routes:
            named = _by_path(_method(event), _path(event), routes)
    except Problem:
        return ""
    return named


def proxy_event(event: Event, named: str) -> Event:
    """An event in the form that the REST API would send.

    named is its route. Fields that are the same in both forms are not checked. Raises BadRequest
    and Unprocessable for others that no gateway sends.
    """
    if event.get("version") != _VERSION:
        raise BadRequest(f"The event has rawPath, but its version is not {_VERSION!r}.")
    _method(event)
    parameters = event.get("pathParameters")
    if _at(event, str, "routeKey") != named or parameters is None:
        parameters = _parameters(named.partition(" ")[2], _path(event))
    headers = event.get("headers")
    principal = _principal(event)
    if not principal and "idempotency-key" in map(str.lower, headers or ()):
        raise BadRequest(
            "An Idempotency-Key belongs to a caller, and the API's authorizer names none: a JWT "
            "needs the claims iss and sub, and the context of a Lambda authorizer a principalId."
        )
    return {
        "pathParameters": parameters,
        "queryStringParameters": _query(_at(event, str, "rawQueryString")),
        "headers": headers,
        "body": event.get("body"),
        "isBase64Encoded": event.get("isBase64Encoded"),
        "requestContext": {"authorizer": {"principalId": principal}},
    }


def _at[T](event: Event, kind: type[T], *path: str) -> T | None:
    """The value at a path of the event, or None. Raises Unprocessable for another type."""
    value: Any = event
    for depth, step in enumerate(path):
        if value is None:
            return None
        if not isinstance(value, dict):
            raise _mismatch(path[:depth], dict, value)
        value = value.get(step)
    if value is None or isinstance(value, kind):
        return value
    raise _mismatch(path, kind, value)


def _mismatch(path: tuple[str, ...], kind: type, value: object) -> Problem:
    return invalid(path, f"Expected `{_NAMES[kind]}`, got `{type(value).__name__}`")


def _method(event: Event) -> str:
    method = _at(event, str, "requestContext", "http", "method")
    if method is None:
        raise BadRequest("The event has no requestContext.http.method.")
    return method


def _path(event: Event) -> str:
    """The path without a slash at its end, and without the name of the stage before it.

    >>> _path({"rawPath": "/prod/models/", "requestContext": {"stage": "prod"}})
    '/models'
    """
    path = _at(event, str, "rawPath") or "/"
    prefix = f"/{_at(event, str, 'requestContext', 'stage')}"
    if path == prefix or path.startswith(f"{prefix}/"):
        path = path.removeprefix(prefix)
    return path.rstrip("/") or "/"


def _by_path(method: str, path: str, routes: Collection[str]) -> str:
    """The route of a path. Of several templates the one with the fewest parameters is taken."""
    literal = f"{method} {path}"
    if literal in routes:
        return literal
    templates = {one.partition(" ")[2] for one in routes}
    fitting = [
        (len(found), template)
        for template in templates
        if (found := _parameters(template, path)) is not None
    ]
    return f"{method} {min(fitting)[1]}" if fitting else literal


def _parameters(template: str, path: str) -> dict[str, str] | None:
    """The values of a template's parameters, still encoded; None if the path does not match.

    >>> _parameters("/models/{model}", "/models/a%2Fb")
    {'model': 'a%2Fb'}
    >>> _parameters("/models/{model}", "/models/a/b")
    """
    names, values = template.split("/"), path.split("/")
    if len(names) != len(values):
        return None
    parameters = {}
    for name, value in zip(names, values, strict=True):
        if name.startswith("{") and value:
            parameters[name[1:-1]] = value
        elif name != value:
            return None
    return parameters


def _query(raw: str | None) -> dict[str, str] | None:
    """The last value of each name, like the REST API. The event itself joins several values."""
    if not raw:
        return None
    from urllib.parse import parse_qsl  # importing it takes 2 ms, and predictions do not need it

    return dict(parse_qsl(raw, keep_blank_values=True))


def _principal(event: Event) -> str | None:
    """The caller, as the route's authorization names it; None where it names nobody.

    Two issuers may use the same subject, so the name has both. A slash in a subject is encoded, so
    that it is never taken for the session of a role.
    """
    context = ("requestContext", "authorizer")
    authorizer = _at(event, dict, *context)
    if authorizer is None:
        return _at(event, str, "requestContext", "http", "sourceIp")
    if _at(event, dict, *context, "iam", "cognitoIdentity") is not None:
        return _at(event, str, *context, "iam", "cognitoIdentity", "identityId")
    if "iam" in authorizer:
        return _at(event, str, *context, "iam", "userArn")
    if "jwt" in authorizer:
        issuer, subject = (
            _at(event, str, *context, "jwt", "claims", name) for name in ("iss", "sub")
        )
        encoded = (subject or "").replace("%", "%25").replace("/", "%2F")
        return f"{issuer} {encoded}" if issuer and subject else None
    named = (_at(event, dict, *context, "lambda") or {}).get("principalId")
    return named if isinstance(named, str) and named else None
