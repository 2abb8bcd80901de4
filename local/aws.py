"""moto as the AWS APIs, in this process, on a loopback port."""

import gc
import json
import logging
import os
import socket
import threading
import time
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

# moto reads these when it is imported: no CORS headers on anything, and AWS's managed policies.
os.environ["MOTO_DISABLE_GLOBAL_CORS"] = "true"
os.environ.setdefault("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")


from moto.moto_api._internal.models import moto_api_backend
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from moto.s3.models import s3_backends
from werkzeug.serving import BaseWSGIServer, make_server

from local.errors import LocalCloudError
from local.wsgi import App

_RESETS = 100
"""How often objects are gone through again; files that stay open end with the process."""


class _QuietHandler(MotoRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        """Nothing: what matters is in the functions' logs."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing, and no look at an address that cannot be read."""

    def parse_request(self) -> bool:
        if not super().parse_request():
            return False
        try:
            urlsplit(self.path)
        except ValueError as error:
            self.send_error(HTTPStatus.BAD_REQUEST, f"The address cannot be read: {error}.")
            return False
        return True

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What is answered before it is known which service is meant."""
        body = json.dumps({"message": message or HTTPStatus(code).phrase}).encode()
        self.request_version = "HTTP/1.1"  # also where it could not be read: with a status line
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)


class Server:
    """Serves a WSGI application on 127.0.0.1 in threads of its own."""

    def __init__(self, port: int) -> None:
        """Raises LocalCloudError when there is no such port, or it is taken."""
        if not 0 <= port <= 65_535:
            raise LocalCloudError(
                f"{port} is not a port: name one from 1 to 65535 with --port, or 0 for a free one"
            )
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind(("127.0.0.1", port))
        except OSError as error:
            self._socket.close()
            raise LocalCloudError(
                f"cannot listen on 127.0.0.1:{port}: {error.strerror}; name another with --port"
            ) from error
        self._socket.listen(256)
        self.port: int = self._socket.getsockname()[1]
        self._server: BaseWSGIServer | None = None

    def start(self, app: App) -> None:
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._server = make_server(
            "127.0.0.1",
            self.port,
            app,
            threaded=True,
            request_handler=_QuietHandler,
            fd=self._socket.fileno(),
        )
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True
        ).start()

    def stop(self) -> None:
        if self._server:
            self._server.shutdown()
            self._server.server_close()
        self._socket.close()


def moto_app() -> App:
    app: App = DomainDispatcherApplication(create_backend_app)
    return app


def reset() -> None:
    """Forget all that moto holds."""
    moto_api_backend.reset()


def forget_objects() -> None:
    """Close the files of all objects in S3, while moto is patched to do so without warnings."""
    for accounts in list(s3_backends.values()):
        for backend in list(accounts.values()):
            _reset(backend)
    gc.collect()


def _reset(backend: Any) -> None:
    """Reset a backend, to which requests that are still under way may add objects."""
    for _ in range(_RESETS):
        try:
            backend.reset()
        except RuntimeError:  # what it goes through has changed
            time.sleep(0.01)
        else:
            return
