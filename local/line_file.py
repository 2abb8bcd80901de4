"""Files of lines that a person can follow."""

import os
import threading
from pathlib import Path

from local.errors import complain


class LineFile:
    """Appends lines to a file, each at once. May be shared by threads, and by several writers.

    On a full disk lines are lost, and the first one says so on standard error.
    """

    def __init__(self, path: Path, *, fresh: bool = False) -> None:
        """`fresh` begins with an empty file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | (os.O_TRUNC if fresh else 0)
        self._file = os.fdopen(os.open(path, flags, 0o666), "wb", buffering=0)
        self._path = path
        self._lock = threading.Lock()
        self._torn = False

    def write(self, line: str) -> None:
        """Append a line; nothing once the file is closed."""
        with self._lock:
            if self._file.closed:
                return
            start = b"\n" if self._torn else b""
            data = start + f"{line}\n".encode(errors="backslashreplace")
            try:
                self._torn = self._file.write(data) < len(data)
            except OSError as error:
                complain(f"cannot write {self._path}: {error.strerror}")

    def close(self) -> None:
        with self._lock:
            self._file.close()
