"""Bodies in chunks: each is held to its signature, the whole to its length and checksum."""

import base64
import hashlib
import io
import zlib
from dataclasses import replace

import pytest

from local.lambda_runtime.models import Credentials
from local.s3_bodies.chunks import SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER, Chunks
from local.s3_bodies.errors import BodyError
from local.s3_bodies.intact import receive
from local.signature import Claim, Verified

EMPTY = hashlib.sha256(b"").hexdigest()
DATA = b"a" * 66_560


def verified(payload: str, signature: str = "0" * 64) -> Verified:
    """A request as AWS's documentation signs it in its example."""
    secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
    return Verified(
        Credentials("AKIAIOSFODNN7EXAMPLE", secret, "", "arn:aws:iam::123456789012:user/local"),
        Claim(
            access_key_id="AKIAIOSFODNN7EXAMPLE",
            date="20130524",
            region="us-east-1",
            service="s3",
            signed_headers=[],
            signature=signature,
            timestamp="20130524T000000Z",
            token="",
            query="",
            payload=payload,
        ),
    )


DOCUMENTED = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
DOCUMENTED_BODY = b"".join(
    [
        b"10000;chunk-signature=",
        b"ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n",
        DATA[:65_536] + b"\r\n",
        b"400;chunk-signature=",
        b"0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n",
        DATA[65_536:] + b"\r\n",
        b"0;chunk-signature=",
        b"b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n",
    ]
)
"""https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html"""


def test_the_documented_example_is_accepted() -> None:
    chunks = Chunks(io.BytesIO(DOCUMENTED_BODY), SIGNED, verified(SIGNED, DOCUMENTED))

    assert b"".join(chunks.pieces()) == DATA


@pytest.mark.parametrize(
    ("before", "after", "status"),
    [
        (b"aaa\r\n400", b"aab\r\n400", 403),  # what a chunk holds
        (b"ad80c730", b"ad80c731", 403),  # a signature
        (b"0;chunk", b"00000001;chunk", 400),  # a size
        (b"400;chunk-signature=0055", b"400;other=0055", 400),
        (b"10000;", b"1000g;", 400),
        (b"\r\n\r\n", b"", 400),
    ],
)
def test_a_changed_chunk_is_refused(before: bytes, after: bytes, status: int) -> None:
    body = DOCUMENTED_BODY.replace(before, after, 1)
    assert body != DOCUMENTED_BODY

    with pytest.raises(BodyError) as caught:
        received(body, verified(SIGNED, DOCUMENTED), len(DATA))
    assert caught.value.status == status


def received(body: bytes, caller: Verified, length: int, **headers: str) -> bytes:
    """What is passed on of a PUT."""
    given = {f"HTTP_{name.upper()}": value for name, value in headers.items()}
    environ = {
        "REQUEST_METHOD": "PUT",
        "REQUEST_URI": "/b/k",
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_X_AMZ_DECODED_CONTENT_LENGTH": str(length),
        "wsgi.input": io.BytesIO(body),
        **given,
    }
    target = io.BytesIO()
    receive(environ, caller, target)
    return target.read()


def with_trailer(data: bytes, checksum: bytes) -> bytes:
    value = base64.b64encode(checksum)
    return b"%x\r\n%s\r\n0\r\nx-amz-checksum-crc32:%s\r\n\r\n" % (len(data), data, value)


def crc32(data: bytes) -> bytes:
    return zlib.crc32(data).to_bytes(4, "big")


def test_a_checksum_behind_the_body_is_compared() -> None:
    trailer = {"x_amz_trailer": "x-amz-checksum-crc32"}
    caller = verified(UNSIGNED_TRAILER)
    body = with_trailer(b"good", crc32(b"good"))

    assert received(body, caller, 4, **trailer) == body
    with pytest.raises(BodyError, match="The CRC32 you specified did not match") as caught:
        received(with_trailer(b"evil", crc32(b"good")), caller, 4, **trailer)
    assert caught.value.code == "BadDigest"
    with pytest.raises(BodyError, match="Value for x-amz-checksum-crc32 header is invalid"):
        received(b"4\r\ngood\r\n0\r\n\r\n", caller, 4, **trailer)
    with pytest.raises(BodyError, match="x-amz-decoded-content-length"):
        received(body, caller, 5, **trailer)


def test_chunks_are_signed_or_not_as_the_request_says() -> None:
    body = with_trailer(b"good", crc32(b"good"))

    for payload in (SIGNED, SIGNED_TRAILER):
        with pytest.raises(BodyError, match="are signed"):
            received(body, verified(payload), 4)
    with pytest.raises(BodyError, match="are not signed"):
        received(DOCUMENTED_BODY, verified(UNSIGNED_TRAILER), len(DATA))


def test_a_signed_trailer_is_held_to_its_signature() -> None:
    caller = verified(SIGNED_TRAILER)
    checksum = b"x-amz-checksum-crc32:" + base64.b64encode(crc32(b"good"))
    head = "AWS4-HMAC-SHA256-{}\n20130524T000000Z\n20130524/us-east-1/s3/aws4_request\n{}\n"

    def chunk(data: bytes, previous: str) -> str:
        text = head.format("PAYLOAD", previous)
        return caller.sign(f"{text}{EMPTY}\n{hashlib.sha256(data).hexdigest()}")

    first = chunk(b"good", caller.claim.signature)
    last = chunk(b"", first)
    digest = hashlib.sha256(checksum + b"\n").hexdigest()
    trailer = caller.sign(head.format("TRAILER", last) + digest)
    parts = [f"4;chunk-signature={first}", "good", f"0;chunk-signature={last}", checksum.decode()]

    def body(signature: str) -> bytes:
        return "\r\n".join([*parts, f"x-amz-trailer-signature:{signature}", "", ""]).encode()

    named = {"x_amz_trailer": "x-amz-checksum-crc32"}
    assert received(body(trailer), caller, 4, **named) == body(trailer)
    for signature in (last, ""):
        with pytest.raises(BodyError, match="signature"):
            received(body(signature), caller, 4, **named)
    other = replace(caller.claim, signature=last)
    with pytest.raises(BodyError, match="signature"):
        received(body(trailer), replace(caller, claim=other), 4, **named)
