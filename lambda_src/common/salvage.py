"""Reads what is left of a damaged JSON document."""

import contextlib
import re

import msgspec

_FLAT = re.compile(rb'\{[^{}"]*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"[^{}"]*+)*+\}', re.DOTALL)
"""A JSON object without nested objects. It does not backtrack: time is linear in the length."""


def objects[T](body: bytes, form: type[T]) -> list[T]:
    """The objects of a type in a document that may be cut off or overwritten, in their order.

    The type has no nested objects.

    >>> class Point(msgspec.Struct):
    ...     x: int
    >>> objects(b'{"points":[{"x":1},{"x":2},{"x"', Point)
    [Point(x=1), Point(x=2)]
    """
    decoded: list[T] = []
    for match in _FLAT.finditer(body):
        with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            decoded.append(msgspec.json.decode(match[0], type=form))
    return decoded


def text(body: bytes, field: str) -> str | None:
    """The first value of a text field in a document: empty for null, None if there is none.

    >>> text(b'{"alias":"live","version":"v2","hist', "version")
    'v2'
    """
    match = re.search(rb'"%b"\s*:\s*(?:"([A-Za-z0-9_./-]+)"|null)' % field.encode(), body)
    return (match[1] or b"").decode() if match else None
