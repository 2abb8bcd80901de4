"""Checks of events that imitate the REST API's, which a direct call may send.

The API's own events are not checked, which would take 10 microseconds each. This module is used
only after an unexpected error, to find out whether the event explains it.
"""

import base64
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from common import decoding
from common.problems import BadRequest, Problem

_PATH_NAME = re.compile(r"{(\w+)\+?}")


class Context(msgspec.Struct, frozen=True):
    """The caller. The fields of the authorizer depend on the API's owner."""

    identity: dict[str, Any] | None = None
    authorizer: dict[str, Any] | None = None


class ProxyEvent(msgspec.Struct, frozen=True, rename="camel"):
    """The fields of an event that the functions read."""

    path_parameters: dict[str, str] | None = None
    query_string_parameters: dict[str, str] | None = None
    headers: dict[str, str | None] | None = None
    body: str | None = None
    is_base64_encoded: bool | None = None
    request_context: Context | None = None


def fault(event: Mapping[str, Any], route: str) -> Problem | None:
    """The problem of an event that the API cannot have sent; None for a valid one.

    >>> print(fault({"headers": 5}, "GET /datasets"))
    /headers: Expected `object | null`, got `int`
    >>> fault({"headers": {}}, "GET /datasets")
    """
    try:
        read = decoding.convert(event, ProxyEvent)
        msgspec.json.encode(event)
    except Problem as problem:
        return problem
    except UnicodeEncodeError:
        return half_a_pair()
    except (OverflowError, RecursionError):
        pass  # fields that are not read may have any number and any depth
    for name in _PATH_NAME.findall(route):
        if name not in (read.path_parameters or {}):
            return BadRequest(f"The event has no {name} in pathParameters, which {route} needs.")
    if read.is_base64_encoded and not _is_base64(read.body or ""):
        return BadRequest("The body is not base64, as isBase64Encoded says it is.")
    return None


def half_a_pair() -> Problem:
    """The problem of a text that UTF-8 cannot encode."""
    return BadRequest(
        "The event has half a surrogate pair in a text: send text that UTF-8 can hold."
    )


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text)
    except ValueError:
        return False
    return True
