"""Steps of the smoke test, each reported on a line with its seconds."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PAUSE_SECONDS = 1.0


class StepFailed(Exception):
    """A step of a deployment has failed and is reported."""


class Unexpected(Exception):
    """AWS or the service did something else than it should."""


class Steps:
    """Reports the steps of all deployments; `failed` has those that failed, in their order."""

    def __init__(self) -> None:
        self.failed: list[str] = []
        self.title = ""
        """Of the deployment at hand."""

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """One step. Raises StepFailed."""
        started = time.monotonic()
        try:
            yield
        except BaseException as error:
            interrupted = isinstance(error, KeyboardInterrupt)
            end = "INTERRUPTED" if interrupted else f"FAILED: {type(error).__name__}: {error}"
            self._report(name, f"{_since(started)}  {end}")
            self.failed.append(f"{self.title}: {name}")
            if not isinstance(error, Exception):
                raise
            raise StepFailed(name) from error
        self._report(name, _since(started))

    def skip(self, name: str, reason: str) -> None:
        """A step that this AWS cannot take."""
        self._report(name, f"not here: {reason}")

    def _report(self, name: str, end: str) -> None:
        print(f"{self.title:<24} {name:<20} {end}", flush=True)


def wait_until(holds: Callable[[], bool], what: str, seconds: float) -> None:
    """Asks until something holds, as AWS is consistent after a while. Raises Unexpected."""
    give_up = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > give_up:
            raise Unexpected(f"after {seconds:.0f} s still not: {what}")
        time.sleep(PAUSE_SECONDS)


def _since(started: float) -> str:
    return f"{time.monotonic() - started:6.1f} s"
