"""Time limits: of an event whose sender waits, and of single calls."""

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from common import settings

REQUEST_SECONDS = settings.api_seconds() - 9.0
"""Seconds after which a request of the API makes no more calls. The rest of the gateway's time is
for the start of an environment and for the last call."""

_here = threading.local()

# Of the event at hand: a process has one at a time.
_ends = math.inf


@contextmanager
def ending_in(seconds: float) -> Iterator[None]:
    """Limits the current event to so many seconds from now."""
    global _ends
    _ends = time.monotonic() + seconds
    try:
        yield
    finally:
        _ends = math.inf


def left() -> float:
    """The seconds left for the current event; infinity where nobody waits."""
    return _ends - time.monotonic()


def within[T](seconds: float, action: Callable[[], T]) -> T:
    """What action returns or raises within so many seconds. Raises TimeoutError after that.

    A socket's timeout bounds single steps, so a peer that sends a byte now and then could take any
    time. After a timeout the action's thread goes on. Whether its last request has an effect is not
    known. It sends no further requests if it calls check before each.
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
    """Raises TimeoutError in the thread of an action that has timed out; a handler for botocore."""
    is_given_up: threading.Event | None = getattr(_here, "is_given_up", None)
    if is_given_up is not None and is_given_up.is_set():
        raise TimeoutError("it was given up")
