"""Objects within objects as columns of their own, by one rule in training and at prediction.

A value of an object is named after its key and those above it: {"a": {"b": 1}} has a.b.
"""

from typing import Any

from tasks.framework.forms.words import clean

MAX_DEPTH = 5
"""Parts that a name has at most: an object further down is not taken apart."""

SEPARATOR = "."


type Taken = tuple[str, tuple[str, ...]]
"""A name that another value has already, and the keys by which this one is reached."""


def flattened(instance: dict[str, Any], twice: list[Taken] | None = None) -> dict[str, Any]:
    """The values of an instance and of all objects in it, by name; lists stay what they are.

    Of two values with the same name, that of the object further up is taken, and the other one is
    added to twice.

    >>> twice = []
    >>> flattened({"a": {"b": 1, "c": {"d": 2}}, "tags": [3], "a.b": 4}, twice)
    {'tags': [3], 'a.b': 4, 'a.c.d': 2}
    >>> twice
    [('a.b', ('a', 'b'))]
    """
    result: dict[str, Any] = {}
    objects: list[tuple[str, tuple[str, ...], dict[str, Any]]] = [("", (), instance)]
    for depth in range(1, MAX_DEPTH + 1):
        inner: list[tuple[str, tuple[str, ...], dict[str, Any]]] = []
        for prefix, path, members in objects:
            for key, value in members.items():
                name = prefix + clean(key)
                if isinstance(value, dict) and depth < MAX_DEPTH:
                    inner.append((name + SEPARATOR, (*path, key), value))
                elif name not in result:
                    result[name] = value
                elif twice is not None:
                    twice.append((name, (*path, key)))
        objects = inner
    return result
