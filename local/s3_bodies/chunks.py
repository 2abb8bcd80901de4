"""Bodies that are sent to S3 in chunks, each of which may be signed: aws-chunked, taken apart.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
"""

import hashlib
import hmac
from collections.abc import Iterator
from typing import Protocol

from local.s3_bodies.errors import BodyError, incomplete
from local.signature import ALGORITHM, Verified

SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
KINDS = (SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER)

_LINE_BYTES = 8192
_PIECE_BYTES = 65_536
_EMPTY = hashlib.sha256(b"").hexdigest()


class Readable(Protocol):
    """As much of a file as it takes to read chunks."""

    def read(self, size: int) -> bytes: ...

    def readline(self, size: int) -> bytes: ...


class Chunks:
    """A body of one of the KINDS. Once `pieces` are read, `trailers` has the headers behind it."""

    def __init__(self, body: Readable, kind: str, verified: Verified) -> None:
        self.trailers: dict[str, str] = {}
        self._body = body
        self._kind = kind
        self._verified = verified
        self._previous = verified.claim.signature

    def pieces(self) -> Iterator[bytes]:
        """What the chunks hold. Raises BodyError."""
        size = -1
        while size:
            size, signature = self._header()
            digest = hashlib.sha256()
            for piece in self._data(size):
                digest.update(piece)
                yield piece
            self._check("PAYLOAD", f"{_EMPTY}\n{digest.hexdigest()}", signature)
            if size:
                self._expect_line_end()
        self._read_trailers()

    def _header(self) -> tuple[int, str]:
        digits, _, extension = self._line().partition(";")
        name, _, signature = extension.partition("=")
        if not digits or set(digits) - set("0123456789abcdefABCDEF") or len(digits) > 8:
            raise _malformed(f"{digits[:20]!r} is not the size of a chunk")
        if (name == "chunk-signature") != self._signed:
            raise _malformed(f"chunks of {self._kind} are {'' if self._signed else 'not '}signed")
        return int(digits, 16), signature

    def _data(self, size: int) -> Iterator[bytes]:
        while size:
            piece = self._body.read(min(size, _PIECE_BYTES))
            size -= len(piece)
            yield piece

    def _read_trailers(self) -> None:
        while line := self._line():
            name, _, value = line.partition(":")
            self.trailers[name.strip().lower()] = value.strip()
        signature = self.trailers.pop("x-amz-trailer-signature", "")
        if self._kind == SIGNED_TRAILER:
            text = "".join(f"{name}:{self.trailers[name]}\n" for name in sorted(self.trailers))
            self._check("TRAILER", hashlib.sha256(text.encode()).hexdigest(), signature)

    def _check(self, what: str, content: str, signature: str) -> None:
        """Hold a signature to the one that follows from the one before it."""
        if not self._signed:
            return
        claim = self._verified.claim
        expected = self._verified.sign(
            f"{ALGORITHM}-{what}\n{claim.timestamp}\n{claim.scope}\n{self._previous}\n{content}"
        )
        if not hmac.compare_digest(expected.encode(), signature.encode()):
            raise BodyError(
                403,
                "SignatureDoesNotMatch",
                "The request signature we calculated does not match the signature you provided. "
                "Check your key and signing method.",
            )
        self._previous = signature

    @property
    def _signed(self) -> bool:
        return self._kind != UNSIGNED_TRAILER

    def _line(self) -> str:
        line = self._body.readline(_LINE_BYTES)
        if not line.endswith(b"\n"):
            raise _malformed("a line has no end")
        return line.decode("latin-1").strip()

    def _expect_line_end(self) -> None:
        if self._line():
            raise _malformed("a chunk is longer than it says")


def _malformed(reason: str) -> BodyError:
    return incomplete(f"a body of chunks: {reason}")
