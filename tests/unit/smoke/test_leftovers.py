"""What is left of a deployment is looked for by its name."""

from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from scripts.smoke.leftovers import left


@pytest.fixture
def session() -> Iterator[boto3.Session]:
    with mock_aws():
        yield boto3.Session("test", "test", region_name="us-east-1")


def test_an_account_without_the_name_has_nothing_left(session: boto3.Session) -> None:
    session.client("sqs").create_queue(QueueName="acme-failed-jobs")

    assert list(left(session, "smoke-x7k2-1")) == []


def test_everything_with_the_name_is_left(session: boto3.Session) -> None:
    name = "smoke-x7k2-1"
    session.client("sqs").create_queue(QueueName=f"{name}-failed-jobs")
    session.client("s3").create_bucket(Bucket=f"{name}-data")
    session.client("logs").create_log_group(logGroupName=f"/aws/lambda/{name}-inference")
    session.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument="{}")
    session.client("apigateway").create_rest_api(name=name)
    tags = [{"ResourceType": "vpc", "Tags": [{"Key": "Name", "Value": name}]}]
    session.client("ec2").create_vpc(CidrBlock="10.0.0.0/24", TagSpecifications=tags)

    kinds = {line.partition(" ")[0] for line in left(session, name)}
    assert kinds == {"QueueUrls", "Buckets", "logGroups", "Roles", "items", "Vpcs"}
