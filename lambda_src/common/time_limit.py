"""How long one event may take whose sender waits, and calls that end in time whatever they meet."""

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from common import settings

REQUEST_SECONDS = settings.api_seconds() - 9.0
"""After these, a request of the API calls nothing any more: the start of an environment and the
last call take the rest of the seconds that the gateway waits."""

_here = threading.local()

# Of the event at hand: a process has one at a time.
_ends = math.inf


@contextmanager
def ending_in(seconds: float) -> Iterator[None]:
    """While the event at hand is answered, which may take so many seconds from now."""
    global _ends
    _ends = time.monotonic() + seconds
    try:
        yield
    finally:
        _ends = math.inf


def left() -> float:
    """Seconds that are left of the event at hand; infinity where nobody waits."""
    return _ends - time.monotonic()


def within[T](seconds: float, action: Callable[[], T]) -> T:
    """What action returns or raises. Raises TimeoutError when that takes longer.

    Timeouts of sockets bound each of their steps, and a peer that sends a byte now and then has
    any number of them. An action that takes too long is left alone in its thread: whether what it
    has sent has an effect is not known, and what asks check sends nothing more.
    """
    value: list[T] = []
    failure: list[BaseException] = []
    is_given_up = threading.Event()

    def run() -> None:
        _here.is_given_up = is_given_up
        try:
            value.append(action())
        except BaseException as error:
            failure.append(error)

    if seconds > 0:
        thread = threading.Thread(target=run, name="limited", daemon=True)
        thread.start()
        thread.join(seconds)
    if failure:
        raise failure[0]
    if not value:
        is_given_up.set()
        raise TimeoutError("it takes too long")
    return value[0]


def check(**_: object) -> None:
    """Raises TimeoutError in the thread of an action that was given up; an event of botocore."""
    is_given_up: threading.Event | None = getattr(_here, "is_given_up", None)
    if is_given_up is not None and is_given_up.is_set():
        raise TimeoutError("it was given up")
