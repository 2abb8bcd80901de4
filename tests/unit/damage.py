"""What can become of a stored object that somebody or something has written to."""

import re
from collections.abc import Callable, Mapping

import pytest

DAMAGES: Mapping[str, Callable[[bytes], bytes]] = {
    "truncated": lambda body: body[: 2 * len(body) // 3],
    "empty": lambda body: b"",
    "of another type": lambda body: b'["' + b"x" * 20 + b'"]',
    "of another schema": lambda body: b'{"AWSTemplateFormatVersion": "2010-09-09"}',
    "binary": lambda body: bytes(range(256)),
    "nested without end": lambda body: b"[" * 100_000,
}


def altered(body: bytes) -> bytes:
    """A JSON object of which the first digit is another one: it stays one of its form."""
    return re.sub(rb"\d", lambda found: bytes([found[0][0] ^ 1]), body, count=1)


damaged = pytest.mark.parametrize("damage", DAMAGES)
"""Runs a test once for each damage, which it gets by its name."""
