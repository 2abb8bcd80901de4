"""What a model that was brought may take while it loads and answers: memory and time.

What an answer takes depends on what the graph is sent, so that no trial can tell. An operator that
is at work is not interrupted: the function's own timeout ends it.
"""

import contextlib
import math
import os
import resource
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from tasks.framework.onnx import run_options

MEMORY_SHARE = 0.9
"""The part of the function's memory that the process may fill; Lambda kills it at the whole."""

LEAST_ROOM = 32 * 2**20
"""Bytes that may be added even where the process has filled its share."""

LOADING_SECONDS = 5.0
"""Of CPU that loading a model may take when it is brought.

onnxruntime computes what does not depend on an input while it loads a graph, and nothing
interrupts it. inference has some 20 s for that, and 0.6 of a core at 1024 MB.
"""

_PAUSE = 0.01

_thread = threading.local()


class OutOfTime(Exception):
    """The model did not answer until its deadline."""


class NotRun(Exception):
    """The graph cannot be run on what it was given; the text is onnxruntime's."""


def check_time(deadline: float) -> None:
    """Raises OutOfTime once a moment of time.monotonic() has come."""
    if time.monotonic() >= deadline:
        raise OutOfTime


@contextmanager
def bounded_memory() -> Iterator[None]:
    """Within, the process grows to its share of the function's memory and not beyond.

    What would take more fails with an error, where Lambda would kill the process. Outside of
    Lambda nothing is bounded.
    """
    megabytes = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
    if megabytes is None:
        yield
        return
    _prepare_to_fail()
    resident, unused, writable = _memory()
    # Beside what the process has from its start, this may fill without the process's growing.
    held = resident + max(0, unused - _UNUSED)
    room = max(LEAST_ROOM, int(int(megabytes) * 2**20 * MEMORY_SHARE) - held)
    before = soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    bounds = [writable + room, *(one for one in before if one != resource.RLIM_INFINITY)]
    resource.setrlimit(resource.RLIMIT_DATA, (min(bounds), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _prepare_to_fail() -> None:
    """Lets this thread take what onnxruntime and C++ need for their first exception.

    Where there is no memory any more, the process would end for the lack of that.
    """
    if not hasattr(_thread, "is_prepared"):
        options = run_options()
        options.terminate = True
        with contextlib.suppress(RuntimeError):
            options.get_run_config_entry("there is none")
        _thread.is_prepared = True


def _memory() -> tuple[int, int, int]:
    """Bytes in memory, bytes that may be written but are not in memory, all that may be written."""
    file = os.open("/proc/self/statm", os.O_RDONLY)
    try:
        fields = os.read(file, 200).split()
    finally:
        os.close(file)
    page = resource.getpagesize()
    resident, files, writable = (int(fields[at]) * page for at in (1, 2, 5))
    return resident, writable - (resident - files), writable


_UNUSED = _memory()[1]
"""Stacks of threads, mostly."""


class Watch:
    """Ends runs at their deadlines, one run at a time.

    Its thread is woken for the first run, and from then on looks again when the deadline of a
    run has come: a run costs no switch between threads. The thread has to work where there is
    no memory left, so it uses a plain lock as its bell, which a run unlocks.
    """

    def __init__(self) -> None:
        self._running: tuple[float, Any] | None = None
        self._wakes_at = math.inf
        self._bell = threading.Lock()
        self._bell.acquire()
        threading.Thread(target=self._look_on, name="deadlines", daemon=True).start()

    @contextmanager
    def until(self, deadline: float) -> Iterator[Any]:
        """Options for a run that ends at a moment of time.monotonic(). Raises OutOfTime."""
        check_time(deadline)
        options = run_options()
        self._running = deadline, options
        if deadline < self._wakes_at and self._bell.locked():
            self._bell.release()
        try:
            yield options
        except Exception:
            if options.terminate:
                raise OutOfTime from None
            raise
        finally:
            self._running = None

    def _look_on(self) -> None:
        _prepare_to_fail()
        while True:
            try:
                self._look()
            except MemoryError:  # the run that has it will be ended, or ends by itself
                time.sleep(_PAUSE)

    def _look(self) -> None:
        """Ends the run whose time is over; sleeps until the next one's, or the bell."""
        running, now = self._running, time.monotonic()
        if running and running[0] <= now:
            running[1].terminate = True
        self._wakes_at = running[0] if running and running[0] > now else math.inf
        if self._running is running:  # else one has begun that did not see when this wakes
            self._bell.acquire(timeout=min(self._wakes_at - now, threading.TIMEOUT_MAX))


@cache
def watch() -> Watch:
    """The one of this process."""
    return Watch()
