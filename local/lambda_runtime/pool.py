"""Environments at rest and at work: reuse what is warm, start what is missing, end what is idle."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from local.lambda_runtime.environment import Environment
from local.lambda_runtime.models import FunctionConfig

IDLE_SECONDS = 300.0
REAP_EVERY_SECONDS = 10.0


class ConcurrencyExceededError(Exception):
    """No environment is free and no more may be started."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Pool:
    """At most `limit` environments at once; one event at a time in each."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._idle: list[Environment] = []
        self._busy: list[Environment] = []
        self._lock = threading.Lock()
        self._closed = threading.Event()
        threading.Thread(target=self._reap, daemon=True).start()

    @contextmanager
    def environment(
        self,
        config: FunctionConfig,
        reserved: int | None,
        make: Callable[[], Environment],
    ) -> Iterator[Environment]:
        """One environment for `config`, for as long as the block lasts.

        Raises ConcurrencyExceededError beyond `reserved` for this function, or beyond the limit.
        """
        environment = self._acquire(config, reserved, make)
        try:
            yield environment
        finally:
            self._release(environment)

    def busy(self, function_name: str) -> list[Environment]:
        """The environments of a function that are handling an event now."""
        with self._lock:
            return [one for one in self._busy if one.config.name == function_name]

    def close(self) -> None:
        self._closed.set()
        with self._lock:
            environments = self._idle + self._busy
            self._idle = []
        for environment in environments:
            environment.stop()

    def _acquire(
        self, config: FunctionConfig, reserved: int | None, make: Callable[[], Environment]
    ) -> Environment:
        discarded: list[Environment] = []
        try:
            with self._lock:
                if self._closed.is_set():
                    raise ConcurrencyExceededError("the local cloud is stopping")
                running = sum(one.config.name == config.name for one in self._busy)
                if reserved is not None and running >= reserved:
                    raise ConcurrencyExceededError(
                        "ReservedFunctionConcurrentInvocationLimitExceeded"
                    )
                environment = self._take_warm(config, discarded)
                if environment is None:
                    if len(self._busy) >= self._limit:
                        raise ConcurrencyExceededError("ConcurrentInvocationLimitExceeded")
                    if len(self._busy) + len(self._idle) >= self._limit:
                        discarded.append(self._idle.pop(0))
                    environment = make()
                self._busy.append(environment)
        finally:
            for one in discarded:
                one.stop()
        return environment

    def _take_warm(
        self, config: FunctionConfig, discarded: list[Environment]
    ) -> Environment | None:
        """One that is at rest; those that are of no use any more are added to the discarded."""
        discarded += [one for one in self._idle if not one.usable]
        self._idle = [one for one in self._idle if one.usable]
        for index in range(len(self._idle) - 1, -1, -1):
            if self._idle[index].config == config:
                return self._idle.pop(index)
        return None

    def _release(self, environment: Environment) -> None:
        with self._lock:
            self._busy.remove(environment)
            keep = environment.usable and not self._closed.is_set()
            if keep:
                self._idle.append(environment)
        if not keep:
            environment.stop()

    def _reap(self) -> None:
        while not self._closed.wait(REAP_EVERY_SECONDS):
            oldest = time.monotonic() - IDLE_SECONDS
            with self._lock:
                expired = [one for one in self._idle if one.last_used < oldest]
                self._idle = [one for one in self._idle if one.last_used >= oldest]
            for environment in expired:
                environment.stop()
