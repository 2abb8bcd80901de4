"""Serves deployed REST APIs over WSGI, at /_aws/execute-api/<api id>/<stage>/<path>.

There every request is signed. At the open address, /_aws/open/<token>/<api id>/<stage>/<path>, it
is where the API says so.
"""

import json
import logging
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from moto.apigateway.models import apigateway_backends

from local.gateway.api_keys import api_key_id
from local.gateway.events import Call, proxy_event, to_response
from local.gateway.openapi import Document, Match, Route
from local.gateway.permissions import may_invoke
from local.gateway.problems import Context, GatewayError, mock_answer, render
from local.gateway.throttle import Throttle, limits
from local.guard import signed_request
from local.iam.evaluation import Demand
from local.lambda_runtime.functions import ACCOUNT_ID
from local.lambda_runtime.invoke import InvokeError
from local.lambda_runtime.models import Credentials, Outcome
from local.open_address import OpenAddress
from local.signature import Keyring, SignatureError, verify
from local.wsgi import App, Environ, Response, StartResponse, header_items, raw_path, read_body

PREFIX = "/_aws/execute-api/"
MAX_BODY_BYTES = 10 * 1024 * 1024
WAITING = 256
NO_AUTHORIZERS = (
    "The local cloud has no user pools and no authorizers: deploy to it with the authorization "
    "AWS_IAM, API_KEY or NONE."
)

Run = Callable[[str, bytes], Outcome]
"""Invokes the function of an ARN with an event; raises InvokeError."""

Permits = Callable[[Credentials, Demand], bool]
"""Whether a caller's own policies let it call the API."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Target:
    """What a request is addressed to. The path is raw and below the stage."""

    api_id: str
    stage: str
    path: str
    is_open: bool
    """Whether it came by the open address."""

    @classmethod
    def of(cls, path: str, address: OpenAddress) -> "Target | None":
        """By a raw path; None for one that is not of an API."""
        below = address.below(path)
        is_open = below is not None
        if below is None and path.startswith(PREFIX):
            below = path.removeprefix(PREFIX)
        if below is None:
            return None
        api_id, _, rest = below.partition("/")
        stage, _, rest = rest.partition("/")
        return cls(api_id, stage, f"/{rest}", is_open)


@dataclass(frozen=True)
class Stage:
    """A deployed stage as found in moto."""

    api_id: str
    name: str
    document: Document
    settings: dict[str, Any]
    variables: dict[str, str]


class Gateway:
    """Serves what is below PREFIX and the open address; `app` gets the rest."""

    def __init__(
        self,
        app: App,
        run: Run,
        keyring: Keyring,
        permits: Permits,
        region: str,
        address: OpenAddress,
    ) -> None:
        self._app = app
        self._address = address
        self._run = run
        self._permits = permits
        self._keyring = keyring
        self._region = region
        self._throttle = Throttle()
        self._waiting = ThreadPoolExecutor(WAITING, thread_name_prefix="gateway")
        self._documents: dict[int, Document] = {}

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        target = Target.of(raw_path(environ), self._address)
        app = self._respond(environ, target) if target else self._app
        return app(environ, start_response)

    def close(self) -> None:
        self._waiting.shutdown(wait=False, cancel_futures=True)

    def _respond(self, environ: Environ, target: Target) -> Response:
        request_id = str(uuid.uuid4())
        method = environ["REQUEST_METHOD"]
        stage = self._stage(target.api_id, target.stage)
        match = stage.document.match(method, target.path) if stage else None
        resource = match.route.path if match else ""
        context = Context(request_id, target.stage, resource, method)
        try:
            if stage is None:
                raise GatewayError("ACCESS_DENIED", "Forbidden")
            return self._serve(environ, stage, match, target, request_id)
        except GatewayError as error:
            responses = stage.document.gateway_responses if stage else {}
            return render(error, responses, context)

    def _serve(
        self, environ: Environ, stage: Stage, match: Match | None, target: Target, request_id: str
    ) -> Response:
        body = read_body(environ, MAX_BODY_BYTES)
        if len(body) > MAX_BODY_BYTES:
            raise GatewayError("REQUEST_TOO_LARGE", "Request Too Long")
        if match is None:
            raise GatewayError("MISSING_AUTHENTICATION_TOKEN", "Missing Authentication Token")
        if match.route.mock is not None:
            return mock_answer(match.route.mock)
        route = match.route
        # Elsewhere also without AWS_IAM, or any page in the browser could run the function.
        signed = route.iam or not target.is_open
        principal = self._authenticate(environ) if signed else None
        arn = f"{_stage_arn(self._region, stage)}/{environ['REQUEST_METHOD']}{route.path}"
        caller = principal if route.iam else None
        if caller and not self._permits(caller, Demand("execute-api:Invoke", arn)):
            user = caller.principal_arn
            raise GatewayError(
                "ACCESS_DENIED",
                f"User: {user} is not authorized to perform: execute-api:Invoke on resource: {arn}",
            )
        key_id = self._api_key(environ, stage, route)
        rate, burst = limits(stage.settings, route.path, route.method)
        if not self._throttle.admit(
            (stage.api_id, stage.name, route.path, route.method), rate, burst
        ):
            raise GatewayError("THROTTLED", "Too Many Requests")
        call = Call(
            api_id=stage.api_id,
            stage=stage.name,
            account_id=ACCOUNT_ID,
            request_id=request_id,
            method=environ["REQUEST_METHOD"],
            path=target.path,
            query=environ.get("QUERY_STRING", ""),
            headers=list(header_items(environ)),
            body=body,
            principal=caller,
            api_key_id=key_id,
            variables=stage.variables,
        )
        event = proxy_event(call, match, stage.document.binary_types)
        if not may_invoke(route.function_arn, arn):
            log.error("%s has no permission for %s", route.function_arn, arn)
            raise GatewayError("API_CONFIGURATION_ERROR", "Internal server error")
        payload = self._integrate(match, json.dumps(event).encode())
        return to_response(payload, request_id, stage.document.binary_types)

    def _authenticate(self, environ: Environ) -> Credentials:
        try:
            return verify(signed_request(environ), self._keyring, "execute-api").credentials
        except SignatureError as error:
            raise GatewayError(error.kind, str(error)) from error

    def _api_key(self, environ: Environ, stage: Stage, route: Route) -> str | None:
        """The id of the request's API key, where the route wants one."""
        if route.authorizer:
            raise GatewayError("AUTHORIZER_CONFIGURATION_ERROR", NO_AUTHORIZERS)
        if not route.api_key:
            return None
        value = environ.get("HTTP_X_API_KEY", "")
        key_id = api_key_id(value, stage.api_id, stage.name, self._region)
        if key_id is None:
            raise GatewayError("INVALID_API_KEY", "Forbidden")
        return key_id

    def _integrate(self, match: Match, event: bytes) -> bytes:
        waiting = self._waiting.submit(self._run, match.route.function_arn, event)
        try:
            outcome = waiting.result(match.route.timeout_seconds)
        except TimeoutError as error:
            raise GatewayError("INTEGRATION_TIMEOUT", "Endpoint request timed out") from error
        except InvokeError as error:
            if error.status == 413:
                raise GatewayError("REQUEST_TOO_LARGE", "Request Too Long") from error
            log.error("%s: %s", error.code, error)
            raise GatewayError("API_CONFIGURATION_ERROR", "Internal server error") from error
        if outcome.failed:
            raise GatewayError("DEFAULT_5XX", "Internal server error")
        return outcome.payload

    def _stage(self, api_id: str, name: str) -> Stage | None:
        api = apigateway_backends[ACCOUNT_ID][self._region].apis.get(api_id)
        stage = api.stages.get(name) if api else None
        if api is None or stage is None:
            return None
        deployment = api.deployments.get(stage.deployment_id or "")
        openapi = getattr(deployment, "openapi", None)
        if openapi is None:
            return None
        document = self._documents.get(id(openapi))
        if document is None or document.raw is not openapi:
            document = self._documents[id(openapi)] = Document(openapi)
        return Stage(api_id, name, document, stage.method_settings, stage.variables or {})


def _stage_arn(region: str, stage: Stage) -> str:
    return f"arn:aws:execute-api:{region}:{ACCOUNT_ID}:{stage.api_id}/{stage.name}"
