"""Fields at the end of stored JSON objects: a checksum, and the announcement of a deletion.

The checksum reveals altered values. All JSON objects that the functions store have one, except
tombstones, whose values decide nothing. A manifest may end in an announcement that its version is
about to be deleted (see existence).
"""

import hashlib
import re
import uuid
from typing import Any

import msgspec

_CHECKSUM = re.compile(rb',?"checksum":"([0-9a-f]{64})"\}\Z')
_ANNOUNCED = re.compile(rb',"deleting":"[0-9a-f]{32}"\}\Z')
_WORD = b'"checksum"'
_LONGEST = 100
"""The most bytes of either field."""

FIELDS = frozenset({"checksum", "deleting"})


def encoded(value: Any) -> bytes:
    """A value as a JSON object with its checksum.

    >>> is_altered(encoded({"a": 1})), is_altered(encoded({"a": 1}).replace(b"1", b"2", 1))
    (False, True)
    >>> is_altered(encoded({}))
    False
    """
    body = msgspec.json.encode(value)
    comma = b"" if body == b"{}" else b","
    checksum = hashlib.sha256(body).hexdigest().encode()
    return b'%b%b"checksum":"%b"}' % (body[:-1], comma, checksum)


def is_altered(body: bytes) -> bool:
    """Whether a JSON object differs from what its checksum was made of.

    An object without a checksum counts as unaltered: manifests of 0.2 and other objects of 0.3.0
    have none. A checksum that is not at the end counts as altered: somebody has saved the object.

    >>> is_altered(b'{"a":1}'), is_altered(encoded({"a": 1}) + b"\\n")
    (False, True)
    """
    whole = unannounced(body)
    tail = whole[-_LONGEST:]
    match = _CHECKSUM.search(tail)
    if match is None:
        # Names and labels may be this word as well.
        return _WORD in body and "checksum" in msgspec.json.decode(body, type=dict[str, Any])
    content = whole[: len(whole) - len(tail) + match.start()] + b"}"
    return hashlib.sha256(content).hexdigest().encode() != match[1]


def announced(body: bytes) -> bytes:
    """A manifest with the announcement that it is about to be deleted."""
    fields = unannounced(body).rstrip().removesuffix(b"}")
    return b'%b,"deleting":"%b"}' % (fields, uuid.uuid4().hex.encode())


def unannounced(body: bytes) -> bytes:
    """A manifest without the announcement of a deletion, if it has one.

    >>> unannounced(b'{"version":"v1","deleting":"%b"}' % (32 * b"0"))
    b'{"version":"v1"}'
    """
    match = _ANNOUNCED.search(body[-_LONGEST:])
    return body if match is None else body[: -len(match[0])] + b"}"
