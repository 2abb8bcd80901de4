"""Signatures made by botocore are accepted; anything changed afterwards is not."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from hypothesis import example, given
from hypothesis import strategies as st

from local.lambda_runtime.models import Credentials
from local.signature import Keyring, SignatureError, SignedRequest, verify

KEYS = Credentials("LOCALKEY", "secret", "token", "arn:aws:iam::123456789012:user/local")
KEYRING = Keyring({KEYS.access_key_id: KEYS})
URL = "http://127.0.0.1:4566"


def signed(
    signer: Any, method: str = "GET", path: str = "/", query: str = "", body: bytes = b""
) -> SignedRequest:
    """The request as the server sees it, signed by botocore."""
    request = AWSRequest(method, f"{URL}{path}" + (f"?{query}" if query else ""), data=body)
    request.headers["X-Amz-Meta-Text"] = "a   b"
    signer.add_auth(request)
    parts = urlsplit(request.url)
    headers = {name.lower(): value for name, value in request.headers.items()}
    headers.setdefault("host", parts.netloc)
    return SignedRequest(method, parts.path, parts.query, headers, lambda: body)


def signer(kind: Any = auth.SigV4Auth, service: str = "execute-api", **more: Any) -> Any:
    keys = ReadOnlyCredentials(KEYS.access_key_id, KEYS.secret_access_key, KEYS.session_token)
    return kind(keys, service, "us-east-1", **more)


def changed(request: SignedRequest, **values: Any) -> SignedRequest:
    return SignedRequest(**{**vars(request), **values})


segments = st.text(st.characters(blacklist_categories=["Cs"]), min_size=1)


@given(st.lists(segments), st.dictionaries(segments, segments), st.binary())
@example(["a/b", "../c"], {"/": "a/b"}, b"")
def test_any_path_query_and_body(path: list[str], query: dict[str, str], body: bytes) -> None:
    encoded = "&".join(f"{quote(k, safe='~')}={quote(v, safe='~')}" for k, v in query.items())
    target = "/" + "/".join(quote(one, safe="~") for one in path)

    for kind, service in ((auth.SigV4Auth, "lambda"), (auth.S3SigV4Auth, "s3")):
        request = signed(signer(kind, service), "PUT", target, encoded, body)
        verified = verify(request, KEYRING)
        assert (verified.credentials, verified.service) == (KEYS, service)


@pytest.mark.parametrize(
    "change",
    [
        {"method": "POST"},
        {"path": "/b"},
        {"query": "x=2"},
        {"read_body": lambda: b"evil"},
    ],
)
def test_what_was_signed_cannot_be_changed(change: dict[str, Any]) -> None:
    request = signed(signer(), "PUT", "/a", "x=1", b"good")
    verify(request, KEYRING)

    with pytest.raises(SignatureError, match="does not match") as caught:
        verify(changed(request, **change), KEYRING)
    assert caught.value.kind == "INVALID_SIGNATURE"


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("x-amz-meta-text", "c", "INVALID_SIGNATURE"),
        ("x-amz-security-token", "other", "ACCESS_DENIED"),
        ("host", "evil.example", "INVALID_SIGNATURE"),
        ("authorization", "", "MISSING_AUTHENTICATION_TOKEN"),
        ("authorization", "Bearer x", "INVALID_SIGNATURE"),
        ("x-amz-date", "yesterday", "INVALID_SIGNATURE"),
    ],
)
def test_headers_are_part_of_it(name: str, value: str, kind: str) -> None:
    request = signed(signer(), "GET", "/a")

    with pytest.raises(SignatureError) as caught:
        verify(changed(request, headers={**request.headers, name: value}), KEYRING)
    assert caught.value.kind == kind


def test_another_service_or_key() -> None:
    request = signed(signer(service="s3"))

    with pytest.raises(SignatureError, match="correct service: 'execute-api'"):
        verify(request, KEYRING, "execute-api")
    with pytest.raises(SignatureError, match="security token included in the request is invalid"):
        verify(request, Keyring({}))


def moved(monkeypatch: pytest.MonkeyPatch, by: timedelta) -> None:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.now(UTC) + by

    monkeypatch.setattr("local.signature.datetime", Clock)


def test_old_signatures_expire(monkeypatch: pytest.MonkeyPatch) -> None:
    request = signed(signer())
    presigned = signed(signer(auth.S3SigV4QueryAuth, "s3", expires=60), "PUT", "/b/k")
    verify(presigned, KEYRING)

    moved(monkeypatch, timedelta(seconds=61))
    verify(request, KEYRING)
    with pytest.raises(SignatureError, match="expired"):
        verify(presigned, KEYRING)
    moved(monkeypatch, timedelta(minutes=16))
    with pytest.raises(SignatureError, match="expired"):
        verify(request, KEYRING)


def test_presigned_urls_may_not_be_stretched() -> None:
    presigned = signed(signer(auth.S3SigV4QueryAuth, "s3", expires=60), "PUT", "/b/k")
    stretched = presigned.query.replace("X-Amz-Expires=60", "X-Amz-Expires=6000")
    absent = presigned.query.replace("X-Amz-Expires=60", "X-Amz-Expires=")

    with pytest.raises(SignatureError, match="does not match"):
        verify(changed(presigned, query=stretched), KEYRING)
    with pytest.raises(SignatureError, match="X-Amz-Expires is ''"):
        verify(changed(presigned, query=absent), KEYRING)


@given(st.text())
def test_any_authorization_header_is_refused_or_accepted(text: str) -> None:
    request = signed(signer())

    with pytest.raises(SignatureError):
        verify(changed(request, headers={**request.headers, "authorization": text}), KEYRING)
