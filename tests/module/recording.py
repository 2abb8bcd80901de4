"""moto as the AWS APIs in this process, with what was asked of it in its order."""

import io
import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3
from moto.moto_api._internal.models import moto_api_backend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

from local.moto_patches import api_patches
from local.moto_patches.patch import applied
from local.wsgi import Environ, StartResponse

REGION = "us-east-1"


@dataclass
class Recording:
    """An AWS, and a line for each change that was asked of it: method, path, operation, body."""

    url: str = ""
    changes: list[str] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """By which Terraform finds it."""
        return {"AWS_ENDPOINT_URL": self.url}

    def client(self, service: str) -> Any:
        return boto3.client(service, REGION, endpoint_url=self.url)

    def asked(self, *patterns: str) -> list[str]:
        """The patterns in the order in which changes have matched them."""
        return [
            pattern for line in self.changes for pattern in patterns if re.search(pattern, line)
        ]

    def note(self, environ: Environ) -> None:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        if environ["REQUEST_METHOD"] != "GET":
            operation = environ.get("HTTP_X_AMZ_TARGET", "")
            parts = (environ["REQUEST_METHOD"], environ["PATH_INFO"], operation)
            self.changes.append(" ".join([*parts, body.decode(errors="replace")]))


class _Silent(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        """Nobody reads it."""


@contextmanager
def recorded() -> Iterator[Recording]:
    """An AWS that lasts as long as the block."""
    recording = Recording()
    moto = DomainDispatcherApplication(create_backend_app)

    def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        recording.note(environ)
        answer: Iterable[bytes] = moto(environ, start_response)
        return answer

    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=_Silent)
    recording.url = f"http://127.0.0.1:{server.port}"
    with applied(api_patches()):
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield recording
        finally:
            server.shutdown()
            thread.join()
            moto_api_backend.reset()
