"""The Lambda Runtime API of one execution environment, on a loopback port of its own.

The four calls of https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html that AWS's client
makes: next, response, error, init error. Everything that happens is put, in order, on one queue.
"""

import sys
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue
from typing import Any, Literal

from local.lambda_runtime.models import MAX_PAYLOAD_BYTES, Invocation

PREFIX = "/2018-06-01/runtime/"
CLIENT_AGENT = "aws-lambda-python/"
FORBIDDEN_HEADERS = ("Origin", "Sec-Fetch-Site", "Sec-Fetch-Mode", "Referer")


@dataclass(frozen=True)
class Signal:
    """Something the environment did. `exited` carries no payload here: the watcher adds it."""

    kind: Literal["ready", "response", "error", "init_error", "too_large", "exited"]
    payload: bytes = b""
    request_id: str = ""


class RuntimeApi:
    """Serves one environment; `signals` tells what it did, `submit` hands it the next event."""

    def __init__(self, timeout_seconds: float) -> None:
        self.signals: SimpleQueue[Signal] = SimpleQueue()
        self._timeout = timeout_seconds
        self._invocations: SimpleQueue[Invocation | None] = SimpleQueue()
        self._server = _Server(("127.0.0.1", 0), _handler_for(self))
        self._server.daemon_threads = True
        self._ready = False
        self._closed = False
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        ).start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}"

    def submit(self, invocation: Invocation) -> None:
        self._invocations.put(invocation)

    def close(self) -> None:
        self._closed = True
        self._invocations.put(None)
        self._server.shutdown()
        self._server.server_close()

    def next(self) -> Invocation | None:
        """The next event, waited for; None when the environment is being closed."""
        if not self._ready:
            self._ready = True
            self.signals.put(Signal("ready"))
        invocation = self._invocations.get()
        if self._closed:
            self._invocations.put(None)  # for any other thread that waits here
            return None
        return invocation

    def deadline_ms(self) -> int:
        return int((time.time() + self._timeout) * 1000)


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says nothing of a process that was killed: the environment knows."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def _handler_for(api: RuntimeApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            # No page can set a User-Agent on a request that a browser sends without asking first.
            agent = self.headers.get("User-Agent", "")
            if not self._is_local() or not agent.startswith(CLIENT_AGENT):
                return self._answer(403)
            if self.path != f"{PREFIX}invocation/next":
                return self._answer(404)
            invocation = api.next()
            if invocation is None:
                self.close_connection = True  # the process is being killed: nobody listens
                return None
            return self._answer(
                200,
                invocation.payload,
                {
                    "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
                    "Lambda-Runtime-Invoked-Function-Arn": invocation.function_arn,
                    "Lambda-Runtime-Deadline-Ms": str(api.deadline_ms()),
                    "Lambda-Runtime-Client-Context": invocation.client_context,
                },
            )

        def do_POST(self) -> None:
            if not self._is_local():
                return self._answer(403)
            if self.path == f"{PREFIX}init/error":
                api.signals.put(Signal("init_error", self._body()))
                return self._answer(202, b"{}")
            request_id, _, what = self.path.removeprefix(f"{PREFIX}invocation/").partition("/")
            if what == "response" and self._length() > MAX_PAYLOAD_BYTES:
                self._body()
                api.signals.put(Signal("too_large", request_id=request_id))
                return self._answer(413)
            if what == "response":
                api.signals.put(Signal("response", self._body(), request_id))
            elif what == "error":
                api.signals.put(Signal("error", self._body(), request_id))
            else:
                return self._answer(404)
            return self._answer(202, b"{}")

        def _is_local(self) -> bool:
            if any(name in self.headers for name in FORBIDDEN_HEADERS):
                return False
            return self.headers.get("Host") == api.address

        def _length(self) -> int:
            return int(self.headers.get("Content-Length") or 0)

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                return self.rfile.read(self._length())
            chunks = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(chunks)

        def _answer(
            self, status: int, body: bytes = b"", headers: dict[str, str] | None = None
        ) -> None:
            self.send_response_only(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            for name, value in (headers or {}).items():
                if value:
                    self.send_header(name, value)
            if status >= 400:
                self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: the runtime API is not a server that a person reads the log of."""

    return Handler
