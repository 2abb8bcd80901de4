"""Lets only those requests to S3 through whose body is the one that was sent.

moto stores whatever it gets. S3 compares first, and refuses what has no length or too much of it.
"""

import hashlib
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from typing import IO

from local.errors import complain
from local.s3_bodies.chunks import KINDS, Chunks
from local.s3_bodies.errors import BodyError, incomplete
from local.s3_bodies.statements import HASHES, Statement, feed, stated
from local.signature import CONTENT_SHA256, UNSIGNED_PAYLOAD, Verified
from local.wsgi import App, Environ, StartResponse, header_items, raw_path, xml_error

MAX_PUT_BYTES = 5 * 1024**3
IN_MEMORY_BYTES = 1024**2
PIECE_BYTES = 65_536


class IntactBodies:
    """Lets only those requests to S3 through whose body is the one that was sent."""

    def __init__(self, app: App) -> None:
        self._app = app

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        verified: Verified = environ["local.caller"]
        if verified.service != "s3":
            return self._app(environ, start_response)
        try:
            with tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES) as body:
                receive(environ, verified, body)
                environ["wsgi.input"] = body
                return self._app(environ, start_response)
        except BodyError as error:
            refusal = xml_error(error.status, error.code, str(error), details=error.details)
        except OSError as error:  # no room for the body, or for the object
            message = f"cannot keep {raw_path(environ)}: {error.strerror or error}"
            complain(message)
            refusal = xml_error(500, "InternalError", f"The local cloud {message}")
        return refusal(environ, start_response)


def receive(environ: Environ, verified: Verified, target: IO[bytes]) -> None:
    """Copy the body of a request to a file, and rewind it. Raises BodyError."""
    method, headers = environ["REQUEST_METHOD"], dict(header_items(environ))
    _check_length(method, headers)
    kind = verified.claim.payload
    _check_kind(kind)
    # Checksums of a POST to a key are of the object that is complete by it.
    posted_to_key = method == "POST" and "/" in raw_path(environ).strip("/")
    statements = [] if posted_to_key else stated(headers)
    body = _Copied(environ["wsgi.input"], int(headers.get("content-length", 0)), target)
    if kind in KINDS:
        _receive_chunks(Chunks(body, kind, verified), headers, statements)
    else:
        if kind != UNSIGNED_PAYLOAD:
            statements.append(Statement(CONTENT_SHA256, hashlib.sha256(), kind))
        feed(body.pieces(), statements)
    body.finish()
    for statement in statements:
        statement.check()
    target.seek(0)


class _Copied:
    """A body that is copied to a file as it is read, and must be as long as it says."""

    def __init__(self, source: IO[bytes], length: int, target: IO[bytes]) -> None:
        self._source = source
        self._left = length
        self._target = target

    def read(self, size: int) -> bytes:
        return self._copied(self._source.read(min(size, self._left)))

    def readline(self, size: int) -> bytes:
        return self._copied(self._source.readline(min(size, self._left)))

    def pieces(self) -> Iterator[bytes]:
        while self._left:
            yield self.read(PIECE_BYTES)

    def finish(self) -> None:
        """Copy what has not been read."""
        for _ in self.pieces():
            pass

    def _copied(self, data: bytes) -> bytes:
        if not data:
            raise incomplete("the number of bytes specified by the Content-Length HTTP header")
        self._left -= len(data)
        self._target.write(data)
        return data


def _check_length(method: str, headers: Mapping[str, str]) -> None:
    if "transfer-encoding" in headers:
        message = "A header you provided implies functionality that is not implemented"
        raise BodyError(501, "NotImplemented", message, Header="Transfer-Encoding")
    length = headers.get("content-length", "")
    if not re.fullmatch(r"\d{0,15}", length, re.ASCII):
        raise BodyError(400, "BadRequest", f"Content-Length is {length[:40]!r}.")
    if method == "PUT" and not length:
        message = "You must provide the Content-Length HTTP header."
        raise BodyError(411, "MissingContentLength", message)
    if length and int(length) > MAX_PUT_BYTES:
        raise BodyError(
            400,
            "EntityTooLarge",
            "Your proposed upload exceeds the maximum allowed size",
            ProposedSize=length,
            MaxSizeAllowed=str(MAX_PUT_BYTES),
        )


def _check_kind(kind: str) -> None:
    if not kind:
        message = f"Missing required header for this request: {CONTENT_SHA256}"
        raise BodyError(400, "InvalidRequest", message)
    if kind not in (UNSIGNED_PAYLOAD, *KINDS) and not re.fullmatch("[0-9a-f]{64}", kind):
        choices = ", ".join((UNSIGNED_PAYLOAD, *KINDS))
        raise BodyError(
            400, "InvalidArgument", f"{CONTENT_SHA256} must be {choices} or a valid sha256 value."
        )


def _receive_chunks(chunks: Chunks, headers: Mapping[str, str], known: list[Statement]) -> None:
    """Feed what the chunks hold to the known statements, and add those of the trailers."""
    named = headers.get("x-amz-trailer", "").lower().replace(" ", "").split(",")
    trailing = [Statement(name, HASHES[name](), "") for name in named if name in HASHES]
    length = feed(chunks.pieces(), known + trailing)
    if headers.get("x-amz-decoded-content-length") != str(length):
        raise incomplete("as many bytes as x-amz-decoded-content-length says")
    for statement in trailing:
        statement.given = chunks.trailers.get(statement.header, "")
    known += trailing
