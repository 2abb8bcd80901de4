"""What goes wrong around the functions: killed, out of time or memory, delivered twice, damaged."""

import json
import tempfile
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from common.jobs import Jobs
from common.store import Store
from local.client import Answer
from local.cloud import LocalCloud
from tests.system.contract import ContractClient
from tests.system.loops import Learned, finished

LARGE_ROWS = 700_000
ROWS = [{"x": i * 7 % 40, "y": i % 2} for i in range(60)]
AT_ONCE = 16


def processing(name: str, **source: Any) -> dict[str, Any]:
    return {"dataset": name, "source": source, "task": "classification", "target": "y"}


@pytest.fixture(scope="module")
def large(api: ContractClient) -> str:
    """The key of a CSV file of tens of MB, uploaded through a presigned URL."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "large.csv"
        with file.open("w") as out:
            out.write("number,city,day,y\n")
            for i in range(LARGE_ROWS):
                number = i * 7919 % 1000003
                day = f"2024-{i % 12 + 1:02}-{i % 28 + 1:02}"
                out.write(f"{number / 7:.6f},city {i % 97},{day},{number < 400000}\n")
        assert file.stat().st_size > 20_000_000
        return api.upload("large", file)


@dataclass(frozen=True)
class Doomed:
    """Jobs whose first run does not come to its end; they wait for that side by side."""

    killed: dict[str, Any]
    out_of_time: dict[str, Any]
    out_of_memory: dict[str, Any]


@pytest.fixture(scope="module")
def doomed(api: ContractClient, cloud: LocalCloud, large: str) -> Doomed:
    killed = api.post("/data_processing", processing("killed", key=large))
    give_up = time.monotonic() + 30
    while api.get(f"/data_processing/{killed['job_id']}")["stage"] in ("queued", "starting"):
        assert time.monotonic() < give_up
        time.sleep(0.05)
    assert cloud.kill(cloud.function_names["data_processing"]) >= 1
    slow, small = resized(cloud, Timeout=6), resized(cloud, MemorySize=128)
    return Doomed(
        killed,
        delivered(cloud, slow, killed["request"] | {"dataset": "late"}),
        delivered(cloud, small, killed["request"] | {"dataset": "big"}),
    )


def resized(cloud: LocalCloud, **settings: Any) -> str:
    """The name of a copy of data_processing, the same zip and role, with other settings."""
    functions = cloud.boto3("lambda")
    name = cloud.function_names["data_processing"]
    found = functions.get_function_configuration(FunctionName=name, Qualifier="live")
    bucket = cloud.outputs["local_artifacts_bucket"]
    listed = cloud.boto3("s3").list_objects_v2(Bucket=bucket)["Contents"]
    (key,) = [entry["Key"] for entry in listed if "data_processing" in entry["Key"]]
    same = ("Runtime", "Handler", "Role", "Environment", "MemorySize", "Timeout")
    copy = f"{name}-{uuid.uuid4().hex[:8]}"
    functions.create_function(
        FunctionName=copy,
        Code={"S3Bucket": bucket, "S3Key": key},
        **{**{one: found[one] for one in same}, **settings},
    )
    return copy


def delivered(cloud: LocalCloud, function: str, request: dict[str, Any]) -> dict[str, Any]:
    """A job recorded as the function would, whose event goes to a copy of it."""
    store = Store(cloud.outputs["data_bucket"], client=cloud.boto3("s3"))
    job = Jobs(store, "data_processing").create(request, None).public()
    deliver(cloud, function, job)
    return job


def deliver(cloud: LocalCloud, function: str, job: dict[str, Any]) -> None:
    event = json.dumps({"job_id": job["job_id"]})
    cloud.boto3("lambda").invoke(FunctionName=function, InvocationType="Event", Payload=event)


def outcomes(job: dict[str, Any]) -> list[str | None]:
    return [attempt.get("outcome") for attempt in job["attempts"]]


def at_once(ask: Callable[[int], Answer]) -> list[Answer]:
    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(ask, range(AT_ONCE)))


def test_a_large_upload_becomes_a_dataset(api: ContractClient, doomed: Doomed, large: str) -> None:
    result = api.run("/data_processing", processing("large", key=large))

    assert result["rows"]["read"] == LARGE_ROWS


def test_a_run_out_of_time_is_failed_with_that_reason(api: ContractClient, doomed: Doomed) -> None:
    job = finished(api, doomed.out_of_time)

    assert (job["status"], outcomes(job)) == ("FAILED", ["timeout"])
    assert "ran out. Raise its timeout" in job["error"]["detail"]


def test_the_same_key_at_once_is_one_job(api: ContractClient, doomed: Doomed) -> None:
    body = processing("idempotent", rows=ROWS)
    key = {"Idempotency-Key": f"clé {uuid.uuid4()}".encode().decode("latin-1")}

    answers = at_once(lambda _: api.request("POST", "/data_processing", body, key))

    assert {answer.status for answer in answers} == {202}
    assert len({answer.body["job_id"] for answer in answers}) == 1
    job = finished(api, answers[0].body)
    assert (job["status"], outcomes(job)) == ("SUCCEEDED", ["succeeded"])
    later = api.request("POST", "/data_processing", body, key)
    assert (later.status, later.body) == (202, job)
    assert later.headers["Location"] == f"/data_processing/{job['job_id']}"
    other = api.request("POST", "/data_processing", {**body, "target": "x"}, key)
    assert other.status == 422
    assert "another request" in other.body["detail"]


def test_deliveries_more_than_one_publish_one_version(
    api: ContractClient, cloud: LocalCloud, learned: dict[str, Learned]
) -> None:
    body = {"model": "twice", "dataset": "concrete", "candidates": ["ridge"]}
    job = api.post("/model_training", body)
    for _ in range(3):
        deliver(cloud, cloud.function_names["model_training"] + ":live", job)

    job = finished(api, job)
    deliver(cloud, cloud.function_names["model_training"] + ":live", job)

    assert (job["status"], outcomes(job)) == ("SUCCEEDED", ["succeeded"])
    model = api.get("/models/twice")
    assert [one["version"] for one in model["versions"]] == [job["result"]["version"]]
    assert len(model["aliases"]["live"]["history"]) == 1
    assert api.get(f"/model_training/{job['job_id']}") == job


def manifest_of(cloud: LocalCloud, one: Learned) -> dict[str, Any]:
    """The manifest of a model's first version, without its checksum, to be changed."""
    key = f"models/{one.name}/versions/{one.versions[0]}/manifest.json"
    found = cloud.boto3("s3").get_object(Bucket=cloud.outputs["data_bucket"], Key=key)
    manifest: dict[str, Any] = json.load(found["Body"])
    del manifest["checksum"]
    return manifest


def put_manifest(cloud: LocalCloud, manifest: dict[str, Any]) -> None:
    """Stores a manifest as the version that it names."""
    key = f"models/{manifest['model']}/versions/{manifest['version']}/manifest.json"
    bucket, body = cloud.outputs["data_bucket"], json.dumps(manifest).encode()
    cloud.boto3("s3").put_object(Bucket=bucket, Key=key, Body=body)


@pytest.fixture(scope="module")
def versions(cloud: LocalCloud, learned: dict[str, Learned]) -> list[str]:
    """As many versions of the model "concrete" as there are promotions at once."""
    manifest = manifest_of(cloud, learned["concrete"])
    made = [f"race-{number:02}" for number in range(AT_ONCE)]
    for version in made:
        put_manifest(cloud, {**manifest, "version": version})
    return made


def test_sixteen_promotions_at_once_all_stand_in_the_history(
    api: ContractClient, versions: list[str]
) -> None:
    path = "/models/concrete/aliases/all"
    answers = at_once(
        lambda i: api.request("PUT", path, {"version": versions[i], "reason": f"{i}"})
    )

    assert {answer.status for answer in answers} == {200}
    alias = api.get("/models/concrete")["aliases"]["all"]
    assert sorted(move["version"] for move in alias["history"]) == versions
    assert alias["version"] == alias["history"][-1]["version"]


def test_sixteen_that_expect_the_same_have_one_winner(
    api: ContractClient, versions: list[str]
) -> None:
    path = "/models/concrete/aliases/first"
    answers = at_once(
        lambda i: api.request("PUT", path, {"version": versions[i], "expected_version": None})
    )

    (winner,) = [answer.body for answer in answers if answer.status == 200]
    assert sorted(answer.status for answer in answers) == [200] + [409] * (AT_ONCE - 1)
    assert api.get("/models/concrete")["aliases"]["first"] == winner


def test_a_damaged_model_is_refused_and_the_others_answer(
    api: ContractClient, cloud: LocalCloud, learned: dict[str, Learned]
) -> None:
    one = learned["concrete"]
    bucket, s3 = cloud.outputs["data_bucket"], cloud.boto3("s3")
    manifest = {**manifest_of(cloud, one), "version": "damaged"}
    file = manifest["files"]["model.onnx"]
    body = bytearray(s3.get_object(Bucket=bucket, Key=file["key"])["Body"].read())
    body[len(body) // 2] ^= 0xFF
    file["key"] = f"models/{one.name}/versions/damaged/model.onnx"
    s3.put_object(Bucket=bucket, Key=file["key"], Body=bytes(body))
    put_manifest(cloud, manifest)
    request = {"model": one.name, "instances": one.instances}

    answer = api.request("POST", "/inference", {**request, "version": "damaged"})

    assert (answer.status, answer.body["title"]) == (500, "Stored object corrupted")
    assert "Roll back" in answer.body["detail"]
    assert api.request("POST", "/inference", request).status == 200


def test_a_killed_run_is_taken_over_by_the_retry(api: ContractClient, doomed: Doomed) -> None:
    job = finished(api, doomed.killed)

    assert (job["status"], outcomes(job)) == ("SUCCEEDED", ["killed", "succeeded"])
    assert job["result"]["rows"]["read"] == LARGE_ROWS
    dataset = api.get("/datasets/killed")
    assert [one["version"] for one in dataset["versions"]] == [job["result"]["version"]]


def test_a_run_out_of_memory_is_failed_with_that_reason(
    api: ContractClient, doomed: Doomed
) -> None:
    job = finished(api, doomed.out_of_memory, seconds=120)

    assert job["status"] == "FAILED"
    assert "memory" in job["error"]["detail"]
    assert "Raise" in job["error"]["detail"]
