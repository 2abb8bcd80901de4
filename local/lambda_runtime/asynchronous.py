"""Invocations of type Event: accepted at once, run later, tried again when they fail, given up."""

import threading
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Literal

from local.lambda_runtime.models import Outcome
from local.lambda_runtime.pool import ConcurrencyExceededError

WORKERS = 16
NOT_RUN_RETRY_SECONDS = 0.5


@dataclass(frozen=True)
class AsyncEvent:
    """One accepted event. The request id stays the same over all attempts, as in Lambda."""

    function_name: str
    qualifier: str | None
    payload: bytes
    client_context: str
    maximum_retries: int
    expires_at: float  # monotonic seconds
    attempt: int = 0
    request_id: str = ""

    def identified(self) -> "AsyncEvent":
        return replace(self, request_id=str(uuid.uuid4()))


Condition = Literal["RetriesExhausted", "EventAgeExceeded"]


@dataclass(frozen=True)
class GivenUp:
    """An event that is not tried again: why, and what the last attempt answered, if one ran."""

    event: AsyncEvent
    condition: Condition
    outcome: Outcome | None


class AsyncQueue:
    """Runs events in at most WORKERS threads.

    `run` handles one attempt; its outcome is None when there is nothing to run any more. `delays`
    are the seconds before the first, second, ... retry (Lambda waits 60 and 120). `keep` gets
    what is given up.
    """

    def __init__(
        self,
        run: Callable[[AsyncEvent], Outcome | None],
        delays: Sequence[float],
        keep: Callable[[GivenUp], None],
    ) -> None:
        self._run = run
        self._delays = delays
        self._keep = keep
        self._workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="lambda-async")
        self._lock = threading.Lock()
        self._timers: set[threading.Timer] = set()
        self._closed = False

    def put(self, event: AsyncEvent) -> None:
        with self._lock:
            if not self._closed:
                self._workers.submit(self._attempt, event)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            timers, self._timers = self._timers, set()
        for timer in timers:
            timer.cancel()
        self._workers.shutdown(wait=False, cancel_futures=True)

    def _attempt(self, event: AsyncEvent) -> None:
        try:
            outcome = self._run(event)
        except (ConcurrencyExceededError, OSError):  # nothing was run, which is no attempt
            return self._later(event, event, NOT_RUN_RETRY_SECONDS, None)
        if outcome is None or not outcome.failed:
            return None
        if event.attempt >= event.maximum_retries:
            return self._keep(GivenUp(event, "RetriesExhausted", outcome))
        delay = self._delays[min(event.attempt, len(self._delays) - 1)]
        return self._later(event, replace(event, attempt=event.attempt + 1), delay, outcome)

    def _later(
        self, event: AsyncEvent, again: AsyncEvent, delay: float, outcome: Outcome | None
    ) -> None:
        if time.monotonic() + delay > event.expires_at:
            return self._keep(GivenUp(event, "EventAgeExceeded", outcome))
        with self._lock:
            if self._closed:
                return None
            timer = threading.Timer(delay, self._due, (again,))
            timer.daemon = True
            self._timers.add(timer)
            timer.start()
        return None

    def _due(self, event: AsyncEvent) -> None:
        with self._lock:
            self._timers = {timer for timer in self._timers if timer.is_alive()}
        self.put(event)
