"""Runs the demo: local cloud, Terraform, loops from raw data to predictions, destroy."""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from local.client import Client
from local.cloud import LocalCloud
from local.demo import screen
from local.demo.loops import SHORT, Loop, Question, Raw, loops, task_names
from local.errors import LocalCloudError

REPORT = Path("build/demo.json")

TRAINING_SECONDS = 25
"""The demo's own limit for each training; without one it would be the function's timeout."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.demo", description=__doc__)
    parser.add_argument("task", nargs="*", default=SHORT, help=f"any of {', '.join(task_names())}")
    tasks = parser.parse_args().task
    if unknown := [task for task in tasks if task not in task_names()]:
        parser.error(f"no task {', '.join(unknown)}: choose any of {', '.join(task_names())}")
    try:
        play([loop for task in tasks for loop in loops(task)])
    except LocalCloudError as error:
        sys.exit(str(error))


def play(chosen: Sequence[Loop]) -> None:
    started = time.monotonic()
    with LocalCloud() as cloud:
        screen.heading("Terraform applies examples/quickstart to the local cloud")
        with screen.terraform("terraform apply") as follow:
            cloud.apply(on_line=follow)
        screen.done(f"the API answers at {cloud.api_url}", time.monotonic() - started)
        report = []
        for loop in chosen:
            with tempfile.TemporaryDirectory() as folder:
                report.append(run(loop, cloud.client(), Path(folder)))
        screen.heading("Terraform destroys everything")
        with screen.terraform("terraform destroy"):
            cloud.destroy()
    seconds = time.monotonic() - started
    REPORT.parent.mkdir(exist_ok=True)
    document = {"seconds": round(seconds, 1), "loops": report}
    REPORT.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    screen.done(f"all that the service answered is in {REPORT}", seconds)


def run(loop: Loop, client: Client, folder: Path) -> dict[str, Any]:
    """One loop; the record of everything that the service answered."""
    screen.heading(f"{loop.name}: {loop.question}")
    screen.console.print(f"[dim]{loop.origin}[/dim]")
    raw = loop.prepare(folder)
    dataset, dataset_seconds = _timed(lambda: _process(loop, raw, client))
    screen.dataset(dataset, dataset_seconds)
    result, training_seconds = _timed(lambda: _train(loop, client))
    model = client.get(f"/models/{loop.name}/versions/{result['version']}")
    screen.model(model, result, training_seconds)
    instances = [_asked(question, dataset) for question in raw.questions]
    answer, seconds = _timed(
        lambda: client.post("/inference", {"model": loop.name, "instances": instances})
    )
    screen.predictions([loop.told(one) for one in answer["predictions"]], raw.questions, seconds)
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
        "truth": [question.truth for question in raw.questions],
        "answer": answer,
    }


def _process(loop: Loop, raw: Raw, client: Client) -> dict[str, Any]:
    key = client.upload(loop.name, raw.file)
    body = {"dataset": loop.name, "source": {"key": key}, "task": loop.task, **raw.options}
    with screen.job("data_processing") as follow:
        result = client.run("/data_processing", body, follow)
    manifest: dict[str, Any] = client.get(f"/datasets/{loop.name}/versions/{result['version']}")
    return manifest


def _train(loop: Loop, client: Client) -> dict[str, Any]:
    body = {
        "model": loop.name,
        "dataset": loop.name,
        "time_budget_seconds": TRAINING_SECONDS,
        **loop.training,
    }
    with screen.job("model_training") as follow:
        return client.run("/model_training", body, follow)


def _asked(question: Question, dataset: dict[str, Any]) -> dict[str, Any]:
    """A question without the columns that the service reads nothing in."""
    ignored = {c["name"] for c in dataset["schema"]["columns"] if c["role"] == "ignored"}
    return {name: value for name, value in question.instance.items() if name not in ignored}


def _timed(action: Callable[[], Any]) -> tuple[Any, float]:
    started = time.monotonic()
    value = action()
    return value, time.monotonic() - started


if __name__ == "__main__":
    main()
