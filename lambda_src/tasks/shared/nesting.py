"""Objects within objects as columns of their own, by one rule in training and at prediction.

A value of an object is named after its key and those above it: {"a": {"b": 1}} has a.b.
"""

from collections.abc import Iterator
from typing import Any

from tasks.shared.forms.words import clean

MAX_DEPTH = 5
"""Parts that a name has at most: an object further down is not taken apart."""

SEPARATOR = "."


def flattened(instance: dict[str, Any]) -> dict[str, Any]:
    """The values of an instance and of all objects in it, by name; lists stay what they are.

    Of two values with the same name, that of the object further up is taken.

    >>> flattened({"a": {"b": 1, "c": {"d": 2}}, "tags": [3], "a.b": 4})
    {'tags': [3], 'a.b': 4, 'a.c.d': 2}
    """
    result: dict[str, Any] = {}
    objects: list[tuple[str, dict[str, Any]]] = [("", instance)]
    for depth in range(1, MAX_DEPTH + 1):
        inner: list[tuple[str, dict[str, Any]]] = []
        for prefix, members in objects:
            for name, value in _named(prefix, members):
                if isinstance(value, dict) and depth < MAX_DEPTH:
                    inner.append((name + SEPARATOR, value))
                else:
                    result.setdefault(name, value)
        objects = inner
    return result


def _named(prefix: str, members: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in members.items():
        yield prefix + clean(key), value
