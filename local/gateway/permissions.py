"""Whether a function's resource policy lets the gateway invoke it from a method of an API."""

from local.iam.evaluation import Demand, Policies, Principal, decide
from local.iam.state import function_policy
from local.lambda_runtime.functions import ACCOUNT_ID

GATEWAY = Principal.service("apigateway.amazonaws.com")


def may_invoke(function_arn: str, source_arn: str) -> bool:
    """Statements count when they are for this function and qualifier, and match the source ARN."""
    context = {"aws:sourcearn": (source_arn,), "aws:sourceaccount": (ACCOUNT_ID,)}
    demand = Demand("lambda:InvokeFunction", function_arn, context)
    return decide(demand, GATEWAY, Policies(resource=function_policy(function_arn))).allowed
