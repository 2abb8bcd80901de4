"""Lambda events in, Lambda answers out."""

import base64
import json
import logging
import math
from collections.abc import Iterator
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from common import logs, time_limit
from common.function import Function, Request, Response
from common.invocation import Invocation
from common.problems import (
    PAYLOAD_LIMIT,
    Conflict,
    Corrupted,
    FieldError,
    NotFound,
    Problem,
    Unprocessable,
    pointer,
)
from tests.unit.plain import assert_plain

CONTEXT = SimpleNamespace(
    aws_request_id="r1",
    invoked_function_arn="arn",
    memory_limit_in_mb="128",
    get_remaining_time_in_millis=lambda: 30_000,
)


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def call(endpoint: Any, event: dict[str, Any] | None = None) -> Any:
    function = Function(
        name="test",
        routes={"POST /things/{id}": endpoint},
        direct=lambda event, options, invocation: endpoint(event, invocation),
        run_job=lambda job_id, invocation: endpoint(job_id, invocation),
    )
    return function(event or proxy(), CONTEXT)


def proxy(**changes: Any) -> dict[str, Any]:
    return {
        "httpMethod": "POST",
        "resource": "/things/{id}",
        "pathParameters": {"id": "a-1"},
        "headers": {"Idempotency-Key": "k"},
        "body": '{"x": 1}',
        "isBase64Encoded": False,
        "requestContext": {"identity": {"userArn": "arn:caller"}},
        **changes,
    }


def echo(request: Request, invocation: Invocation) -> Response:
    seen = [request.parameters["id"], request.headers["idempotency-key"], request.caller]
    return Response(HTTPStatus.CREATED, [*seen, request.json()], {"Location": "/here"})


def test_a_request_is_read_and_answered() -> None:
    answer = call(echo)
    assert answer["statusCode"] == 201
    assert json.loads(answer["body"]) == ["a-1", "k", "arn:caller", {"x": 1}]
    assert answer["headers"]["Location"] == "/here"
    assert answer["headers"]["X-Request-Id"] == "r1"
    assert answer["headers"]["Content-Type"] == "application/json"


def test_a_body_may_be_encoded() -> None:
    body = base64.b64encode('{"x": "é"}'.encode()).decode()
    answer = call(echo, proxy(body=body, isBase64Encoded=True))
    assert json.loads(answer["body"])[-1] == {"x": "é"}


@pytest.mark.parametrize("body", [None, "", "{", "\ud800", '"\\ud800"', "[" * 100_000])
def test_what_is_not_json_is_a_bad_request(body: str | None) -> None:
    answer = call(echo, proxy(body=body))
    assert answer["statusCode"] == 400
    assert answer["headers"]["Content-Type"] == "application/problem+json"
    assert json.loads(answer["body"])["request_id"] == "r1"


@pytest.mark.parametrize("parameter", ["../x", "a/b", "", "é", "x" * 200, "%2e%2e"])
def test_a_strange_path_parameter_is_not_found(parameter: str) -> None:
    assert call(echo, proxy(pathParameters={"id": parameter}))["statusCode"] == 404


def test_an_unknown_route_is_not_found() -> None:
    assert call(echo, proxy(resource="/others/{id}"))["statusCode"] == 404


def test_a_path_that_has_another_method_says_which() -> None:
    answer = call(echo, proxy(httpMethod="DELETE"))
    assert (answer["statusCode"], answer["headers"]["Allow"]) == (405, "POST")
    detail = json.loads(answer["body"])["detail"]
    assert detail == "test does not serve DELETE /things/{id}: send POST."


def test_a_problem_keeps_its_status() -> None:
    def refuse(request: Request, invocation: Invocation) -> Response:
        raise Conflict("Moved meanwhile.")

    answer = call(refuse)
    assert answer["statusCode"] == 409
    assert json.loads(answer["body"])["detail"] == "Moved meanwhile."


def test_a_bug_does_not_show_its_inside() -> None:
    def fail(request: Request, invocation: Invocation) -> Response:
        raise ValueError("secret")

    answer = call(fail)
    assert answer["statusCode"] == 500
    assert "secret" not in answer["body"]


def test_an_answer_that_lambda_would_refuse_is_too_large() -> None:
    answer = call(lambda request, invocation: Response(HTTPStatus.OK, "x" * PAYLOAD_LIMIT))
    assert answer["statusCode"] == 413


def sent(answer: Any) -> int:
    """The bytes that Lambda's runtime makes of an answer: simplejson escapes two line ends, too."""
    text = json.dumps(answer, ensure_ascii=False)
    return len(text.replace("\u2028", r"\u2028").replace("\u2029", r"\u2029").encode())


@pytest.mark.parametrize("value", ['"', "\\", "\0", "\u2028", "é", "x"])
@pytest.mark.parametrize("escapes", [1, 2, 3, 6])
def test_an_answer_is_measured_as_it_is_sent(
    value: str, escapes: int, capsys: pytest.CaptureFixture[str]
) -> None:
    text = value * (PAYLOAD_LIMIT // (escapes * len(value.encode())) - 3000)
    answer = call(lambda request, invocation: Response(HTTPStatus.OK, text))
    assert answer["statusCode"] in (200, 413)
    assert sent(answer) <= PAYLOAD_LIMIT
    if answer["statusCode"] == 413:
        assert sent({"body": msgspec.json.encode(text).decode()}) > PAYLOAD_LIMIT - 4096
    assert json.loads(capsys.readouterr().out)["status"] == answer["statusCode"]


@pytest.mark.parametrize("values", [[0] * 3_000_000, ["\u2028"] * 1_000_000])
def test_an_answer_to_a_direct_call_is_measured_as_it_is_sent(values: list[Any]) -> None:
    assert sent({"values": values}) > PAYLOAD_LIMIT
    answer = call(lambda event, invocation: {"values": values}, {"x": 1})
    assert answer["status"] == 413
    half = values[: len(values) // 2]
    assert call(lambda event, invocation: {"values": half}, {"x": 1}) == {"values": half}


@pytest.mark.parametrize("name", ["a/~", '"', "\\", "\0", "\U0001f600"])
def test_a_problem_of_many_fields_with_long_names_can_be_sent(name: str) -> None:
    def refuse(request: Request, invocation: Invocation) -> Response:
        at = pointer("instances", 0, name * 900)
        errors = [FieldError(at, name * 100_000)] * 250
        raise Unprocessable(name * 100_000, errors, others=99_750)

    answer = call(refuse)
    assert answer["statusCode"] == 422
    assert sent(answer) <= PAYLOAD_LIMIT
    document = json.loads(answer["body"])
    assert (len(document["errors"]), document["other_errors"]) == (100, 99_900)


def test_a_pointer_is_no_longer_than_can_be_sent() -> None:
    assert pointer("instances", 3, "a" * 3_000_000) == "/instances/3"
    assert pointer("instances", 3, "é" * 300) == "/instances/3/" + "é" * 300


def test_what_the_api_waits_for_has_an_end() -> None:
    """Jobs and direct calls have the function's own time."""
    seen: list[float] = []

    def watched(*_: Any) -> Response:
        seen.append(time_limit.left())
        return Response(HTTPStatus.OK, {})

    for event in (proxy(), {"job_id": "j"}, {"other": 1}):
        call(watched, event)
    assert 0 < seen[0] <= time_limit.REQUEST_SECONDS
    assert seen[1:] == [math.inf] * 2


def test_a_job_event_runs_the_job() -> None:
    ran = []
    assert call(lambda job_id, invocation: ran.append(job_id), {"job_id": "j1"}) is None
    assert ran == ["j1"]


@pytest.mark.parametrize("problem", [NotFound("no such job"), Corrupted("it is damaged")])
def test_the_event_of_a_job_that_nobody_can_run_is_not_tried_again(
    problem: Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[dict[str, Any]] = []
    monkeypatch.setattr(logs, "log", lambda message, **fields: lines.append(fields))

    def run(job_id: str, invocation: Invocation) -> None:
        raise problem

    assert call(run, {"job_id": "j1"}) is None
    assert lines == [{"job_id": "j1", "detail": problem.detail, "level": logging.ERROR}]


def test_any_other_event_is_a_direct_call() -> None:
    assert call(lambda event, invocation: {"got": event}, {"x": 1}) == {"got": {"x": 1}}


def test_a_direct_call_answers_with_the_problem() -> None:
    def refuse(event: Any, invocation: Invocation) -> Any:
        raise Conflict("Moved meanwhile.")

    assert call(refuse, {"x": 1})["status"] == 409


@pytest.mark.parametrize("event", [None, 5, "text", [], [1]])
def test_an_event_that_is_no_object_reaches_the_function_as_it_is(event: Any) -> None:
    function = Function("test", {}, lambda event, options, invocation: {"got": event})
    assert function(event, CONTEXT) == {"got": event}


def test_a_direct_call_raises_the_problem_where_the_caller_asks_for_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def refuse(event: Any, invocation: Invocation) -> Any:
        raise Unprocessable("Not this.", [FieldError("/x", "not this")])

    with pytest.raises(Exception, match="Not this") as raised:
        call(refuse, {"x": 1, "invocation": {"raise_errors": True}})

    assert type(raised.value).__name__ == "UnprocessableContent"
    document = json.loads(str(raised.value))
    assert (document["status"], document["request_id"]) == (422, "r1")
    assert document["errors"] == [{"pointer": "/x", "detail": "not this"}]
    line = json.loads(capsys.readouterr().out)
    assert (line["route"], line["status"]) == ("direct", 422)


def test_a_bug_is_raised_without_its_inside() -> None:
    def fail(event: Any, invocation: Invocation) -> Any:
        raise ValueError("secret")

    with pytest.raises(Exception, match="did not expect") as raised:
        call(fail, {"x": 1, "invocation": {"raise_errors": True}})

    assert type(raised.value).__name__ == "InternalError"
    assert "secret" not in str(raised.value)
    assert raised.value.__suppress_context__


@pytest.mark.parametrize(
    ("options", "pointer"),
    [
        (None, "/invocation"),
        (5, "/invocation"),
        ({"wait": "no"}, "/invocation/wait"),
        ({"idempotency_key": ""}, "/invocation/idempotency_key"),
        ({"idempotency_key": "k" * 256}, "/invocation/idempotency_key"),
        ({"retries": 0}, "/invocation/retries"),
    ],
)
def test_a_bad_option_of_a_direct_call_is_pointed_at(options: Any, pointer: str) -> None:
    problem = call(lambda event, invocation: {}, {"x": 1, "invocation": options})
    assert [error["pointer"] for error in problem["errors"]] == [pointer]


@pytest.mark.parametrize("options", [{"wait": False}, {"idempotency_key": "k"}])
def test_a_function_without_jobs_says_so(options: dict[str, Any]) -> None:
    function = Function("test", {}, lambda event, options, invocation: {"got": event})
    assert function({"invocation": options}, CONTEXT)["status"] == 422
    assert function({"invocation": {"raise_errors": True}}, CONTEXT) == {"got": {}}


def test_every_request_leaves_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def refuse(request: Request, invocation: Invocation) -> Response:
        raise Conflict("A secret of the caller's.")

    call(echo)
    call(refuse)

    out = capsys.readouterr().out
    lines = [json.loads(line) for line in out.splitlines()]
    assert [(line["message"], line["status"]) for line in lines] == [
        ("request", 201),
        ("request", 409),
    ]
    assert {(line["route"], line["request_id"]) for line in lines} == {("POST /things/{id}", "r1")}
    assert lines[1]["error"] == "Conflict"
    assert "secret" not in out


def test_what_a_library_said_is_logged_and_not_answered(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(request: Request, invocation: Invocation) -> Response:
        raise Conflict("Moved meanwhile.") from ValueError("https://ml-data-1.s3/x")

    answer = call(fail)

    assert "ml-data" not in answer["body"]
    line = json.loads(capsys.readouterr().out)
    assert line["cause"] == "ValueError: https://ml-data-1.s3/x"
    assert line["request_id"] == json.loads(answer["body"])["request_id"]


@pytest.mark.parametrize("body", ['{"x": 1}', "no JSON"])
def test_pages_of_the_allowed_origin_can_read_answers_and_errors(
    monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    assert "Access-Control-Allow-Origin" not in call(echo, proxy(body=body))["headers"]
    monkeypatch.setenv("ALLOWED_ORIGIN", "https://app.example.com")
    headers = call(echo, proxy(body=body))["headers"]
    assert headers["Access-Control-Allow-Origin"] == "https://app.example.com"
    assert "X-Request-Id" in headers["Access-Control-Expose-Headers"]


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        ({"identity": {"userArn": "arn:1", "sourceIp": "1.2.3.4"}}, "arn:1"),
        ({"identity": {"userArn": "arn:1", "cognitoIdentityId": "us-east-1:2"}}, "us-east-1:2"),
        ({"authorizer": {"claims": {"sub": "ann"}}, "identity": {"sourceIp": "1.2.3.4"}}, "ann"),
        ({"authorizer": {"principalId": "bob"}, "identity": {"sourceIp": "1.2.3.4"}}, "bob"),
        ({"identity": {"apiKeyId": "k1", "sourceIp": "1.2.3.4"}}, "k1"),
        ({"identity": {"sourceIp": "1.2.3.4"}, "authorizer": None}, "1.2.3.4"),
        ({}, "unknown"),
    ],
)
def test_caller_is_whom_the_authorization_knows(context: dict[str, Any], expected: str) -> None:
    answer = call(echo, proxy(requestContext=context))
    assert json.loads(answer["body"])[2] == expected


@pytest.mark.parametrize("event", [None, 5, True, "text", [], {"httpMethod": "POST"}])
def test_an_event_that_is_no_object_reaches_the_direct_endpoint(event: Any) -> None:
    def direct(event: Any, options: Any, invocation: Invocation) -> dict[str, Any]:
        raise Unprocessable(f"{event!r} does not fit")

    function = Function(name="test", routes={}, direct=direct)

    assert function(event, CONTEXT)["detail"] == f"{event!r} does not fit"


@pytest.mark.parametrize(
    "changes",
    [
        {"headers": 5},
        {"headers": {"Idempotency-Key": 5}},
        {"requestContext": {"identity": 5}},
        {"requestContext": {"authorizer": "a"}},
        {"requestContext": 5},
        {"pathParameters": {"id": 5}},
        {"pathParameters": None},
        {"body": 5},
        {"body": {"x": 1}},
        {"body": "%%", "isBase64Encoded": "yes"},
        {"body": "abc", "isBase64Encoded": True},
        {"body": "\u00e9", "isBase64Encoded": True},
        {"httpMethod": ["POST"]},
        {"resource": None},
        {"httpMethod": "\ud800"},
    ],
)
def test_an_event_of_an_odd_form_is_the_callers_mistake(changes: dict[str, Any]) -> None:
    def sized(request: Request, invocation: Invocation) -> Response:
        len(request.headers["idempotency-key"])
        return echo(request, invocation)

    answer = call(sized, proxy(**changes))
    assert answer["statusCode"] in (400, 404, 422)
    problem = json.loads(answer["body"])
    assert problem["status"] == answer["statusCode"]
    assert_plain(answer["body"])


@pytest.mark.parametrize(
    ("changes", "caller"),
    [
        ({"requestContext": {"authorizer": {"claims": "x", "principalId": "p"}}}, "p"),
        ({"requestContext": {"authorizer": {"claims": {"sub": "s"}}}}, "s"),
        ({"requestContext": {"identity": {"userArn": ["a"]}}}, "unknown"),
        ({"requestContext": None}, "unknown"),
    ],
)
def test_an_authorizer_says_what_it_likes(changes: dict[str, Any], caller: str) -> None:
    assert json.loads(call(echo, proxy(**changes))["body"])[2] == caller


def test_half_a_pair_in_an_event_is_the_callers_mistake() -> None:
    def stored(request: Request, invocation: Invocation) -> Response:
        return Response(HTTPStatus.OK, request.headers["idempotency-key"].encode())

    answer = call(stored, proxy(headers={"Idempotency-Key": "\ud800"}))
    assert answer["statusCode"] == 400
    assert "surrogate" in answer["body"]


def test_an_event_nested_too_deep_is_the_callers_mistake() -> None:
    event: dict[str, Any] = {}
    for _ in range(100_000):
        event = {"a": event}
    answer = call(lambda event, invocation: event, event)
    assert (answer["status"], answer["detail"]) == (400, "The event is nested too deep.")


def test_a_direct_answer_is_json_as_the_apis() -> None:
    numbers = [1, 0.5, math.nan, math.inf, -math.inf, None]
    answer = call(lambda event, invocation: {"numbers": numbers}, {"a": 1})
    assert answer == {"numbers": [1, 0.5, None, None, None, None]}


@pytest.mark.parametrize("number", ["1e400", "-1e400", "NaN", "-Infinity"])
def test_a_number_that_json_does_not_have_is_refused_in_an_event_as_in_a_body(number: str) -> None:
    body = f'{{"instances": [{{"x": null}}, {{"x": {number}}}]}}'
    answer = call(lambda event, invocation: {}, json.loads(body))
    assert (answer["status"], answer["title"]) == (400, "Bad request")
    (error,) = answer["errors"]
    assert error["pointer"] == "/instances/1/x"
    assert "send null" in error["detail"]
    sent = call(lambda request, invocation: Response(HTTPStatus.OK, request.json()),
                proxy(body=body))  # fmt: skip
    assert sent["statusCode"] == 400
    assert json.loads(sent["body"])["errors"][0]["pointer"] == error["pointer"]


def test_an_event_may_have_null() -> None:
    assert call(lambda event, invocation: event, {"x": [None, "null"]}) == {"x": [None, "null"]}
