"""Lambda."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from moto.awslambda.models import LambdaBackend, LambdaFunction
from moto.awslambda.responses import LambdaResponse
from moto.awslambda.urls import url_paths

from local.moto_patches.patch import Patch

WEIGHTS = "Alias with weights can not be used with Provisioned Concurrency"
"""As Lambda says: https://github.com/hashicorp/terraform/issues/24957"""

InvokeHandler = Callable[..., tuple[int, dict[str, str], bytes]]


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


def keep_configuration() -> list[Patch]:
    create, update, tell = (
        LambdaFunction.__init__,
        LambdaFunction.update_configuration,
        LambdaFunction.get_configuration,
    )

    def created(self: Any, account_id: str, spec: dict[str, Any], *args: Any, **more: Any) -> None:
        self.snap_start = spec.get("SnapStart", {"ApplyOn": "None"})
        create(self, account_id, spec, *args, **more)

    def updated(self: Any, config_updates: dict[str, Any]) -> dict[str, Any]:
        self.snap_start = config_updates.get("SnapStart", self.snap_start)
        self.tracing_config = config_updates.get("TracingConfig", self.tracing_config)
        return update(self, config_updates)

    def told(self: Any, *args: Any, **more: Any) -> dict[str, Any]:
        return tell(self, *args, **more) | {
            "SnapStart": {**self.snap_start, "OptimizationStatus": "Off"}
        }

    reason = "moto drops snap_start, and every later change of tracing_config"
    return [
        Patch(LambdaFunction, "__init__", created, reason),
        Patch(LambdaFunction, "update_configuration", updated, reason),
        Patch(LambdaFunction, "get_configuration", told, reason),
    ]


def tell_of_stopped_functions() -> Patch:
    original = LambdaFunction.get_code

    def replacement(self: Any) -> dict[str, Any]:
        answer = original(self)
        if self.reserved_concurrency == 0:
            answer["Concurrency"] = {"ReservedConcurrentExecutions": 0}
        return answer

    return Patch(
        LambdaFunction,
        "get_code",
        replacement,
        "moto answers with no reserved concurrency where 0 is reserved",
    )


def provisioned_concurrency() -> Patch:
    def replacement(request: Any, full_url: str, headers: Any) -> tuple[int, dict[str, str], str]:
        response = LambdaResponse()
        response.setup_class(request, full_url, headers)
        name = unquote(response.path.rstrip("/").rsplit("/", 2)[-2])
        alias: Any = response.backend.get_alias(response.querystring["Qualifier"][0], name)
        if request.method == "DELETE":
            alias.provisioned = None
            return 204, {}, ""
        if request.method == "PUT":
            if (alias.routing_config or {}).get("AdditionalVersionWeights"):
                error = {"x-amzn-errortype": "InvalidParameterValueException"}
                return 400, error, json.dumps({"Message": WEIGHTS})
            asked = json.loads(response.body)["ProvisionedConcurrentExecutions"]
            alias.provisioned = {
                "RequestedProvisionedConcurrentExecutions": asked,
                "AllocatedProvisionedConcurrentExecutions": asked,
                "AvailableProvisionedConcurrentExecutions": asked,
                "LastModified": datetime.now(UTC).isoformat(),
                "Status": "READY",
            }
            return 202, {}, json.dumps(alias.provisioned)
        if status := getattr(alias, "provisioned", None):
            return 200, {}, json.dumps(status)
        error = {"x-amzn-errortype": "ProvisionedConcurrencyConfigNotFoundException"}
        return 404, error, json.dumps({"Message": f"{name} has none"})

    return Patch(
        url_paths,
        r"{0}/(?P<api_version>[^/]+)/functions/(?P<function_name>[\w_:%-]+)/provisioned-concurrency/?$",
        replacement,
        "moto has no route for provisioned concurrency",
    )
