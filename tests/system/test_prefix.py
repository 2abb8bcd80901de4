"""A bucket that others use, too: the service stays below the prefix that it was given."""

from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from local.client import Client
from local.cloud import LocalCloud
from local.terraform import Terraform
from scripts.functions import FUNCTIONS
from tests.system.sizes import learn_sizes

BUCKET, PREFIX = "acme-shared", "ml/blue/"
KINDS = ("raw/", "datasets/", "models/")
OTHERS = {f"{prefix}{kind}a" for prefix in ("", "ml/", "ml/green/") for kind in KINDS}
"""Keys in the bucket that are none of its business."""


@pytest.fixture(scope="module")
def api(cloud: LocalCloud) -> Client:
    """The service of examples/existing_bucket, beside the quickstart's."""
    s3 = cloud.boto3("s3")
    s3.create_bucket(Bucket=BUCKET)
    for key in OTHERS:
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"")
    terraform = Terraform("existing_bucket", cloud.folder / "terraform", cloud.variables)
    variables = {"region": cloud.region, "name": "blue", "bucket": BUCKET, "prefix": PREFIX}
    url = terraform.apply(variables, lambda line: None)["api_url"]
    keys = cloud.credentials
    return Client(cloud.local_url(url), keys.access_key_id, keys.secret_access_key, cloud.region)


def test_the_whole_loop_stays_below_the_prefix(
    api: Client, cloud: LocalCloud, tmp_path: Path
) -> None:
    sizes = learn_sizes(api, tmp_path)
    answer = api.post("/inference", {"model": "sizes", "instances": [{"size": 6, "shape": "a"}]})

    assert answer["version"] == sizes.model_version
    assert answer["predictions"][0]["label"] == "yes"
    assert sizes.key.startswith("raw/sizes/")  # callers know of no prefix
    listed = cloud.boto3("s3").list_objects_v2(Bucket=BUCKET)["Contents"]
    own = {one["Key"] for one in listed} - OTHERS
    assert {key.removeprefix(PREFIX).partition("/")[0] for key in own} == {
        "raw",
        "datasets",
        "models",
        "jobs",
    }


@pytest.mark.usefixtures("api")
@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_roles_reach_no_other_prefix(cloud: LocalCloud, function: str) -> None:
    s3 = cloud.boto3("s3", f"blue-{function}")

    own = "models/" if function == "inference" else "datasets/"
    s3.list_objects_v2(Bucket=BUCKET, Prefix=f"{PREFIX}{own}")
    for key in OTHERS:
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.get_object(Bucket=BUCKET, Key=key)
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.put_object(Bucket=BUCKET, Key=key, Body=b"")
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.list_objects_v2(Bucket=BUCKET, Prefix=key[:-1])
