"""What the query of a request says."""

from collections.abc import Mapping

from common.problems import invalid

_FLAGS = {"true": True, "false": False}


def flag(query: Mapping[str, str], name: str) -> bool:
    """Whether a flag is set, which it is not when left out. Raises Unprocessable."""
    value = query.get(name, "false")
    if value not in _FLAGS:
        raise invalid([name], f"{value!r:.80} is neither true nor false")
    return _FLAGS[value]
