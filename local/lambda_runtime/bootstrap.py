"""The first code of a function's process: AWS's runtime client, in a process that dies with ours.

Run as `python -B -s bootstrap.py <parent pid> <handler>` in the unpacked zip. It stands where
/var/runtime/bootstrap.py stands in Lambda, and imports only what that one would.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    parent, handler = sys.argv[1:]
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(parent):  # it died before the line above took effect
        sys.exit(1)
    sys.argv = ["bootstrap", handler]
    sys.path[0] = os.getcwd()

    from awslambdaric.__main__ import main as run_client

    run_client(sys.argv)


main()
