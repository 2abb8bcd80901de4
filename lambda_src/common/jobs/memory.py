"""The memory that an attempt takes. A process runs many attempts, one after the other."""

import contextlib
from functools import cache
from pathlib import Path

_PEAK = "VmHWM"
_NOW = "VmRSS"

_SLACK_MB = 10
"""Linux has reset the peak if it is above the memory in use by no more than this."""


class Memory:
    """Measures the peak of this process's memory since it was created.

    Memory that earlier attempts have left is subtracted: a new environment would not have it.
    """

    def __init__(self) -> None:
        at_start = _resident_mb(_NOW)
        self._inherited_mb = max(0, at_start - _fresh_mb())
        self._peak_mb = at_start
        self._counts_peaks = _reset_peak()

    def peak_mb(self) -> int:
        """The peak in MB. Where Linux cannot reset it, the most that any call has measured."""
        current = _resident_mb(_PEAK if self._counts_peaks else _NOW)
        self._peak_mb = max(self._peak_mb, current)
        return self._peak_mb - self._inherited_mb


@cache
def _fresh_mb() -> int:
    """The memory in MB before the first attempt of the process."""
    return _resident_mb(_NOW)


def _reset_peak() -> bool:
    """Makes Linux count the peak from now on. Returns whether it does: this needs permission.

    https://docs.kernel.org/filesystems/proc.html (clear_refs)
    """
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return _resident_mb(_PEAK) <= _resident_mb(_NOW) + _SLACK_MB


def _resident_mb(kind: str) -> int:
    """A figure of this process's memory, in MB (Linux counts in KiB).

    getrusage would include the program that has started this one.
    """
    _, _, found = Path("/proc/self/status").read_text().partition(f"{kind}:")
    return int(found.split()[0]) * 1024 // 1_000_000
