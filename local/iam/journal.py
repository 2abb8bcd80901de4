"""Every decision of the gate as a line of JSON, in a file that a person can read."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from local.iam.evaluation import Decision, Demand
from local.line_file import LineFile


class Journal:
    """Writes to a new file at `path`; `entries` reads what has been written."""

    def __init__(self, path: Path) -> None:
        self._file = LineFile(path, fresh=True)
        self.path = path

    def write(self, principal: str, demand: Demand, decision: Decision) -> None:
        entry = {
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "principal": principal,
            "action": demand.action,
            "resource": demand.resource,
            "context": demand.context,
            "allowed": decision.allowed,
            "reason": decision.reason,
        }
        self._file.write(json.dumps(entry))

    def close(self) -> None:
        self._file.close()

    def entries(self) -> Iterator[dict[str, Any]]:
        """All decisions so far, the first first."""
        with self.path.open(encoding="utf-8") as lines:
            yield from map(json.loads, lines)
