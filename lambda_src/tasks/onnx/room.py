"""How much an answer may hold: more than Lambda passes on would take memory for nothing."""

from typing import Any

from common.problems import check_answer_size


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
    """What an answer has taken so far."""

    def __init__(self) -> None:
        self._taken = 0

    def take(self, prediction: dict[str, Any]) -> None:
        """Counts one prediction more. Raises PayloadTooLarge where they do not fit together."""
        self._taken += least_bytes(prediction)
        check_answer_size(self._taken)
