"""The loop on the real zips: raw data to predictions, promotion and back, for every task."""

import hashlib
import time
from typing import Any

import pytest

from inference.models import ALIAS_SECONDS
from local.cloud import LocalCloud
from tests.system.contract import ContractClient
from tests.system.loops import LESSONS, ROWS, Learned


@pytest.fixture(params=[lesson.name for lesson in LESSONS])
def one(learned: dict[str, Learned], request: pytest.FixtureRequest) -> Learned:
    return learned[request.param]


def live(api: ContractClient, model: str) -> dict[str, Any]:
    """The alias live of a model, with its history."""
    alias: dict[str, Any] = api.get(f"/models/{model}")["aliases"]["live"]
    return alias


def content(cloud: LocalCloud, key: str) -> bytes:
    bucket = cloud.outputs["data_bucket"]
    body: bytes = cloud.boto3("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    return body


def test_every_row_is_used_dropped_or_set_aside(one: Learned) -> None:
    rows, splits = one.dataset["rows"], one.dataset["splits"]

    assert ROWS - 10 < rows["read"] < ROWS  # a few are held back, with their duplicates
    assert rows["read"] == rows["duplicates"] + rows["rejected"] + rows["used"]
    assert rows["used"] == sum(split["rows"] for split in splits.values())
    assert 0.7 < splits["train"]["rows"] / rows["used"] < 0.9
    assert one.dataset["source"]["key"].endswith(f"/{one.name} für 2026.csv")


def test_the_columns_are_typed_and_described(one: Learned) -> None:
    columns = {column["name"]: column for column in one.dataset["schema"]["columns"]}

    assert columns[one.dataset["target"]]["role"] == "target"
    assert {profile["name"] for profile in one.dataset["profile"]["columns"]} == set(columns)
    expected = {"churn": "category", "concrete": "number", "reviews": "text"}
    kinds = {column["type"] for column in columns.values() if column["role"] == "feature"}
    assert expected[one.name] in kinds


def test_the_model_beats_the_baseline_and_says_by_how_much(
    one: Learned, api: ContractClient
) -> None:
    for version, candidate in zip(one.versions, one.lesson.candidates, strict=True):
        manifest = api.get(f"/models/{one.name}/versions/{version}")

        assert manifest["selected"] == candidate
        metric = "r2" if one.lesson.task == "regression" else "roc_auc"
        found = manifest["metrics"][metric]
        assert found["low"] <= found["value"] <= found["high"]
        assert found["value"] > manifest["baseline"]["metrics"][metric]
        assert manifest["parity"]["max_difference"] <= manifest["parity"]["tolerance"]
        assert manifest["dataset"]["version"] == one.dataset["version"]
        assert manifest["lineage"]["seed"] == 0


def test_what_is_stored_is_what_the_manifests_say(
    one: Learned, api: ContractClient, cloud: LocalCloud
) -> None:
    model = api.get(f"/models/{one.name}/versions/{one.versions[0]}")
    files = {file["key"]: file for file in model["files"].values()}
    for split in one.dataset["splits"].values():
        files |= {split[kind]["key"]: split[kind] for kind in ("arrow", "parquet")}

    assert {key.rpartition("/")[2] for key in files} >= {"model.onnx", "model.joblib"}
    for key, file in files.items():
        assert hashlib.sha256(content(cloud, key)).hexdigest() == file["sha256"], key


def test_rows_never_seen_are_answered(one: Learned, api: ContractClient) -> None:
    body = {"model": one.name, "version": one.versions[0], "instances": one.instances}
    answer = api.post("/inference", body)

    assert answer["warnings"] == []
    assert len(answer["predictions"]) == len(one.instances)
    for prediction, question in zip(answer["predictions"], one.questions, strict=True):
        if one.lesson.task == "regression":
            assert abs(prediction["value"] - float(question.truth)) < 40  # MPa, of a range of 80
        else:
            probabilities = prediction["probabilities"]
            assert prediction["label"] == max(probabilities, key=probabilities.get)
            assert question.truth in probabilities


def test_a_version_is_promoted_and_rolled_back_with_no_deploy(
    one: Learned, api: ContractClient, cloud: LocalCloud
) -> None:
    first, second = one.versions
    alias = f"/models/{one.name}/aliases/live"
    assert answering(api, one, first) <= 1  # warm, and at the version that training promoted
    starts = cloud.logs(cloud.function_names["inference"]).count("INIT_START")

    api.put(alias, {"version": second, "reason": "试试看", "expected_version": first})
    promoted = answering(api, one, second)
    api.put(alias, {"version": first, "reason": "complaints since Monday"})
    rolled_back = answering(api, one, first)

    assert max(promoted, rolled_back) < ALIAS_SECONDS + 3
    assert cloud.logs(cloud.function_names["inference"]).count("INIT_START") == starts
    history = live(api, one.name)["history"]
    assert [move["version"] for move in history] == [first, second, first]
    assert [move["reason"] for move in history[1:]] == ["试试看", "complaints since Monday"]
    assert [result["promoted"] for result in one.results] == [True, False]
    assert history[0]["by"].startswith("model_training job ")
    assert history[1]["by"] == cloud.credentials.principal_arn


def answering(api: ContractClient, one: Learned, version: str) -> float:
    """Seconds until the live version that answers is the given one."""
    started = time.monotonic()
    while time.monotonic() < started + 30:
        answer = api.post("/inference", {"model": one.name, "instances": one.instances[:1]})
        if answer["version"] == version:
            return time.monotonic() - started
        time.sleep(0.1)
    raise AssertionError(f"{one.name} is still not at {version}")
