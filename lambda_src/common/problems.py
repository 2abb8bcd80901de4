"""All errors that callers get, in one form: problem details (RFC 9457)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import msgspec

PAYLOAD_LIMIT = 6_291_556
"""The most bytes that a function may return to Lambda, as JSON.

API Gateway's limit of 10 MB is larger, and applies to the body without escapes."""

MAX_ERRORS = 100
"""The most bad fields that one problem lists; the others are counted."""

MAX_DETAIL, MAX_FIELD_DETAIL, MAX_POINTER = 4000, 1000, 2000
"""The most characters of a problem's detail, of a bad field's detail, and of a pointer.

MAX_ERRORS errors of such lengths fit into an answer, whatever names and values callers send."""


class FieldError(msgspec.Struct, frozen=True):
    """One bad field: its JSON pointer (RFC 6901) in the body, and what to send instead."""

    pointer: str
    detail: str


def pointer(*tokens: str | int) -> str:
    """The JSON pointer of a path of keys and indexes.

    If it has more than MAX_POINTER characters, it points at the object that holds the field.

    >>> pointer("instances", 0, "a/b")
    '/instances/0/a~1b'
    >>> pointer("instances", 0, "x" * MAX_POINTER)
    '/instances/0'
    """
    path = ""
    for token in tokens:
        step = "/" + str(token).replace("~", "~0").replace("/", "~1")
        if len(path) + len(step) > MAX_POINTER:
            break
        path += step
    return path


def cut(text: str, most: int) -> str:
    """A text, cut to at most `most` characters.

    >>> cut("abcdef", 4)
    'abc…'
    """
    return text if len(text) <= most else text[: most - 1] + "…"


class Problem(Exception):
    """An error that the caller gets; its class decides the status.

    Only the first MAX_ERRORS bad fields are listed; others counts the rest.
    """

    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal error"
    headers: Mapping[str, str] = {}

    def __init__(self, detail: str, errors: Sequence[FieldError] = (), others: int = 0) -> None:
        self.detail = cut(detail, MAX_DETAIL)
        super().__init__(self.detail)
        self.errors = tuple(map(_listed, errors[:MAX_ERRORS]))
        self.others = others + len(errors) - len(self.errors)

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
        if self.others:
            document["other_errors"] = self.others
        return document


def _listed(error: FieldError) -> FieldError:
    """The error, with its detail cut to MAX_FIELD_DETAIL characters."""
    if len(error.detail) <= MAX_FIELD_DETAIL:
        return error
    return FieldError(error.pointer, cut(error.detail, MAX_FIELD_DETAIL))


class BadRequest(Problem):
    status = 400
    title = "Bad request"


class NotFound(Problem):
    status = 404
    title = "Not found"


class MethodNotAllowed(Problem):
    """The path exists, but not with this method; `allowed` are the methods that it has."""

    status = 405
    title = "Method not allowed"

    def __init__(self, detail: str, allowed: Sequence[str]) -> None:
        super().__init__(f"{detail}: send {' or '.join(allowed)}.")
        self.headers = {"Allow": ", ".join(allowed)}


class Conflict(Problem):
    status = 409
    title = "Conflict"


class PayloadTooLarge(Problem):
    status = 413
    title = "Payload too large"


def check_answer_size(size: int) -> None:
    """Raises PayloadTooLarge if an answer of `size` bytes, or more, exceeds Lambda's limit."""
    if size > PAYLOAD_LIMIT:
        raise PayloadTooLarge(
            f"The answer would have {size:,} bytes or more as it is sent, and Lambda passes on "
            f"{PAYLOAD_LIMIT:,} at most: ask for less at once."
        )


class Unprocessable(Problem):
    status = 422
    title = "Unprocessable content"


class LacksMemory(Unprocessable):
    """The function has too little memory left for this."""


class Corrupted(Problem):
    """A stored object is missing or is not what was written."""

    title = "Stored object corrupted"


class Unavailable(Problem):
    """Another service failed, or time ran out; the same request may succeed later."""

    status = 503
    title = "Service unavailable"


def cause_of(problem: BaseException) -> str | None:
    """The text of the library's error that caused a problem, or None. It is for the log only.

    Such texts have names of classes, hosts, buckets and files, which callers should not get.
    """
    cause = problem.__cause__
    return None if cause is None else f"{type(cause).__name__}: {cause}"[:500]


class InvalidField(ValueError):
    """Raised by the __post_init__ of a struct where one field does not fit the others."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(detail)
        self.field = field


def invalid(where: Sequence[str | int], detail: str) -> Unprocessable:
    """The problem of one bad field."""
    return invalid_fields([FieldError(pointer(*where), detail)])


def invalid_fields(errors: Sequence[FieldError], others: int = 0) -> Unprocessable:
    """The problem of one or more bad fields; others counts those that are not among the errors.

    >>> print(invalid_fields([FieldError("/a", "is missing"), FieldError("/b", "is no number")]))
    /a: is missing; 1 other field does not fit either
    """
    detail = f"{errors[0].pointer or 'The body'}: {errors[0].detail}"
    if more := len(errors) - 1 + others:
        other = "1 other field does" if more == 1 else f"{more:,} other fields do"
        detail = f"{cut(detail, MAX_FIELD_DETAIL)}; {other} not fit either"
    return Unprocessable(detail, errors, others)


def both[A, B](first: Callable[[], A], second: Callable[[], B]) -> tuple[A, B]:
    """The results of two checks of one request.

    Raises Unprocessable with the bad fields of both. Where both refuse a field, the first's error
    is reported.
    """
    try:
        value = first()
    except Unprocessable as problem:
        try:
            second()
        except Unprocessable as other:
            raise _with_errors_of(problem, other) from problem.__cause__
        raise
    return value, second()


def _with_errors_of(problem: Unprocessable, other: Unprocessable) -> Unprocessable:
    known = {error.pointer for error in problem.errors}
    added = [error for error in other.errors if error.pointer not in known]
    if not problem.errors or not added:
        return problem
    return invalid_fields([*problem.errors, *added], problem.others + other.others)
