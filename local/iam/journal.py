"""Every decision of the gate as a line of JSON, in a file that a person can read."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from local.iam.evaluation import Decision, Demand


class Journal:
    """Writes to a new file at `path`; `entries` reads what has been written."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("w", encoding="utf-8")
        self._lock = threading.Lock()
        self.path = path

    def write(self, principal: str, demand: Demand, decision: Decision) -> None:
        line = json.dumps(
            {
                "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "principal": principal,
                "action": demand.action,
                "resource": demand.resource,
                "context": demand.context,
                "allowed": decision.allowed,
                "reason": decision.reason,
            }
        )
        with self._lock:
            if not self._file.closed:
                self._file.write(line + "\n")
                self._file.flush()

    def close(self) -> None:
        with self._lock:
            self._file.close()

    def entries(self) -> Iterator[dict[str, Any]]:
        """All decisions so far, the first first."""
        with self.path.open(encoding="utf-8") as lines:
            yield from map(json.loads, lines)
