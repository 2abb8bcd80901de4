"""Parameters in the query of a request."""

from collections.abc import Mapping

from common.problems import invalid

_FLAGS = {"true": True, "false": False}


def flag(query: Mapping[str, str], name: str) -> bool:
    """Whether a flag is "true"; a missing flag is false. Raises Unprocessable for other values."""
    value = query.get(name, "false")
    if value not in _FLAGS:
        raise invalid([name], f"{value!r:.80} is neither true nor false")
    return _FLAGS[value]
