"""A deployment's life: apply, nothing left to change, new code, destroy, nothing left over."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import boto3
import pytest
from pytest_terraform import terraform

from tests.module.support import FUNCTIONS, write_artifacts

pytestmark = pytest.mark.module


@pytest.fixture
def stage(aws: str, checkout: Path) -> Path:
    """What must stand before the quickstart is applied."""
    return checkout / "examples/quickstart"


@pytest.mark.usefixtures("stage")
@terraform("quickstart", scope="function")  # type: ignore[untyped-decorator]
def test_apply_update_destroy(checkout: Path, quickstart: Any) -> None:
    runner = quickstart.terraform
    assert changes(runner) == {}
    assert versions_behind_alias() == dict.fromkeys(FUNCTIONS, "1")
    assert quickstart.outputs["api_url"]["value"].endswith(".amazonaws.com/prod")

    write_artifacts(checkout / "dist", content="new")
    assert set(changes(runner)) == {
        address
        for function in FUNCTIONS
        for address in (
            f'module.ml.aws_s3_object.code["{function}"]',
            f'module.ml.module.function["{function}"].aws_lambda_alias.this',
            f'module.ml.module.function["{function}"].aws_lambda_function.this',
        )
    }
    run(runner, "apply", f"-state={runner.state_path}", planned(runner))
    assert changes(runner) == {}
    assert versions_behind_alias() == dict.fromkeys(FUNCTIONS, "2")

    runner.destroy()
    assert leftovers() == []


def planned(runner: Any) -> str:
    """Path of the last plan that changes has made."""
    return os.path.join(runner.work_dir, "again.tfplan")


def changes(runner: Any) -> dict[str, list[str]]:
    """What a plan would do now, by address."""
    runner.plan(planned(runner))
    document = json.loads(run(runner, "show", "-json", planned(runner)))
    return {
        change["address"]: change["change"]["actions"]
        for change in document["resource_changes"]
        if change["change"]["actions"] not in (["no-op"], ["read"])
    }


def run(runner: Any, *arguments: str) -> bytes:
    """Runs Terraform where pytest-terraform has applied."""
    environment = os.environ | {"TF_DATA_DIR": runner.work_dir}
    result = subprocess.run(
        ["terraform", *arguments],
        cwd=runner.module_dir,
        env=environment,
        stdout=subprocess.PIPE,
        check=True,
    )
    return result.stdout


def versions_behind_alias() -> dict[str, str]:
    client = boto3.client("lambda")
    return {
        function: client.get_alias(FunctionName=f"ml-{function}", Name="live")["FunctionVersion"]
        for function in FUNCTIONS
    }


def leftovers() -> list[Any]:
    """Whatever of the deployment is still there."""
    return [
        *boto3.client("s3").list_buckets()["Buckets"],
        *boto3.client("lambda").list_functions()["Functions"],
        *boto3.client("logs").describe_log_groups()["logGroups"],
        *boto3.client("iam").list_roles()["Roles"],
        *boto3.client("apigateway").get_rest_apis()["items"],
    ]
