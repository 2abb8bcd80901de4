"""`make bench-quality [DATA=folder]`: every comparison, through the API of the local cloud."""

import argparse
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from rich.console import Console
from rich.table import Table

from benchmarks.quality import anomalies, data, faces, images, objects, recommendation, translation
from local.client import Client
from local.cloud import LocalCloud

REPORT = Path("build/quality.json")
console = Console(highlight=False)


class Comparison(Protocol):
    """A data set, and how the service does on it beside a reference."""

    @property
    def name(self) -> str: ...

    def run(self, folder: Path, client: Client) -> dict[str, Any]:
        """A row of the table. Raises FileNotFoundError where the folder lacks the data."""
        ...


COMPARISONS: Sequence[Comparison] = (
    *data.COMPARISONS,
    *anomalies.COMPARISONS,
    *faces.COMPARISONS,
    *images.COMPARISONS,
    *objects.COMPARISONS,
    *recommendation.COMPARISONS,
    *translation.COMPARISONS,
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder of public data")
    parser.add_argument("--only", help="run the comparisons whose name holds this")
    arguments = parser.parse_args()
    chosen = [c for c in COMPARISONS if (arguments.only or "").lower() in c.name.lower()]
    rows = []
    with LocalCloud() as cloud:
        cloud.apply()
        client = cloud.client()
        for comparison in chosen:
            try:
                with console.status(comparison.name):
                    rows.append(comparison.run(arguments.data, client))
            except FileNotFoundError as error:
                console.print(f"{comparison.name}: left out, {error.filename} is missing")
                continue
            console.print(rows[-1])
        cloud.destroy()
    show(rows)
    REPORT.parent.mkdir(exist_ok=True)
    document = {"date": datetime.now(UTC).date().isoformat(), "comparisons": rows}
    REPORT.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def show(rows: Sequence[dict[str, Any]]) -> None:
    table = Table("data", "rows", "split", "metric", "reference", "service", "selected")
    for row in rows:
        table.add_row(*[", ".join(v) if isinstance(v, list) else str(v) for v in row.values()])
    console.print(table)


if __name__ == "__main__":
    main()
