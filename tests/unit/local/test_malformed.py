"""Malformed requests are 400, in the form of the service they are for, and nothing else happens."""

import io
import json
import socket
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from werkzeug.serving import DechunkedInput

from local.aws import Server
from local.guard import Guard
from local.wsgi import Environ, Response, StartResponse, read_body

LIMIT = 10
S3 = "AWS4-HMAC-SHA256 Credential=K/20260101/us-east-1/s3/aws4_request"


class Endless(io.RawIOBase):
    """A body that does not end."""

    def read(self, size: int = -1, /) -> bytes:
        assert 0 <= size <= LIMIT + 1, "read without a bound"
        return b"x" * size


def echo(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    return Response(200, read_body(environ, LIMIT))(environ, start_response)


def answered(**environ: Any) -> tuple[str, bytes]:
    statuses: list[str] = []
    environ = {"HTTP_HOST": "here", "REQUEST_METHOD": "POST", **environ}
    guard = Guard(echo, frozenset({"here"}))
    body = b"".join(guard(environ, lambda status, headers: statuses.append(status)))
    return statuses[0], body


@pytest.mark.parametrize("length", ["-1", "abc", "1_0", "\u0663", "9" * 20, " 5", "+5"])
def test_a_length_that_is_none_is_refused_unread(length: str) -> None:
    sent = {"CONTENT_LENGTH": length, "wsgi.input": Endless()}
    status, body = answered(**sent)
    assert status == "400 Bad Request"
    assert json.loads(body)["message"] == f"Content-Length is {length!r}."
    status, body = answered(**sent, HTTP_AUTHORIZATION=S3)
    assert status == "400 Bad Request"
    assert b"<Error><Code>BadRequest</Code>" in body


@pytest.mark.parametrize("chunks", [b"zz\r\n{}\r\n", b"-2\r\n{}", b"2\r\n{}xx", b"", b"5\r\n{}"])
def test_a_body_of_broken_chunks_is_refused(chunks: bytes) -> None:
    sent = DechunkedInput(io.BytesIO(chunks))
    status, body = answered(**{"wsgi.input": sent, "wsgi.input_terminated": True})
    assert status == "400 Bad Request"
    assert json.loads(body)["message"].startswith("The body cannot be read: ")


@pytest.mark.parametrize(
    ("sent", "body"),
    [
        ({"CONTENT_LENGTH": "3", "wsgi.input": io.BufferedReader(io.BytesIO(b"abc"))}, b"abc"),
        ({"CONTENT_LENGTH": "9" * 15, "wsgi.input": Endless()}, b"x" * (LIMIT + 1)),
        ({"wsgi.input": Endless()}, b""),
        (
            {
                "wsgi.input": DechunkedInput(io.BytesIO(b"2\r\n{}\r\n0\r\n\r\n")),
                "wsgi.input_terminated": True,
            },
            b"{}",
        ),
    ],
)
def test_other_bodies_are_read_up_to_the_limit(sent: Environ, body: bytes) -> None:
    assert answered(**sent) == ("200 OK", body)


@pytest.fixture
def port() -> Iterator[int]:
    server = Server(0)
    server.start(Guard(echo, frozenset({"here"})))
    yield server.port
    server.stop()


@pytest.mark.parametrize(
    "line", ["GET http://[::1 HTTP/1.1", "GET / HTTP/x", "GET /" + "a" * 70_000]
)
def test_a_request_line_that_is_none_is_answered_as_json(
    port: int, line: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(f"{line}\r\nHost: here\r\n\r\n".encode())
        answer = b""
        while chunk := connection.recv(65_536):
            answer += chunk
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.split()[1] in (b"400", b"414"), answer[:300]
    assert b"application/json" in head
    assert json.loads(body)["message"]
    assert capfd.readouterr().err == ""
