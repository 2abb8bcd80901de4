import time
from queue import SimpleQueue

import pytest

from local.lambda_runtime.asynchronous import AsyncEvent, AsyncQueue, GivenUp
from local.lambda_runtime.models import Outcome
from local.lambda_runtime.pool import ConcurrencyExceededError

FAILED = Outcome(b'{"errorMessage": "no"}', failed=True)


def event(retries: int = 2, seconds: float = 60) -> AsyncEvent:
    return AsyncEvent("f", "live", b"{}", "", retries, time.monotonic() + seconds)


def given_up(answer: Outcome | Exception, one: AsyncEvent) -> GivenUp:
    """What is kept of an event of which every attempt has the same answer, or is not made."""
    kept: SimpleQueue[GivenUp] = SimpleQueue()

    def run(_: AsyncEvent) -> Outcome:
        if isinstance(answer, Exception):
            raise answer
        return answer

    queue = AsyncQueue(run, [0.0], kept.put)
    try:
        queue.put(one)
        return kept.get(timeout=10)
    finally:
        queue.close()


@pytest.mark.parametrize("retries", [0, 2])
def test_an_event_that_always_fails_is_given_up_after_its_retries(retries: int) -> None:
    kept = given_up(FAILED, event(retries))

    assert (kept.condition, kept.outcome) == ("RetriesExhausted", FAILED)
    assert kept.event.attempt == retries


@pytest.mark.parametrize(
    "answer", [FAILED, ConcurrencyExceededError("no room"), OSError("no space left on device")]
)
def test_an_event_that_is_too_old_is_given_up_with_what_it_had(
    answer: Outcome | Exception,
) -> None:
    kept = given_up(answer, event(seconds=0))

    outcome = answer if isinstance(answer, Outcome) else None
    assert (kept.condition, kept.outcome) == ("EventAgeExceeded", outcome)
    assert kept.event.attempt == 0
