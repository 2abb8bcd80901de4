"""The local S3 refuses what S3 refuses: unsigned headers, and bodies that contradict headers."""

import base64
import hashlib
import io
import re
import zlib
from collections.abc import Iterable, Mapping

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from werkzeug.test import create_environ, run_wsgi_app

from local.guard import RequireSignature
from local.lambda_runtime.models import Credentials
from local.s3_bodies.intact import MAX_PUT_BYTES, IntactBodies
from local.signature import Keyring
from local.wsgi import Environ, Response, StartResponse

KEYS = Credentials("LOCALKEY", "secret", "", "arn:aws:iam::123456789012:user/local")
URL = "http://localhost/bucket/key"
BODY = b"good" * 40_000
SHA256 = hashlib.sha256(BODY).hexdigest()
OK = (200, "")
NONE: Mapping[str, str] = {}


class Bucket:
    """An S3 that remembers what it was given; behind the checks of the local cloud."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.text = ""
        keyring = Keyring({KEYS.access_key_id: KEYS})
        self._app = RequireSignature(IntactBodies(self._keep), keyring)

    def _keep(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        self.bodies.append(environ["wsgi.input"].read())
        return Response(200, b"")(environ, start_response)

    def send(
        self,
        url: str,
        body: bytes,
        headers: Mapping[str, str],
        method: str = "PUT",
        length: str | None = None,
    ) -> tuple[int, str]:
        """Status and S3's code of the answer, whose whole text is `text`."""
        environ = create_environ(
            url, method=method, headers=dict(headers), input_stream=io.BytesIO(body)
        )
        environ["CONTENT_LENGTH"] = str(len(body)) if length is None else length
        content, status, _ = run_wsgi_app(self._app, environ)
        self.text = b"".join(content).decode()
        code = re.search("<Code>(.*)</Code>", self.text)
        return int(status.split()[0]), code[1] if code else ""


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


def signed(
    body: bytes = BODY,
    headers: Mapping[str, str] = NONE,
    method: str = "PUT",
    payload: str = "",
) -> dict[str, str]:
    """The headers of a request, all of them signed by botocore."""
    request = AWSRequest(method, URL, data=body)
    for name, value in headers.items():
        request.headers[name] = value
    signer = S3SigV4Auth(key_pair(), "s3", "us-east-1")
    if payload:
        signer.payload = lambda request: payload
    signer.add_auth(request)
    return dict(request.headers)


def presigned(headers: Mapping[str, str] = NONE, query: str = "") -> str:
    request = AWSRequest("PUT", URL + query)
    for name, value in headers.items():
        request.headers[name] = value
    S3SigV4QueryAuth(key_pair(), "s3", "us-east-1", expires=60).add_auth(request)
    return str(request.url)


def key_pair() -> ReadOnlyCredentials:
    return ReadOnlyCredentials(KEYS.access_key_id, KEYS.secret_access_key, None)


def base64_of(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def test_a_body_that_is_what_was_signed_is_passed_on_whole(bucket: Bucket) -> None:
    assert bucket.send(URL, BODY, signed()) == OK
    assert bucket.send(URL, b"", signed(b"")) == OK

    assert bucket.bodies == [BODY, b""]


@pytest.mark.parametrize("body", [b"evil" * 40_000, BODY + b"x", BODY[:-1], b""])
def test_another_body_than_the_signed_one_is_refused(bucket: Bucket, body: bytes) -> None:
    assert bucket.send(URL, body, signed()) == (400, "XAmzContentSHA256Mismatch")

    assert f"<ClientComputedContentSHA256>{SHA256}<" in bucket.text
    assert f"<S3ComputedContentSHA256>{hashlib.sha256(body).hexdigest()}<" in bucket.text
    assert bucket.bodies == []


DIGESTS = {
    "Content-MD5": (hashlib.md5(BODY).digest(), "InvalidDigest"),
    "x-amz-checksum-crc32": (zlib.crc32(BODY).to_bytes(4, "big"), "InvalidRequest"),
    "x-amz-checksum-sha1": (hashlib.sha1(BODY).digest(), "InvalidRequest"),
    "x-amz-checksum-sha256": (hashlib.sha256(BODY).digest(), "InvalidRequest"),
}


@pytest.mark.parametrize("header", DIGESTS)
def test_a_digest_in_a_header_is_compared(bucket: Bucket, header: str) -> None:
    digest, invalid = DIGESTS[header]

    def sent(value: str) -> tuple[int, str]:
        return bucket.send(URL, BODY, signed(BODY, {header: value}, payload="UNSIGNED-PAYLOAD"))

    assert sent(base64_of(digest)) == OK
    assert sent(base64_of(bytes(len(digest)))) == (400, "BadDigest")
    assert sent("no base64") == (400, invalid)
    assert sent(base64_of(digest[1:])) == (400, invalid)
    assert bucket.bodies == [BODY]


def test_a_checksum_beside_the_request_that_completes_an_upload_is_not_of_its_body(
    bucket: Bucket,
) -> None:
    headers = signed(BODY, {"x-amz-checksum-crc32": base64_of(bytes(4))}, "POST")

    assert bucket.send(URL, BODY, headers, "POST") == OK


@pytest.mark.parametrize(
    "header", ["x-amz-acl", "x-amz-tagging", "x-amz-meta-a", "X-Amz-Copy-Source", "x-amz-date"]
)
def test_a_header_of_s3_that_is_not_signed_is_refused(bucket: Bucket, header: str) -> None:
    assert bucket.send(presigned(), BODY, {header: "x"}) == (403, "AccessDenied")
    assert "There were headers present in the request which were not signed" in bucket.text
    assert f"<HeadersNotSigned>{header.lower()}</HeadersNotSigned>" in bucket.text

    assert bucket.send(URL, BODY, signed() | {"x-amz-acl": "x"}) == (403, "AccessDenied")
    assert bucket.bodies == []


def test_what_a_presigned_url_signs_must_be_sent_as_it_was_signed(bucket: Bucket) -> None:
    headers = {"If-None-Match": "*", "x-amz-acl": "private"}
    url = presigned({**headers, "Content-Length": str(len(BODY))})

    assert bucket.send(url, BODY, headers) == OK
    assert bucket.send(url, BODY + b"x", headers)[0] == 403
    assert bucket.send(url, BODY, {"x-amz-acl": "private"})[0] == 403
    assert bucket.send(url, BODY, headers | {"x-amz-acl": "public-read"})[0] == 403
    assert bucket.bodies == [BODY]


def test_a_presigned_url_takes_any_body_that_its_headers_do_not_contradict(
    bucket: Bucket,
) -> None:
    assert bucket.send(presigned(), b"any", {}) == OK
    assert bucket.send(presigned(), b"any", {"Content-Type": "text/csv"}) == OK
    in_query = "?X-Amz-Content-Sha256=UNSIGNED-PAYLOAD"
    assert bucket.send(presigned(query=in_query), b"any", {}) == OK
    md5 = {"Content-MD5": base64_of(bytes(16))}
    assert bucket.send(presigned(), b"any", md5) == (400, "BadDigest")
    checksum = {"x-amz-checksum-sha256": base64_of(hashlib.sha256(BODY).digest())}
    assert bucket.send(presigned(checksum), BODY, checksum) == OK
    assert bucket.send(presigned(checksum), b"any", checksum) == (400, "BadDigest")
    assert bucket.bodies == [b"any", b"any", b"any", BODY]


@pytest.mark.parametrize("payload", ["0" * 63, "A" * 64, "STREAMING", "0" * 64 + " "])
def test_a_payload_of_an_unknown_kind_is_refused(bucket: Bucket, payload: str) -> None:
    assert bucket.send(URL, BODY, signed(payload=payload)) == (400, "InvalidArgument")
    assert bucket.bodies == []


def test_a_signed_request_says_what_its_payload_is(bucket: Bucket) -> None:
    request = AWSRequest("PUT", URL, data=BODY)
    signer = SigV4Auth(key_pair(), "s3", "us-east-1")  # of other services, which need not say it
    signer.payload = lambda request: "UNSIGNED-PAYLOAD"
    signer.add_auth(request)

    assert bucket.send(URL, BODY, dict(request.headers)) == (400, "InvalidRequest")
    assert "Missing required header for this request: x-amz-content-sha256" in bucket.text
    assert bucket.bodies == []


@pytest.mark.parametrize("headers", [{}, {"Content-MD5": base64_of(hashlib.md5(BODY).digest())}])
def test_a_body_that_ends_early_is_not_stored(bucket: Bucket, headers: dict[str, str]) -> None:
    length = str(len(BODY) + 1)

    assert bucket.send(presigned(), BODY, headers, length=length) == (400, "IncompleteBody")
    assert bucket.bodies == []


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        ("", (411, "MissingContentLength")),
        ("-1", (400, "BadRequest")),
        ("1e3", (400, "BadRequest")),
        (str(MAX_PUT_BYTES + 1), (400, "EntityTooLarge")),
    ],
)
def test_a_put_says_how_long_it_is(bucket: Bucket, length: str, expected: tuple[int, str]) -> None:
    assert bucket.send(presigned(), BODY, {}, length=length) == expected
    assert bucket.bodies == []


def test_a_transfer_of_unknown_length_is_refused(bucket: Bucket) -> None:
    headers = {"Transfer-Encoding": "chunked"}

    assert bucket.send(presigned(), BODY, headers, length="") == (501, "NotImplemented")
    assert bucket.bodies == []
