"""The little that the local cloud needs of WSGI."""

import http
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
App = Callable[[Environ, StartResponse], Iterable[bytes]]


@dataclass(frozen=True)
class Response:
    """An HTTP answer."""

    status: int
    body: bytes
    headers: list[tuple[str, str]] = field(default_factory=list)

    def __call__(self, environ: Environ, start_response: StartResponse) -> list[bytes]:
        phrase = http.HTTPStatus(self.status).phrase if self.status in _KNOWN else "Unknown"
        headers = [*self.headers, ("Content-Length", str(len(self.body)))]
        start_response(f"{self.status} {phrase}", headers)
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else self.body]


class Malformed(Exception):
    """A request whose body cannot be told."""


_KNOWN = {int(status) for status in http.HTTPStatus}


def json_response(status: int, document: Mapping[str, Any]) -> Response:
    body = json.dumps(document).encode()
    return Response(status, body, [("Content-Type", "application/json")])


def xml_error(
    status: int,
    code: str,
    message: str,
    *,
    wrapped: bool = False,
    details: Mapping[str, str] | None = None,
) -> Response:
    """An error as S3 renders it; wrapped, as services of the query protocol do."""
    error = ElementTree.Element("Error")
    for name, text in {"Code": code, "Message": message, **(details or {})}.items():
        ElementTree.SubElement(error, name).text = text
    document = error
    if wrapped:
        document = ElementTree.Element("ErrorResponse")
        document.append(error)
    body = ElementTree.tostring(document, encoding="utf-8", xml_declaration=True)
    return Response(status, body, [("Content-Type", "application/xml")])


def raw_path(environ: Environ) -> str:
    """The path as it came in, still percent-encoded."""
    target: str = environ["REQUEST_URI"]
    if not target.startswith("/"):  # absolute form, as sent to a proxy
        target = "/" + target.split("/", 3)[3] if target.count("/") > 2 else "/"
    return target.split("?", 1)[0]


def header_items(environ: Environ) -> Iterator[tuple[str, str]]:
    """Header names in lower case, with their values."""
    for key, value in environ.items():
        if key.startswith("HTTP_"):
            yield key[5:].replace("_", "-").lower(), value
        elif key in ("CONTENT_TYPE", "CONTENT_LENGTH") and value:
            yield key.replace("_", "-").lower(), value


def read_body(environ: Environ, limit: int | None = None) -> bytes:
    """The whole body, left in place for whoever reads it next.

    With `limit`, reading stops after one byte more than that. Raises Malformed.
    """
    stream = environ["wsgi.input"]
    if isinstance(stream, io.BytesIO):
        body = stream.getvalue()
        stream.seek(0)
        return body
    length = -1 if environ.get("wsgi.input_terminated") else content_length(environ)
    if limit is not None:
        length = limit + 1 if length < 0 else min(length, limit + 1)
    try:
        body = stream.read(length)
    except (ConnectionError, TimeoutError):
        raise
    except (OSError, ValueError) as error:  # as werkzeug raises for chunks
        raise Malformed(f"The body cannot be read: {error}.") from error
    environ["wsgi.input"] = io.BytesIO(body)
    return bytes(body)


def content_length(environ: Environ) -> int:
    """How long the body says it is; 0 where it does not. Raises Malformed."""
    length = environ.get("CONTENT_LENGTH") or "0"
    if not re.fullmatch("[0-9]{1,15}", length):
        raise Malformed(f"Content-Length is {length[:40]!r}.")
    return int(length)
