"""Calls end in time, whatever they meet."""

import math
import threading

import pytest

from common.time_limit import ending_in, left, within


def test_what_an_action_returns_or_raises_comes_through() -> None:
    assert within(60, lambda: 42) == 42
    assert within(60, lambda: None) is None
    with pytest.raises(KeyError, match="no"):
        within(60, lambda: dict[str, int]()["no"])


def test_an_action_that_takes_too_long_is_left_alone() -> None:
    ended = threading.Event()
    with pytest.raises(TimeoutError):
        within(0.01, ended.wait)
    ended.set()


def test_without_time_nothing_is_begun() -> None:
    begun: list[int] = []
    for seconds in (0, -1):
        with pytest.raises(TimeoutError):
            within(seconds, lambda: begun.append(1))
    assert not begun


def test_only_what_somebody_waits_for_has_an_end() -> None:
    assert left() == math.inf
    with ending_in(5):
        assert 0 < left() <= 5
    with pytest.raises(ValueError, match="no"), ending_in(5):
        raise ValueError("no")
    assert left() == math.inf
