"""Every task's sample on the real zips: what the contract tests ask of it, they answer alike."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local.cloud import LocalCloud
from tasks import TASKS
from tests.system.contract import ContractClient
from tests.unit.tasks.samples import processed, sample, served, trained
from tests.unit.tasks.test_training_contract import same

INSTANCES = 8


@dataclass(frozen=True)
class Learned:
    """A task, the counts of its dataset and the name of its model, which is live."""

    task: str
    rows: dict[str, int]
    model: str

    @property
    def instances(self) -> list[Any]:
        return list(sample(self.task).instances(processed(self.task).data))[:INSTANCES]


@pytest.fixture(scope="module", params=TASKS)
def learned(
    request: pytest.FixtureRequest,
    cloud: LocalCloud,
    api: ContractClient,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Learned]:
    """A sample that has become a dataset and a model, with the networks that it is trained with."""
    task, name = request.param, f"sample_{request.param}"
    s3, bucket = cloud.boto3("s3"), cloud.outputs["data_bucket"]
    networks = sample(task).backbones()
    for network, path in networks.items():
        s3.upload_file(str(path), bucket, f"backbones/{network}.onnx")
    file: Path = tmp_path_factory.mktemp(task) / "source"
    file.write_bytes(sample(task).source(0))
    made = api.run(
        "/data_processing",
        {
            "dataset": name,
            "task": task,
            "source": {"key": api.upload(name, file)},
            **sample(task).processing,
        },
    )
    training = {"model": name, "dataset": name, "promote": "always", **sample(task).training}
    api.run("/model_training", training)
    yield Learned(task, made["rows"], name)
    api.delete(f"/models/{name}?force=true")
    api.delete(f"/datasets/{name}")
    for network in networks:
        s3.delete_object(Bucket=bucket, Key=f"backbones/{network}.onnx")


def test_counts_are_those_of_the_sample(learned: Learned) -> None:
    assert learned.rows == sample(learned.task).counts


def test_answers_are_those_in_process(learned: Learned, api: ContractClient) -> None:
    task = learned.task
    body = {"model": learned.model, "instances": learned.instances}
    answer = api.post("/inference", body)
    expected, _ = served(task, trained(task)).predict(learned.instances)
    assert answer["warnings"] == []
    assert same(answer["predictions"], expected)


def test_bad_instances_are_pointed_at(learned: Learned, api: ContractClient) -> None:
    bad = sample(learned.task).bad
    body = {"model": learned.model, "instances": [instance for instance, _ in bad]}
    answer = api.request("POST", "/inference", body)
    assert answer.status == 422
    pointers = {error["pointer"] for error in answer.body["errors"]}
    assert {f"/instances/{number}{field}" for number, (_, field) in enumerate(bad)} <= pointers
