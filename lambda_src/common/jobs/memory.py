"""The memory that an attempt takes, of which a process has many one after the other."""

import contextlib
from functools import cache
from pathlib import Path

_PEAK = "VmHWM"
_NOW = "VmRSS"

_SLACK_MB = 10
"""A peak that is above what is held by no more than this has been forgotten."""


class Memory:
    """The most memory that this process has held since this was made, but for what it had kept
    of earlier attempts by then: in a new environment, that would not be there."""

    def __init__(self) -> None:
        at_start = _resident_mb(_NOW)
        self._inherited_mb = max(0, at_start - _fresh_mb())
        self._peak_mb = at_start
        self._counts_peaks = _forget_peak()

    def peak_mb(self) -> int:
        """In MB. Where Linux does not forget a peak, the most that any call of this has seen."""
        seen = _resident_mb(_PEAK if self._counts_peaks else _NOW)
        self._peak_mb = max(self._peak_mb, seen)
        return self._peak_mb - self._inherited_mb


@cache
def _fresh_mb() -> int:
    """What the process had before its first attempt."""
    return _resident_mb(_NOW)


def _forget_peak() -> bool:
    """Makes Linux count the peak from now on. Whether it does: not everybody may ask for it.

    https://docs.kernel.org/filesystems/proc.html (clear_refs)
    """
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return _resident_mb(_PEAK) <= _resident_mb(_NOW) + _SLACK_MB


def _resident_mb(kind: str) -> int:
    """Of the program's own memory, in MB; Linux counts it in KiB.

    getrusage would give the most of whatever program has started this one, too.
    """
    _, _, found = Path("/proc/self/status").read_text().partition(f"{kind}:")
    return int(found.split()[0]) * 1024 // 1_000_000
