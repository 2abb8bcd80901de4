"""Datasets and jobs whose objects are damaged say so, and are made whole by asking again."""

from typing import Any

import msgspec
import pytest

from common.jobs.keys import job_key
from tests.unit.damage import DAMAGES, altered, damaged
from tests.unit.data_processing.function import DataProcessing
from tests.unit.data_processing.test_loop import table
from tests.unit.function import BUCKET, Answer
from tests.unit.model_training.function import ModelTraining

LATEST = "datasets/test/latest.json"


def damage_object(function: DataProcessing, key: str, damage: str) -> None:
    function.s3.put_object(Bucket=BUCKET, Key=key, Body=DAMAGES[damage](function.get(key)))


def corrupted(answer: Answer, key: str) -> str:
    """The detail of a problem that reports a damaged object."""
    assert (answer.status, answer.body["title"]) == (500, "Stored object corrupted")
    assert key in answer.body["detail"]
    return str(answer.body["detail"])


@damaged
def test_a_damaged_pointer_is_named_and_found_again_from_the_versions(
    function: DataProcessing, damage: str
) -> None:
    version = function.process(table())["version"]
    damage_object(function, LATEST, damage)

    listed = function.call("GET", "/datasets")
    assert listed.status == 200
    (row,) = listed.body["datasets"]
    assert (row["dataset"], row["latest"]) == ("test", version)
    assert listed.body["damaged"] == [LATEST]
    dataset = function.call("GET", "/datasets/{dataset}", dataset="test")
    assert (dataset.status, dataset.body["latest"]) == (200, version)
    assert dataset.body["damaged"] == [LATEST]

    newer = function.process(table(), exclude=["color"])["version"]
    dataset = function.call("GET", "/datasets/{dataset}", dataset="test")
    assert dataset.body["latest"] == newer != version
    assert "damaged" not in dataset.body


def test_what_was_altered_about_a_dataset_is_named(function: DataProcessing) -> None:
    version = function.process(table())["version"]
    keys = [LATEST, "datasets/test/dataset.json"]
    for key in keys:
        body = altered(function.get(key))
        function.s3.put_object(Bucket=BUCKET, Key=key, Body=body)

    dataset = function.call("GET", "/datasets/{dataset}", dataset="test").body

    assert (dataset["latest"], dataset["damaged"]) == (version, keys)
    assert function.call("GET", "/datasets").body == {"datasets": [], "damaged": keys[1:]}


@pytest.mark.parametrize("version", ["", "x" * 2000, "../../models/m", "0123456789abcdef"])
def test_a_pointer_to_nothing_is_found_again_from_the_versions(
    function: DataProcessing, version: str
) -> None:
    made = function.process(table())["version"]
    body = msgspec.json.encode({"version": version, "at": "2026-01-31T12:00:00Z"})
    function.s3.put_object(Bucket=BUCKET, Key=LATEST, Body=body)

    dataset = function.call("GET", "/datasets/{dataset}", dataset="test")

    assert (dataset.status, dataset.body["latest"]) == (200, made)
    assert dataset.body["damaged"] == [LATEST]
    training = function.beside(ModelTraining)
    request = {"model": "m", "dataset": "test"}
    assert training.call("POST", "/model_training", request).status == 202


def test_a_pointer_that_is_lost_is_found_again_from_the_versions(function: DataProcessing) -> None:
    version = function.process(table())["version"]
    function.s3.delete_object(Bucket=BUCKET, Key=LATEST)

    dataset = function.call("GET", "/datasets/{dataset}", dataset="test")

    assert (dataset.status, dataset.body["latest"]) == (200, version)


@damaged
def test_a_damaged_manifest_is_reported_and_the_same_request_repairs_it(
    function: DataProcessing, damage: str
) -> None:
    manifest = function.process(table())
    key = f"datasets/test/{manifest['version']}/manifest.json"
    path = {"dataset": "test", "version": manifest["version"]}
    damage_object(function, key, damage)

    answer = function.call("GET", "/datasets/{dataset}/versions/{version}", **path)
    assert "POST /data_processing" in corrupted(answer, key)
    assert function.call("GET", "/datasets").status == 200

    again = function.job(function.request(table()))
    assert (again["status"], again["result"]["reused"]) == ("SUCCEEDED", False)
    repaired = function.call("GET", "/datasets/{dataset}/versions/{version}", **path)
    assert repaired.body["splits"] == manifest["splits"]


@damaged
def test_a_damaged_job_is_reported_and_the_same_request_makes_it_anew(
    function: DataProcessing, damage: str
) -> None:
    def start() -> dict[str, Any]:
        headers = {"Idempotency-Key": "nightly"}
        started = function.call("POST", "/data_processing", function.request(table()), headers)
        assert started.status == 202
        return dict(started.body)

    job = start()
    function.deliver()
    key = job_key("data_processing", job["job_id"])
    damage_object(function, key, damage)

    answer = function.call("GET", "/data_processing/{job_id}", job_id=job["job_id"])
    assert "Send its request again" in corrupted(answer, key)

    again = start()
    assert (again["job_id"], again["status"]) == (job["job_id"], "PENDING")
    function.deliver()
    ended = function.call("GET", "/data_processing/{job_id}", job_id=job["job_id"]).body
    assert (ended["status"], ended["result"]["reused"]) == ("SUCCEEDED", True)
    assert start() == ended


def test_the_whole_manifest_of_another_version_is_repaired(function: DataProcessing) -> None:
    mine, other = table(), table()[:-20]
    version = function.process(mine)["version"]
    keys = [
        f"datasets/test/{one}/manifest.json"
        for one in (version, function.process(other)["version"])
    ]
    function.s3.put_object(Bucket=BUCKET, Key=keys[0], Body=function.get(keys[1]))
    path = "/datasets/{dataset}/versions/{version}"

    corrupted(function.call("GET", path, dataset="test", version=version), keys[0])
    again = function.job(function.request(mine))["result"]

    assert (again["version"], again["repaired"]) == (version, [keys[0]])
    shown = function.call("GET", path, dataset="test", version=version)
    assert (shown.status, shown.body["version"]) == (200, version)


def test_a_dataset_that_was_removed_by_hand_is_not_listed_as_damaged(
    function: DataProcessing,
) -> None:
    function.process(table())
    for key in function.keys("datasets/test/"):
        function.s3.delete_object(Bucket=BUCKET, Key=key)
    assert function.call("GET", "/datasets").body == {"datasets": []}
