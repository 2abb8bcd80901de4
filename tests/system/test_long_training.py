"""A training that its time is too short for goes on in other invocations."""

from pathlib import Path
from typing import Any

from local.cloud import LocalCloud
from tests.unit.tasks.samples.translation import source


def test_training_goes_on_where_its_time_ended(cloud: LocalCloud, tmp_path: Path) -> None:
    client = cloud.client()
    file = tmp_path / "figures.tsv"
    file.write_bytes(source(0))
    key = client.upload("figures", file)
    corpus = {"dataset": "figures", "source": {"key": key}, "task": "translation"}
    client.run("/data_processing", corpus)
    states: list[dict[str, Any]] = []
    request = {"model": "figures", "dataset": "figures", "time_budget_seconds": 10, "epochs": 1000}
    result = client.run("/model_training", {**request, "max_invocations": 2}, states.append)
    outcomes = [attempt["outcome"] for attempt in states[-1]["attempts"]]
    assert outcomes == ["continued", "succeeded"]
    model = client.get(f"/models/figures/versions/{result['version']}")
    tried = {one["name"]: one for one in model["candidates"]}
    assert tried["recurrent_network"]["parameters"]["invocations"] == 2
