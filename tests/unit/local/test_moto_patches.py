"""Each patch: stock moto misbehaves, the patch mends it. A patch that is not needed fails here."""

import io
import json
import threading
import zipfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any
from unittest.mock import patch

import boto3
import pytest
from moto import mock_aws
from moto.awslambda.models import LambdaBackend
from moto.awslambda.responses import LambdaResponse
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.models import FakeKey, S3Backend, s3_backends
from moto.s3.utils import _VersionedKeyStore
from werkzeug.test import Client as Browser

from local import moto_patches
from local.lambda_runtime.functions import ACCOUNT_ID
from local.moto_patches import applied

ROLE_ARN = "arn:aws:iam::123456789012:role/r"


@pytest.fixture(autouse=True)
def emulated() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as monkey:
        monkey.setenv("AWS_ACCESS_KEY_ID", "test")
        monkey.setenv("AWS_SECRET_ACCESS_KEY", "test")
        monkey.setenv("AWS_DEFAULT_REGION", "us-east-1")
        monkey.delenv("AWS_ENDPOINT_URL", raising=False)
        with mock_aws():
            yield


def deployed_function() -> Any:
    boto3.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument="{}")
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
    )
    return functions


def document(path: str) -> bytes:
    integration = {
        "type": "aws_proxy",
        "httpMethod": "POST",
        "uri": "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/f/invocations",
    }
    operation = {"x-amazon-apigateway-integration": integration, "security": [{"sigv4": []}]}
    return json.dumps(
        {
            "openapi": "3.0.1",
            "info": {"title": "t", "version": "1", "description": "-"},
            "paths": {path: {"get": operation}},
        }
    ).encode()


def test_invoke() -> None:
    functions = deployed_function()
    seen: list[tuple[str, str | None, bytes]] = []

    def handler(
        name: str, qualifier: str | None, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        seen.append((name, qualifier, body))
        return 200, {"X-Amz-Function-Error": "Unhandled"}, b'"own"'

    stock = LambdaResponse.invoke
    with applied([moto_patches.invoke(handler)]):
        answer = functions.invoke(FunctionName="f", Qualifier="live", Payload=b"1")

    assert (answer["Payload"].read(), answer["FunctionError"]) == (b'"own"', "Unhandled")
    assert seen == [("f", "live", b"1")]
    assert LambdaResponse.invoke is stock
    with patch.object(LambdaBackend, "invoke", return_value=b"null") as invoked:
        functions.invoke(FunctionName="f", Qualifier="live", Payload=b"1")
    assert invoked.call_args.args[:2] == ("f", None)  # the qualifier is lost


def test_bucket_policy() -> None:
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="bucket")
    statement = {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": ["arn:aws:s3:::bucket", "arn:aws:s3:::bucket/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    s3.put_bucket_policy(Bucket="bucket", Policy=policy)

    with pytest.raises(s3.exceptions.ClientError, match="403"):
        s3.put_object(Bucket="bucket", Key="k", Body=b"x")
    with applied([moto_patches.bucket_policy()]):
        s3.put_object(Bucket="bucket", Key="k", Body=b"x")
        assert s3.get_object(Bucket="bucket", Key="k")["Body"].read() == b"x"


def test_remember_openapi() -> None:
    gateway = boto3.client("apigateway")
    stock = gateway.import_rest_api(body=document("/a"))["id"]
    resources = gateway.get_resources(restApiId=stock, embed=["methods"])["items"]
    method = next(one for one in resources if one["path"] == "/a")["resourceMethods"]["GET"]
    assert method.get("authorizationType") != "AWS_IAM"  # its security is gone

    with applied([moto_patches.remember_openapi()]):
        patched = gateway.import_rest_api(body=document("/a"))["id"]

    apis = moto_apis()
    assert not hasattr(apis[stock], "openapi")
    assert apis[patched].openapi == json.loads(document("/a"))


def test_remember_deployment() -> None:
    gateway = boto3.client("apigateway")
    with applied([moto_patches.remember_openapi(), moto_patches.remember_deployment()]):
        api = gateway.import_rest_api(body=document("/a"))["id"]
        first = gateway.create_deployment(restApiId=api)["id"]
        gateway.put_rest_api(restApiId=api, mode="overwrite", body=document("/b"))
        second = gateway.create_deployment(restApiId=api)["id"]
    stock = gateway.create_deployment(restApiId=api)["id"]

    deployments = moto_apis()[api].deployments
    assert deployments[first].openapi == json.loads(document("/a"))
    assert deployments[second].openapi == json.loads(document("/b"))
    assert not hasattr(deployments[stock], "openapi")


def test_replace_event_invoke_config() -> None:
    functions = deployed_function()

    def attempts(*values: int) -> int:
        for value in values:
            functions.put_function_event_invoke_config(FunctionName="f", MaximumRetryAttempts=value)
        answer = functions.get_function_event_invoke_config(FunctionName="f")
        return int(answer["MaximumRetryAttempts"])

    assert attempts(2, 0) == 2
    with applied([moto_patches.replace_event_invoke_config()]):
        assert attempts(1) == 1


def test_list_versions_while_others_delete() -> None:
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="versioned")
    s3.put_bucket_versioning(Bucket="versioned", VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket="versioned", Key="kept", Body=b"1")
    backend = s3_backends[ACCOUNT_ID]["aws"]

    class DeletesAsItIsRead(_VersionedKeyStore):
        """A store from which another request deletes a key once the listing has begun."""

        def _self_iterable(self) -> dict[str, Any]:
            names = super()._self_iterable()
            if "gone" in self:
                self.pop("gone")
            return dict(names)

    def listed() -> list[str]:
        s3.put_object(Bucket="versioned", Key="gone", Body=b"1")
        bucket = backend.get_bucket("versioned")
        bucket.keys = DeletesAsItIsRead(bucket.keys)
        versions, *_ = backend.list_object_versions("versioned")
        return [version.name for version in versions]

    with pytest.raises(TypeError):
        listed()
    with applied([moto_patches.list_versions_while_others_delete()]):
        assert listed() == ["kept"]


def test_put_one_at_a_time() -> None:
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="bucket")
    s3.put_bucket_versioning(Bucket="bucket", VersioningConfiguration={"Status": "Enabled"})
    stock = S3Backend.put_object

    def winners() -> int:
        """How many of two requests that meet between test and write are taken."""
        tag = s3.put_object(Bucket="bucket", Key="k", Body=b"0")["ETag"]
        meeting = threading.Barrier(2)

        def met(self: Any, *args: Any, **kwargs: Any) -> Any:
            with suppress(threading.BrokenBarrierError):
                meeting.wait(timeout=0.5)
            return stock(self, *args, **kwargs)

        def put(body: bytes) -> bool:
            try:
                s3.put_object(Bucket="bucket", Key="k", Body=body, IfMatch=tag)
            except s3.exceptions.ClientError:
                return False
            return True

        with patch.object(S3Backend, "put_object", met), ThreadPoolExecutor(2) as threads:
            return sum(threads.map(put, [b"1", b"2"]))

    assert winners() == 2
    with applied([moto_patches.put_one_at_a_time()]):
        assert winners() == 1


def test_every_patch_is_tested_and_says_why() -> None:
    patches = moto_patches.all_patches(lambda *arguments: (200, {}, b""))

    assert all(len(one.reason) > 30 for one in patches)
    other = {"test_every_patch_is_tested_and_says_why", "test_ranged_reads"}
    assert len(patches) == sum(name.startswith("test_") for name in globals().keys() - other)


def moto_apis() -> dict[str, Any]:
    from moto.apigateway.models import apigateway_backends

    apis: dict[str, Any] = apigateway_backends["123456789012"]["us-east-1"].apis
    return apis


def test_ranged_reads() -> None:
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="a b", Body=b"0123456789")
    whole_reads: list[None] = []

    def value(self: Any) -> bytes:
        whole_reads.append(None)
        return b"0123456789"

    def read(app: Any, span: str, **headers: str) -> tuple[int, bytes, str | None]:
        scope = "AWS4-HMAC-SHA256 Credential=test/20250101/us-east-1/s3/aws4_request"
        given = {"Range": span, "Authorization": scope, **headers}
        answer = Browser(app).get("/bucket/a%20b", headers=given)
        return answer.status_code, answer.data, answer.headers.get("Content-Range")

    stock = DomainDispatcherApplication(create_backend_app)
    patched = moto_patches.ranged_reads(stock)
    with patch.object(FakeKey, "value", property(value)):
        assert read(stock, "bytes=2-4") == (206, b"234", "bytes 2-4/10")
        assert len(whole_reads) > 0
        whole_reads.clear()
        assert read(patched, "bytes=2-4") == (206, b"234", "bytes 2-4/10")
        assert read(patched, "bytes=8-99") == (206, b"89", "bytes 8-9/10")
        assert read(patched, "bytes=-3") == (206, b"789", "bytes 7-9/10")
        assert whole_reads == []
    for span, more in (("bytes=99-", {}), ("nonsense=1-2", {}), ("bytes=1-2", {"If-Match": '"x"'})):
        assert read(patched, span, **more)[0] == read(stock, span, **more)[0]


def test_mock_integrations() -> None:
    preflight = {
        "type": "mock",
        "requestTemplates": {"application/json": '{"statusCode": 204}'},
        "responses": {"default": {"statusCode": "204"}},
    }
    body = json.dumps(
        {
            "openapi": "3.0.1",
            "info": {"title": "t", "version": "1", "description": "-"},
            "paths": {"/a": {"options": {"x-amazon-apigateway-integration": preflight}}},
        }
    ).encode()
    gateway = boto3.client("apigateway")
    with pytest.raises(TypeError):
        gateway.import_rest_api(body=body)
    with applied([moto_patches.mock_integrations()]):
        api = gateway.import_rest_api(body=body)
        resources = gateway.get_resources(restApiId=api["id"], embed=["methods"])["items"]
    (found,) = [one for one in resources if one["path"] == "/a"]
    assert found["resourceMethods"]["OPTIONS"]["methodIntegration"]["type"] == "mock"


def test_escape_api_policies() -> None:
    gateway = boto3.client("apigateway")
    policy = json.dumps({"Statement": []})
    api = gateway.create_rest_api(name="a", policy=policy)["id"]
    assert gateway.get_rest_api(restApiId=api)["policy"] == policy
    with applied([moto_patches.escape_api_policies()]):
        answer = gateway.get_rest_api(restApiId=api)["policy"]
    assert json.loads(f'"{answer}"') == policy
