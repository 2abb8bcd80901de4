"""What predictions cost on AWS, by its public price formula.

Prices of us-east-1 on x86_64, without the free tier; since August 2025 Lambda also bills the
start of an environment. https://aws.amazon.com/lambda/pricing/
"""

import math

GB_SECOND = 0.0000166667
REQUEST = 0.20 / 1_000_000
FULL_CPU_MB = 1769
"""Memory that buys one vCPU; less buys its share."""

STEP_MB = 64


def memory_setting(peak_bytes: float) -> int:
    """The smallest multiple of 64 MB, from 128, that holds a process of this size.

    >>> memory_setting(150e6)
    192
    """
    return max(128, math.ceil(peak_bytes / 2**20 / STEP_MB) * STEP_MB)


def stretch(memory_mb: int) -> float:
    """Seconds that a CPU second takes with a share of a vCPU.

    >>> round(stretch(1024), 2), stretch(3008)
    (1.73, 1.0)
    """
    return max(1.0, FULL_CPU_MB / memory_mb)


def per_million(memory_mb: int, cold_cpu: float, warm_cpu: float, cold_share: float) -> float:
    """Dollars for a million requests, given the CPU seconds of a cold and of a warm one.

    A share of a vCPU stretches CPU time by its inverse; a duration is billed in whole
    milliseconds.

    >>> round(per_million(1769, 1.0, 0.001, 0.0), 3)
    0.229
    """

    def dollars(cpu_seconds: float) -> float:
        billed = math.ceil(round(cpu_seconds * stretch(memory_mb) * 1000, 6)) / 1000
        return memory_mb / 1024 * billed * GB_SECOND + REQUEST

    return 1_000_000 * (cold_share * dollars(cold_cpu) + (1 - cold_share) * dollars(warm_cpu))
