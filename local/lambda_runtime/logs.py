"""Where a function's lines go: its CloudWatch log group in moto, and a file a person can tail."""

import threading
import time
import uuid
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from local.line_file import LineFile

PutEvents = Callable[[str, list[tuple[int, str]]], None]
"""Writes (milliseconds, message) pairs to a stream of the function's log group."""

TAIL_BYTES = 4096
KEPT_EVENTS = 1000
"""Of a stream of the log group: what is older is in the file alone."""


class LogStream:
    """The log of one execution environment."""

    def __init__(self, path: Path, version: str, put_events: PutEvents) -> None:
        now = datetime.now(UTC)
        self.stream = f"{now:%Y/%m/%d}/[{version}]{uuid.uuid4().hex}"
        self._put_events = put_events
        self._lock = threading.Lock()
        self._pending: deque[tuple[int, str]] = deque(maxlen=KEPT_EVENTS)
        self._tail = ""
        self._file = LineFile(path)

    def start_tail(self) -> None:
        """Forget what was logged so far: `tail` is of one invocation."""
        self._tail = ""

    @property
    def tail(self) -> str:
        """The last 4 KB since `start_tail`, as Invoke returns it with LogType=Tail."""
        return self._tail

    def write(self, line: str) -> None:
        with self._lock:
            self._file.write(line)
            self._pending.append((int(time.time() * 1000), line))
            self._tail = (self._tail + line + "\n")[-TAIL_BYTES:]

    def flush(self) -> None:
        with self._lock:
            pending = list(self._pending)
            self._pending.clear()
        if pending:
            self._put_events(self.stream, pending)

    def close(self) -> None:
        self.flush()
        self._file.close()
