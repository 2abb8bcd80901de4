"""Whole lives of roots, each in an account of its own, so that all can be lived at once.

Most of it is waiting: a bucket's lifecycle rules take the provider a minute, a queue half of one.
"""

import json
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from scripts.publish import publish
from tests.module.support import (
    REPOSITORY,
    Plan,
    State,
    apply,
    destroy,
    drift,
    plan,
    read_state,
    run_well,
)

EXAMPLES = sorted(
    path.parent.name
    for path in REPOSITORY.glob("examples/*/main.tf")
    if path.parent.name != "quickstart"  # which test_quickstart.py applies
)
ROOTS = {name: f"examples/{name}" for name in EXAMPLES} | {
    "account_logging": "modules/account_logging"  # which is made to be a root of its own
}
REGIONS = ("us-east-1", "eu-west-1")
AT_ONCE = 5
"""Roots; more of them keep the local cloud beside them from answering in its 29 seconds."""

LISTINGS = (
    ("apigateway", "get_api_keys", "items"),
    ("apigateway", "get_domain_names", "items"),
    ("apigateway", "get_rest_apis", "items"),
    ("apigateway", "get_usage_plans", "items"),
    ("cloudwatch", "describe_alarms", "MetricAlarms"),
    ("cloudwatch", "list_dashboards", "DashboardEntries"),
    ("ec2", "describe_security_groups", "SecurityGroups"),
    ("ec2", "describe_vpc_endpoints", "VpcEndpoints"),
    ("iam", "list_roles", "Roles"),
    ("lambda", "list_functions", "Functions"),
    ("logs", "describe_log_groups", "logGroups"),
    ("s3", "list_buckets", "Buckets"),
    ("sns", "list_topics", "Topics"),
    ("sqs", "list_queues", "QueueUrls"),
)


@dataclass(frozen=True)
class Account:
    id: str
    environment: dict[str, str]
    """Credentials, as Terraform and boto3 read them."""

    def client(self, service: str, region: str = REGIONS[0]) -> Any:
        return boto3.client(
            service,
            region,
            aws_access_key_id=self.environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.environment["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=self.environment["AWS_SESSION_TOKEN"],
        )

    def has(self) -> dict[str, int]:
        """How many there are of each thing in LISTINGS, by region."""
        counts = {}
        for region in REGIONS:
            for service, operation, key in LISTINGS:
                found = getattr(self.client(service, region), operation)().get(key, ())
                gone = [one for one in found if key == "VpcEndpoints" and one["State"] == "deleted"]
                counts[f"{region} {operation}"] = len(found) - len(gone)
        budgets = self.client("budgets").describe_budgets(AccountId=self.id)["Budgets"]
        return counts | {"budgets": len(budgets)}


@dataclass(frozen=True)
class Life:
    """What was seen of a root from its plan to its end."""

    account: Account
    plan: Plan
    state: State
    """What was applied."""
    again: dict[str, list[str]]
    """What a second plan would change."""
    before: dict[str, int]
    applied: dict[str, int]
    left: dict[str, int]


type Lives = dict[str, Future[Life]]
"""By the names of ROOTS."""


@contextmanager
def lived(checkout: Path) -> Iterator[Lives]:
    """The lives of a checkout's ROOTS, by name, as they come to their ends."""
    run_well(checkout, "init", "-backend=false", "-input=false")  # the provider is fetched once
    with ThreadPoolExecutor(AT_ONCE) as threads:
        yield {
            name: threads.submit(live, checkout, name, account(str(number) * 12))
            for number, name in enumerate(ROOTS, 1)
        }


def account(number: str) -> Account:
    """An empty account, by the credentials of a role in it."""
    answer = boto3.client("sts").assume_role(
        RoleArn=f"arn:aws:iam::{number}:role/tests", RoleSessionName="tests"
    )["Credentials"]
    return Account(
        number,
        {
            "AWS_ACCESS_KEY_ID": answer["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": answer["SecretAccessKey"],
            "AWS_SESSION_TOKEN": answer["SessionToken"],
        },
    )


def live(checkout: Path, name: str, owner: Account) -> Life:
    root = checkout / ROOTS[name]
    variables = root_variables(name, owner, checkout / "dist")
    run_well(root, "init", "-input=false")
    before = owner.has()
    planned = plan(root, owner.environment, **variables)
    apply(root, owner.environment)
    applied = owner.has()
    state = read_state(root)
    again = drift(root, owner.environment, **variables)
    destroy(root, owner.environment, **variables)
    return Life(owner, planned, state, again, before, applied, owner.has())


def root_variables(name: str, owner: Account, dist: Path) -> dict[str, str]:
    """What a root asks for, which is made where it has to be there."""
    variables: dict[str, dict[str, Any]] = {
        "complete": {
            "allowed_networks": ["203.0.113.0/24"],
            "kms_key_arn": f"arn:aws:kms:us-east-1:{owner.id}:key/1",
            "origin": "https://app.example.com",
            "owner": "ml@example.com",
        },
        "existing_bucket": {"bucket": "acme-data", "prefix": "ml/blue/"},
        "prebuilt_artifacts": {"artifacts_bucket": "acme-artifacts", "artifacts_prefix": "ml/"},
        "two_accounts": {"serving_role_arn": "arn:aws:iam::210987654321:role/tests"},
    }
    if name == "existing_bucket":
        owner.client("s3").create_bucket(Bucket="acme-data")
    if name == "prebuilt_artifacts":
        owner.client("s3").create_bucket(Bucket="acme-artifacts")
        list(publish(owner.client("s3"), dist, "acme-artifacts", "ml/"))
    if name == "private":
        ec2 = owner.client("ec2")
        variables[name] = {
            "vpc_id": ec2.describe_vpcs()["Vpcs"][0]["VpcId"],
            "subnet_ids": [one["SubnetId"] for one in ec2.describe_subnets()["Subnets"]][:2],
            "route_table_ids": [ec2.describe_route_tables()["RouteTables"][0]["RouteTableId"]],
        }
    if name == "public":
        variables[name] = {
            "domain_name": "ml.example.com",
            "base_path": "ml/v1",
            "origin": "https://app.example.com",
            "scopes": ["ml/predict"],
            **guards(owner, dist),
        }
    return {
        key: value if isinstance(value, str) else json.dumps(value)
        for key, value in variables.get(name, {}).items()
    }


def guards(owner: Account, dist: Path) -> dict[str, str]:
    """What stands before a public API, by the variable that names it."""
    certificate = owner.client("acm").request_certificate(DomainName="ml.example.com")
    seen = dict.fromkeys(("SampledRequestsEnabled", "CloudWatchMetricsEnabled"), False)
    acl = owner.client("wafv2").create_web_acl(
        Name="guard",
        Scope="REGIONAL",
        DefaultAction={"Allow": {}},
        VisibilityConfig={**seen, "MetricName": "guard"},
    )
    pool = owner.client("cognito-idp").create_user_pool(PoolName="users")
    role = owner.client("iam").create_role(RoleName="authorizer", AssumeRolePolicyDocument="{}")
    authorizer = owner.client("lambda").create_function(
        FunctionName="authorizer",
        Runtime="python3.13",
        Handler="handler.handler",
        Role=role["Role"]["Arn"],
        Code={"ZipFile": (dist / "inference.zip").read_bytes()},
    )
    return {
        "certificate_arn": certificate["CertificateArn"],
        "web_acl_arn": acl["Summary"]["ARN"],
        "user_pool_arn": pool["UserPool"]["Arn"],
        "authorizer_arn": authorizer["FunctionArn"],
    }
