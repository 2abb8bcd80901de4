"""Events of HTTP APIs and function URLs are read as those of the REST API, or refused."""

import base64
import json
from http import HTTPStatus
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.function import Function, Request, Response
from common.invocation import Invocation
from common.jobs.keys import owner
from tests.unit.function import Context
from tests.unit.plain import assert_plain

ROUTES = (
    "POST /things",
    "GET /things/{id}",
    "PUT /things/{id}/parts/{part}",
    "GET /things/new",
    "POST /things/new",
)
USER = "arn:aws:iam::111122223333:user/ann"
SESSION = "arn:aws:sts::111122223333:assumed-role/Trainer/one"


@pytest.fixture(autouse=True)
def logging_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("common.logs.configure", lambda: None)


def event(method: str = "GET", path: str = "/things/a-1", **changes: Any) -> dict[str, Any]:
    """An event of a function URL without authorization."""
    http = {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.5"}
    context = {"accountId": "anonymous", "http": http, "routeKey": "$default", "stage": "$default"}
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"idempotency-key": "k", "accept": "a, b"},
        "requestContext": {**context, **changes.pop("context", {})},
        "isBase64Encoded": False,
        **changes,
    }


def call(sent: Any) -> dict[str, Any]:
    """The answer of a function that answers with what it is asked."""

    def endpoint(route: str) -> Any:
        def serve(request: Request, invocation: Invocation) -> Response:
            body = None if request.body is None else request.body.decode()
            seen = {"route": route, "parameters": request.parameters, "query": request.query,
                    "headers": request.headers, "body": body, "caller": request.caller}  # fmt: skip
            return Response(HTTPStatus.OK, seen)

        return serve

    routes = {route: endpoint(route) for route in ROUTES}
    function = Function("test", routes, lambda event, options, invocation: {"direct": event})
    answer = function(sent, Context())
    return {**answer, "body": json.loads(answer["body"])} if "body" in answer else answer


def authorized(**authorizer: Any) -> dict[str, Any]:
    return event(context={"authorizer": authorizer})


def caller(sent: dict[str, Any]) -> str:
    answer = call(sent)
    assert answer["statusCode"] == 200, answer
    name: str = answer["body"]["caller"]
    return name


def test_a_request_is_read_and_answered() -> None:
    body = base64.b64encode('{"x": "é"}'.encode()).decode()
    query = "limit=5&limit=6&after=a%2Fb+c&empty="
    answer = call(
        event("POST", "/things", rawQueryString=query, body=body, isBase64Encoded=True,
              queryStringParameters={"limit": "5,6"}, cookies=["a=b"])
    )  # fmt: skip
    assert (answer["statusCode"], answer["isBase64Encoded"]) == (200, False)
    assert answer["headers"]["Content-Type"] == "application/json"
    assert answer.keys() == {"statusCode", "headers", "body", "isBase64Encoded"}
    seen = answer["body"]
    assert seen["query"] == {"limit": "6", "after": "a/b c", "empty": ""}
    assert seen["headers"] == {"idempotency-key": "k", "accept": "a, b"}
    assert (seen["route"], seen["body"]) == ("POST /things", '{"x": "é"}')


@pytest.mark.parametrize(
    ("method", "path", "route", "parameters"),
    [
        ("POST", "/things", "POST /things", {}),
        ("POST", "/things/", "POST /things", {}),
        ("GET", "/things/a%2D1", "GET /things/{id}", {"id": "a-1"}),
        ("GET", "/things/new", "GET /things/new", {}),
        ("PUT", "/things/a/parts/b", "PUT /things/{id}/parts/{part}", {"id": "a", "part": "b"}),
    ],
)
@pytest.mark.parametrize("stage", ["$default", "prod", "v2", None])
def test_a_route_is_found_by_its_path(
    method: str, path: str, route: str, parameters: dict[str, str], stage: str | None
) -> None:
    for prefix in {"", "" if stage in (None, "$default") else f"/{stage}"}:  # a domain has none
        answer = call(event(method, prefix + path, context={"stage": stage}))["body"]
        assert (answer["route"], answer["parameters"]) == (route, parameters)


def test_the_gateways_own_route_counts_where_it_names_one() -> None:
    named = {"routeKey": "GET /things/{id}", "pathParameters": {"id": "a"}}
    answer = call(event("GET", "/things/a/parts/b", **named))
    assert (answer["body"]["route"], answer["body"]["parameters"]) == (
        "GET /things/{id}",
        {"id": "a"},
    )
    greedy = {"routeKey": "ANY /{proxy+}", "pathParameters": {"proxy": "things/a"}}
    answer = call(event("GET", "/things/a", **greedy))
    assert answer["body"]["parameters"] == {"id": "a"}
    slash = call(
        event("GET", "/things/x", routeKey="GET /things/{id}", pathParameters={"id": "a/b"})
    )
    assert slash["statusCode"] == 404


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", "/", 404, None),
        ("GET", "/other", 404, None),
        ("GET", "/things/a%2Fb", 404, None),
        ("GET", "/things/a/b", 404, None),
        ("GET", "/things/%2e%2e", 404, None),
        ("GET", "//things/a", 404, None),
        ("PUT", "/things//parts/b", 404, None),
        ("GET", "/%74hings/a", 404, None),
        ("GET", "/things/\u00e9", 404, None),
        ("GET", "/prod/things/a", 404, None),
        ("DELETE", "/things", 405, "POST"),
        ("HEAD", "/things/a", 405, "GET"),
        ("DELETE", "/things/new", 405, "GET, POST"),
        ("OPTIONS", "/things/a/parts/b", 405, "PUT"),
    ],
)
def test_an_unknown_route_is_a_problem(
    method: str, path: str, status: int, allow: str | None
) -> None:
    answer = call(event(method, path))
    assert (answer["statusCode"], answer["headers"].get("Allow")) == (status, allow)
    assert answer["headers"]["Content-Type"] == "application/problem+json"
    assert answer["body"]["status"] == status
    assert_plain(answer["body"])


def test_callers_are_those_of_the_rest_api() -> None:
    """So that a key is the same job's through either."""
    assert caller(authorized(iam={"userArn": USER, "cognitoIdentity": None})) == USER
    assert caller(authorized(iam={"userArn": SESSION})) == SESSION
    user = {"identityId": "us-east-1:2", "identityPoolId": "p", "amr": ["authenticated"]}
    assert caller(authorized(iam={"userArn": SESSION, "cognitoIdentity": user})) == "us-east-1:2"
    assert caller(authorized(**{"lambda": {"principalId": "bob", "x": 1}})) == "bob"
    assert caller(event()) == "203.0.113.5"


subjects = st.text(st.sampled_from("a:/% -"), min_size=1, max_size=6) | st.sampled_from(
    ["ann", "203.0.113.5", USER, SESSION, "x:assumed-role/y/1", "x:assumed-role/y/2"]
)
issuers = st.sampled_from(["https://a.example", "https://b.example"])


@given(st.lists(st.tuples(issuers, subjects), min_size=2, max_size=6, unique=True))
def test_holders_of_tokens_never_share_a_name(tokens: list[tuple[str, str]]) -> None:
    names = {
        owner(caller(authorized(jwt={"claims": {"iss": issuer, "sub": subject}})))
        for issuer, subject in tokens
    }
    assert len(names) == len(tokens)
    assert not names & {"203.0.113.5", owner(USER), owner(SESSION)}


@pytest.mark.parametrize(
    "authorizer",
    [
        {},
        {"jwt": None},
        {"jwt": {"claims": None}},
        {"jwt": {"claims": {"sub": "ann"}}},
        {"jwt": {"claims": {"iss": "https://a.example", "sub": ""}}},
        {"lambda": None},
        {"lambda": {}},
        {"lambda": {"principalId": 5}},
        {"iam": None},
        {"iam": {"userArn": ""}},
        {"iam": {"userArn": SESSION, "cognitoIdentity": {}}},
    ],
)
def test_whom_an_authorizer_does_not_name_has_no_keys(authorizer: dict[str, Any]) -> None:
    answer = call(authorized(**authorizer))
    assert answer["statusCode"] == 400
    assert "Idempotency-Key" in answer["body"]["detail"]
    unkeyed = {**authorized(**authorizer), "headers": {}}
    assert caller(unkeyed) == "unknown"


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"version": "1.0"}, "version"),
        ({"version": None}, "version"),
        ({"version": ["2.0"]}, "version"),
        ({"requestContext": None}, "requestContext.http.method"),
        ({"requestContext": {}}, "requestContext.http.method"),
        ({"requestContext": 5}, "/requestContext: Expected `object`, got `int`"),
        ({"requestContext": {"http": []}}, "/requestContext/http: Expected"),
        ({"context": {"http": {"method": 5}}}, "/requestContext/http/method: Expected `str`"),
        ({"context": {"http": {"method": "GET", "sourceIp": 5}}}, "/requestContext/http/sourceIp"),
        ({"context": {"stage": ["x"]}}, "/requestContext/stage"),
        ({"context": {"authorizer": "x"}}, "/requestContext/authorizer"),
        ({"context": {"authorizer": {"iam": 5}}}, "/requestContext/authorizer/iam"),
        ({"context": {"authorizer": {"iam": {"userArn": 5}}}}, "/requestContext/authorizer/iam/u"),
        ({"context": {"authorizer": {"jwt": {"claims": 5}}}}, "/requestContext/authorizer/jwt/c"),
        ({"context": {"authorizer": {"lambda": "x"}}}, "/requestContext/authorizer/lambda"),
        ({"rawPath": 5}, "/rawPath: Expected `str`, got `int`"),
        ({"rawPath": None}, "does not serve GET /"),
        ({"rawQueryString": {}}, "/rawQueryString: Expected"),
        ({"headers": 5}, "/headers"),
        ({"headers": {"a": 5}}, None),
        ({"body": 5}, "/body"),
        ({"body": "a", "isBase64Encoded": "yes"}, "/isBase64Encoded"),
        ({"body": "abc", "isBase64Encoded": True}, "base64"),
        ({"pathParameters": {"id": 5}, "routeKey": "GET /things/{id}"}, "/pathParameters/id"),
        ({"pathParameters": {}, "routeKey": "GET /things/{id}"}, None),
        ({"rawPath": "/x", "routeKey": "PUT /things/{id}/parts/{part}"}, None),
        ({"headers": {"idempotency-key": "\ud800"}}, "surrogate"),
        ({"rawPath": "/things/\ud800"}, None),
        ({"routeKey": ["GET /things/{id}"]}, "/routeKey"),
    ],
)
def test_an_event_of_an_odd_form_is_the_callers_mistake(
    changes: dict[str, Any], detail: str | None
) -> None:
    answer = call(event(**changes))
    if detail is None and answer["statusCode"] == 200:
        return  # fields that are not read may have any form
    assert answer["statusCode"] in (400, 404, 422), answer
    assert detail is None or detail in answer["body"]["detail"], answer
    assert_plain(answer["body"])


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["GET", "/things"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)
places = st.sampled_from(
    [
        ("version",), ("routeKey",), ("rawPath",), ("rawQueryString",), ("headers",), ("body",),
        ("isBase64Encoded",), ("pathParameters",), ("requestContext",), ("requestContext", "http"),
        ("requestContext", "http", "method"), ("requestContext", "http", "sourceIp"),
        ("requestContext", "stage"), ("requestContext", "authorizer"),
    ]
)  # fmt: skip


@given(st.lists(st.tuples(places, values), max_size=3))
def test_no_event_of_this_kind_is_an_unexpected_error(changes: list[tuple[Any, Any]]) -> None:
    sent = event()
    for path, value in changes:
        holder: Any = sent
        for step in path[:-1]:
            holder = holder[step] if isinstance(holder, dict) and step in holder else None
        if isinstance(holder, dict):
            holder[path[-1]] = value
    answer = call(sent)
    assert answer["statusCode"] < 500, sent


def test_an_event_without_a_path_is_a_direct_call() -> None:
    sent = event()
    del sent["rawPath"]
    assert call(sent) == {"direct": sent}


def test_the_line_of_a_request_names_its_route(capsys: pytest.CaptureFixture[str]) -> None:
    call(event("GET", "/things/a-1"))
    call(event("GET", "/nothing"))
    call(event(requestContext=None))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    routes = [line["route"] for line in lines if line["message"] == "request"]
    assert routes == ["GET /things/{id}", "GET /nothing", "a route of this form"]
