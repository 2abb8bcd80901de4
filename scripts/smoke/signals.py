"""Whatever stops the smoke test does it like Ctrl-C, so that what was applied is destroyed."""

import os
import signal
import stat
from types import FrameType

from local.terraform import REPOSITORY

AFTER_HANG_UP = REPOSITORY / "build" / "smoke.log"
"""What would have been printed on a terminal that is gone."""


def stop_like_ctrl_c() -> None:
    """Also where a shell has them ignored, but for hanging up, which `nohup` asks to outlive."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        signal.signal(signal.SIGHUP, _hang_up)


def _hang_up(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # shells and kernel send one each
    AFTER_HANG_UP.parent.mkdir(exist_ok=True)
    file = os.open(AFTER_HANG_UP, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for place in (1, 2):
        if not stat.S_ISREG(os.fstat(place).st_mode):  # printing there would raise OSError
            os.dup2(file, place)
    os.close(file)
    raise KeyboardInterrupt
