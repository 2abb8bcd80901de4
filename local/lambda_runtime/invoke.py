"""Lambda's Invoke: finds the function, runs it in an environment, or queues it."""

import json
import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from local.errors import complain
from local.lambda_runtime.asynchronous import AsyncEvent, AsyncQueue, GivenUp
from local.lambda_runtime.code import CodeStore
from local.lambda_runtime.environment import Environment, Host, architecture
from local.lambda_runtime.functions import (
    Deployed,
    FunctionNotFoundError,
    resolve,
)
from local.lambda_runtime.logs import LogStream
from local.lambda_runtime.models import (
    MAX_ASYNC_PAYLOAD_BYTES,
    MAX_PAYLOAD_BYTES,
    Credentials,
    FunctionConfig,
    Invocation,
    InvocationType,
    Outcome,
)
from local.lambda_runtime.pool import ConcurrencyExceededError, Pool

RUNTIME = "python3.13"


class InvokeError(Exception):
    """The function was not run. `code` is Lambda's exception name, `status` its HTTP status."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class Roles(Protocol):
    """What Lambda does by a function's role."""

    def credentials(self, config: FunctionConfig) -> Credentials:
        """The keys that the function gets."""

    def put_log_events(
        self, config: FunctionConfig, stream: str, events: list[tuple[int, str]]
    ) -> None:
        """Write (milliseconds, message) pairs to the function's log group."""

    def send_message(self, config: FunctionConfig, queue_arn: str, body: str) -> None:
        """Send a message to a queue."""


def failure_record(given_up: GivenUp, deployed: Deployed) -> dict[str, Any]:
    """What a destination for failures gets.

    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
    """
    event, outcome = given_up.event, given_up.outcome
    record = {
        "version": "1.0",
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "requestContext": {
            "requestId": event.request_id,
            "functionArn": deployed.invoked_arn,
            "condition": given_up.condition,
            "approximateInvokeCount": event.attempt + 1,
        },
        "requestPayload": json.loads(event.payload or b"{}"),
    }
    if outcome is None:
        return record
    return record | {
        "responseContext": {
            "statusCode": 200,
            "executedVersion": deployed.config.version,
            "functionError": "Unhandled",
        },
        "responsePayload": json.loads(outcome.payload),
    }


class Invoker:
    """Runs deployed functions, each by its role."""

    def __init__(
        self,
        host: Host,
        folder: Path,
        region: str,
        roles: Roles,
        *,
        retry_delays: Sequence[float],
        concurrency: int,
    ) -> None:
        self._host = host
        self._logs = folder / "logs"
        self._region = region
        self._roles = roles
        self._code = CodeStore(folder / "code")
        self.pool = Pool(concurrency)
        self._queue = AsyncQueue(self._run_queued, retry_delays, self._keep)

    def invoke(
        self,
        name: str,
        payload: bytes,
        *,
        qualifier: str | None = None,
        kind: InvocationType = "RequestResponse",
        client_context: str = "",
    ) -> Outcome | None:
        """Run (or, for Event, accept) one event. None where Lambda answers without a payload.

        Raises InvokeError when the function does not exist, is throttled, or the payload is too
        large. A function that fails is not an exception: see Outcome.failed.
        """
        deployed = self._resolve(name, qualifier)
        limit = MAX_ASYNC_PAYLOAD_BYTES if kind == "Event" else MAX_PAYLOAD_BYTES
        if len(payload) > limit:
            raise InvokeError(
                413,
                "RequestTooLargeException",
                f"{len(payload)} byte payload is too large for the {kind} invocation type "
                f"(limit {limit} bytes)",
            )
        if kind == "DryRun":
            return None
        if kind == "Event":
            event = AsyncEvent(
                name,
                qualifier,
                payload,
                client_context,
                deployed.maximum_retries,
                time.monotonic() + deployed.maximum_age_seconds,
            )
            self._queue.put(event.identified())
            return None
        request_id = str(uuid.uuid4())
        try:
            return self._run(deployed, payload, request_id, client_context)
        except ConcurrencyExceededError as error:
            raise InvokeError(429, "TooManyRequestsException", "Rate Exceeded.") from error
        except OSError as error:
            reason = f"{name} cannot be run: {error.strerror or error}"
            raise InvokeError(500, "ServiceException", reason) from error

    def kill(self, function_name: str) -> int:
        """Kill the processes of a function that handle an event now; how many there were."""
        environments = self.pool.busy(function_name)
        return sum(environment.kill() for environment in environments)

    def close(self) -> None:
        self._queue.close()
        self.pool.close()

    def _resolve(self, name: str, qualifier: str | None) -> Deployed:
        try:
            deployed = resolve(name, qualifier, self._region)
        except FunctionNotFoundError as error:
            raise InvokeError(404, "ResourceNotFoundException", str(error)) from error
        config = deployed.config
        if config.runtime != RUNTIME or config.architecture != architecture():
            raise InvokeError(
                502,
                "InvalidRuntimeException",
                f"{config.name} is for {config.runtime} on {config.architecture}; the local cloud "
                f"runs {RUNTIME} on {architecture()}: build it with ARCH={architecture()}",
            )
        return deployed

    def _run(
        self, deployed: Deployed, payload: bytes, request_id: str, client_context: str
    ) -> Outcome:
        invocation = Invocation(request_id, deployed.invoked_arn, payload or b"{}", client_context)
        try:
            with self.pool.environment(
                deployed.config, deployed.reserved_concurrency, lambda: self._environment(deployed)
            ) as environment:
                return environment.invoke(invocation)
        except OSError as error:
            complain(f"cannot run {deployed.config.name}: {error.strerror or error}")
            raise

    def _run_queued(self, event: AsyncEvent) -> Outcome | None:
        try:
            deployed = self._resolve(event.function_name, event.qualifier)
        except InvokeError:
            return None  # it was deleted meanwhile
        return self._run(deployed, event.payload, event.request_id, event.client_context)

    def _keep(self, given_up: GivenUp) -> None:
        event = given_up.event
        try:
            deployed = self._resolve(event.function_name, event.qualifier)
        except InvokeError:
            return
        if deployed.on_failure:
            record = failure_record(given_up, deployed)
            self._roles.send_message(deployed.config, deployed.on_failure, json.dumps(record))

    def _environment(self, deployed: Deployed) -> Environment:
        config = deployed.config

        def put_events(stream: str, events: list[tuple[int, str]]) -> None:
            self._roles.put_log_events(config, stream, events)

        log = LogStream(self._logs / f"{config.name}.log", config.version, put_events)
        return Environment(
            config,
            lambda: self._code.folder(deployed.code, config.code_sha256),
            self._host,
            self._roles.credentials(config),
            log,
        )
