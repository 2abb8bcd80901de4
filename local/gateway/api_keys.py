"""API keys of usage plans. Their limits and quotas are not counted here."""

from moto.apigateway.models import apigateway_backends

from local.lambda_runtime.functions import ACCOUNT_ID


def api_key_id(value: str, api_id: str, stage: str, region: str) -> str | None:
    """The id of an enabled key that a usage plan of the stage holds."""
    backend = apigateway_backends[ACCOUNT_ID][region]
    held = {
        key.id
        for plan in backend.usage_plans.values()
        if {"apiId": api_id, "stage": stage} in plan.api_stages
        for key in backend.get_usage_plan_keys(plan.id)
    }
    return next(
        (
            str(key.id)
            for key in backend.keys.values()
            if key.id in held and key.enabled and key.value == value
        ),
        None,
    )
