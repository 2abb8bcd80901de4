"""The address at which deployed APIs take requests without a signature, web pages' included."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from hypothesis import example, given
from hypothesis import strategies as st
from moto import mock_aws
from werkzeug.test import create_environ, run_wsgi_app

from local.gateway.app import Gateway
from local.guard import Guard, RequireSignature
from local.lambda_runtime.models import Credentials, Outcome
from local.moto_patches import api_patches
from local.moto_patches.patch import applied
from local.open_address import OpenAddress
from local.pages import Pages
from local.signature import Keyring
from local.wsgi import Environ, Response, StartResponse

HOST = "127.0.0.1:4566"
KEYS = Credentials("LOCALKEY", "secret", "", "arn:aws:iam::123456789012:user/local")
ORIGIN = "http://localhost:3000"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:f"
INTEGRATION = {
    "type": "aws_proxy",
    "httpMethod": "POST",
    "uri": f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{FUNCTION}/invocations",
}
PREFLIGHT = {
    "type": "mock",
    "requestTemplates": {"application/json": '{"statusCode":204}'},
    "responses": {
        "default": {
            "statusCode": "204",
            "responseParameters": {
                "method.response.header.Access-Control-Allow-Origin": f"'{ORIGIN}'",
                "method.response.header.Access-Control-Allow-Methods": "'POST,OPTIONS'",
            },
        }
    },
}
NAME = {"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}
DOCUMENT: dict[str, Any] = {
    "openapi": "3.0.1",
    "info": {"title": "t", "version": "1", "description": "-"},
    "paths": {
        "/free": {
            "post": {"x-amazon-apigateway-integration": INTEGRATION},
            "options": {
                "x-amazon-apigateway-integration": PREFLIGHT,
                "responses": {
                    "204": {
                        "description": "-",
                        "headers": {
                            "Access-Control-Allow-Origin": {"schema": {"type": "string"}},
                            "Access-Control-Allow-Methods": {"schema": {"type": "string"}},
                        },
                    }
                },
            },
        },
        "/named/{name}": {
            "get": {"x-amazon-apigateway-integration": INTEGRATION, "parameters": [NAME]}
        },
        "/keyed": {
            "get": {"security": [{"key": []}], "x-amazon-apigateway-integration": INTEGRATION}
        },
        "/signed": {
            "get": {"security": [{"sigv4": []}], "x-amazon-apigateway-integration": INTEGRATION}
        },
    },
    "components": {
        "securitySchemes": {
            "key": {"type": "apiKey", "name": "x-api-key", "in": "header"},
            "sigv4": {
                "type": "apiKey",
                "name": "Authorization",
                "in": "header",
                "x-amazon-apigateway-authtype": "awsSigv4",
            },
        }
    },
    "x-amazon-apigateway-gateway-responses": {
        "DEFAULT_4XX": {
            "responseParameters": {
                "gatewayresponse.header.Access-Control-Allow-Origin": f"'{ORIGIN}'"
            }
        }
    },
}


@dataclass
class Answer:
    status: int
    body: dict[str, Any]
    headers: dict[str, str]


@dataclass
class Cloud:
    """The local cloud's front, with a function that answers with its event."""

    api_id: str
    key: str
    address: OpenAddress = field(default_factory=OpenAddress)
    reached: list[str] = field(default_factory=list)
    """The paths of requests that came as far as the AWS APIs."""

    def __post_init__(self) -> None:
        keyring = Keyring({KEYS.access_key_id: KEYS})
        self.gateway = Gateway(
            RequireSignature(self._aws, keyring),
            lambda arn, event: Outcome(
                json.dumps({"statusCode": 200, "body": event.decode()}).encode(), failed=False
            ),
            keyring,
            lambda credentials, demand: True,
            "us-east-1",
            self.address,
        )
        self._app = Guard(Pages(self.gateway, self.address, keyring), frozenset({HOST}))

    def _aws(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        self.reached.append(environ["REQUEST_URI"])
        return Response(200, b"{}")(environ, start_response)

    def open(self, path: str) -> str:
        return f"{self.address.path}/{self.api_id}/prod{path}"

    def send(
        self, method: str, target: str, headers: dict[str, str] | None = None, body: bytes = b""
    ) -> Answer:
        """A request whose target is sent as it is."""
        environ = create_environ(
            "/", f"http://{HOST}", method=method, headers={"Host": HOST, **(headers or {})},
            data=body,
        )  # fmt: skip
        environ["REQUEST_URI"] = target
        environ["QUERY_STRING"] = target.partition("?")[2]
        content, status, given = run_wsgi_app(self._app, environ)
        text = b"".join(content)
        return Answer(int(status.split()[0]), json.loads(text) if text else {}, dict(given))


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with pytest.MonkeyPatch.context() as patch, mock_aws(), applied(api_patches()):
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        trust = json.dumps({"Version": "2012-10-17", "Statement": []})
        role = boto3.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=trust)
        functions = boto3.client("lambda")
        functions.create_function(
            FunctionName="f",
            Runtime="python3.13",
            Handler="app.handler",
            Role=role["Role"]["Arn"],
            Code={"ZipFile": b"zip"},
        )
        functions.add_permission(
            FunctionName="f",
            StatementId="api",
            Action="lambda:InvokeFunction",
            Principal="apigateway.amazonaws.com",
        )
        gateway = boto3.client("apigateway")
        api = gateway.import_rest_api(body=json.dumps(DOCUMENT).encode())["id"]
        gateway.create_deployment(restApiId=api, stageName="prod")
        stage = {"apiId": api, "stage": "prod"}
        plan = gateway.create_usage_plan(name="basic", apiStages=[stage])["id"]
        key = gateway.create_api_key(name="key", enabled=True)
        gateway.create_usage_plan_key(usagePlanId=plan, keyId=key["id"], keyType="API_KEY")
        made = Cloud(api, key["value"])
        yield made
        made.gateway.close()


def test_a_page_calls_an_operation_without_authorization(cloud: Cloud) -> None:
    page = {"Origin": ORIGIN, "Content-Type": "application/json"}
    answer = cloud.send("POST", cloud.open("/free?x=1"), page, b'{"n": 1}')

    assert answer.status == 200
    event = answer.body
    assert (event["resource"], event["path"], event["body"]) == ("/free", "/free", '{"n": 1}')
    assert event["queryStringParameters"] == {"x": "1"}
    assert event["headers"]["Origin"] == ORIGIN
    assert event["requestContext"]["path"] == "/prod/free"
    assert event["requestContext"]["identity"]["userArn"] is None


def test_a_preflight_is_answered_by_the_api(cloud: Cloud) -> None:
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    answer = cloud.send("OPTIONS", cloud.open("/free"), asked)

    assert answer.status == 204
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "Access-Control-Allow-Private-Network" not in answer.headers
    assert cloud.send("OPTIONS", cloud.open("/keyed"), asked).status == 403


def test_an_operation_with_api_keys_takes_a_key(cloud: Cloud) -> None:
    answer = cloud.send("GET", cloud.open("/keyed"), {"X-Api-Key": cloud.key, "Origin": ORIGIN})
    assert answer.status == 200
    assert answer.body["requestContext"]["identity"]["apiKeyId"]

    for headers in ({}, {"X-Api-Key": "wrong"}):
        refused = cloud.send("GET", cloud.open("/keyed"), headers)
        assert (refused.status, refused.body) == (403, {"message": "Forbidden"})
        assert refused.headers["Access-Control-Allow-Origin"] == ORIGIN


def test_an_operation_with_iam_takes_a_signature_only(cloud: Cloud) -> None:
    refused = cloud.send("GET", cloud.open("/signed"), {"X-Api-Key": cloud.key})
    assert (refused.status, refused.body["message"]) == (403, "Missing Authentication Token")

    request = AWSRequest("GET", f"http://{HOST}{cloud.open('/signed')}")
    keys = ReadOnlyCredentials(KEYS.access_key_id, KEYS.secret_access_key, None)
    SigV4Auth(keys, "execute-api", "us-east-1").add_auth(request)
    answer = cloud.send("GET", cloud.open("/signed"), dict(request.headers))
    assert answer.body["requestContext"]["identity"]["userArn"] == KEYS.principal_arn


def test_throttling_holds(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cloud.gateway._throttle, "admit", lambda *_: False)
    assert cloud.send("POST", cloud.open("/free")).status == 429


def test_every_run_has_another_address() -> None:
    tokens = {OpenAddress().path for _ in range(100)}
    assert len(tokens) == 100
    assert all(len(token.rpartition("/")[2]) >= 43 for token in tokens)  # 256 bits


TAILS = [
    "",
    "/",
    "/../../../moto-api/data.json",
    "/api/prod/../../../moto-api/data.json",
    "//moto-api/data.json",
    "/%2e%2e/%2e%2e/moto-api",
    "/..%2f..%2fmoto-api",
    "/moto-api/data.json",
    "/2015-03-31/functions",
    "/bucket/key",
    "/{api}/prod/named/..%2F..%2F..%2Fmoto-api",
    "/{api}/prod/../{api}/prod/free",
    "/{api}/prod//free",
    "/{api}/prod/%2Ffree",
    "/{api}/prod/free/..",
    "/{api}%2Fprod/free",
    "/{api}/test/free",
    "/{api}/prod/free%00",
    "/{api}/prod/nothing",
]


@pytest.mark.parametrize("tail", TAILS)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS"])
def test_the_address_reaches_nothing_but_routes(cloud: Cloud, method: str, tail: str) -> None:
    cloud.reached.clear()
    answer = cloud.send(method, cloud.address.path + tail.replace("{api}", cloud.api_id))
    parameter = "/prod/named/" in tail and method == "GET"
    assert answer.status == (200 if parameter else 403)
    if parameter:  # which is the function's to judge
        assert answer.body["resource"] == "/named/{name}"
    assert cloud.reached == []


@given(st.lists(st.sampled_from(["/", "..", ".", "%2f", "%2e", "moto-api", "a", "?", "#"])))
@example(["/", "..", "/", "..", "/", "..", "/"])
def test_no_tail_reaches_the_aws_apis(cloud: Cloud, parts: list[str]) -> None:
    cloud.reached.clear()
    for base in (cloud.address.path, cloud.open("")):
        assert cloud.send("GET", base + "".join(parts)).status == 403
    assert cloud.reached == []


def test_who_lacks_the_token_is_refused_as_everywhere(cloud: Cloud) -> None:
    known = cloud.address.path
    token = known.rpartition("/")[2]
    rest = f"/{cloud.api_id}/prod/free"
    others = [
        "/_aws/open" + rest,
        "/_aws/open/" + rest,
        known[:-1] + rest,
        known + "x" + rest,
        known.swapcase() + rest,
        f"/_aws/%6Fpen/{token}{rest}",
        f"/_aws//open/{token}{rest}",
        f"/_aws/open/é{rest}",
        f"/x/..{known}{rest}",
        f"/{token}{rest}",
        f"/_aws/execute-api{rest}",
    ]
    for target in others:
        assert cloud.send("POST", target).status == 403, target
        page = cloud.send("POST", target, {"Origin": ORIGIN})
        assert "Requests of web pages" in page.body["message"], target
        asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
        preflight = cloud.send("OPTIONS", target, asked)
        assert "Requests of web pages" in preflight.body["message"], target
    assert cloud.reached == []


@pytest.mark.parametrize("host", ["evil.example", "", "127.0.0.1"])
def test_another_host_is_refused_with_the_token_too(cloud: Cloud, host: str) -> None:
    answer = cloud.send("POST", cloud.open("/free"), {"Host": host})
    assert (answer.status, "Host" in answer.body["message"]) == (403, True)


def test_a_target_in_absolute_form_is_the_same(cloud: Cloud) -> None:
    target = f"http://{HOST}{cloud.open('/free')}"
    assert urlsplit(target).path == cloud.open("/free")
    assert cloud.send("POST", target).status == 200
