"""What a function's role may do: its identity policies, evaluated on the calls it makes.

Covers what the deployed policies are written with: Allow and Deny, Action, Resource, and string
conditions. Calls that are not S3's or Lambda's Invoke need an action of "*" or "<service>:*".
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs, unquote

from moto.iam.models import iam_backends

from local.lambda_runtime.functions import ACCOUNT_ID
from local.signature import Verified
from local.wsgi import App, Environ, StartResponse, json_response, raw_path, xml_error

Statement = Mapping[str, Any]
INVOCATION = re.compile(r"/functions/(?P<name>[^/]+)/invocations/?$")
OBJECT_ACTIONS = {
    "GET": "s3:GetObject",
    "HEAD": "s3:GetObject",
    "PUT": "s3:PutObject",
    "POST": "s3:PutObject",
    "DELETE": "s3:DeleteObject",
}


@dataclass(frozen=True)
class Demand:
    """One permission that a request needs."""

    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)


class Authorize:
    """Holds the functions' sessions to their roles; the run's own user may do anything."""

    def __init__(self, app: App, region: str) -> None:
        self._app = app
        self._region = region

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        caller: Verified = environ["local.caller"]
        if not caller.credentials.role:
            return self._app(environ, start_response)
        statements = role_statements(caller.credentials.role)
        for demand in demands(environ, caller.service, self._region):
            if not allowed(statements, demand):
                return _denied(caller, demand)(environ, start_response)
        bucket, key = bucket_and_key(environ)
        listing = Demand("s3:ListBucket", f"arn:aws:s3:::{bucket}", {"s3:prefix": key})
        if caller.service != "s3" or not key or allowed(statements, listing):
            return self._app(environ, start_response)
        return self._hide_missing(_denied(caller, listing), environ, start_response)

    def _hide_missing(
        self, denied: App, environ: Environ, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Who may not list a key is told 403, not 404, where it is missing."""
        started: list[Any] = []
        body = self._app(environ, lambda *arguments: started.append(arguments))
        if started[0][0].startswith("404"):
            return denied(environ, start_response)
        start_response(*started[0])
        return body


def role_statements(role_name: str) -> list[Statement]:
    """All statements of a role's inline and attached policies; none when it is gone."""
    backend = iam_backends[ACCOUNT_ID]["aws"]
    role = next((one for one in backend.roles.values() if one.name == role_name), None)
    if role is None:
        return []
    documents = [*role.policies.values()]
    documents += [
        version.document
        for policy in role.managed_policies.values()
        for version in policy.versions
        if version.is_default
    ]
    return [statement for document in documents for statement in _statements(document)]


def allowed(statements: list[Statement], demand: Demand) -> bool:
    """Whether a statement allows it and none denies it."""
    applying = [one["Effect"] for one in statements if _applies(one, demand)]
    return "Allow" in applying and "Deny" not in applying


def demands(environ: Environ, service: str, region: str) -> Iterator[Demand]:
    """The permissions that a request needs."""
    if service == "s3":
        yield from _s3_demands(environ)
    elif service == "lambda" and (match := INVOCATION.search(raw_path(environ))):
        name = unquote(match["name"])
        qualifier = parse_qs(environ.get("QUERY_STRING", "")).get("Qualifier", [""])[0]
        if not name.startswith("arn:"):
            name = f"arn:aws:lambda:{region}:{ACCOUNT_ID}:function:{name}"
        yield Demand("lambda:InvokeFunction", f"{name}:{qualifier}" if qualifier else name)
    else:
        yield Demand(f"{service}:-", "*")


def bucket_and_key(environ: Environ) -> tuple[str, str]:
    """Of a path-style S3 request, decoded."""
    bucket, _, key = raw_path(environ).lstrip("/").partition("/")
    return unquote(bucket), unquote(key)


def _s3_demands(environ: Environ) -> Iterator[Demand]:
    bucket, key = bucket_and_key(environ)
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    method = environ["REQUEST_METHOD"]
    if not key:
        listing = method in ("GET", "HEAD") and query.keys() <= LISTING_PARAMETERS
        context = {"s3:prefix": query["prefix"][0]} if "prefix" in query else {}
        action = "s3:ListBucket" if listing else "s3:-"
        yield Demand(action, f"arn:aws:s3:::{bucket}", context)
        return
    resource = f"arn:aws:s3:::{bucket}/{key}"
    if "uploadId" in query and method == "DELETE":
        yield Demand("s3:AbortMultipartUpload", resource)
        return
    yield Demand(OBJECT_ACTIONS.get(method, "s3:-"), resource)
    if method == "PUT" and "HTTP_IF_MATCH" in environ:
        yield Demand("s3:GetObject", resource)
    if source := environ.get("HTTP_X_AMZ_COPY_SOURCE"):
        yield Demand("s3:GetObject", f"arn:aws:s3:::{unquote(source).lstrip('/').split('?')[0]}")


LISTING_PARAMETERS = {
    "list-type",
    "prefix",
    "delimiter",
    "max-keys",
    "continuation-token",
    "start-after",
    "encoding-type",
    "fetch-owner",
    "marker",
    "x-id",
}


@lru_cache(maxsize=64)
def _statements(document: str) -> tuple[Statement, ...]:
    statements = json.loads(document)["Statement"]
    return tuple(statements) if isinstance(statements, list) else (statements,)


def _applies(statement: Statement, demand: Demand) -> bool:
    return (
        any(_like(one.lower(), demand.action.lower()) for one in _many(statement.get("Action")))
        and any(_like(one, demand.resource) for one in _many(statement.get("Resource")))
        and all(
            _holds(operator, _many(wanted), demand.context.get(key))
            for operator, keys in statement.get("Condition", {}).items()
            for key, wanted in keys.items()
        )
    )


def _holds(operator: str, wanted: list[str], actual: str | None) -> bool:
    name = operator.removesuffix("IfExists")
    if actual is None:
        return name != operator
    if name == "StringEquals":
        return actual in wanted
    if name == "StringLike":
        return any(_like(one, actual) for one in wanted)
    return False


def _many(value: Any) -> list[str]:
    if value is None:
        return []
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]


def _like(pattern: str, text: str) -> bool:
    return _compiled(pattern).fullmatch(text) is not None


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    """IAM's wildcards: * for any characters, ? for one."""
    parts = (".*" if one == "*" else "." if one == "?" else re.escape(one) for one in pattern)
    return re.compile("".join(parts), re.DOTALL)


def _denied(caller: Verified, demand: Demand) -> App:
    message = (
        f"User: {caller.credentials.principal_arn} is not authorized to perform: {demand.action} "
        f"on resource: {demand.resource} because no identity-based policy allows it"
    )
    if caller.service == "s3":
        return xml_error(403, "AccessDenied", message)
    return json_response(403, {"__type": "AccessDeniedException", "message": message})
