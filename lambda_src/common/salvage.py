"""What can still be read of a JSON document that is damaged."""

import contextlib
import re

import msgspec

_FLAT = re.compile(rb'\{[^{}"]*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"[^{}"]*+)*+\}', re.DOTALL)
"""A JSON object without others in it. Nothing is tried twice: time grows with the length."""


def objects[T](body: bytes, form: type[T]) -> list[T]:
    """The objects of a form in a document that may be cut off or overwritten, in their order.

    The form has no objects within it.

    >>> class Point(msgspec.Struct):
    ...     x: int
    >>> objects(b'{"points":[{"x":1},{"x":2},{"x"', Point)
    [Point(x=1), Point(x=2)]
    """
    found: list[T] = []
    for match in _FLAT.finditer(body):
        with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            found.append(msgspec.json.decode(match[0], type=form))
    return found


def text(body: bytes, field: str) -> str | None:
    """The first text that a document has in a field, which is empty where that is null.

    >>> text(b'{"alias":"live","version":"v2","hist', "version")
    'v2'
    """
    match = re.search(rb'"%b"\s*:\s*(?:"([A-Za-z0-9_./-]+)"|null)' % field.encode(), body)
    return (match[1] or b"").decode() if match else None
