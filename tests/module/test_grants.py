"""No planned policy grants more than AWS forces it to."""

import json
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

import pytest

from tests.module.lives import EXAMPLES, Life
from tests.module.support import Plan, planned_resources

pytestmark = pytest.mark.module

type Granted = list[tuple[str, dict[str, Any]]]
"""Statements that allow something, each with the address of what it is in."""

FORCED = {
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}
"""Actions that AWS knows no resources for, or that Lambda asks for on all of them.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsx-ray.html
https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions
"""

POLICY_ATTRIBUTES = ("assume_role_policy", "policy")
KNOWN_LATE = {
    "aws_api_gateway_domain_name": "names of private APIs alone have one",
    "aws_api_gateway_rest_api_policy": "it names the API, which has no id yet: rest_api.tftest.hcl",
}


KNOWN_AT_PLAN = [name for name in EXAMPLES if name != "two_accounts"]
"""That one's bucket names a role that has no ARN yet: storage.tftest.hcl has such a policy."""


@pytest.fixture(scope="module", params=KNOWN_AT_PLAN)
def granted(request: pytest.FixtureRequest, lives: dict[str, Future[Life]]) -> Granted:
    planned = statements(lives[request.param].result().plan)
    return [(address, one) for address, one in planned if one["Effect"] == "Allow"]


def statements(document: Plan) -> Iterator[tuple[str, dict[str, Any]]]:
    """Of all policies in a plan, which must be known by then."""
    for resource in planned_resources(document):
        if resource["type"] in KNOWN_LATE:
            continue
        for name in POLICY_ATTRIBUTES:
            if name in resource["values"] or "policy" in resource["type"]:
                address = resource["address"]
                text = resource["values"].get(name)
                assert text is not None or name != "policy", f"{address} is known too late"
                if text:
                    yield from ((address, one) for one in json.loads(text)["Statement"])


def as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def test_every_function_has_its_policy(granted: Granted) -> None:
    policies = [address for address, _ in granted if ".aws_iam_role_policy.this[" in address]

    assert {address.rpartition("[")[2] for address in policies} == {
        '"data_processing"]',
        '"model_training"]',
        '"inference"]',
    }


def test_no_statement_is_for_all_resources(granted: Granted) -> None:
    for address, statement in granted:
        if "*" in as_list(statement.get("Resource", [])):
            assert set(as_list(statement["Action"])) <= FORCED, f"{address}: {statement}"


def test_no_statement_allows_by_exclusion_or_by_service(granted: Granted) -> None:
    for address, statement in granted:
        assert not {"NotAction", "NotResource", "NotPrincipal"} & statement.keys(), address
        assert not [one for one in as_list(statement["Action"]) if "*" in one], address


def test_no_statement_allows_everybody(granted: Granted) -> None:
    for address, statement in granted:
        principals = statement.get("Principal", {})
        names = principals.values() if isinstance(principals, dict) else [principals]
        assert not [one for one in names if "*" in as_list(one)], f"{address}: {statement}"
