"""`python -m benchmarks.deployment`: the quickstart applied and asked, on the local cloud.

Terraform's times are of the real Terraform and provider against emulated services. A prediction
is asked for through the REST API, signed and over HTTP, and in turn by invoking the function
with the same event: what lies between the two is the API layer's. Both are the local cloud's.
"""

import argparse
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.processes import quartiles, shown
from benchmarks.serving.models import MODELS
from local.cloud import LocalCloud

REPORT = Path("build/bench-deployment.json")
MODEL = "logistic regression"
WARM_UP = 20

console = Console(highlight=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=300, help="of each kind")
    arguments = parser.parse_args()
    made: list[str] = []
    with LocalCloud(folder=Path("build/bench/cloud")) as cloud, console.status("deploying"):
        seconds = {
            "init and apply": timed(lambda: cloud.apply(on_line=made.append)),
            "plan without changes": timed(lambda: unchanged(cloud)),
        }
        milliseconds = ask(cloud, arguments.requests)
        seconds["destroy"] = timed(cloud.destroy)
    report = {
        "date": datetime.now(UTC).date().isoformat(),
        "resources": sum("Creation complete" in line for line in made),
        "seconds": seconds,
        "milliseconds": {side: quartiles(times) for side, times in milliseconds.items()},
    }
    show(report)
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=2) + "\n")


def timed(action: Callable[[], object]) -> float:
    """Seconds that an action takes."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def unchanged(cloud: LocalCloud) -> None:
    assert not cloud.changes(), "a second plan finds something to change"


def ask(cloud: LocalCloud, requests: int) -> dict[str, list[float]]:
    """Milliseconds of one prediction through the API and through the function alone, in turn."""
    model = MODELS[MODEL](MODEL)
    model.publish(cloud.outputs["data_bucket"], cloud.boto3("s3"))
    client, function = cloud.client(), cloud.function_names["inference"]
    event = model.event(1)
    body = json.loads(event["body"])
    sides: dict[str, Callable[[], object]] = {
        "through the API": lambda: client.post("/inference", body),
        "function alone": lambda: answered(cloud.invoke(function, event, "live")),
    }
    taken: dict[str, list[float]] = {side: [] for side in sides}
    for number in range(WARM_UP + requests):
        for side, call in sides.items():
            milliseconds = 1000 * timed(call)
            if number >= WARM_UP:
                taken[side].append(milliseconds)
    return taken


def answered(outcome: Any) -> None:
    assert json.loads(outcome.payload)["statusCode"] == 200, outcome.payload


def show(report: dict[str, Any]) -> None:
    seen = Table("what", "takes")
    for name, seconds in report["seconds"].items():
        seen.add_row(f"{name}, {report['resources']} resources", f"{seconds:.1f} s")
    for name, found in report["milliseconds"].items():
        seen.add_row(f"a prediction {name}", f"{shown(found, 2)} ms")
    medians = [found["median"] for found in report["milliseconds"].values()]
    seen.add_row("the API layer's share", f"{1 - medians[1] / medians[0]:.0%}")
    console.print(seen)


if __name__ == "__main__":
    main()
