"""How much an answer may hold: more than Lambda passes on would take memory for nothing."""

from typing import Any

ANSWER_BYTES = 6_000_000
"""Of the JSON of all predictions of a request."""


def least_bytes(value: Any) -> int:
    """The bytes that a value has as JSON, or less, but not much: numbers count for two.

    >>> least_bytes({"label": "cat", "box": [[1, 2], [3, 4]]})
    19
    """
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        inner = (one for one in value.values() if isinstance(one, str | dict | list))
        return sum(len(str(key)) for key in value) + sum(map(least_bytes, inner))
    if isinstance(value, list) and value and isinstance(value[0], str | dict | list):
        return sum(map(least_bytes, value))
    return 2 * len(value) if isinstance(value, list) else 1


class Room:
    """What is left of an answer."""

    def __init__(self) -> None:
        self._left = ANSWER_BYTES

    def take(self, prediction: dict[str, Any]) -> bool:
        """Whether there is room for one more."""
        self._left -= least_bytes(prediction)
        return self._left >= 0
