"""Runs the demo: local cloud, Terraform, three loops from raw data to predictions, destroy."""

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from local.client import Client
from local.cloud import LocalCloud
from local.demo import screen
from local.demo.data import LOOPS, Loop, hold_back, write_csv
from local.errors import LocalCloudError

REPORT = Path("build/demo.json")

TRAINING_SECONDS = 25
"""The demo's own limit for each training; without one it would be the function's timeout."""


def main() -> None:
    try:
        play()
    except LocalCloudError as error:
        sys.exit(str(error))


def play() -> None:
    started = time.monotonic()
    with LocalCloud() as cloud:
        screen.heading("Terraform applies examples/quickstart to the local cloud")
        with screen.terraform("terraform apply") as follow:
            cloud.apply(on_line=follow)
        screen.done(f"the API answers at {cloud.api_url}", time.monotonic() - started)
        report = [run(loop, cloud.client()) for loop in LOOPS]
        screen.heading("Terraform destroys everything")
        with screen.terraform("terraform destroy"):
            cloud.destroy()
    seconds = time.monotonic() - started
    REPORT.parent.mkdir(exist_ok=True)
    document = {"seconds": round(seconds, 1), "loops": report}
    REPORT.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    screen.done(f"all that the service answered is in {REPORT}", seconds)


def run(loop: Loop, client: Client) -> dict[str, Any]:
    """One loop; the record of everything that the service answered."""
    screen.heading(f"{loop.name}: {loop.question}")
    screen.console.print(f"[dim]{loop.origin}[/dim]")
    rows, held_back = hold_back(loop.rows())
    dataset, dataset_seconds = _timed(lambda: _process(loop, rows, client))
    screen.dataset(dataset, dataset_seconds)
    result, training_seconds = _timed(lambda: _train(loop, client))
    model = client.get(f"/models/{loop.name}/versions/{result['version']}")
    screen.model(model, result, training_seconds)
    instances = [_instance(row, dataset) for row in held_back]
    answer, seconds = _timed(
        lambda: client.post("/inference", {"model": loop.name, "instances": instances})
    )
    screen.predictions(answer, held_back, loop.target, seconds)
    return {
        "name": loop.name,
        "origin": loop.origin,
        "seconds": {
            "data_processing": round(dataset_seconds, 2),
            "model_training": round(training_seconds, 2),
            "inference": round(seconds, 4),
        },
        "dataset": dataset,
        "model": model,
        "training_result": result,
        "instances": instances,
        "truth": [row[loop.target] for row in held_back],
        "answer": answer,
    }


def _process(loop: Loop, rows: list[dict[str, Any]], client: Client) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{loop.name}.csv"
        write_csv(rows, file)
        key = client.upload(loop.name, file)
    body = {
        "dataset": loop.name,
        "source": {"key": key},
        "task": loop.task,
        "target": loop.target,
    }
    with screen.job("data_processing") as follow:
        result = client.run("/data_processing", body, follow)
    manifest: dict[str, Any] = client.get(f"/datasets/{loop.name}/versions/{result['version']}")
    return manifest


def _train(loop: Loop, client: Client) -> dict[str, Any]:
    body = {
        "model": loop.name,
        "dataset": loop.name,
        "time_budget_seconds": TRAINING_SECONDS,
    }
    with screen.job("model_training") as follow:
        return client.run("/model_training", body, follow)


def _instance(row: dict[str, Any], dataset: dict[str, Any]) -> dict[str, Any]:
    """A row as a caller would send it: the features alone."""
    features = {c["name"] for c in dataset["schema"]["columns"] if c["role"] == "feature"}
    return {name: value for name, value in row.items() if name in features}


def _timed(action: Callable[[], Any]) -> tuple[Any, float]:
    started = time.monotonic()
    value = action()
    return value, time.monotonic() - started


if __name__ == "__main__":
    main()
