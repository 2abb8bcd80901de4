"""What moto 5.2.5 gets wrong or lacks, mended: each patch with the reason it is here.

tests/unit/local/test_moto_patches.py shows for each that stock moto still needs it.
"""

import json
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qs, unquote

from moto.apigateway.models import APIGatewayBackend, RestAPI
from moto.awslambda.models import LambdaBackend
from moto.awslambda.responses import LambdaResponse
from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeBucket, S3Backend, s3_backends
from moto.s3.responses import S3Response

from local.lambda_runtime.functions import ACCOUNT_ID
from local.wsgi import App, Environ, StartResponse, raw_path

InvokeHandler = Callable[..., tuple[int, dict[str, str], bytes]]


@dataclass(frozen=True)
class Patch:
    """One replaced method of moto."""

    target: Any
    attribute: str
    replacement: Callable[..., Any]
    reason: str


@contextmanager
def applied(patches: list[Patch]) -> Iterator[None]:
    """moto with these patches, for as long as the block lasts."""
    with ExitStack() as stack:
        for one in patches:
            stack.enter_context(patch.object(one.target, one.attribute, one.replacement))
        yield


def invoke(handler: InvokeHandler) -> Patch:
    """Run functions by `handler(name, qualifier, headers, body)`: (status, headers, body)."""

    def replacement(self: Any) -> tuple[int, dict[str, str], bytes]:
        name = unquote(self.path.rsplit("/", 2)[-2])
        qualifier = self.querystring.get("Qualifier", [None])[0]
        body = self.body.encode() if isinstance(self.body, str) else self.body
        status, headers, answer = handler(name, qualifier, self.headers, body or b"")
        return status, {**headers, "status": str(status)}, answer  # moto looks at the header only

    return Patch(
        LambdaResponse,
        "invoke",
        replacement,
        "moto runs functions in Docker only, and reads `qualifier` where the API sends `Qualifier`",
    )


def bucket_policy() -> Patch:
    def replacement(self: Any, action: str, resource: str) -> PermissionResult:
        return PermissionResult.NEUTRAL

    return Patch(
        FakeBucket,
        "get_permission",
        replacement,
        "moto evaluates bucket policies without Condition and Principal, so that the statement "
        "which denies requests without TLS denies every request",
    )


def remember_openapi() -> Patch:
    original = APIGatewayBackend.put_rest_api

    def replacement(
        self: Any, function_id: str, api_doc: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        api = original(self, function_id, api_doc, *args, **kwargs)
        api.openapi = api_doc  # type: ignore[attr-defined]
        return api

    return Patch(
        APIGatewayBackend,
        "put_rest_api",
        replacement,
        "moto drops security, validators, models and gateway responses of an imported document",
    )


def mock_integrations() -> Patch:
    original = APIGatewayBackend._build_integration_args

    def replacement(self: Any, integration: dict[str, Any]) -> dict[str, Any]:
        arguments: dict[str, Any] = original(self, integration)
        if integration.get("type") == "mock":
            arguments.update(uri="", integration_method="")
        return arguments

    return Patch(
        APIGatewayBackend,
        "_build_integration_args",
        replacement,
        "moto wants a URI and a method of mock integrations, which have none",
    )


def escape_api_policies() -> Patch:
    original = RestAPI.to_dict

    def replacement(self: Any) -> dict[str, Any]:
        answer: dict[str, Any] = original(self)
        if answer.get("policy"):
            answer["policy"] = json.dumps(answer["policy"])[1:-1]
        return answer

    return Patch(
        RestAPI,
        "to_dict",
        replacement,
        "API Gateway answers with the policy as the inside of a JSON string, which the provider "
        "unquotes; moto answers with the policy itself",
    )


def remember_deployment() -> Patch:
    original = RestAPI.create_deployment

    def replacement(self: Any, *args: Any, **kwargs: Any) -> Any:
        deployment = original(self, *args, **kwargs)
        openapi = getattr(self, "openapi", None)
        deployment.openapi = openapi  # type: ignore[attr-defined]
        return deployment

    return Patch(
        RestAPI,
        "create_deployment",
        replacement,
        "a stage serves the API as it was when deployed; moto keeps no snapshot",
    )


def replace_event_invoke_config() -> Patch:
    original = LambdaBackend.put_function_event_invoke_config

    def replacement(self: Any, function_name: str, config: dict[str, Any]) -> Any:
        self.get_function(function_name).event_invoke_config.clear()
        return original(self, function_name, config)

    return Patch(
        LambdaBackend,
        "put_function_event_invoke_config",
        replacement,
        "moto appends a changed event invoke config and goes on answering with the first one",
    )


def list_versions_while_others_delete() -> Patch:
    original = S3Backend.list_object_versions

    def replacement(self: Any, *args: Any, **kwargs: Any) -> Any:
        while True:
            try:
                return original(self, *args, **kwargs)
            except (TypeError, RuntimeError):  # another thread has changed the bucket meanwhile
                continue

    return Patch(
        S3Backend,
        "list_object_versions",
        replacement,
        "moto goes through a bucket's versions while other requests, of a destroy for one, "
        "delete them, and answers 500",
    )


def put_one_at_a_time() -> Patch:
    original = S3Response.put_object
    lock = threading.Lock()

    def replacement(self: Any) -> Any:
        with lock:
            return original(self)

    return Patch(
        S3Response,
        "put_object",
        replacement,
        "moto tests If-Match and writes in two steps, between which other requests write",
    )


def ranged_reads(app: App) -> App:
    """`app` (moto), with parts of objects read as parts.

    moto reads the whole object for each part, so that a download of 1 GB in ten threads, as
    boto3 makes it, holds 10 GB. Here moto answers as for HEAD, and the part is read from its file.
    """

    def ranged(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] != "GET" or "HTTP_RANGE" not in environ:
            return app(environ, start_response)
        started: list[Any] = []
        head = {**environ, "REQUEST_METHOD": "HEAD"}
        list(app(head, lambda *arguments: started.append(arguments)))
        status, headers = started[0][:2]
        span = re.match(r"bytes (\d+)-(\d+)/", dict(headers).get("content-range", ""))
        if not status.startswith("206") or span is None:
            return app(environ, start_response)
        start_response(status, headers)
        return [_part(environ, int(span[1]), int(span[2]))]

    return ranged


def _part(environ: Environ, begin: int, end: int) -> bytes:
    bucket, _, key = raw_path(environ).lstrip("/").partition("/")
    version = parse_qs(environ.get("QUERY_STRING", "")).get("versionId", [None])[0]
    backend = s3_backends[ACCOUNT_ID]["aws"]
    found = backend.get_object(unquote(bucket), unquote(key), version_id=version)
    assert found is not None
    with found.lock:
        found._value_buffer.seek(begin)
        return bytes(found._value_buffer.read(end - begin + 1))


def all_patches(handler: InvokeHandler) -> list[Patch]:
    return [
        invoke(handler),
        bucket_policy(),
        remember_openapi(),
        mock_integrations(),
        escape_api_policies(),
        remember_deployment(),
        replace_event_invoke_config(),
        list_versions_while_others_delete(),
        put_one_at_a_time(),
    ]
