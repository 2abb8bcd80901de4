"""Budgets."""

import json
from typing import Any

from moto.budgets.responses import BudgetsResponse

from local.moto_patches.patch import Patch


def list_subscribers() -> Patch:
    def replacement(self: Any) -> str:
        """Also takes the account and the budget that a notification is of."""
        budget = self.backend.budgets[self._get_param("AccountId")][self._get_param("BudgetName")]
        (found,) = [
            one for one in budget.notifications if one.details == self._get_param("Notification")
        ]
        return json.dumps({"Subscribers": found.subscribers})

    return Patch(
        BudgetsResponse,
        "describe_subscribers_for_notification",
        replacement,
        "moto keeps the subscribers of a notification and does not tell them",
    )


def keep_tags() -> list[Patch]:
    create = BudgetsResponse.create_budget

    def created(self: Any) -> str:
        answer = create(self)
        budget = self.backend.budgets[self._get_param("AccountId")]
        budget[self._get_param("Budget")["BudgetName"]].tags = self._get_param("ResourceTags", [])
        return answer

    def listed(self: Any) -> str:
        account, name = self._get_param("ResourceARN").rsplit(":", 2)[1:]
        budget = self.backend.budgets[account][name.removeprefix("budget/")]
        return json.dumps({"ResourceTags": budget.tags})

    reason = "moto drops the tags of budgets"
    return [
        Patch(BudgetsResponse, "create_budget", created, reason),
        Patch(BudgetsResponse, "list_tags_for_resource", listed, reason),
    ]
