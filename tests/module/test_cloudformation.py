"""AWS takes what every root has applied, by its CloudFormation schemas, and faults are found."""

import copy
import json
import re
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

import pytest

from tests.module import cloudformation
from tests.module.cloudformation import refused
from tests.module.cloudformation_kinds import KINDS, NO_COUNTERPART
from tests.module.lives import ROOTS, Lives
from tests.module.support import REPOSITORY, State
from tests.module.upgrades import RELEASES, Upgrade

pytestmark = pytest.mark.module

ALARM = "aws_cloudwatch_metric_alarm"
EVENTS = "aws_lambda_function_event_invoke_config"
FUNCTION = "aws_lambda_function"
ENCRYPTION = "aws_s3_bucket_server_side_encryption_configuration"
LOG_GROUP = "aws_cloudwatch_log_group"
POLICY = "aws_iam_role_policy"
ROLE = "aws_iam_role"
RULES = "aws_s3_bucket_lifecycle_configuration"
LONG = "x" * 11_000


@pytest.mark.parametrize("name", ROOTS)
def test_aws_takes_all_of_a_root(lives: Lives, name: str) -> None:
    assert refused(lives[name].result().state) == []


@pytest.mark.parametrize("release", RELEASES)
def test_aws_takes_all_of_an_upgrade(upgrades: dict[str, Future[Upgrade]], release: str) -> None:
    assert refused(upgrades[release].result().state) == []


@pytest.mark.parametrize(
    ("kind", "place", "value", "found"),
    [
        (FUNCTION, "function_name", "f" * 65, "FunctionName E3031"),
        (FUNCTION, "runtime", "python3.6", "Runtime E2533"),
        (FUNCTION, "runtime", "python4", "Runtime E3030"),
        (FUNCTION, "handler", "a b", "Handler E3031"),
        (FUNCTION, "timeout", 901, "Timeout E3717"),
        (FUNCTION, "ephemeral_storage.0.size", 511, "EphemeralStorage.Size E3034"),
        (FUNCTION, "reserved_concurrent_executions", -5, "ReservedConcurrentExecutions E3034"),
        (FUNCTION, "architectures.0", "riscv", "Architectures.0 E3030"),
        (FUNCTION, "role", "arn:aws:iam::1:role/ml", "Role E3031"),
        (FUNCTION, "tracing_config.0.mode", "On", "TracingConfig.Mode E3030"),
        (
            FUNCTION,
            "environment.0.variables.AWS_REGION",
            "x",
            "Environment.Variables.AWS_REGION E3663",
        ),
        (FUNCTION, "environment.0.variables.A-B", "x", "Environment.Variables.A-B E3002"),
        (FUNCTION, "environment.0.variables.LONG", "x" * 4000, "Environment.Variables E3697"),
        (FUNCTION, "tags", {"aws:a": "b"}, "Tags.0.Key E3024"),
        (FUNCTION, "tags", dict.fromkeys(map(str, range(51)), "b"), "Tags size"),
        ("aws_lambda_alias", "function_version", "one", "FunctionVersion E3031"),
        ("aws_lambda_permission", "action", "Invoke", "Action E3031"),
        ("aws_lambda_permission", "qualifier", "a b", "FunctionName E3031"),
        (EVENTS, "maximum_retry_attempts", 3, "MaximumRetryAttempts E3034"),
        (
            EVENTS,
            "destination_config.0.on_failure.0.destination",
            "queue",
            "DestinationConfig.OnFailure.Destination E3031",
        ),
        (LOG_GROUP, "retention_in_days", 31, "RetentionInDays E3030"),
        (LOG_GROUP, "kms_key_id", "key", "KmsKeyId E1157"),
        (ALARM, "comparison_operator", ">=", "ComparisonOperator E3030"),
        (ALARM, "period", 70, "Period E3615"),
        (ALARM, "alarm_actions", [f"{n}" for n in range(6)], "AlarmActions E3065"),
        (ROLE, "path", "ml", "Path E3031"),
        (ROLE, "description", "a\u2014b", "Description E3031"),
        (ROLE, "tags", {"a": "*"}, "Tags.0.Value E3031"),
        (
            ROLE,
            "assume_role_policy.Statement.0.Action",
            "sts:AssumeRoles",
            "AssumeRolePolicyDocument.Statement.0.Action W3037",
        ),
        (POLICY, "policy.Version", "2024-01-01", "PolicyDocument.Version E3510"),
        (POLICY, "policy.Statement.0.Action", "s3:GetObjct", "Action W3037"),
        (POLICY, "policy.Statement.0.Resource", "arn:aws:s3:::b", "Resource I3510"),
        (POLICY, "policy.Statement.0.Effect", "allow", "Effect E3510"),
        (POLICY, "policy.Statement.0.Principal", "*", "Principal E3510"),
        (POLICY, "policy.Statement.0.Condition", {"StringLikes": {}}, "StringLikes E3510"),
        (POLICY, "policy.Statement.0.Sid", LONG, "PolicyDocument size"),
        ("aws_s3_bucket", "bucket", "Abc_D", "BucketName E3031"),
        ("aws_s3_bucket_policy", "policy.Statement.0.Effect", None, "Statement.0 E3512"),
        ("aws_s3_bucket_cors_configuration", "cors_rule.0.allowed_methods.0", "PATCH", "0 E3030"),
        (
            ENCRYPTION,
            "rule.0.apply_server_side_encryption_by_default.0.sse_algorithm",
            "AES512",
            "ServerSideEncryptionByDefault.SSEAlgorithm E3030",
        ),
        (RULES, "rule.0.status", "On", "LifecycleConfiguration.Rules.0.Status E3030"),
        (RULES, "rule.0.expiration", [{"days": "soon"}], "ExpirationInDays E3012"),
        (
            "aws_s3_bucket_public_access_block",
            "block_public_acls",
            "often",
            "PublicAccessBlockConfiguration.BlockPublicAcls E3012",
        ),
        ("aws_sqs_queue", "message_retention_seconds", 1_209_601, "MessageRetentionPeriod E3034"),
        ("aws_budgets_budget", "notification.0.threshold", 0, "Notification.Threshold E3034"),
        ("aws_api_gateway_usage_plan_key", "key_type", "KEY", "KeyType E3030"),
        ("aws_api_gateway_usage_plan", "quota_settings.0.limit", -1, "Quota.Limit E3034"),
        (
            "aws_api_gateway_method_settings",
            "settings.0.metrics_enabled",
            "x",
            "MetricsEnabled E3012",
        ),
        ("aws_wafv2_web_acl_association", "web_acl_arn", "acl", "WebACLArn E3033"),
        ("aws_iam_role_policy_attachment", "policy_arn", "Logs", "ManagedPolicyArns.0 E3031"),
        ("aws_vpc_endpoint", "vpc_endpoint_type", "Door", "VpcEndpointType E3030"),
        ("aws_security_group", "description", "a\u2014b", "GroupDescription E3031"),
    ],
)
def test_a_fault_is_found_and_named(
    lives: Lives, kind: str, place: str, value: Any, found: str
) -> None:
    """A place leads through lists, and into texts of JSON."""
    state = lives[OWNERS.get(kind, "complete")].result().state
    one = copy.deepcopy(next(one for one in state["resources"] if one["type"] == kind))
    one["instances"] = [changed(one["instances"][0], ["attributes", *place.split(".")], value)]

    assert any(named(line, *found.split()) for line in refused({"resources": [one]}))


OWNERS = {
    "aws_iam_role_policy_attachment": "account_logging",
    "aws_security_group": "private",
    "aws_vpc_endpoint": "private",
    "aws_wafv2_web_acl_association": "public",
}
"""Roots that make what the example `complete` does not."""


@pytest.mark.parametrize(
    ("kind", "values", "found"),
    [
        (
            "aws_lambda_provisioned_concurrency_config",
            {"function_name": "f", "qualifier": "live", "provisioned_concurrent_executions": "x"},
            "ProvisionedConcurrencyConfig.ProvisionedConcurrentExecutions E3012",
        ),
        (
            "aws_appautoscaling_target",
            {
                "service_namespace": "lambdas",
                "scalable_dimension": "lambda:function:ProvisionedConcurrency",
                "resource_id": "function:f:live",
                "min_capacity": 1,
                "max_capacity": 2,
            },
            "ServiceNamespace E3030",
        ),
        (
            "aws_lambda_alias",
            {
                "function_name": "f",
                "name": "live",
                "function_version": "2",
                "routing_config": [{"additional_version_weights": {"1": [0.5]}}],
            },
            "RoutingConfig.AdditionalVersionWeights.0.FunctionWeight E3012",
        ),
        (
            "aws_s3_bucket_logging",
            {"bucket": "data", "target_bucket": ["logs"], "target_prefix": "s3/"},
            "LoggingConfiguration.DestinationBucketName E3012",
        ),
        (
            "aws_api_gateway_base_path_mapping",
            {"api_id": "a", "stage_name": "s", "domain_name": "", "base_path": "b"},
            "this E3003",
        ),
    ],
)
def test_a_fault_of_what_no_root_makes(kind: str, values: dict[str, Any], found: str) -> None:
    lines = refused(state_of(kind, values))

    assert any(named(line, *found.split()) for line in lines), lines


def test_a_region_that_lacks_a_type_is_named(lives: Lives, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cloudformation, "REGIONS", ("us-east-1", "us-gov-west-1"))
    lines = refused(lives["complete"].result().state)

    assert any("Budget' does not exist in 'us-gov-west-1' (E3006)" in line for line in lines)


def test_a_type_or_an_attribute_that_nobody_knows_fails() -> None:
    with pytest.raises(LookupError, match=r"aws_lambda_layer_version\.this: .* have its type"):
        refused(state_of("aws_lambda_layer_version", {}))
    with pytest.raises(LookupError, match=r"no property for colour, which is 'red'"):
        refused(state_of(LOG_GROUP, {"name": "n", "colour": "red"}))


def test_every_type_of_the_terraform_code_is_known_and_no_other() -> None:
    files = [
        path
        for pattern in ("*.tf", "modules/*/*.tf", "examples/*/*.tf")
        for path in REPOSITORY.glob(pattern)
    ]
    types = {
        kind
        for path in files
        for kind in re.findall(r'^resource "(\w+)"', path.read_text(), re.MULTILINE)
    }

    assert types == KINDS.keys() | NO_COUNTERPART.keys()


def state_of(kind: str, values: dict[str, Any]) -> State:
    instances = [{"attributes": values}]
    resource = {"mode": "managed", "type": kind, "name": "this", "provider": "aws"}
    return {"resources": [resource | {"instances": instances}]}


def changed(node: Any, path: Sequence[str], value: Any) -> Any:
    """A copy of a tree with a value at a path; None removes what is there."""
    if not path:
        return value
    if isinstance(node, str):
        return json.dumps(changed(json.loads(node), path, value))
    key, *rest = path
    if isinstance(node, list):
        place = int(key)
        return [*node[:place], changed(node[place], rest, value), *node[place + 1 :]]
    made = node | {key: changed(node.get(key), rest, value)}
    return {name: one for name, one in made.items() if one is not None}


def named(line: str, property: str, rule: str) -> bool:
    return f".{property}: " in line and line.endswith(f"({rule})")
