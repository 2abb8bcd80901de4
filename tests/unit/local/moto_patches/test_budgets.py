from typing import Any

import boto3
import pytest

from local.lambda_runtime.functions import ACCOUNT_ID
from local.moto_patches import budgets
from local.moto_patches.patch import applied

NOTIFICATION = {
    "NotificationType": "ACTUAL",
    "ComparisonOperator": "GREATER_THAN",
    "Threshold": 80.0,
    "ThresholdType": "PERCENTAGE",
}
SUBSCRIBERS = [{"SubscriptionType": "EMAIL", "Address": "ml@example.com"}]
TAGS = [{"Key": "owner", "Value": "ml"}]


def budget() -> Any:
    """A client of an account that has the budget b."""
    client = boto3.client("budgets")
    client.create_budget(
        AccountId=ACCOUNT_ID,
        Budget={
            "BudgetName": "b",
            "BudgetLimit": {"Amount": "100", "Unit": "USD"},
            "TimeUnit": "MONTHLY",
            "BudgetType": "COST",
        },
        NotificationsWithSubscribers=[{"Notification": NOTIFICATION, "Subscribers": SUBSCRIBERS}],
        ResourceTags=TAGS,
    )
    return client


def test_list_subscribers() -> None:
    def listed(client: Any) -> list[dict[str, str]]:
        answer = client.describe_subscribers_for_notification(
            AccountId=ACCOUNT_ID, BudgetName="b", Notification=NOTIFICATION
        )
        return list(answer["Subscribers"])

    client = budget()
    with pytest.raises(NotImplementedError):
        listed(client)
    with applied([budgets.list_subscribers()]):
        assert listed(client) == SUBSCRIBERS


def test_keep_tags() -> None:
    arn = f"arn:aws:budgets::{ACCOUNT_ID}:budget/b"
    with pytest.raises(NotImplementedError):
        boto3.client("budgets").list_tags_for_resource(ResourceARN=arn)
    with applied(budgets.keep_tags()):
        assert budget().list_tags_for_resource(ResourceARN=arn)["ResourceTags"] == TAGS
