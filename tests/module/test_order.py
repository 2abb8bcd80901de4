"""Parts of a deployment that are turned off and on: what AWS has then, and in which order."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from moto.apigateway.models import apigateway_backends

from tests.module.recording import REGION, Recording, recorded
from tests.module.support import drift, lock_provider, run_well

pytestmark = pytest.mark.module

ACCOUNT = "123456789012"

FUNCTION = """
    variable "settings" {{
      type = any
    }}

    module "function" {{
      source   = "{checkout}/modules/function"
      name     = "order"
      role_arn = "arn:aws:iam::123456789012:role/order"
      handler  = "handler.handler"
      environment = {{ DATA_BUCKET = "order" }}
      code     = {{ bucket = "order", key = "code.zip", sha256 = "{sha256}" }}
      settings = merge({{ memory_size = 128, timeout = 3 }}, var.settings)
    }}
"""

API = """
    variable "api" {{
      type = any
    }}

    variable "authorization" {{
      type    = any
      default = {{}}
    }}

    module "rest_api" {{
      source    = "{checkout}/modules/rest_api"
      name      = "order"
      functions = {{
        for key in ["data_processing", "model_training", "inference"] : key => module.function
      }}
      authorization = var.authorization
      api       = var.api
    }}
"""

ALARMS = """
    variable "alarms" {{
      type = any
    }}

    module "monitoring" {{
      source    = "{checkout}/modules/monitoring"
      name      = "order"
      api       = {{ name = module.rest_api.name, stage = module.rest_api.stage_name }}
      functions = {{
        inference = {{ name = module.function.name, timeout = 3, runs_jobs = true }}
      }}
      alarms    = merge(var.alarms, {{
        composite = true
        topic_arn = "arn:aws:sns:us-east-1:123456789012:operators"
      }})
    }}
"""


@pytest.fixture
def cloud(checkout: Path) -> Iterator[Recording]:
    """An AWS with the code and the role of a function."""
    with recorded() as recording:
        recording.client("s3").create_bucket(Bucket="order")
        code = (checkout / "dist/inference.zip").read_bytes()
        recording.client("s3").put_object(Bucket="order", Key="code.zip", Body=code)
        recording.client("iam").create_role(RoleName="order", AssumeRolePolicyDocument="{}")
        yield recording


def begin(root: Path, checkout: Path, *texts: str) -> None:
    sha256 = json.loads((checkout / "dist/manifest.json").read_text())["inference"]["code_sha256"]
    parts = [text.format(checkout=checkout, sha256=sha256) for text in texts]
    (root / "main.tf").write_text("\n".join(parts))
    lock_provider(root)
    run_well(root, "init", "-input=false")


def change(root: Path, cloud: Recording, **variables: Any) -> None:
    """Applies the root with these variables."""
    cloud.changes.clear()
    texts = {name: json.dumps(value) for name, value in variables.items()}
    arguments = ("-input=false", "-auto-approve")
    run_well(root, "apply", *arguments, environment=cloud.environment, **texts)


def test_what_is_turned_off_goes_after_what_uses_it(
    cloud: Recording, checkout: Path, tmp_path: Path
) -> None:
    restricted = {
        "api": {
            "allowed_networks": ["203.0.113.0/24"],
            "allowed_principals": ["210987654321"],
            "access_logs": True,
            "execution_logs": "INFO",
            "timeout_seconds": 60,  # a document that is imported has no policy
        },
        "alarms": {"error_percent": 5},
    }
    free: dict[str, Any] = {"api": {}, "alarms": {}}
    begin(tmp_path, checkout, FUNCTION, API, ALARMS)

    change(tmp_path, cloud, settings={}, **free)
    assert sids(deployed_policy()) == sids(attached_policy()) == ["AllowSigned"]
    change(tmp_path, cloud, settings={}, **restricted)
    assert (
        sids(deployed_policy()) == sids(attached_policy()) == ["AllowSigned", "DenyOtherNetworks"]
    )
    assert "210987654321" in deployed_policy()
    change(tmp_path, cloud, settings={}, **free)
    assert sids(deployed_policy()) == sids(attached_policy()) == ["AllowSigned"]
    assert "210987654321" not in deployed_policy()

    for using, used in (
        (r"PATCH .*\*/logging/loglevel", "DeleteLogGroup.*API-Gateway-Execution-Logs"),
        (r"PATCH .*/accessLogSettings", "DeleteLogGroup.*/access"),
        ("PutCompositeAlarm", "DeleteAlarms"),
    ):
        assert cloud.asked(using, used) == [using, used]


@pytest.mark.parametrize("base_path", ["v1", "ml/v1"])
def test_a_name_moves_to_a_renamed_stage_before_the_old_one_goes(
    cloud: Recording, checkout: Path, tmp_path: Path, base_path: str
) -> None:
    limits: dict[str, Any] = {"rate_limit": 1, "burst_limit": 2}
    certificate = f"arn:aws:acm:us-east-1:{ACCOUNT}:certificate/1"
    api = {
        "domain": {
            "name": "ml.example.com",
            "certificate_arn": certificate,
            "base_path": base_path,
        },
        "access_logs": True,
        "execution_logs": "INFO",
        "web_acl": {"arn": web_acl(cloud)},
        "throttling": {"routes": {"POST /inference": limits}},
        "usage_plans": {"basic": {"keys": ["ann"], **limits}},
    }
    variables: dict[str, Any] = {"settings": {}, "authorization": {"type": "API_KEY"}}
    begin(tmp_path, checkout, FUNCTION, API)
    change(tmp_path, cloud, **variables, api={**api, "stage_name": "prod"})

    change(tmp_path, cloud, **variables, api={**api, "stage_name": "live"})

    (stage,) = only_api().stages.values()
    assert stage.name == "live"
    assert set(stage.method_settings) == {"*/*", "~1inference/POST"}
    guarded, mapped = "AssociateWebACL.*stages/live", "PATCH .*/(base|api)(path)?mappings/"
    old_one = "DELETE .*/stages/prod "
    assert cloud.asked(guarded, mapped, old_one) == [guarded, mapped, old_one]
    arguments = {name: json.dumps(value) for name, value in variables.items()}
    arguments["api"] = json.dumps({**api, "stage_name": "live"})
    assert drift(tmp_path, cloud.environment, **arguments) == {}


def web_acl(cloud: Recording) -> str:
    answer = cloud.client("wafv2").create_web_acl(
        Name="order",
        Scope="REGIONAL",
        DefaultAction={"Allow": {}},
        VisibilityConfig={
            "SampledRequestsEnabled": False,
            "CloudWatchMetricsEnabled": False,
            "MetricName": "order",
        },
    )
    return str(answer["Summary"]["ARN"])


def deployed_policy() -> str:
    """The policy of the API as its stage serves it."""
    (stage,) = only_api().stages.values()
    return str(only_api().deployments[stage.deployment_id].policy)


def attached_policy() -> str:
    return str(only_api().policy)


def only_api() -> Any:
    (api,) = apigateway_backends[ACCOUNT][REGION].apis.values()
    return api


def sids(policy: str) -> list[str]:
    return [statement["Sid"] for statement in json.loads(policy)["Statement"]]


def test_the_number_kept_warm_is_what_was_asked_for_last(
    cloud: Recording, checkout: Path, tmp_path: Path
) -> None:
    fixed, scaled = {"provisioned_concurrency": 2}, {"max_provisioned_concurrency": 5}
    begin(tmp_path, checkout, FUNCTION)

    change(tmp_path, cloud, settings=fixed)
    assert warm(cloud) == 2
    change(tmp_path, cloud, settings=fixed | scaled)
    assert warm(cloud) == 2
    keep_warm(cloud, 4)  # as scaling does
    assert drift(tmp_path, cloud.environment, settings=json.dumps(fixed | scaled)) == {}
    change(tmp_path, cloud, settings=fixed)
    assert warm(cloud) == 2
    change(tmp_path, cloud, settings={"provisioned_concurrency": 3})
    assert warm(cloud) == 3
    assert cloud.asked("DELETE .*/provisioned-concurrency") == []
    change(tmp_path, cloud, settings=fixed | scaled)
    keep_warm(cloud, 4)
    change(tmp_path, cloud, settings={})
    assert warm(cloud) == 0

    target, number = "RegisterScalableTarget", "PUT .*/provisioned-concurrency"
    change(tmp_path, cloud, settings=fixed | scaled)
    assert cloud.asked(target, number) == [number, target]


def warm(cloud: Recording) -> int:
    """How many executions are kept warm."""
    client = cloud.client("lambda")
    try:
        answer = client.get_provisioned_concurrency_config(FunctionName="order", Qualifier="live")
    except client.exceptions.ProvisionedConcurrencyConfigNotFoundException:
        return 0
    return int(answer["RequestedProvisionedConcurrentExecutions"])


def keep_warm(cloud: Recording, number: int) -> None:
    cloud.client("lambda").put_provisioned_concurrency_config(
        FunctionName="order", Qualifier="live", ProvisionedConcurrentExecutions=number
    )
