import io
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from unittest.mock import patch

import boto3
from moto.awslambda.models import LambdaBackend
from moto.awslambda.responses import LambdaResponse
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.test import Client as Browser

from local.moto_patches import lambda_functions
from local.moto_patches.patch import applied

ROLE_ARN = "arn:aws:iam::123456789012:role/r"


def deployed_function(**more: Any) -> Any:
    iam = boto3.client("iam")
    with suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_role(RoleName="r", AssumeRolePolicyDocument="{}")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("app.py", "")
    functions = boto3.client("lambda")
    functions.create_function(
        FunctionName="f",
        Runtime="python3.13",
        Handler="app.handler",
        Role=ROLE_ARN,
        Code={"ZipFile": buffer.getvalue()},
        **more,
    )
    return functions


def app_answer(app: Any, method: str, **body: int) -> tuple[int, int | None]:
    """Status of the alias live's provisioned concurrency, and how much of it was asked for."""
    scope = "AWS4-HMAC-SHA256 Credential=test/20250101/us-east-1/lambda/aws4_request"
    answer = Browser(app).open(
        "/2019-09-30/functions/f/provisioned-concurrency?Qualifier=live",
        method=method,
        json=body or None,
        headers={"Authorization": scope},
    )
    asked = answer.get_json(force=True, silent=True) or {}
    return answer.status_code, asked.get("RequestedProvisionedConcurrentExecutions")


def test_invoke() -> None:
    functions = deployed_function()
    seen: list[tuple[str, str | None, bytes]] = []

    def handler(
        name: str, qualifier: str | None, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        seen.append((name, qualifier, body))
        return 200, {"X-Amz-Function-Error": "Unhandled"}, b'"own"'

    stock = LambdaResponse.invoke
    with applied([lambda_functions.invoke(handler)]):
        answer = functions.invoke(FunctionName="f", Qualifier="live", Payload=b"1")

    assert (answer["Payload"].read(), answer["FunctionError"]) == (b'"own"', "Unhandled")
    assert seen == [("f", "live", b"1")]
    assert LambdaResponse.invoke is stock
    with patch.object(LambdaBackend, "invoke", return_value=b"null") as invoked:
        functions.invoke(FunctionName="f", Qualifier="live", Payload=b"1")
    assert invoked.call_args.args[:2] == ("f", None)  # the qualifier is lost


def test_replace_event_invoke_config() -> None:
    functions = deployed_function()

    def attempts(*values: int) -> int:
        for value in values:
            functions.put_function_event_invoke_config(FunctionName="f", MaximumRetryAttempts=value)
        answer = functions.get_function_event_invoke_config(FunctionName="f")
        return int(answer["MaximumRetryAttempts"])

    assert attempts(2, 0) == 2
    with applied([lambda_functions.replace_event_invoke_config()]):
        assert attempts(1) == 1


def test_keep_configuration() -> None:
    def told() -> tuple[str, str]:
        """What a function says of itself that has been given both by an update."""
        client = deployed_function()
        both = {"SnapStart": {"ApplyOn": "PublishedVersions"}, "TracingConfig": {"Mode": "Active"}}
        client.update_function_configuration(FunctionName="f", **both)
        configuration = client.get_function_configuration(FunctionName="f")
        client.delete_function(FunctionName="f")
        return configuration["SnapStart"]["ApplyOn"], configuration["TracingConfig"]["Mode"]

    assert told() == ("None", "PassThrough")
    with applied(lambda_functions.keep_configuration()):
        assert told() == ("PublishedVersions", "Active")
        created = deployed_function(SnapStart={"ApplyOn": "PublishedVersions"})
        published = created.publish_version(FunctionName="f")
    assert published["SnapStart"]["ApplyOn"] == "PublishedVersions"


def test_tell_of_stopped_functions() -> None:
    client = deployed_function()
    client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)

    assert "Concurrency" not in client.get_function(FunctionName="f")
    with applied([lambda_functions.tell_of_stopped_functions()]):
        told = client.get_function(FunctionName="f")["Concurrency"]
    assert told == {"ReservedConcurrentExecutions": 0}


def test_provisioned_concurrency() -> None:
    client = deployed_function()
    client.publish_version(FunctionName="f")
    client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    app = DomainDispatcherApplication(create_backend_app)

    assert app_answer(app, "PUT", ProvisionedConcurrentExecutions=3) == (404, None)
    with applied([lambda_functions.provisioned_concurrency()]):
        app = DomainDispatcherApplication(create_backend_app)  # which reads the routes once
        assert app_answer(app, "GET") == (404, None)
        assert app_answer(app, "PUT", ProvisionedConcurrentExecutions=3) == (202, 3)
        assert app_answer(app, "GET") == (200, 3)
        assert app_answer(app, "DELETE") == (204, None)
        assert app_answer(app, "GET") == (404, None)
        client.update_alias(
            FunctionName="f", Name="live", RoutingConfig={"AdditionalVersionWeights": {"1": 0.5}}
        )
        assert app_answer(app, "PUT", ProvisionedConcurrentExecutions=3) == (400, None)
