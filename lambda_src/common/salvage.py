"""What can still be read of a JSON document that is damaged."""

import json
import re

import msgspec


def objects[T](body: bytes, form: type[T]) -> list[T]:
    """The objects of a form in a document that may be cut off or overwritten, in their order.

    >>> class Point(msgspec.Struct):
    ...     x: int
    >>> objects(b'{"points":[{"x":1},{"x":2},{"x"', Point)
    [Point(x=1), Point(x=2)]
    """
    written = body.decode(errors="replace")
    decoder = json.JSONDecoder()
    found: list[T] = []
    begin = written.find("{")
    while begin >= 0:
        try:
            value, end = decoder.raw_decode(written, begin)
            found.append(msgspec.convert(value, form))
        except (ValueError, RecursionError):
            end = begin + 1
        begin = written.find("{", end)
    return found


def text(body: bytes, field: str) -> str | None:
    """The first text that a document has in a field.

    >>> text(b'{"alias":"live","version":"v2","hist', "version")
    'v2'
    """
    match = re.search(rb'"%b"\s*:\s*"([A-Za-z0-9_-]+)"' % field.encode(), body)
    return match[1].decode() if match else None
