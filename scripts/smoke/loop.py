"""What is done with a deployed root: from raw data to predictions, and what operators see of it."""

import csv
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sklearn.datasets import load_iris

from scripts.smoke.callers import Answer, Caller, Deployed, Direct, Signed, WithKey
from scripts.smoke.steps import Steps, Unexpected, wait_until

CALLERS: dict[str, Callable[[Deployed], Caller]] = {
    "quickstart": Signed,
    "public": WithKey,
    "private": Direct,
}
"""How each root is called."""

HELD_BACK = (32, 60, 117)
"""Rows that the service does not get before it is asked about them, a clear one of each species."""

ACCESS_SECONDS = 120
ALIAS_SECONDS = 30
LOG_SECONDS = 120
METRIC_SECONDS = 300


@dataclass(frozen=True)
class Flowers:
    """Iris (Fisher, 1936), of scikit-learn: a file to upload, and flowers to ask about."""

    file: Path
    instances: list[dict[str, float]]
    species: list[str]

    @property
    def question(self) -> dict[str, Any]:
        return {"model": "iris", "instances": self.instances}

    @classmethod
    def written(cls, folder: Path) -> "Flowers":
        """Writes the file into a folder."""
        iris = load_iris()
        names = [name.removesuffix(" (cm)") for name in iris.feature_names]
        rows = [dict(zip(names, map(float, row), strict=True)) for row in iris.data]
        species = [str(iris.target_names[number]) for number in iris.target]
        file = folder / "iris.csv"
        with file.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, [*names, "species"])
            writer.writeheader()
            for number, row in enumerate(rows):
                if number not in HELD_BACK:
                    writer.writerow({**row, "species": species[number]})
        return cls(file, [rows[n] for n in HELD_BACK], [species[n] for n in HELD_BACK])


def run(root: str, deployed: Deployed, steps: Steps, local: bool) -> None:
    """Everything that callers and operators do. Raises StepFailed."""
    started = datetime.now(UTC)
    caller = CALLERS[root](deployed)
    with steps("callers are let in"):
        wait_until(caller.is_ready, "callers are let in", ACCESS_SECONDS)
    if local and root == "private":
        steps.skip("others are kept out", "the local cloud serves private APIs to all who sign")
    else:
        with steps("others are kept out"):
            if not caller.is_closed():
                raise Unexpected("the API answers those who may not call it")
    with tempfile.TemporaryDirectory() as folder:
        flowers = Flowers.written(Path(folder))
        with steps("upload"):
            key = caller.upload(flowers.file)
    with steps("process"):
        caller.run("data_processing", _processing(key))
    with steps("train"):
        version = _train(caller, "logistic_regression", promote="always")
    with steps("predict"):
        answer = caller.predict(flowers.question)
        if answer != Answer(version, flowers.species):
            raise Unexpected(f"{version} should answer {flowers.species}: {answer}")
    if isinstance(caller, Signed):
        _roll_back(caller, deployed, flowers, version, steps)
    else:
        steps.skip("roll back", "aliases are moved through the API alone")
    _observe(deployed, version, started, steps, local)


def _processing(key: str) -> dict[str, Any]:
    source = {"key": key}
    return {"dataset": "iris", "source": source, "task": "classification", "target": "species"}


def _train(caller: Caller, candidate: str, promote: str) -> str:
    """The version that comes of a training."""
    names = {"model": "iris", "dataset": "iris", "candidates": [candidate]}
    limits = {"time_budget_seconds": 30, "promote": promote}
    return str(caller.run("model_training", {**names, **limits})["version"])


def _roll_back(
    caller: Signed, deployed: Deployed, flowers: Flowers, first: str, steps: Steps
) -> None:
    with steps("train another"):
        second = _train(caller, "decision_tree", promote="never")
    with steps("promote"):
        _move(caller, deployed, flowers, first, second)
    with steps("roll back"):
        _move(caller, deployed, flowers, second, first)


def _move(caller: Signed, deployed: Deployed, flowers: Flowers, before: str, version: str) -> None:
    """Moves the alias, and waits until inference has followed it, which takes it some seconds."""
    body = {"version": version, "reason": "smoke test", "expected_version": before}
    deployed.client().put("/models/iris/aliases/live", body)
    wait_until(
        lambda: caller.predict(flowers.question).version == version,
        f"{version} is live",
        ALIAS_SECONDS,
    )


def _observe(
    deployed: Deployed, version: str, started: datetime, steps: Steps, local: bool
) -> None:
    """The log line of the model's predictions, and their metric."""
    found = deployed.session.client("logs").get_paginator("filter_log_events")
    line = {
        "logGroupName": deployed.outputs["log_groups"]["inference"],
        "filterPattern": f'"{version}"',
    }
    with steps("logs"):
        wait_until(
            lambda: any(page["events"] for page in found.paginate(**line)),
            f"a line of version {version} is in the log",
            LOG_SECONDS,
        )
    if local:
        steps.skip("metrics", "the local cloud reads no metrics out of logs")
        return
    cloudwatch = deployed.session.client("cloudwatch")
    function = deployed.outputs["function_names"]["inference"]
    predictions = {
        "Namespace": "ServerlessML",
        "MetricName": "Predictions",
        "Dimensions": [{"Name": "FunctionName", "Value": function}],
        "StartTime": started - timedelta(minutes=1),
        "EndTime": started + timedelta(hours=1),
        "Period": 60,
        "Statistics": ["Sum"],
    }
    with steps("metrics"):
        wait_until(
            lambda: bool(cloudwatch.get_metric_statistics(**predictions)["Datapoints"]),
            f"{function} has the metric Predictions",
            METRIC_SECONDS,
        )
