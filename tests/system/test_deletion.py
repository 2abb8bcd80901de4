"""Deletion on the real zips, with the roles that the module makes."""

from pathlib import Path
from typing import Any

import pytest

from local.client import Answer
from local.cloud import LocalCloud
from tests.system.contract import ContractClient
from tests.system.sizes import ROWS, Sizes, learn_sizes

QUESTION = [{key: ROWS[0][key] for key in ("size", "shape")}]


@pytest.fixture
def gone(api: ContractClient, tmp_path: Path) -> Sizes:
    """A dataset and a model that answers, for one test to delete."""
    return learn_sizes(api, tmp_path, "gone")


def objects(cloud: LocalCloud, prefix: str) -> list[str]:
    """Keys below a prefix of all that has bytes."""
    listed: Any = cloud.boto3("s3").list_objects_v2(
        Bucket=cloud.outputs["data_bucket"], Prefix=prefix
    )
    return [one["Key"] for one in listed.get("Contents", []) if one["Size"]]


def refused(api: ContractClient, method: str, path: str, status: int) -> str:
    """What a refusal of a request says."""
    answer: Answer = api.request(method, path)
    assert answer.status == status
    detail: str = answer.body["detail"]
    return detail


def test_all_that_was_learned_is_deleted_and_can_be_learned_again(
    gone: Sizes, api: ContractClient, cloud: LocalCloud, tmp_path: Path
) -> None:
    version = f"/models/gone/versions/{gone.model_version}"
    assert "'live' at" in refused(api, "DELETE", version, 409)
    assert "'live' at" in refused(api, "DELETE", "/models/gone", 409)
    by = cloud.credentials.principal_arn

    assert api.delete(f"{version}?force=true")["deleted"]["by"] == by
    assert by.rpartition(":")[2] in refused(api, "GET", version, 404)
    named = {"model": "gone", "version": gone.model_version, "instances": QUESTION}
    assert api.request("POST", "/inference", named).status == 404

    api.delete("/models/gone")
    api.delete(f"/datasets/gone/versions/{gone.dataset_version}")
    api.delete("/datasets/gone")
    api.delete("/data_processing/uploads?dataset=gone")
    assert "deleted" in refused(api, "GET", "/models/gone", 404)
    assert "deleted" in refused(api, "GET", "/datasets/gone", 404)
    assert objects(cloud, "models/gone/") == ["models/gone/model.json"]
    assert objects(cloud, "datasets/gone/") == ["datasets/gone/dataset.json"]
    assert objects(cloud, "raw/gone/") == []

    learn_sizes(api, tmp_path, "gone")
    answer = api.post("/inference", {"model": "gone", "instances": QUESTION})
    assert answer["predictions"][0]["label"] == ROWS[0]["big"]
