"""A connection for GETs over HTTP/1.1 that is kept open. It supports only what S3 uses.

http.client would import the package for e-mail to parse headers. Both took 24 of the 590 million
instructions of a start, 6 ms of 150. A property test compares this module with http.client.
https://www.rfc-editor.org/rfc/rfc9112
"""

import contextlib
import io
import math
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from common import time_limit

_LINE = 65_536
"""The longest line of a head in bytes; http.client has the same limit."""

OPENING_SECONDS = 2.0
"""Seconds for opening a connection, however many addresses its host has."""

BYTES_PER_SECOND = 500_000
"""The slowest transfer of a body: its time is added to that of the answer."""


class Answer(NamedTuple):
    """An answer; the names of its headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class BrokenAnswer(OSError):
    """The answer is not HTTP/1.1, or not complete."""


class Connection:
    """An open connection to a host, which may name a port. Opening and requests raise OSError.

    An answer may take timeout seconds, plus those of its body at BYTES_PER_SECOND, but no more than
    are left for the current event.
    """

    def __init__(self, host: str, *, tls: bool, timeout: float) -> None:
        self.is_open = False
        """Whether another request may be sent."""
        self._timeout = timeout
        self._socket = time_limit.within(OPENING_SECONDS, lambda: _open(host, tls, timeout))
        self._incoming = _Incoming(self._socket, timeout)
        self._file = io.BufferedReader(self._incoming)
        self.is_open = True

    def get(self, target: str, headers: Mapping[str, str]) -> Answer:
        """The answer to a GET of target, a path with its query.

        The connection is closed after an error, or if the server says that it closes it.
        """
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        try:
            self._socket.settimeout(self._timeout)
            self._socket.sendall(f"GET {target} HTTP/1.1\r\n{head}\r\n".encode("ascii"))
            self._incoming.ends = time.monotonic() + self._timeout
            answer, is_last = self._read()
        except BaseException:
            self.close()
            raise
        if is_last:
            self.close()
        return answer

    def close(self) -> None:
        if not self.is_open:
            return
        self.is_open = False
        with contextlib.suppress(OSError):
            self._file.close()
            self._socket.close()

    def __del__(self) -> None:
        self.close()  # for the connection of a thread that has ended

    def _read(self) -> tuple[Answer, bool]:
        """The next answer, and whether it is the last one of this connection."""
        version, _, rest = self._line().partition(" ")
        if not version.startswith("HTTP/1."):
            raise BrokenAnswer(f"{version!r:.80} is not HTTP/1")
        headers = {"connection": "close"} if version == "HTTP/1.0" else {}
        while line := self._line():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        status = _number(rest[:3], 10)
        body = b"" if status == 304 else self._body(headers)
        options = headers.get("connection", "").lower().split(",")
        is_last = body is None or "close" in map(str.strip, options)
        return Answer(status, headers, self._file.read() if body is None else body), is_last

    def _body(self, headers: Mapping[str, str]) -> bytes | None:
        """The body, or None where it ends when the server closes the connection."""
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return b"".join(self._chunks())
        if "content-length" in headers:
            return self._exactly(_number(headers["content-length"], 10))
        return None

    def _chunks(self) -> Iterator[bytes]:
        while size := _number(self._line().partition(";")[0], 16):
            yield self._exactly(size)
            self._line()
        while self._line():
            pass

    def _exactly(self, size: int) -> bytes:
        self._incoming.ends += size / BYTES_PER_SECOND
        data = self._file.read(size)
        if len(data) != size:
            raise BrokenAnswer(f"{len(data):,} bytes came of {size:,}")
        return data

    def _line(self) -> str:
        line = self._file.readline(_LINE)
        if not line.endswith(b"\n"):
            raise BrokenAnswer(f"{line!r:.80} is not a whole line")
        return line.rstrip(b"\r\n").decode("latin-1")


class _Incoming(io.RawIOBase):
    """Reads a socket until the time `ends`; each read may take timeout seconds."""

    def __init__(self, connected: socket.socket, timeout: float) -> None:
        self._socket = connected
        self._timeout = timeout
        self.ends = math.inf
        """A time of time.monotonic()."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = min(self.ends - time.monotonic(), time_limit.left())
        if left <= 0:
            raise TimeoutError("the answer takes too long")
        self._socket.settimeout(min(left, self._timeout))
        return self._socket.recv_into(buffer)


@cache
def _certificates() -> ssl.SSLContext:
    """The certificates that servers are checked with; reading them takes 22 ms."""
    return ssl.create_default_context()


def _open(host: str, tls: bool, timeout: float) -> socket.socket:
    name, _, port = host.partition(":")
    # A name in bytes does not need the codec for international names, which takes 2 ms to import.
    address = (name.encode("ascii"), int(port or (443 if tls else 80)))
    connected = socket.create_connection(address, timeout)  # type: ignore[arg-type]
    try:
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not tls:
            return connected
        return _certificates().wrap_socket(connected, server_hostname=name)
    except BaseException:
        connected.close()
        raise


def _number(digits: str, base: int) -> int:
    try:
        return int(digits, base)
    except ValueError:
        raise BrokenAnswer(f"{digits!r:.80} is not a number") from None
