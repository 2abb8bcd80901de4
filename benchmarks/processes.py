"""A command measured from outside: time, processor, memory; and killed beyond a limit of it."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from local.lambda_runtime.process import peak_bytes, resident_bytes

POLL_SECONDS = 0.02


@dataclass(frozen=True)
class Run:
    """What a process took; output is what it printed, None when it was killed."""

    seconds: float
    cpu_seconds: float
    peak_mb: float
    output: str | None


def measure(module: str, *arguments: str, code: Path, limit_mb: float | None = None) -> Run:
    """Runs a module in a fresh Python, with the packages of a folder before all others.

    Raises CalledProcessError when it fails by itself.

    Lambda kills a function that passes its memory; so does this.
    """
    command = [sys.executable, "-m", module, *arguments]
    environment = {**os.environ, "PYTHONPATH": str(code)}
    started = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        killed, peak = False, 0
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            # Not ru_maxrss, which begins with that of the process that forked.
            peak = max(peak, peak_bytes(process.pid))
            if limit_mb and not killed and resident_bytes(process.pid) > limit_mb * 2**20:
                process.kill()
                killed = True
            time.sleep(POLL_SECONDS)
        seconds = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        output = process.stdout.read() if process.stdout else ""
    if process.returncode and not killed:
        raise subprocess.CalledProcessError(process.returncode, command)
    cpu = usage.ru_utime + usage.ru_stime
    return Run(seconds, cpu, peak / 2**20, None if killed else output)


def quartiles(values: Sequence[float]) -> dict[str, float]:
    """The median and the quartiles around it.

    >>> quartiles([3.0, 1.0, 2.0])
    {'q1': 1.5, 'median': 2.0, 'q3': 2.5}
    """
    if len(values) < 2:
        return dict.fromkeys(("q1", "median", "q3"), values[0])
    q1, median, q3 = statistics.quantiles(values, n=4, method="inclusive")
    return {"q1": q1, "median": median, "q3": q3}


def shown(found: Mapping[str, float], digits: int = 1) -> str:
    """Quartiles as a table shows them."""
    q1, median, q3 = (f"{found[name]:,.{digits}f}" for name in ("q1", "median", "q3"))
    return f"{median} ({q1} to {q3})"
