"""What is wrong with an event that imitates the REST API's, which a direct call may send.

The API's own events are read as they are: checking the form of each took 10 microseconds. Whoever
meets an error that it did not expect asks here whether the event explains it.
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
    """Who asks; the authorizer's part has what the API's owner puts there."""

    identity: dict[str, Any] | None = None
    authorizer: dict[str, Any] | None = None


class ProxyEvent(msgspec.Struct, frozen=True, rename="camel"):
    """What is read of an event."""

    path_parameters: dict[str, str] | None = None
    query_string_parameters: dict[str, str] | None = None
    headers: dict[str, str | None] | None = None
    body: str | None = None
    is_base64_encoded: bool | None = None
    request_context: Context | None = None


def fault(event: Mapping[str, Any], route: str) -> Problem | None:
    """What an event of a route has that no event of the API has; None where there is nothing.

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
        pass  # what is not read may have any number, and any depth
    for name in _PATH_NAME.findall(route):
        if name not in (read.path_parameters or {}):
            return BadRequest(f"The event has no {name} in pathParameters, which {route} needs.")
    if read.is_base64_encoded and not _is_base64(read.body or ""):
        return BadRequest("The body is not base64, as isBase64Encoded says it is.")
    return None


def half_a_pair() -> Problem:
    """The problem of a text that no body of the API can have."""
    return BadRequest(
        "The event has half a surrogate pair in a text: send text that UTF-8 can hold."
    )


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text)
    except ValueError:
        return False
    return True
