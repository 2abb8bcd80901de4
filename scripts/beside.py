"""Runs two folders of tests beside each other: python -m scripts.beside tests/system tests/module

What the first prints is shown at once, what the second does when both have ended.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence


def beside(shown: Sequence[str], kept: Sequence[str]) -> int:
    """Runs two commands; the status of the first that has failed, or 0."""
    with (
        tempfile.TemporaryFile() as output,
        subprocess.Popen(kept, stdout=output, stderr=subprocess.STDOUT) as other,
    ):
        statuses = subprocess.call(shown), other.wait()
        output.seek(0)
        shutil.copyfileobj(output, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    return statuses[0] or statuses[1]


if __name__ == "__main__":
    first, second = ((sys.executable, "-m", "pytest", folder) for folder in sys.argv[1:])
    sys.exit(beside(first, second))
