"""Whether a function's resource policy lets the gateway invoke it from a method of an API."""

from fnmatch import fnmatchcase
from typing import Any

from moto.awslambda.models import lambda_backends

from local.lambda_runtime.functions import ACCOUNT_ID, ARN

SERVICE = "apigateway.amazonaws.com"


def may_invoke(function_arn: str, source_arn: str, region: str) -> bool:
    """Statements count when they are for this function and qualifier, and match the source ARN."""
    match = ARN.match(function_arn)
    if match is None:
        return False
    try:
        function = lambda_backends[ACCOUNT_ID][region].get_function(match["name"])
    except Exception:  # moto raises one of several classes, all of them meaning: not there
        return True  # Invoke says so in its own words
    return any(
        _allows(statement, function_arn, source_arn) for statement in function.policy.statements
    )


def _allows(statement: dict[str, Any], function_arn: str, source_arn: str) -> bool:
    principal = statement.get("Principal")
    service = principal.get("Service") if isinstance(principal, dict) else principal
    like = statement.get("Condition", {}).get("ArnLike", {})
    pattern = like.get("AWS:SourceArn") or like.get("aws:SourceArn") or "*"
    return (
        service in (SERVICE, "*")
        and statement.get("Effect") == "Allow"
        and statement.get("Action") in ("lambda:InvokeFunction", "lambda:*")
        and statement.get("Resource") == function_arn
        and fnmatchcase(source_arn, pattern)
    )
