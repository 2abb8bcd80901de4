"""Token buckets, by the method settings of a stage."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

DEFAULT_RATE, DEFAULT_BURST = 10_000.0, 5_000


class Throttle:
    """One bucket per API, stage, path and method, as API Gateway keeps them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[tuple[str, ...], tuple[float, float]] = {}

    def admit(self, key: tuple[str, ...], rate: float, burst: float) -> bool:
        """Take a token of the bucket `key`, filled at `rate` per second up to `burst`."""
        now = self._clock()
        with self._lock:
            tokens, updated = self._buckets.get(key, (burst, now))
            tokens = min(burst, tokens + (now - updated) * rate)
            admitted = tokens >= 1
            self._buckets[key] = (tokens - admitted, now)
        return admitted


def limits(settings: Mapping[str, Any], path: str, method: str) -> tuple[float, float]:
    """Rate and burst for a method: its own setting, or the stage's, or the account's."""
    own = path.lstrip("/").replace("/", "~1") or "~1"
    for key in (f"{own}/{method}", f"~1{own}/{method}", "*/*"):
        if key in settings:
            setting = settings[key]
            return (
                float(setting.get("throttlingRateLimit", DEFAULT_RATE)),
                float(setting.get("throttlingBurstLimit", DEFAULT_BURST)),
            )
    return DEFAULT_RATE, DEFAULT_BURST
