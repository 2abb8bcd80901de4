"""The API front, over HTTP, in front of functions of a few lines."""

import http.client
import json
import subprocess
import urllib.parse
from typing import Any

import pytest
import urllib3

from local.client import Answer, Client
from local.cloud import LocalCloud
from tests.system.tiny import client, deploy, deploy_api, integration

ECHO = """\
import json
def handler(event, context):
    return {"statusCode": 200, "body": json.dumps(event)}
"""
ANSWER = "import json\ndef handler(event, context): return json.loads(event['body'])"


@pytest.fixture(scope="module")
def api(bare_cloud: LocalCloud) -> Client:
    echo = integration(deploy(bare_cloud, ECHO))
    sleepy = deploy(bare_cloud, "import time\ndef handler(e, c): time.sleep(3)")
    paths: dict[str, Any] = {
        "/echo/{name}": {
            "get": {"x-amazon-apigateway-integration": echo},
            "post": {"x-amazon-apigateway-integration": echo},
        },
        "/echo/literal": {"get": {"x-amazon-apigateway-integration": echo}},
        "/open": {"get": {"security": [], "x-amazon-apigateway-integration": echo}},
        "/answer": {
            "post": {"x-amazon-apigateway-integration": integration(deploy(bare_cloud, ANSWER))}
        },
        "/slow": {
            "get": {"x-amazon-apigateway-integration": integration(sleepy, timeoutInMillis=50)}
        },
    }
    url = deploy_api(
        bare_cloud,
        paths,
        **{
            "components": {
                "securitySchemes": {
                    "sigv4": {
                        "type": "apiKey",
                        "name": "Authorization",
                        "in": "header",
                        "x-amazon-apigateway-authtype": "awsSigv4",
                    }
                },
            },
        },
    )
    return client(bare_cloud, url)


def message(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.body["message"]


def test_the_event_is_api_gateways(api: Client, bare_cloud: LocalCloud) -> None:
    answer = api.request(
        "POST", "/echo/a%20b?x=1&x=2&y=%C3%A9", {"n": 1}, {"Idempotency-Key": "k1"}
    )

    event = answer.body
    assert event["resource"] == "/echo/{name}"
    assert event["path"] == "/echo/a b"
    assert event["httpMethod"] == "POST"
    assert event["pathParameters"] == {"name": "a b"}
    assert event["queryStringParameters"] == {"x": "2", "y": "é"}
    assert event["multiValueQueryStringParameters"] == {"x": ["1", "2"], "y": ["é"]}
    assert event["headers"]["Idempotency-Key"] == "k1"
    assert event["multiValueHeaders"]["Content-Type"] == ["application/json"]
    assert event["body"] == '{"n":1}'
    assert event["isBase64Encoded"] is False
    context = event["requestContext"]
    assert context["stage"] == "prod"
    assert context["path"] == "/prod/echo/a b"
    assert context["requestId"] == answer.headers["x-amzn-RequestId"]
    assert context["identity"]["userArn"] == bare_cloud.credentials.principal_arn


def test_absent_parts_of_the_event_are_null(api: Client) -> None:
    event = api.request("GET", "/echo/x").body

    assert event["queryStringParameters"] is None
    assert event["body"] is None


def test_the_literal_path_wins(api: Client) -> None:
    event = api.request("GET", "/echo/literal").body

    assert event["resource"] == "/echo/literal"
    assert event["pathParameters"] is None


def test_a_method_without_authorization_tells_the_function_no_identity(api: Client) -> None:
    event = api.request("GET", "/open").body

    assert event["requestContext"]["identity"]["userArn"] is None


@pytest.mark.parametrize(("method", "path"), [("GET", "/nope"), ("PUT", "/echo/x"), ("GET", "/")])
def test_unknown_routes(api: Client, method: str, path: str) -> None:
    assert message(api.request(method, path)) == (403, "Missing Authentication Token")


def test_answers_are_mapped(api: Client) -> None:
    answer = api.request(
        "POST",
        "/answer",
        {
            "statusCode": 201,
            "headers": {"X-One": "1", "Content-Type": "application/problem+json"},
            "multiValueHeaders": {"X-Many": ["a", "b"]},
            "body": '"ok"',
        },
    )

    assert (answer.status, answer.body) == (201, "ok")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["X-One"] == "1"
    assert answer.headers["X-Many"] == "a, b"


@pytest.mark.parametrize(
    "malformed",
    [
        {"body": "no status"},
        {"statusCode": "many"},
        {"statusCode": 200, "body": {"not": "a string"}},
        {"statusCode": 200, "unknown": 1},
        {"statusCode": 200, "headers": []},
        "text",
        None,
    ],
)
def test_malformed_answers_are_a_bad_gateway(api: Client, malformed: Any) -> None:
    assert message(api.request("POST", "/answer", malformed)) == (502, "Internal server error")


def test_a_failing_function_is_a_bad_gateway(api: Client) -> None:
    assert message(api.request("POST", "/answer", b"not json")) == (502, "Internal server error")


def test_a_slow_function_is_a_gateway_timeout(api: Client) -> None:
    assert message(api.request("GET", "/slow")) == (504, "Endpoint request timed out")


def test_requests_are_limited_to_10_mb(api: Client) -> None:
    assert message(api.request("POST", "/answer", b"x" * (10 * 1024 * 1024 + 1))) == (
        413,
        "Request Too Long",
    )


def test_the_event_is_limited_to_lambdas_payload(api: Client) -> None:
    assert message(api.request("POST", "/answer", b"x" * 7_000_000)) == (413, "Request Too Long")


def test_throttling_follows_the_stage(bare_cloud: LocalCloud) -> None:
    echo = {"x-amazon-apigateway-integration": integration(deploy(bare_cloud, ECHO))}
    api = client(bare_cloud, deploy_api(bare_cloud, {"/a": {"get": echo}, "/b/{c}": {"get": echo}}))
    rest_api = api.request("GET", "/a").body["requestContext"]["apiId"]
    setting = "throttling"
    bare_cloud.boto3("apigateway").update_stage(
        restApiId=rest_api,
        stageName="prod",
        patchOperations=[
            {"op": "replace", "path": f"/*/*/{setting}/rateLimit", "value": "0.001"},
            {"op": "replace", "path": f"/*/*/{setting}/burstLimit", "value": "2"},
        ],
    )

    statuses = [api.request("GET", "/b/1").status for _ in range(3)]

    assert statuses == [200, 200, 429]
    assert message(api.request("GET", "/b/2")) == (429, "Too Many Requests")


def test_a_stage_serves_what_was_deployed(bare_cloud: LocalCloud) -> None:
    echo = {"x-amazon-apigateway-integration": integration(deploy(bare_cloud, ECHO))}
    api = client(bare_cloud, deploy_api(bare_cloud, {"/old": {"get": echo}}))
    rest_api = api.request("GET", "/old").body["requestContext"]["apiId"]
    gateway = bare_cloud.boto3("apigateway")
    body = {
        "openapi": "3.0.1",
        "info": {"title": "t", "version": "1", "description": "-"},
        "paths": {"/new": {"get": echo}},
    }

    gateway.put_rest_api(restApiId=rest_api, mode="overwrite", body=json.dumps(body).encode())
    assert api.request("GET", "/new").status == 403
    deployment = gateway.create_deployment(restApiId=rest_api)["id"]
    operation = {"op": "replace", "path": "/deploymentId", "value": deployment}
    gateway.update_stage(restApiId=rest_api, stageName="prod", patchOperations=[operation])

    assert api.request("GET", "/new").status == 200
    assert api.request("GET", "/old").status == 403


def test_without_permission_the_function_is_not_invoked(bare_cloud: LocalCloud) -> None:
    function = deploy(bare_cloud, ECHO)
    echo = {"x-amazon-apigateway-integration": integration(function)}
    api = client(bare_cloud, deploy_api(bare_cloud, {"/a": {"get": echo}}))
    functions = bare_cloud.boto3("lambda")
    policy = json.loads(functions.get_policy(FunctionName=function.name)["Policy"])
    statement = policy["Statement"][0]["Sid"]

    functions.remove_permission(FunctionName=function.name, Qualifier="live", StatementId=statement)

    assert message(api.request("GET", "/a")) == (500, "Internal server error")
    assert bare_cloud.logs(function.name) == ""


def test_curl_can_sign_requests(api: Client, bare_cloud: LocalCloud) -> None:
    keys = bare_cloud.credentials
    output = subprocess.run(
        [
            "curl",
            "--silent",
            "--aws-sigv4",
            "aws:amz:us-east-1:execute-api",
            "--user",
            f"{keys.access_key_id}:{keys.secret_access_key}",
            "--json",
            '{"n": 1}',
            f"{api._url}/echo/x?a=1&b=2",
        ],
        capture_output=True,
        check=True,
    ).stdout

    assert json.loads(output)["queryStringParameters"] == {"a": "1", "b": "2"}


class TestAttacks:
    """What a web page, or anybody without the keys of the run, could try."""

    def get(self, url: str, headers: dict[str, str], method: str = "GET") -> tuple[int, bytes]:
        answer = urllib3.request(method, url, headers=headers, retries=False)
        return answer.status, answer.data

    def paths(self, api: Client, cloud: LocalCloud) -> list[str]:
        return [
            api._url + "/open",
            api._url + "/echo/x",
            cloud.endpoint_url + "/",
            cloud.endpoint_url + "/moto-api/data.json",
            cloud.endpoint_url + "/2015-03-31/functions",
            cloud.endpoint_url + "/latest/meta-data/",
        ]

    def signed(self, url: str, key: str, secret: str) -> dict[str, str]:
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials

        service = "execute-api" if "execute-api" in url else "lambda"
        request = AWSRequest("GET", url)
        SigV4Auth(Credentials(key, secret), service, "us-east-1").add_auth(request)
        return dict(request.headers)

    def test_nothing_answers_without_a_signature(self, api: Client, bare_cloud: LocalCloud) -> None:
        for url in self.paths(api, bare_cloud):
            assert self.get(url, {})[0] == 403, url

    def test_the_access_key_alone_is_not_enough(self, api: Client, bare_cloud: LocalCloud) -> None:
        key = bare_cloud.credentials.access_key_id
        for url in self.paths(api, bare_cloud):
            assert self.get(url, self.signed(url, key, "wrong"))[0] == 403, url

    def test_a_key_of_another_run_is_refused(self, api: Client, bare_cloud: LocalCloud) -> None:
        secret = bare_cloud.credentials.secret_access_key
        for url in self.paths(api, bare_cloud):
            assert self.get(url, self.signed(url, "LOCALAAAAAAAAAAAAAAA", secret))[0] == 403, url

    @pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1", ""])
    def test_a_name_that_resolves_to_loopback_is_refused(
        self, api: Client, bare_cloud: LocalCloud, host: str
    ) -> None:
        keys = bare_cloud.credentials
        port = bare_cloud.endpoint_url.rsplit(":", 1)[1]
        for url in self.paths(api, bare_cloud):
            headers = self.signed(url, keys.access_key_id, keys.secret_access_key)
            status, body = self.get(url, {**headers, "Host": host.format(port=port)})
            assert (status, b"Host" in body) == (403, True), url

    def test_a_web_page_is_refused_even_with_a_good_signature(
        self, api: Client, bare_cloud: LocalCloud
    ) -> None:
        keys = bare_cloud.credentials
        for url in self.paths(api, bare_cloud):
            headers = self.signed(url, keys.access_key_id, keys.secret_access_key)
            status, body = self.get(url, {**headers, "Origin": "https://evil.example"})
            assert (status, b"Origin" in body) == (403, True), url
            headers = {"Origin": "null", "Access-Control-Request-Method": "PUT"}
            assert self.get(url, headers, "OPTIONS")[0] == 403, url

    def test_the_open_address_serves_pages_and_reaches_nothing_else(
        self, api: Client, bare_cloud: LocalCloud
    ) -> None:
        stage = "/".join(api._url.rsplit("/", 2)[1:])
        address = f"{bare_cloud.endpoint_url}{bare_cloud._address.path}"
        page = {"Origin": "http://localhost:3000"}

        status, body = self.get(f"{address}/{stage}/open", page)
        assert (status, json.loads(body)["resource"]) == (200, "/open")
        assert self.get(f"{address}/{stage}/echo/x", page)[0] == 403

        host, port = "127.0.0.1", int(address.split(":")[2].split("/")[0])
        path = urllib.parse.urlsplit(address).path
        for tail in ("/../../../moto-api/data.json", "//moto-api/", "/%2e%2e/moto-api/data.json"):
            for target in (path + tail, f"/{path}{tail}", f"http://{host}:{port}{path}{tail}"):
                connection = http.client.HTTPConnection(host, port)
                connection.request("GET", target)
                answer = connection.getresponse()
                assert (answer.status, b"moto" in answer.read()) == (403, False), target
                connection.close()

    def test_a_page_uploads_by_a_presigned_url(self, bare_cloud: LocalCloud) -> None:
        s3 = bare_cloud.boto3("s3")
        s3.create_bucket(Bucket="tiny-pages")
        arguments = {"Bucket": "tiny-pages", "Key": "k"}
        url = s3.generate_presigned_url("put_object", {**arguments, "IfNoneMatch": "*"}, 60)
        origin = {"Origin": "http://localhost:3000"}
        asked = {"Access-Control-Request-Method": "PUT"}
        put = {**origin, "If-None-Match": "*"}
        assert self.get(url, {**origin, **asked}, "OPTIONS")[0] == 403
        assert self.get(url, put, "PUT")[0] == 403

        rule = {
            "AllowedMethods": ["PUT"],
            "AllowedOrigins": [origin["Origin"]],
            "AllowedHeaders": ["If-None-Match"],
        }
        s3.put_bucket_cors(Bucket="tiny-pages", CORSConfiguration={"CORSRules": [rule]})
        assert self.get(url, {**origin, **asked}, "OPTIONS")[0] == 200
        answer = urllib3.request("PUT", url, body=b"x", headers=put)
        assert answer.status == 200
        assert answer.headers.getlist("Access-Control-Allow-Origin") == [origin["Origin"]]
        assert s3.get_object(**arguments)["Body"].read() == b"x"

    def test_a_changed_body_is_refused(self, api: Client, bare_cloud: LocalCloud) -> None:
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials

        keys = bare_cloud.credentials
        url = api._url + "/echo/x"
        request = AWSRequest("POST", url, data=b"good")
        credentials = Credentials(keys.access_key_id, keys.secret_access_key)
        SigV4Auth(credentials, "execute-api", "us-east-1").add_auth(request)
        headers = dict(request.headers)

        assert urllib3.request("POST", url, body=b"good", headers=headers).status == 200
        assert urllib3.request("POST", url, body=b"evil", headers=headers).status == 403

    def test_presigned_urls_hold_for_their_key_method_and_time(
        self, bare_cloud: LocalCloud
    ) -> None:
        s3 = bare_cloud.boto3("s3")
        s3.create_bucket(Bucket="tiny-presigned")
        arguments = {"Bucket": "tiny-presigned", "Key": "a é+b/c"}
        url = s3.generate_presigned_url("put_object", arguments, ExpiresIn=60)
        parts = urllib.parse.urlsplit(url)
        assert "X-Amz-Signature" in parts.query, url

        assert urllib3.request("PUT", url, body=b"x").status == 200
        assert s3.get_object(**arguments)["Body"].read() == b"x"
        assert urllib3.request("GET", url).status == 403
        assert urllib3.request("PUT", url.replace("/c?", "/d?"), body=b"x").status == 403
        longer = url.replace("X-Amz-Expires=60", "X-Amz-Expires=600")
        assert urllib3.request("PUT", longer, body=b"x").status == 403

    def test_presigned_urls_bind_headers_and_write_once(self, bare_cloud: LocalCloud) -> None:
        s3 = bare_cloud.boto3("s3")
        s3.create_bucket(Bucket="tiny-once")
        arguments = {"Bucket": "tiny-once", "Key": "k"}
        once = {**arguments, "IfNoneMatch": "*", "ContentLength": 3}
        url = s3.generate_presigned_url("put_object", once, ExpiresIn=60)

        def put(body: bytes, **headers: str) -> int:
            given = {name.replace("_", "-"): value for name, value in headers.items()}
            return int(urllib3.request("PUT", url, body=body, headers=given).status)

        assert put(b"one") == 403  # without the header that was signed
        assert put(b"four", if_none_match="*") == 403
        assert put(b"one", if_none_match="*", x_amz_tagging="a=b") == 403
        assert put(b"one", if_none_match="*", content_md5="A" * 22 + "==") == 400
        assert put(b"one", if_none_match="*") == 200
        assert put(b"two", if_none_match="*") == 412
        assert s3.get_object(**arguments)["Body"].read() == b"one"

    def test_the_runtime_api_refuses_web_pages(self, bare_cloud: LocalCloud) -> None:
        source = (
            "import os, time\n"
            "def handler(e, c):\n  time.sleep(e); return os.environ['AWS_LAMBDA_RUNTIME_API']"
        )
        function = deploy(bare_cloud, source)
        address = json.loads(bare_cloud.invoke(function.name, 0, "live").payload)
        following = f"http://{address}/2018-06-01/runtime/invocation/next"
        agent = {"User-Agent": "aws-lambda-python/3.13-4.2.2"}

        assert self.get(following, {"User-Agent": "Mozilla/5.0"})[0] == 403
        assert self.get(following, {**agent, "Origin": "http://evil.example"})[0] == 403
        assert self.get(following, {**agent, "Sec-Fetch-Site": "cross-site"})[0] == 403
        assert self.get(following, {**agent, "Host": "evil.example"})[0] == 403
        error = f"http://{address}/2018-06-01/runtime/init/error"
        assert self.get(error, {"Origin": "http://evil.example"}, "POST")[0] == 403
        assert bare_cloud.invoke(function.name, 0, "live").failed is False


def test_bodies_that_are_not_text_are_replaced_as_by_api_gateway(api: Client) -> None:
    event = api.request("POST", "/echo/x", b"\xff\xfe", {"Content-Type": "text/plain"}).body

    assert event["body"] == "��"
