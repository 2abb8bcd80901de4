"""The edge of a function: Lambda events in, Lambda answers out. Only this module knows HTTP.

A function is called in three ways:

- Through the REST API, an HTTP API or a function URL (payload_2), it gets a proxy event and answers
  with a status.
- For a job, it gets `{"job_id": ...}` asynchronously.
- Called directly, it gets the body of its main POST, optionally with a field `invocation`
  (DirectOptions). It answers with the plain result or the problem's document.
"""

import base64
import logging
import re
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Annotated, Any

import msgspec

from common import decoding, logs, time_limit
from common.invocation import Invocation
from common.metrics import RequestLine
from common.problems import (
    PAYLOAD_LIMIT,
    BadRequest,
    Corrupted,
    MethodNotAllowed,
    NotFound,
    Problem,
    cause_of,
    check_answer_size,
    invalid,
)
from common.settings import allowed_origin

_ENVELOPE = 4096
"""Bytes that are reserved for the status and the headers of an answer."""

_ROUTE = re.compile("[A-Z]{1,20} [!-~]{1,500}")

_RAW_PATH = "rawPath"
"""The field by which events of the payload format 2.0 are recognised."""

_PARAMETER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")

type Event = dict[str, Any]


class Request(msgspec.Struct, frozen=True):
    """An API request, read from a proxy event; header names are in lower case."""

    parameters: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes | None
    caller: str
    query: Mapping[str, str] = {}

    def json(self) -> Any:
        """The body's JSON value. Raises BadRequest."""
        return decoding.parse(self.body)


class Response(msgspec.Struct, frozen=True):
    """A status, a JSON value (bytes are JSON already encoded) and headers."""

    status: HTTPStatus
    body: Any
    headers: Mapping[str, str] = {}


class DirectOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Options of a direct call: the field `invocation` of its event.

    wait decides whether a job is answered at its end or at once. With raise_errors, a problem is an
    error of the function: its title in one word is the type, its document the message.
    """

    idempotency_key: Annotated[str, msgspec.Meta(min_length=1, max_length=255)] | None = None
    wait: bool = True
    raise_errors: bool = False


type Endpoint = Callable[[Request, Invocation], Response]


class Function(msgspec.Struct, frozen=True):
    """A Lambda function: what it does for each way of calling it.

    routes maps "METHOD /resource/{path}" to an endpoint. direct answers a direct call: it gets the
    event without its options, and the options. run_job runs the job with an id.
    """

    name: str
    routes: Mapping[str, Endpoint]
    direct: Callable[[Event, DirectOptions, Invocation], Any]
    run_job: Callable[[str, Invocation], object] | None = None

    def __call__(self, event: Event, context: Any) -> Any:
        """The Lambda handler."""
        started = time.perf_counter()
        logs.configure()
        invocation = Invocation.of(context)
        if self.run_job is not None and _is_of_job(event):
            try:
                self.run_job(event["job_id"], invocation)
            except (NotFound, Corrupted) as problem:  # a retry of Lambda's would fail, too
                fields = {"job_id": event["job_id"], "detail": problem.detail}
                logs.log("no job to run", level=logging.ERROR, **fields)
            return None
        route = self._route(event)
        if route is not None:
            with time_limit.ending_in(time_limit.REQUEST_SECONDS):
                response = self._response(route, event, invocation)
            status: int = response.status
            answer = _proxy_answer(response, invocation.request_id)
        else:
            route = "direct"
            answer, status = self._direct_answer(event, invocation)
        seconds = time.perf_counter() - started
        invocation.line.write(invocation.request_id, route, status, seconds)
        if route == "direct" and status >= 400 and _raises_errors(event):
            raise _function_error(answer) from None
        return answer

    def _route(self, event: Any) -> str | None:
        """The route of an API's event; None for a direct call."""
        if not isinstance(event, dict):
            return None
        if _RAW_PATH in event:
            from common import payload_2  # not needed for the REST API

            route = payload_2.route(event, self.routes)
        elif {"httpMethod", "resource"} <= event.keys():
            method, resource = event["httpMethod"], event["resource"]
            is_text = isinstance(method, str) and isinstance(resource, str)
            route = f"{method} {resource}" if is_text else ""
        else:
            return None
        known = route in self.routes or _ROUTE.fullmatch(route)
        return route if known else "a route of this form"

    def _response(self, route: str, event: Event, invocation: Invocation) -> Response:
        try:
            if _RAW_PATH in event:
                from common import payload_2

                event = payload_2.proxy_event(event, route)
            endpoint = self.routes.get(route)
            if endpoint is None:
                raise self._unserved(route)
            return _encoded(endpoint(_request(event), invocation))
        except Exception as error:
            if not isinstance(error, Problem):
                error = _fault_of_event(event, route) or error
            return _problem_response(_problem(error, invocation.line), invocation.request_id)

    def _unserved(self, route: str) -> Problem:
        path = route.partition(" ")[2]
        others = sorted(one.split()[0] for one in self.routes if one.partition(" ")[2] == path)
        if others:
            return MethodNotAllowed(f"{self.name} does not serve {route}", others)
        return NotFound(f"{self.name} does not serve {route}.")

    def _direct_answer(self, event: Event, invocation: Invocation) -> tuple[dict[str, Any], int]:
        try:
            _check_encodable(event)
            options, body = _direct_options(event)
            if self.run_job is None and (options.idempotency_key is not None or not options.wait):
                raise invalid(["invocation"], f"{self.name} has no jobs: send raise_errors alone")
            return _passable(self.direct(body, options, invocation)), HTTPStatus.OK
        except Exception as error:
            problem = _problem(error, invocation.line)
            return problem.document(invocation.request_id), problem.status


def _is_of_job(event: Any) -> bool:
    """Whether an event is one that a function sends itself for a job."""
    if not isinstance(event, dict) or event.keys() != {"job_id"}:
        return False
    job_id = event["job_id"]
    return isinstance(job_id, str) and _PARAMETER.fullmatch(job_id) is not None


def _check_encodable(event: Any) -> None:
    """Raises BadRequest for values that no body of the API can have."""
    try:
        if b"null" in msgspec.json.encode(event):  # msgspec writes NaN and infinities as null
            _check_finite(event)
    except UnicodeEncodeError as error:
        from common.proxy_event import half_a_pair  # rarely needed

        raise half_a_pair() from error
    except RecursionError as error:
        raise BadRequest("The event is nested too deep.") from error


def _check_finite(event: Any) -> None:
    """Raises BadRequest for NaN and infinities, which Python reads and writes but JSON lacks."""
    import json  # rarely needed

    try:
        json.dumps(event, allow_nan=False)
    except ValueError as error:
        from common.malformed import described

        raise described(json.dumps(event).encode()) from error


def _fault_of_event(event: Event, route: str) -> Problem | None:
    from common.proxy_event import fault  # not needed for the API's own events

    return fault(event, route)


def _direct_options(event: Any) -> tuple[DirectOptions, Any]:
    """The options of a direct call, and its event without them. Raises Unprocessable."""
    if not isinstance(event, dict) or "invocation" not in event:
        return DirectOptions(), event
    options = decoding.convert(event["invocation"], DirectOptions, ["invocation"])
    return options, {name: value for name, value in event.items() if name != "invocation"}


def _raises_errors(event: Any) -> bool:
    """Whether a direct call asks for errors, even if its other options are wrong."""
    options = event.get("invocation") if isinstance(event, dict) else None
    return isinstance(options, dict) and options.get("raise_errors") is True


def _function_error(document: Mapping[str, Any]) -> Exception:
    """A problem as Lambda's FunctionError: its type is the title in one word."""
    name = "".join(word.capitalize() for word in document["title"].split())
    error: Exception = type(name, (Exception,), {})(msgspec.json.encode(document).decode())
    return error


def _request(event: Event) -> Request:
    body = event.get("body")
    if body is not None:
        body = (
            base64.b64decode(body)
            if event.get("isBase64Encoded")
            else body.encode(errors="surrogatepass")
        )
    parameters = event.get("pathParameters") or {}
    headers = event.get("headers") or {}
    return Request(
        parameters={name: _parameter(value) for name, value in parameters.items()},
        headers={name.lower(): value for name, value in headers.items() if value is not None},
        body=body,
        caller=_caller(event.get("requestContext") or {}),
        query=event.get("queryStringParameters") or {},
    )


def _encoded(response: Response) -> Response:
    """The response with its body in bytes. Raises PayloadTooLarge."""
    body = response.body
    encoded = body if isinstance(body, bytes) else msgspec.json.encode(body)
    if 2 * len(encoded) > PAYLOAD_LIMIT - _ENVELOPE:  # escapes double it at most
        check_answer_size(escaped_bytes(encoded) + _ENVELOPE)
    return msgspec.structs.replace(response, body=encoded)


def _passable(result: Any) -> dict[str, Any]:
    """The answer of a direct call, with the API's limit of size. Raises PayloadTooLarge."""
    plain = msgspec.json.encode(result)
    answer: dict[str, Any] = msgspec.json.decode(plain)
    # The runtime adds a blank after each comma and colon, and escapes U+2028 and U+2029.
    if 2 * len(plain) > PAYLOAD_LIMIT:
        import json  # as the runtime encodes it; large answers are rare

        encoded = json.dumps(answer, ensure_ascii=False).encode(errors="surrogatepass")
        check_answer_size(len(encoded) + _line_ends(encoded))
    return answer


def escaped_bytes(body: bytes) -> int:
    """The bytes of a JSON text when the runtime (Python 3.12 or newer) writes it as a string.

    >>> escaped_bytes(b'{"a":1}')
    9
    """
    return len(body) + body.count(b'"') + body.count(b"\\") + _line_ends(body)


def _line_ends(body: bytes) -> int:
    """The bytes that escaping U+2028 and U+2029 adds."""
    return 3 * (body.count(b"\xe2\x80\xa8") + body.count(b"\xe2\x80\xa9"))


def _parameter(value: str) -> str:
    """A path parameter, decoded: a name or an id that is safe in an S3 key. Raises NotFound."""
    from urllib.parse import unquote  # importing it takes 2 ms, and predictions do not need it

    value = unquote(value)
    if not _PARAMETER.fullmatch(value):
        raise NotFound(f"There is nothing named {value!r:.80}.")
    return value


def _problem(error: Exception, line: RequestLine) -> Problem:
    """The error as callers see it, noted for the log.

    The log has no details of callers' mistakes, which may hold their data.
    """
    if not isinstance(error, Problem):
        logging.getLogger("ml").error("unexpected error", exc_info=error)
        error = Problem("The function met an error that it did not expect. Its log tells more.")
    line.note(error=error.title)
    if cause := cause_of(error):
        line.note(cause=cause)
    if error.status >= 500:
        line.note(detail=error.detail)
    return error


def _problem_response(problem: Problem, request_id: str) -> Response:
    return Response(
        HTTPStatus(problem.status),
        msgspec.json.encode(problem.document(request_id)),
        {"Content-Type": "application/problem+json", **problem.headers},
    )


def _proxy_answer(response: Response, request_id: str) -> dict[str, Any]:
    headers = {
        "Content-Type": "application/json",
        "Cache-Control": "no-store",
        "X-Request-Id": request_id,
        **_cors(),
        **response.headers,
    }
    return {
        "statusCode": int(response.status),
        "headers": headers,
        "body": response.body.decode(),
        "isBase64Encoded": False,
    }


def _cors() -> dict[str, str]:
    """Headers by which pages of the allowed origin may read an answer.

    The gateway answers preflight requests.
    """
    origin = allowed_origin()
    if origin is None:
        return {}
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Expose-Headers": "Location,Retry-After,X-Request-Id",
    }


def _caller(context: Mapping[str, Any]) -> str:
    """The caller, as the API's authorization names it: an ARN, a token's subject or a key's id.

    All users of an identity pool sign as the same session, so their Cognito identity comes first.
    """
    identity = context.get("identity") or {}
    authorizer = context.get("authorizer") or {}
    claims = authorizer.get("claims")
    caller = (
        identity.get("cognitoIdentityId")
        or identity.get("userArn")
        or (claims.get("sub") if isinstance(claims, dict) else None)
        or authorizer.get("principalId")
        or identity.get("apiKeyId")
        or identity.get("sourceIp")
    )
    return caller if isinstance(caller, str) else "unknown"
