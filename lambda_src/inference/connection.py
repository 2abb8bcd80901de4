"""A kept connection over which S3 is read: GETs of HTTP/1.1, and no more of it than S3 speaks.

http.client reads headers with the package for e-mail, and importing the two took 24 of the 590
million instructions of a start, 6 ms of 150. A property test holds this to http.client's answers.
https://www.rfc-editor.org/rfc/rfc9112
"""

import contextlib
import socket
import ssl
from collections.abc import Iterator, Mapping
from typing import BinaryIO, NamedTuple

_LINE = 65_536
"""The longest line of a head that is read, as http.client has it."""


class Answer(NamedTuple):
    """What came back; the names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class BrokenAnswer(OSError):
    """What came back is no answer of HTTP/1.1, or not all of one."""


class Connection:
    """An open connection to host, which may name a port. Opening and asking raise OSError."""

    def __init__(self, host: str, *, tls: bool, timeout: float) -> None:
        name, _, port = host.partition(":")
        # A name in bytes needs no codec for international ones, whose tables take 2 ms to import.
        address = (name.encode("ascii"), int(port or (443 if tls else 80)))
        self._socket = socket.create_connection(address, timeout)  # type: ignore[arg-type]
        try:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if tls:
                context = ssl.create_default_context()
                self._socket = context.wrap_socket(self._socket, server_hostname=name)
        except BaseException:
            self._socket.close()
            raise
        self._file = self._socket.makefile("rb")

    def get(self, target: str, headers: Mapping[str, str]) -> Answer:
        """Asks for a target. What breaks, or is the last answer, closes the connection."""
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        try:
            self._socket.sendall(f"GET {target} HTTP/1.1\r\n{head}\r\n".encode("ascii"))
            answer = _read(self._file)
        except BaseException:
            self.close()
            raise
        if answer.headers.get("connection", "").lower() == "close":
            self.close()
        return answer

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._file.close()
            self._socket.close()


def _read(file: BinaryIO) -> Answer:
    version, _, rest = _line(file).partition(" ")
    if not version.startswith("HTTP/1."):
        raise BrokenAnswer(f"{version!r:.80} is not HTTP/1")
    headers = {"connection": "close"} if version == "HTTP/1.0" else {}
    while line := _line(file):
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    status = _number(rest[:3], 10)
    return Answer(status, headers, b"" if status == 304 else _body(file, headers))


def _body(file: BinaryIO, headers: Mapping[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return b"".join(_chunks(file))
    if "content-length" in headers:
        return _exactly(file, _number(headers["content-length"], 10))
    return file.read()


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while size := _number(_line(file).partition(";")[0], 16):
        yield _exactly(file, size)
        _line(file)
    while _line(file):
        pass


def _exactly(file: BinaryIO, size: int) -> bytes:
    data = file.read(size)
    if len(data) != size:
        raise BrokenAnswer(f"{len(data):,} bytes came of {size:,}")
    return data


def _line(file: BinaryIO) -> str:
    line = file.readline(_LINE)
    if not line.endswith(b"\n"):
        raise BrokenAnswer(f"{line!r:.80} is not a whole line")
    return line.rstrip(b"\r\n").decode("latin-1")


def _number(digits: str, base: int) -> int:
    try:
        return int(digits, base)
    except ValueError:
        raise BrokenAnswer(f"{digits!r:.80} is not a number") from None
