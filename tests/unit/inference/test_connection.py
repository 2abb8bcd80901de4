"""Answers as http.client reads them, whatever their form and wherever they break off."""

import contextlib
import http.client
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import time_limit
from inference import connection as connection_module
from inference.connection import BrokenAnswer, Connection
from tests.unit.inference.authority import Authority
from tests.unit.inference.server import Server, Slow

tokens = st.text("abcXYZ-019", min_size=1, max_size=8).map(lambda name: f"x{name}")
values = st.text("abc =/;é", max_size=12).map(str.strip)
sizes = st.lists(st.binary(min_size=1, max_size=40), max_size=4)


@st.composite
def answers(
    draw: st.DrawFn, forms: tuple[str, ...] = ("sized", "chunked", "until the end")
) -> bytes:
    headers = draw(st.dictionaries(tokens, values, max_size=4))
    status = draw(st.sampled_from([200, 206, 304, 403, 404, 500, 503]))
    form, parts = draw(st.sampled_from(forms)), draw(sizes)
    body = b"" if status == 304 else b"".join(parts)
    if form == "sized":
        headers["Content-Length"] = str(len(body))
    if form == "chunked" and status != 304:
        headers["Transfer-Encoding"] = "chunked"
        body = b"".join(b"%x;a=b\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    lines = [f"{name}: {value}\r\n" for name, value in headers.items()]
    return "".join([f"HTTP/1.1 {status} Reason\r\n", *lines, "\r\n"]).encode("latin-1") + body


@given(answer=answers())
def test_answers_are_http_clients(server: Server, answer: bytes) -> None:
    server.answer = answer

    assert asked(server.host) == reference(server.host)


@given(data=st.data(), answer=answers(forms=("sized", "chunked")))
def test_an_answer_that_breaks_off_is_told(
    server: Server, data: st.DataObject, answer: bytes
) -> None:
    server.answer = answer[: data.draw(st.integers(0, len(answer) - 1))]

    with pytest.raises(BrokenAnswer):
        asked(server.host)


def asked(host: str) -> tuple[int, dict[str, str], bytes]:
    connection = Connection(host, tls=False, timeout=5)
    try:
        found = connection.get("/a", {"host": host})
    finally:
        connection.close()
    return found.status, dict(found.headers), found.body


def reference(host: str) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(host, timeout=5)
    connection.request("GET", "/a")
    found = connection.getresponse()
    with contextlib.closing(connection):
        return found.status, {k.lower(): v for k, v in found.getheaders()}, found.read()


def test_a_request_is_its_target_and_its_headers(server: Server) -> None:
    server.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

    with contextlib.closing(Connection(server.host, tls=False, timeout=5)) as connection:
        connection.get("/a?b=c", {"host": "h", "x-amz-date": "now"})

    assert server.requests[-1] == b"GET /a?b=c HTTP/1.1\r\nhost: h\r\nx-amz-date: now\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "is_last"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nconnection: Foo, Close\r\nContent-Length: 0\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", True),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", True),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n", False),
    ],
)
def test_after_the_last_answer_a_connection_is_closed(
    server: Server, answer: bytes, is_last: bool
) -> None:
    server.answer = answer
    with contextlib.closing(Connection(server.host, tls=False, timeout=60)) as connection:
        assert connection.get("/a", {}).status == 200
        assert connection.is_open is not is_last

        if is_last:
            with pytest.raises(OSError, match="descriptor"):
                connection.get("/a", {})


@pytest.fixture
def slow() -> Iterator[Slow]:
    with contextlib.closing(Slow()) as server:
        yield server


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
    ],
)
@pytest.mark.parametrize("drip", [b"", b"1"])
def test_an_answer_that_takes_too_long_is_given_up(
    slow: Slow, answer: bytes, drip: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both when no byte arrives, and when one arrives now and then."""
    monkeypatch.setattr(connection_module, "BYTES_PER_SECOND", 1e9)
    slow.answer, slow.drip = answer, drip
    with contextlib.closing(Connection(slow.host, tls=False, timeout=0.05)) as connection:
        with pytest.raises(TimeoutError):
            connection.get("/a", {})
        assert not connection.is_open


def test_a_large_body_has_the_time_that_its_bytes_take(
    slow: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten times as long as the head of the answer may take."""
    monkeypatch.setattr(connection_module, "BYTES_PER_SECOND", 0.1)
    slow.answer, slow.drip = b"HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n", b"1"
    with contextlib.closing(Connection(slow.host, tls=False, timeout=10)) as connection:
        assert connection.get("/a", {}).body == b"1" * 30


def test_a_large_body_has_no_longer_than_its_request(
    slow: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "BYTES_PER_SECOND", 0.001)
    slow.answer, slow.drip = b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b"1"
    with (
        contextlib.closing(Connection(slow.host, tls=False, timeout=10)) as connection,
        time_limit.ending_in(0.2),
        pytest.raises(TimeoutError),
    ):
        connection.get("/a", {})


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nabc\r\n",
        b"HTTP/1.1 200 " + b"x" * 70_000,
    ],
)
def test_what_is_no_answer_is_told(server: Server, answer: bytes) -> None:
    server.answer = answer

    with pytest.raises(BrokenAnswer):
        asked(server.host)


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Authority]:
    """The only one that connections trust."""
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.bundle))
    connection_module._certificates.cache_clear()
    yield authority
    connection_module._certificates.cache_clear()


def test_a_host_that_an_authority_of_the_bundle_vouches_for_is_asked(authority: Authority) -> None:
    with contextlib.closing(Server(authority.server("localhost"))) as server:
        server.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

        connection = Connection(f"localhost:{server.port}", tls=True, timeout=5)
        with contextlib.closing(connection):
            assert connection.get("/a", {}).body == b"ok"


def test_another_host_than_its_certificate_names_is_refused(authority: Authority) -> None:
    with contextlib.closing(Server(authority.server("elsewhere.example"))) as server:
        with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
            Connection(f"localhost:{server.port}", tls=True, timeout=5)
        assert server.requests == []


@pytest.mark.usefixtures("authority")
def test_an_authority_that_is_not_in_the_bundle_is_refused(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    unknown = Authority(tmp_path_factory.mktemp("unknown"))
    with contextlib.closing(Server(unknown.server("localhost"))) as server:
        with pytest.raises(ssl.SSLCertVerificationError, match="unable to get local issuer"):
            Connection(f"localhost:{server.port}", tls=True, timeout=5)
        assert server.requests == []
