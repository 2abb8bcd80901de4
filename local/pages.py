"""What a web page may do at the local cloud.

Every page that a browser on this machine shows can send requests to 127.0.0.1. So they are refused,
but for two that a page can only make with what this run has given somebody: requests to the open
address, and to presigned URLs of buckets whose CORS rules name the page's origin.
"""

from collections.abc import Iterable
from typing import Any

from local import s3_cors
from local.open_address import OpenAddress
from local.signature import Keyring, presigning_key
from local.wsgi import App, Environ, StartResponse, json_response, raw_path


class Pages:
    """Refuses requests of web pages, but for those two; `app` sees the rest."""

    def __init__(self, app: App, address: OpenAddress, keyring: Keyring) -> None:
        self._app = app
        self._address = address
        self._keyring = keyring

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        origin = environ.get("HTTP_ORIGIN")
        wanted = environ.get("HTTP_ACCESS_CONTROL_REQUEST_METHOD")
        if origin is None and wanted is None:
            return self._app(environ, start_response)
        if self._address.below(raw_path(environ)) is not None:
            return self._app(environ, start_response)
        if self._is_presigned(environ):
            rule = s3_cors.matching_rule(environ)
            if rule and environ["REQUEST_METHOD"] == "OPTIONS":
                return s3_cors.preflight_answer(rule, environ)(environ, start_response)
            if rule:
                return self._app(environ, _with_headers(rule.headers(environ), start_response))
        asks = f"Origin {origin!r}" if origin is not None else f"preflight of {wanted!r}"
        message = f"Requests of web pages ({asks}) are refused."
        refusal = json_response(403, {"__type": "AccessDeniedException", "message": message})
        return refusal(environ, start_response)

    def _is_presigned(self, environ: Environ) -> bool:
        """Whether the URL names a key of this run, which cannot be guessed, for S3.

        A preflight lacks the headers that were signed, so that no more of it can be checked. The
        request that follows is checked as any other.
        """
        key = presigning_key(environ.get("QUERY_STRING", ""), "s3")
        return key in self._keyring.keys and "HTTP_AUTHORIZATION" not in environ


def _with_headers(added: list[tuple[str, str]], start_response: StartResponse) -> StartResponse:
    """With these headers in place of moto's own of CORS, which list every rule's values."""

    def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
        kept = [one for one in headers if not one[0].lower().startswith("access-control-")]
        return start_response(status, kept + added, *more)

    return start
