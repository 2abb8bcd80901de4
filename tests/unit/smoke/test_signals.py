"""A terminal that is closed stops the smoke test as Ctrl-C does."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import os, signal, sys
from pathlib import Path
from scripts.smoke import signals

signals.AFTER_HANG_UP = Path(sys.argv[1])
signals.stop_like_ctrl_c()
try:
    print("applying", flush=True)
    sys.stdin.read()
except KeyboardInterrupt:
    if int(sys.argv[2]) == signal.SIGHUP:
        os.kill(os.getpid(), signal.SIGHUP)  # which comes twice
    print("destroyed", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_everything_is_destroyed(tmp_path: Path, number: signal.Signals) -> None:
    log = tmp_path / "smoke.log"
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(log), str(int(number))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "applying\n"
        if number == signal.SIGHUP:
            process.stdout.close()  # as a terminal does, or what reads a pipe
        process.send_signal(number)
        assert process.wait(60) == 0
        closed = process.stdout.closed
        said = log.read_text() if closed else process.stdout.read()
    assert said == "destroyed\n"
