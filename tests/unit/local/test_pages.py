"""Pages may use presigned URLs of S3 as the bucket's CORS rules say, and nothing else."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from moto import mock_aws
from moto.s3.models import CorsRule
from werkzeug.test import create_environ, run_wsgi_app

from local.guard import RequireSignature
from local.lambda_runtime.models import Credentials
from local.open_address import OpenAddress
from local.pages import Pages
from local.s3_cors import Rule
from local.signature import Keyring
from local.wsgi import Environ, Response, StartResponse

URL = "http://127.0.0.1:4566"
KEYS = Credentials("LOCALKEY", "secret", "token", "arn:aws:iam::123456789012:user/local")
ORIGIN = "http://localhost:3000"
RULE = {
    "AllowedMethods": ["PUT"],
    "AllowedOrigins": [ORIGIN],
    "AllowedHeaders": ["Content-Type", "If-None-Match"],
    "MaxAgeSeconds": 600,
}
OF_MOTO = ("Access-Control-Allow-Origin", "http://a,http://b")


@dataclass
class Bucket:
    """A bucket behind the checks of the local cloud, and what came through to it."""

    rules: list[dict[str, Any]]
    written: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket="uploads")
        if self.rules:
            configuration = {"CORSRules": self.rules}
            s3.put_bucket_cors(Bucket="uploads", CORSConfiguration=configuration)
        keyring = Keyring({KEYS.access_key_id: KEYS})
        self._app = Pages(RequireSignature(self._keep, keyring), OpenAddress(), keyring)

    def _keep(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        self.written.append(environ["REQUEST_METHOD"])
        return Response(200, b"", [OF_MOTO, ("ETag", "e")])(environ, start_response)

    def url(self, method: str = "put_object", keys: Credentials = KEYS, **more: Any) -> str:
        client = boto3.client(
            "s3",
            endpoint_url=URL,
            aws_access_key_id=keys.access_key_id,
            aws_secret_access_key=keys.secret_access_key,
            aws_session_token=keys.session_token,
            config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
        )
        given = {"Bucket": "uploads", "Key": "raw/a b", **more}
        return str(client.generate_presigned_url(method, given, 60))

    def send(self, method: str, url: str, headers: dict[str, str]) -> tuple[int, dict[str, str]]:
        environ = create_environ("/", URL, method=method, headers=headers)
        parts = urlsplit(url)
        environ["REQUEST_URI"] = f"{parts.path}?{parts.query}"
        environ["QUERY_STRING"] = parts.query
        content, status, given = run_wsgi_app(self._app, environ)
        self.text = b"".join(content).decode()
        return int(status.split()[0]), dict(given)

    def preflight(
        self, url: str, origin: str = ORIGIN, method: str = "PUT", headers: str | None = None
    ) -> tuple[int, dict[str, str]]:
        asked = {"Origin": origin, "Access-Control-Request-Method": method}
        more = {"Access-Control-Request-Headers": headers} if headers is not None else {}
        return self.send("OPTIONS", url, {**asked, **more})


@pytest.fixture(autouse=True)
def emulated(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        yield


def test_a_page_uploads_as_the_bucket_lets_it() -> None:
    bucket = Bucket([RULE])
    url = bucket.url(IfNoneMatch="*")

    status, headers = bucket.preflight(url, headers="content-type, If-None-Match")
    assert status == 200
    assert headers["Access-Control-Allow-Origin"] == ORIGIN
    assert headers["Access-Control-Allow-Methods"] == "PUT"
    assert headers["Access-Control-Allow-Headers"] == "content-type, if-none-match"
    assert headers["Access-Control-Max-Age"] == "600"
    assert "Origin" in headers["Vary"]
    assert bucket.written == []

    status, headers = bucket.send("PUT", url, {"Origin": ORIGIN, "If-None-Match": "*"})
    assert (status, bucket.written) == (200, ["PUT"])
    assert (headers["Access-Control-Allow-Origin"], headers["ETag"]) == (ORIGIN, "e")


def test_a_page_can_read_why_its_upload_is_refused() -> None:
    bucket = Bucket([RULE])
    status, headers = bucket.send("PUT", bucket.url() + "0", {"Origin": ORIGIN})
    assert (status, headers["Access-Control-Allow-Origin"]) == (403, ORIGIN)
    assert "AccessDenied" in bucket.text
    assert bucket.written == []


@pytest.mark.parametrize(
    ("origin", "method", "headers"),
    [
        ("http://evil.example", "PUT", None),
        (ORIGIN + ".evil.example", "PUT", None),
        ("null", "PUT", None),
        (ORIGIN, "DELETE", None),
        (ORIGIN, "", None),
        (ORIGIN, "PUT", "x-amz-acl"),
        (ORIGIN, "PUT", "content-type,x-amz-acl"),
    ],
)
def test_what_no_rule_allows_is_refused(origin: str, method: str, headers: str | None) -> None:
    bucket = Bucket([RULE])
    status, given = bucket.preflight(bucket.url(), origin, method, headers)
    assert (status, "Requests of web pages" in bucket.text) == (403, True)
    assert "Access-Control-Allow-Origin" not in given


def test_another_page_cannot_use_the_url() -> None:
    bucket = Bucket([RULE])
    assert bucket.send("PUT", bucket.url(), {"Origin": "http://evil.example"})[0] == 403
    assert bucket.send("GET", bucket.url("get_object"), {"Origin": ORIGIN})[0] == 403
    assert bucket.written == []


def test_a_bucket_without_rules_lets_no_page() -> None:
    bucket = Bucket([])
    assert bucket.preflight(bucket.url())[0] == 403
    assert bucket.send("PUT", bucket.url(), {"Origin": ORIGIN})[0] == 403
    assert bucket.written == []


def test_a_page_without_a_url_of_this_run_learns_nothing_of_the_rules() -> None:
    bucket = Bucket([{**RULE, "AllowedOrigins": ["*"]}])
    other = bucket.url(keys=Credentials("LOCALOTHER", "secret", "token", ""))
    lambda_scope = bucket.url().replace("%2Fs3%2Faws4", "%2Flambda%2Faws4")
    missing = bucket.url().replace("/uploads/", "/other/")
    for url in (f"{URL}/uploads/raw/a", other, lambda_scope, missing):
        assert bucket.preflight(url)[0] == 403
        assert bucket.send("PUT", url, {"Origin": ORIGIN})[0] == 403
        assert "Requests of web pages" in bucket.text
    assert bucket.written == []


def test_rules_for_all_origins_say_so_and_the_first_that_fits_counts() -> None:
    every = {"AllowedMethods": ["GET", "PUT"], "AllowedOrigins": ["*"], "ExposeHeaders": ["ETag"]}
    bucket = Bucket([RULE, every])

    _, own = bucket.send("PUT", bucket.url(), {"Origin": ORIGIN})
    _, other = bucket.send("PUT", bucket.url(), {"Origin": "https://b.example"})
    _, read = bucket.send("GET", bucket.url("get_object"), {"Origin": ORIGIN})

    assert bucket.written == ["PUT", "PUT", "GET"]
    assert (own["Access-Control-Allow-Origin"], own["Access-Control-Allow-Credentials"]) == (
        ORIGIN,
        "true",
    )
    for headers in (other, read):
        assert headers["Access-Control-Allow-Origin"] == "*"
        assert headers["Access-Control-Expose-Headers"] == "ETag"
        assert "Access-Control-Allow-Credentials" not in headers


@pytest.mark.parametrize(
    ("pattern", "origin", "fits"),
    [
        ("https://*.example.com", "https://a.b.example.com", True),
        ("https://*.example.com", "https://example.com", False),
        ("https://*.example.com", "http://a.example.com", False),
        ("http://localhost:*", "http://localhost:3000", True),
        ("ab*ba", "aba", False),
    ],
)
def test_an_origin_may_have_a_star(pattern: str, origin: str, fits: bool) -> None:
    rule = Rule.of(CorsRule("PUT", pattern, "x-*"))
    assert rule.allows(origin, "PUT", ["x-one"]) is fits
    assert not rule.allows(origin, "PUT", ["content-type"])
