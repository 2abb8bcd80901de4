"""The memory of an attempt: that of the attempt alone, whatever the process held before."""

import subprocess
import sys
import textwrap
from pathlib import Path

import common

LARGE = 300_000_000


def printed(program: str) -> list[int]:
    """The numbers that a program of its own prints."""
    source = Path(common.__file__).parents[1]
    command = [sys.executable, "-c", textwrap.dedent(program)]
    ran = subprocess.run(command, cwd=source, capture_output=True, text=True, check=True)
    return [int(line) for line in ran.stdout.split()]


def test_memory_is_the_programs_own_not_that_of_who_started_it() -> None:
    ballast = bytearray(b"x" * LARGE)
    (own,) = printed("from common.jobs.memory import Memory; print(Memory().peak_mb())")
    assert len(ballast) > 2_000_000 * own > 0


ONE_AFTER_THE_OTHER = f"""
    from common.jobs import memory
    {{change}}
    large = memory.Memory()
    held = bytearray(b"x" * {LARGE})
    print(large.peak_mb())
    {{released}}
    small = memory.Memory()
    print(small.peak_mb())
    more = bytearray(b"x" * {LARGE // 3})
    print(small.peak_mb())
    del more
    print(small.peak_mb())
"""
NOT_PERMITTED = "memory.Path.write_text = lambda *_: (_ for _ in ()).throw(PermissionError('no'))"


def test_a_small_job_after_a_large_one_has_memory_of_its_own() -> None:
    large, small, more, later = printed(ONE_AFTER_THE_OTHER.format(change="", released="del held"))
    assert large > LARGE // 1_000_000
    assert small < large // 3
    assert small < more < large
    assert later == more  # the peak


def test_where_linux_does_not_forget_a_peak_what_is_seen_counts() -> None:
    large, small, more, _ = printed(
        ONE_AFTER_THE_OTHER.format(change=NOT_PERMITTED, released="del held")
    )
    assert small < large // 3
    assert small < more < large


def test_what_an_environment_has_kept_of_a_large_job_is_not_the_small_ones() -> None:
    large, small, more, _ = printed(ONE_AFTER_THE_OTHER.format(change="", released=""))
    assert small < large // 3
    assert small < more < large
