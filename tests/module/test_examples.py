"""Each root is applied and destroyed, and its plan has what it is there for."""

import json
from typing import Any

import pytest

from local.gateway.import_rules import ignored, refused
from scripts.functions import FUNCTIONS
from tests.module.lives import ROOTS, Lives
from tests.module.support import Plan, applied_resources, planned_resources

pytestmark = pytest.mark.module


@pytest.mark.parametrize("name", ROOTS)
def test_apply_then_nothing_to_change_then_destroy_and_nothing_left(
    lives: Lives, name: str
) -> None:
    life = lives[name].result()

    assert life.again == {}
    assert life.applied != life.before
    assert life.left == life.before


@pytest.mark.parametrize("name", sorted(ROOTS.keys() - {"account_logging"}))
def test_api_gateway_takes_all_of_the_document(lives: Lives, name: str) -> None:
    state = lives[name].result().state
    documents = [
        json.loads(values["body"])
        for resource, _, values in applied_resources(state)
        if resource["type"] == "aws_api_gateway_rest_api"
    ]

    assert documents
    for document in documents:
        assert (refused(document), ignored(document)) == ([], [])


def of_type(document: Plan, kind: str) -> list[dict[str, Any]]:
    """The planned values of a type's resources."""
    return [one["values"] for one in planned_resources(document) if one["type"] == kind]


def test_existing_bucket_makes_no_data_bucket(lives: Lives) -> None:
    life = lives["existing_bucket"].result()
    document = life.plan

    buckets = [one["bucket"] for one in of_type(document, "aws_s3_bucket")]
    assert buckets == [f"ml-artifacts-{life.account.id}-us-east-1"]
    for function in of_type(document, "aws_lambda_function"):
        variables = function["environment"][0]["variables"]
        assert (variables["DATA_BUCKET"], variables["DATA_PREFIX"]) == ("acme-data", "ml/blue/")


def test_prebuilt_artifacts_uploads_nothing(lives: Lives) -> None:
    document = lives["prebuilt_artifacts"].result().plan

    assert of_type(document, "aws_s3_object") == []
    code = {one["s3_key"] for one in of_type(document, "aws_lambda_function")}
    buckets = {one["s3_bucket"] for one in of_type(document, "aws_lambda_function")}
    assert buckets == {"acme-artifacts"}
    assert {key.split("/")[1] for key in code} == set(FUNCTIONS)
    assert all(key.startswith("ml/") for key in code)


def test_multi_region_has_everything_twice_and_no_name_twice(lives: Lives) -> None:
    document = lives["multi_region"].result().plan

    for kind in ("aws_s3_bucket", "aws_iam_role"):
        names = [one.get("bucket") or one["name"] for one in of_type(document, kind)]
        assert len(names) == len(set(names)) > 2, names
        for region in ("us-east-1", "eu-west-1"):
            assert sum(name.endswith(region) for name in names) == len(names) / 2
    assert len(of_type(document, "aws_lambda_function")) == 6


def test_two_accounts_share_models_and_nothing_else(lives: Lives) -> None:
    life = lives["two_accounts"].result()

    buckets = {one["bucket"] for one in of_type(life.plan, "aws_s3_bucket")}
    data = f"ml-data-{life.account.id}-us-east-1"
    assert {name for name in buckets if "-data-" in name} == {data}
    functions = of_type(life.plan, "aws_lambda_function")
    named = {one["environment"][0]["variables"]["DATA_BUCKET"] for one in functions}
    assert (len(functions), named) == (6, {data})
    assert sum(one["reserved_concurrent_executions"] == 0 for one in functions) == 2


def test_private_is_reached_from_the_vpc_only(lives: Lives) -> None:
    document = lives["private"].result().plan

    (api,) = of_type(document, "aws_api_gateway_rest_api")
    assert api["endpoint_configuration"][0]["types"] == ["PRIVATE"]
    endpoints = {one["service_name"] for one in of_type(document, "aws_vpc_endpoint")}
    assert {name.rpartition(".")[2] for name in endpoints} == {"execute-api", "lambda", "s3"}
    for function in of_type(document, "aws_lambda_function"):
        assert len(function["vpc_config"][0]["subnet_ids"]) == 2


def test_public_is_behind_a_name_a_web_acl_and_an_authorizer(lives: Lives) -> None:
    life = lives["public"].result()
    document = life.plan

    (api,) = of_type(document, "aws_api_gateway_rest_api")
    assert api["disable_execute_api_endpoint"] is True
    (name,) = of_type(document, "aws_api_gateway_domain_name")
    (mapping,) = of_type(document, "aws_apigatewayv2_api_mapping")
    assert (name["domain_name"], mapping["api_mapping_key"]) == ("ml.example.com", "ml/v1")
    assert len(of_type(document, "aws_wafv2_web_acl_association")) == 1
    invoked = {one["function_name"] for one in of_type(document, "aws_lambda_permission")}
    assert f"arn:aws:lambda:us-east-1:{life.account.id}:function:authorizer" in invoked


def test_complete_watches_encrypts_and_limits(lives: Lives) -> None:
    life = lives["complete"].result()
    document = life.plan

    key = f"arn:aws:kms:us-east-1:{life.account.id}:key/1"
    assert {one["kms_key_id"] for one in of_type(document, "aws_cloudwatch_log_group")} == {key}
    (topic,) = of_type(document, "aws_sns_topic")
    assert topic["kms_master_key_id"] == key
    assert len(of_type(document, "aws_cloudwatch_metric_alarm")) > len(FUNCTIONS)
    assert len(of_type(document, "aws_cloudwatch_dashboard")) == 1
    assert len(of_type(document, "aws_budgets_budget")) == 1
    (plan,) = of_type(document, "aws_api_gateway_usage_plan")
    assert plan["quota_settings"][0]["period"] == "MONTH"
    assert "aws_api_gateway_rest_api_policy" in {one["type"] for one in planned_resources(document)}
