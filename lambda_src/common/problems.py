"""Every error a caller can meet, in one form: problem details (RFC 9457)."""

from collections.abc import Sequence
from typing import Any, ClassVar

import msgspec


class FieldError(msgspec.Struct, frozen=True):
    """One bad field: where it stands in the body (JSON pointer, RFC 6901) and what would do."""

    pointer: str
    detail: str


def pointer(*tokens: str | int) -> str:
    """The JSON pointer of a path of keys and indexes.

    >>> pointer("instances", 0, "a/b")
    '/instances/0/a~1b'
    """
    return "".join("/" + str(token).replace("~", "~0").replace("/", "~1") for token in tokens)


class Problem(Exception):
    """An error that is told to the caller; its class decides the status."""

    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal error"

    def __init__(self, detail: str, errors: Sequence[FieldError] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = tuple(errors)

    def document(self, request_id: str) -> dict[str, Any]:
        """The problem as the JSON object that callers receive and jobs record."""
        document: dict[str, Any] = {
            "type": "about:blank",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "request_id": request_id,
        }
        if self.errors:
            document["errors"] = msgspec.to_builtins(self.errors)
        return document


class BadRequest(Problem):
    status = 400
    title = "Bad request"


class NotFound(Problem):
    status = 404
    title = "Not found"


class Conflict(Problem):
    status = 409
    title = "Conflict"


class PayloadTooLarge(Problem):
    status = 413
    title = "Payload too large"


class Unprocessable(Problem):
    status = 422
    title = "Unprocessable content"


class Corrupted(Problem):
    """Something that was stored is not what was written."""

    title = "Stored object corrupted"


class Unavailable(Problem):
    """Something outside failed for now; the same request may succeed later."""

    status = 503
    title = "Service unavailable"


def cause_of(problem: BaseException) -> str | None:
    """What a library said of a problem that was raised from its error: it belongs in the log.

    Callers have no use for the names of classes, hosts, buckets and files that such texts hold.
    """
    cause = problem.__cause__
    return None if cause is None else f"{type(cause).__name__}: {cause}"[:500]


def invalid(where: Sequence[str | int], detail: str) -> Unprocessable:
    """The problem of one bad field."""
    at = pointer(*where)
    return Unprocessable(f"{at or 'The body'}: {detail}", [FieldError(at, detail)])
