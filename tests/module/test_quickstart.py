"""The quickstart, applied by pytest-terraform: what its outputs say, held to what there is."""

from pathlib import Path
from typing import Any

import boto3
import pytest
from pytest_terraform import terraform
from pytest_terraform.tf import TerraformRunner, TerraformTestApi

from scripts.functions import FUNCTIONS
from tests.module.cloudformation import refused
from tests.module.lives import Account, account
from tests.module.support import changes, read_state

pytestmark = [pytest.mark.module, pytest.mark.usefixtures("checkout", "before")]

terraform("quickstart", scope="module")  # applies examples/quickstart, the fixture of that name

OWNER = "123456789012"


@pytest.fixture(scope="module")
def owner(aws: str) -> Account:
    return account(OWNER)


@pytest.fixture(scope="module")
def before(owner: Account) -> dict[str, int]:
    return owner.has()


def output(quickstart: TerraformTestApi, name: str) -> Any:
    return quickstart.outputs[name]["value"]


def test_the_functions_are_behind_their_aliases(quickstart: TerraformTestApi) -> None:
    names = output(quickstart, "function_names")
    client = boto3.client("lambda")

    assert set(names) == set(FUNCTIONS)
    for name in names.values():
        alias = client.get_alias(FunctionName=name, Name="live")
        assert alias["FunctionVersion"] == "1"
        variables = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        assert variables["DATA_BUCKET"] == output(quickstart, "data_bucket")


def test_the_url_is_that_of_the_deployed_stage(quickstart: TerraformTestApi) -> None:
    api, stage = quickstart["aws_api_gateway_rest_api.this.id"], "prod"

    assert (
        output(quickstart, "api_url")
        == f"https://{api}.execute-api.us-east-1.amazonaws.com/{stage}"
    )
    deployed = boto3.client("apigateway").get_stage(restApiId=api, stageName=stage)["deploymentId"]
    assert deployed == quickstart["aws_api_gateway_deployment.this.id"]


def test_applied_again_it_changes_nothing(quickstart: TerraformTestApi) -> None:
    runner = quickstart.terraform
    plan = Path(runner.work_dir) / "again.tfplan"
    runner.plan(plan)
    shown = TerraformRunner(runner.work_dir, plan, runner.module_dir, tf_bin=runner.tf_bin).show()

    assert changes(shown) == {}


def test_aws_takes_all_of_it(quickstart: TerraformTestApi) -> None:
    state = Path(quickstart.terraform.state_path)

    assert refused(read_state(state.parent)) == []


def test_destroyed_it_leaves_nothing(
    quickstart: TerraformTestApi, owner: Account, before: dict[str, int]
) -> None:
    assert owner.has() != before
    quickstart.terraform.destroy()
    assert owner.has() == before
