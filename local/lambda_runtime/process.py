"""A function's process: started clean, watched for memory, ended with everything it started."""

import contextlib
import fcntl
import os
import select
import signal
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

POLL_SECONDS = 0.02
MAX_LINE_BYTES = 262_144
"""Of what is one event of a log, with or without a line's end."""

# Linux sends the parent-death signal when the *thread* that forked ends, so that all functions
# are forked by one thread, which lives as long as this process.
_spawner = ThreadPoolExecutor(max_workers=1, thread_name_prefix="lambda-spawner")


class FunctionProcess:
    """Runs `command`; every line it prints goes to `on_line`, its end to `on_exit`."""

    def __init__(
        self,
        command: list[str],
        cwd: Path,
        variables: Mapping[str, str],
        on_line: Callable[[str], None],
        on_exit: Callable[[int], None],
    ) -> None:
        self._process = _spawner.submit(
            subprocess.Popen,
            command,
            cwd=cwd,
            env=dict(variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ).result()
        assert self._process.stdout is not None
        self._output = self._process.stdout
        self._on_line = on_line
        self._lock = threading.Lock()
        self._partial = b""
        self._on_exit = on_exit
        self._reader = threading.Thread(target=self._follow, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def drain(self) -> None:
        """Wait until all that the process has printed so far is in the log."""
        while True:
            with self._lock:
                if not self._waiting_bytes():
                    return
            time.sleep(0.0005)

    def kill(self) -> None:
        """Kill the process and its children: no handler runs, nothing is flushed."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._reader.join(timeout=5)

    def _waiting_bytes(self) -> int:
        if self._output.closed:
            return 0
        size: int = struct.unpack("i", fcntl.ioctl(self._output, termios.FIONREAD, b"\0" * 4))[0]
        return size

    def _follow(self) -> None:
        descriptor = self._output.fileno()
        poller = select.poll()
        poller.register(descriptor, select.POLLIN)
        while True:
            # A child of the function may hold the pipe open after the function itself has ended.
            if not poller.poll(100):
                if self.alive:
                    continue
                break
            with self._lock:
                data = os.read(descriptor, 65536)
                if not data:
                    break
                self._log(data)
        with self._lock:
            if self._partial:
                self._log(b"\n")
            self._output.close()
        self._on_exit(self._process.wait())

    def _log(self, data: bytes) -> None:
        *lines, self._partial = (self._partial + data).split(b"\n")
        if len(self._partial) > MAX_LINE_BYTES:
            lines, self._partial = [*lines, self._partial], b""
        for line in lines:
            self._on_line(line.decode("utf-8", "replace"))


def resident_bytes(pid: int) -> int:
    """Resident memory of a process and its descendants in bytes; 0 when it is gone."""
    pages = 0
    queue = [pid]
    while queue:
        current = queue.pop()
        try:
            pages += int(Path(f"/proc/{current}/statm").read_text().split()[1])
            children = Path(f"/proc/{current}/task/{current}/children").read_text()
        except (OSError, IndexError):
            continue
        queue += [int(child) for child in children.split()]
    return pages * os.sysconf("SC_PAGE_SIZE")


def peak_bytes(pid: int) -> int:
    """The most resident memory that a process ever had in bytes; 0 when it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


class MemoryWatch:
    """Polls a process's resident memory while it is asked to, and kills it beyond the limit.

    A resource limit would raise MemoryError inside the function; Lambda kills it instead.
    """

    def __init__(self, process: FunctionProcess, limit_bytes: int) -> None:
        self.peak_bytes = 0
        self.exceeded = False
        self._process = process
        self._limit = limit_bytes
        self._watching = threading.Event()
        self._stopped = False
        threading.Thread(target=self._poll, daemon=True).start()

    def resume(self) -> None:
        self._watching.set()

    def pause(self) -> None:
        self._sample()
        self.peak_bytes = max(self.peak_bytes, peak_bytes(self._process.pid))
        self._watching.clear()

    def stop(self) -> None:
        self._stopped = True
        self._watching.set()

    def _poll(self) -> None:
        while not self._stopped:
            self._watching.wait()
            self._sample()
            if self.exceeded:
                return
            time.sleep(POLL_SECONDS)

    def _sample(self) -> None:
        now = resident_bytes(self._process.pid) if self._process.alive else 0
        self.peak_bytes = max(self.peak_bytes, now)
        if now > self._limit and not self.exceeded:
            self.exceeded = True
            self._process.kill()
