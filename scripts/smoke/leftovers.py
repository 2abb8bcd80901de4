"""What an account still has of a deployment, by its name."""

import json
from collections.abc import Iterator
from typing import Any

import boto3

LISTINGS = (
    ("apigateway", "get_api_keys", "items"),
    ("apigateway", "get_rest_apis", "items"),
    ("apigateway", "get_usage_plans", "items"),
    ("ec2", "describe_security_groups", "SecurityGroups"),
    ("ec2", "describe_subnets", "Subnets"),
    ("ec2", "describe_vpc_endpoints", "VpcEndpoints"),
    ("ec2", "describe_vpcs", "Vpcs"),
    ("iam", "list_roles", "Roles"),
    ("lambda", "list_functions", "Functions"),
    ("logs", "describe_log_groups", "logGroups"),
    ("s3", "list_buckets", "Buckets"),
    ("sqs", "list_queues", "QueueUrls"),
)

DELETED = '"State": "deleted"'
"""Of a VPC endpoint, which is listed for a while after its end."""


def left(session: boto3.Session, name: str) -> Iterator[str]:
    """The kind and description of each thing in whose description the name is."""
    for service, operation, key in LISTINGS:
        client: Any = session.client(service)
        for page in client.get_paginator(operation).paginate():
            for one in page.get(key, ()):
                described = json.dumps(one, default=str)
                if name in described and DELETED not in described:
                    yield f"{key} {described}"
