import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import boto3
import pytest
from pytest_terraform import tf

from scripts.publish import publish
from tests.module.support import REPOSITORY, Plan, copy_checkout, plan, run_well


@pytest.fixture(autouse=True, scope="session")
def environment() -> Iterator[pytest.MonkeyPatch]:
    """Fake credentials, no telemetry, and providers downloaded at most once per checkout."""
    cache = REPOSITORY / "build" / "terraform-plugins"
    cache.mkdir(parents=True, exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_REGION", "us-east-1")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("CHECKPOINT_DISABLE", "1")
        patch.setenv("TF_IN_AUTOMATION", "1")
        patch.setenv("TF_PLUGIN_CACHE_DIR", os.environ.get("TF_PLUGIN_CACHE_DIR", str(cache)))
        patch.setenv("TF_PLUGIN_CACHE_MAY_BREAK_DEPENDENCY_LOCK_FILE", "1")
        for name in ("AWS_CA_BUNDLE", "AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
            patch.delenv(name, raising=False)
        patch.delenv("TF_DATA_DIR", raising=False)
        yield patch


@pytest.fixture(scope="session")
def aws(environment: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of an empty AWS, which Terraform and boto3 find by themselves."""
    command = [sys.executable, "-m", "tests.module.aws_server"]
    with subprocess.Popen(
        command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        try:
            assert server.stdout is not None
            port = server.stdout.readline().strip()
            assert port.isdigit(), f"{command} printed {port!r} in place of its port"
            url = f"http://127.0.0.1:{port}"
            environment.setenv("AWS_ENDPOINT_URL", url)
            yield url
        finally:
            server.terminate()


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the Terraform code with artifacts that hold nothing."""
    copy = copy_checkout(tmp_path_factory.mktemp("checkout"))
    tf.LazyModuleDir.value = str(copy / "examples")  # where pytest-terraform looks for roots
    return copy


def example_variables(name: str) -> dict[str, str]:
    """What an example asks for. The bucket there-before holds published zips."""
    if name == "private":
        client = boto3.client("ec2")
        vpc = client.describe_vpcs()["Vpcs"][0]["VpcId"]
        subnets = [one["SubnetId"] for one in client.describe_subnets()["Subnets"]]
        return {
            "vpc_id": vpc,
            "subnet_ids": json.dumps(subnets[:2]),
            "route_table_ids": json.dumps(["rtb-1"]),
        }
    return {
        "complete": {
            "kms_key_arn": "arn:aws:kms:us-east-1:123456789012:key/1",
            "origin": "https://app.example.com",
            "owner": "ml@example.com",
        },
        "existing_bucket": {"bucket": "there-before"},
        "prebuilt_artifacts": {"artifacts_bucket": "there-before", "artifacts_prefix": "ml/"},
    }.get(name, {})


@pytest.fixture(scope="session")
def plan_example(aws: str, checkout: Path) -> Callable[[str], Plan]:
    """Plans an example of the checkout, once."""

    @cache
    def planned(name: str) -> Plan:
        root = checkout / "examples" / name
        run_well(root, "init", "-input=false")
        bucket = boto3.resource("s3").Bucket("there-before")
        bucket.create()
        try:
            list(publish(boto3.client("s3"), checkout / "dist", bucket.name, "ml/"))
            return plan(root, **example_variables(name))
        finally:
            bucket.objects.delete()
            bucket.delete()

    return planned
