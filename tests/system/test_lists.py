"""Lists of the deployed service, newest first and in pages, with the roles that it has."""

from typing import Any

import pytest

from tests.system.contract import ContractClient
from tests.system.loops import finished
from tests.system.sizes import PROCESSING, Sizes


@pytest.mark.parametrize(
    ("path", "field", "name"),
    [
        ("/models", "models", "model"),
        ("/datasets", "datasets", "dataset"),
        ("/data_processing", "jobs", "job_id"),
        ("/model_training", "jobs", "job_id"),
    ],
)
@pytest.mark.usefixtures("sizes")
def test_pages_of_one_are_the_whole_list(
    api: ContractClient, path: str, field: str, name: str
) -> None:
    listed = list(api.listed(path, field))
    times = [row["created_at"] for row in listed]
    assert listed
    assert times == sorted(times, reverse=True)
    assert [row[name] for row in api.listed(path, field, limit=1)] == [row[name] for row in listed]


def test_a_job_is_listed_with_its_caller_and_what_came_of_it(
    api: ContractClient, sizes: Sizes
) -> None:
    request: dict[str, Any] = {**PROCESSING, "source": {"key": sizes.key}}
    job = finished(api, api.post("/data_processing", request))
    failing = finished(api, api.post("/data_processing", {**request, "target": "nothing"}))

    shown = {row["job_id"]: row for row in api.listed("/data_processing", "jobs")}
    assert shown[job["job_id"]]["result"]["version"] == job["result"]["version"]
    assert shown[job["job_id"]]["caller"] == job["caller"]
    assert job["caller"].startswith("arn:aws:")
    assert shown[failing["job_id"]]["error"]["detail"] in failing["error"]["detail"]


def test_a_model_that_is_deleted_leaves_the_list(api: ContractClient, sizes: Sizes) -> None:
    request = {"model": "fleeting", "dataset": sizes.dataset, "candidates": ["decision_tree"]}
    assert finished(api, api.post("/model_training", request))["status"] == "SUCCEEDED"
    assert next(api.listed("/models", "models"))["model"] == "fleeting"

    api.delete("/models/fleeting?force=true")
    assert "fleeting" not in [row["model"] for row in api.listed("/models", "models")]


@pytest.mark.parametrize("path", ["/models", "/datasets", "/data_processing", "/model_training"])
@pytest.mark.parametrize("query", ["limit=0", "limit=101", "after=models", "after=../raw/x"])
def test_a_page_that_cannot_be_is_refused(api: ContractClient, path: str, query: str) -> None:
    answer = api.request("GET", f"{path}?{query}")
    assert answer.status == 422
    assert answer.body["errors"][0]["pointer"] == "/" + query.partition("=")[0]
