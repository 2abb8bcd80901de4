"""Who may speak to the local cloud at all.

Listening on loopback keeps other machines out, not the pages that a browser on this machine shows:
they can send requests to 127.0.0.1, directly or by a name that resolves to it. So the Host must be
ours, and everything is signed with the keys of this run. `pages` is about requests with an Origin.
"""

import re
from collections.abc import Iterable

from local.signature import Keyring, SignatureError, SignedRequest, verify
from local.wsgi import (
    App,
    Environ,
    Malformed,
    StartResponse,
    content_length,
    header_items,
    json_response,
    raw_path,
    read_body,
    xml_error,
)


class Guard:
    """Refuses what was sent to another name, or is malformed; `app` sees the rest."""

    def __init__(self, app: App, allowed_hosts: frozenset[str]) -> None:
        self._app = app
        self._hosts = allowed_hosts

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        host = environ.get("HTTP_HOST", "")
        if host.lower() not in self._hosts:
            choices = " or ".join(sorted(self._hosts))
            return _refuse(f"Host {host!r} is not {choices}.")(environ, start_response)
        try:
            content_length(environ)
            return self._app(environ, start_response)
        except Malformed as error:
            return _malformed(environ, str(error))(environ, start_response)


class RequireSignature:
    """Lets only requests through that a key of this run has signed."""

    def __init__(self, app: App, keyring: Keyring) -> None:
        self._app = app
        self._keyring = keyring

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        try:
            environ["local.caller"] = verify(signed_request(environ), self._keyring)
        except SignatureError as error:
            return _unsigned(environ, error)(environ, start_response)
        return self._app(environ, start_response)


def signed_request(environ: Environ) -> SignedRequest:
    """The request as `verify` wants it."""
    return SignedRequest(
        method=environ["REQUEST_METHOD"],
        path=raw_path(environ),
        query=environ.get("QUERY_STRING", ""),
        headers=dict(header_items(environ)),
        read_body=lambda: read_body(environ),
    )


def _unsigned(environ: Environ, error: SignatureError) -> App:
    """Errors in the form of the service that the client thinks it speaks to."""
    if _is_for_s3(environ):
        details = {"HeadersNotSigned": error.unsigned} if error.unsigned else None
        return xml_error(403, "AccessDenied", str(error), details=details)
    return _refuse(str(error))


def _malformed(environ: Environ, message: str) -> App:
    if _is_for_s3(environ):
        return xml_error(400, "BadRequest", message)
    return json_response(400, {"__type": "SerializationException", "message": message})


def _is_for_s3(environ: Environ) -> bool:
    scope = environ.get("HTTP_AUTHORIZATION", "") + environ.get("QUERY_STRING", "")
    return re.search(r"(/|%2F)s3(/|%2F)aws4_request", scope) is not None


def _refuse(message: str) -> App:
    return json_response(403, {"__type": "AccessDeniedException", "message": message})
