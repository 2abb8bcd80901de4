"""Lambda's Invoke over HTTP: headers in, status and headers out."""

import base64
import json
from collections.abc import Mapping
from typing import get_args

from local.lambda_runtime.invoke import InvokeError, Invoker
from local.lambda_runtime.models import InvocationType
from local.moto_patches.lambda_functions import InvokeHandler

STATUS = {"RequestResponse": 200, "Event": 202, "DryRun": 204}


def invoke_handler(invoker: Invoker) -> InvokeHandler:
    """The handler of POST /functions/<name>/invocations."""

    def handle(
        name: str, qualifier: str | None, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        kind = headers.get("X-Amz-Invocation-Type") or "RequestResponse"
        if kind not in get_args(InvocationType):
            choices = ", ".join(get_args(InvocationType))
            message = f"InvocationType {kind!r} is not one of {choices}"
            return _error(InvokeError(400, "InvalidParameterValueException", message))
        try:
            json.loads(body or b"{}")
            outcome = invoker.invoke(
                name,
                body,
                qualifier=qualifier,
                kind=kind,  # type: ignore[arg-type]
                client_context=_client_context(headers),
            )
        except ValueError as error:
            message = f"Could not parse request body into json: {error}"
            return _error(InvokeError(400, "InvalidRequestContentException", message))
        except InvokeError as error:
            return _error(error)
        answer = {"Content-Type": "application/json"}
        if outcome is None:
            return STATUS[kind], answer, b""
        if outcome.failed:
            answer["X-Amz-Function-Error"] = "Unhandled"
        if headers.get("X-Amz-Log-Type") == "Tail":
            answer["X-Amz-Log-Result"] = base64.b64encode(
                outcome.log_tail.encode()[-4096:]
            ).decode()
        return STATUS[kind], answer, outcome.payload

    return handle


def _client_context(headers: Mapping[str, str]) -> str:
    encoded = headers.get("X-Amz-Client-Context")
    return base64.b64decode(encoded).decode() if encoded else ""


def _error(error: InvokeError) -> tuple[int, dict[str, str], bytes]:
    body = json.dumps({"Type": "User", "Message": str(error), "message": str(error)})
    headers = {"Content-Type": "application/json", "X-Amzn-ErrorType": error.code}
    return error.status, headers, body.encode()
