"""One replaced member of moto, and how to replace it."""

from collections.abc import Callable, Iterable, Iterator, MutableMapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch


@dataclass(frozen=True)
class Patch:
    """A method of moto, or a route in a table of them, that is replaced or added."""

    target: Any
    attribute: str
    replacement: Callable[..., Any]
    reason: str


@contextmanager
def applied(patches: Iterable[Patch]) -> Iterator[None]:
    """moto with these patches, for as long as the block lasts."""
    with ExitStack() as stack:
        for one in patches:
            if isinstance(one.target, MutableMapping):
                stack.enter_context(patch.dict(one.target, {one.attribute: one.replacement}))
            else:
                replaced = patch.object(one.target, one.attribute, one.replacement, create=True)
                stack.enter_context(replaced)
        yield
