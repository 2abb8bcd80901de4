"""An S3 over HTTP that fails where and how a test says."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

import pytest
from moto.s3.models import s3_backends

from local import aws
from local.wsgi import App, Environ, StartResponse, raw_path, xml_error

Kind = Literal["500", "500 after", "close", "close after", "never", "part", "trickle"]
"""What a request meets. After: once it has been performed; part: an answer that breaks off;
trickle: one whose body comes byte by byte, without end."""


@dataclass
class Fault:
    method: str
    part: str
    kind: Kind
    times: int


@cache
def _moto() -> App:
    """Made once: it finds its routes at the first request, which takes a second."""
    return aws.moto_app()


@dataclass
class FaultyS3:
    """moto, and in front of it the faults that are planned."""

    faults: list[Fault] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    """Method and path of every request."""

    _app: App = field(default_factory=_moto)
    _ended: threading.Event = field(default_factory=threading.Event)

    def fail(self, method: str, part: str, kind: Kind, times: int = 1) -> None:
        """The next requests of a method whose path has a part in it meet a fault."""
        self.faults.append(Fault(method, part, kind, times))

    def end(self) -> None:
        self._ended.set()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], raw_path(environ)
        self.asked.append(f"{method} {path}")
        for fault in self.faults:
            if fault.times > 0 and fault.method == method and fault.part in path:
                fault.times -= 1
                return self._met(fault.kind, environ, start_response)
        return self._app(environ, start_response)

    def _met(self, kind: Kind, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if kind == "never":
            self._ended.wait()
        if kind.endswith("after"):
            list(self._app(environ, lambda *_: None))
        if kind.startswith("500"):
            return xml_error(500, "InternalError", "We met an error.")(environ, start_response)
        if kind in ("part", "trickle"):
            return self._incomplete(kind, environ, start_response)
        environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        raise ConnectionAbortedError  # there is nobody to answer any more

    def _incomplete(
        self, kind: Kind, environ: Environ, start_response: StartResponse
    ) -> Iterator[bytes]:
        body = b"".join(self._app(environ, start_response))
        yield body[:1]
        while kind == "trickle" and not self._ended.is_set():
            yield b"x"
            time.sleep(0.005)
        with contextlib.suppress(OSError):
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyS3]:
    """Everything that asks for AWS gets this."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    server, s3 = aws.Server(0), FaultyS3()
    server.start(s3)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.port}")
    try:
        yield s3
    finally:
        s3.end()
        server.stop()
        for account in s3_backends.values():
            account.reset()
