"""What stands at the end of a stored JSON object besides what it says.

A checksum tells that a value was altered, which no form and no file's hash would. Whatever is
stored as JSON has one, but for tombstones, of which an altered value changes nothing that is there.
Behind that of a manifest may stand that somebody wants to delete what it describes (see existence).
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
"""Bytes that each of both takes at most."""

FIELDS = frozenset({"checksum", "deleting"})


def encoded(value: Any) -> bytes:
    """What is stored of a value: a JSON object with its checksum.

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
    """Whether a JSON object is not what its checksum was made of.

    Manifests of 0.2 and all else of 0.3.0 have none. A checksum that is not in its place was not
    written by encoded: somebody has saved it again.

    >>> is_altered(b'{"a":1}'), is_altered(encoded({"a": 1}) + b"\\n")
    (False, True)
    """
    whole = unannounced(body)
    tail = whole[-_LONGEST:]
    found = _CHECKSUM.search(tail)
    if found is None:
        # Names and labels may be this word, too.
        return _WORD in body and "checksum" in msgspec.json.decode(body, type=dict[str, Any])
    content = whole[: len(whole) - len(tail) + found.start()] + b"}"
    return hashlib.sha256(content).hexdigest().encode() != found[1]


def announced(body: bytes) -> bytes:
    """A JSON object that says that somebody wants to delete what it describes."""
    fields = unannounced(body).rstrip().removesuffix(b"}")
    return b'%b,"deleting":"%b"}' % (fields, uuid.uuid4().hex.encode())


def unannounced(body: bytes) -> bytes:
    """A JSON object as it was before somebody wanted to delete what it describes.

    >>> unannounced(b'{"version":"v1","deleting":"%b"}' % (32 * b"0"))
    b'{"version":"v1"}'
    """
    found = _ANNOUNCED.search(body[-_LONGEST:])
    return body if found is None else body[: -len(found[0])] + b"}"
