"""IAM's rules, case by case: cases.yaml says how to read them."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.iam.conditions import PolicyError
from local.iam.evaluation import Demand, Policies, Principal, decide
from local.iam.policy import Statement, parse

CALLER = Principal.session(
    "arn:aws:sts::123456789012:assumed-role/trainer/job",
    "arn:aws:iam::123456789012:role/ml/trainer",
)
RULES = yaml.safe_load(Path(__file__).with_name("cases.yaml").read_text())
CASES = [
    pytest.param(rule, line, outcome == "allowed", id=f"{rule['rule']}-{outcome}-{line}")
    for rule in RULES
    for outcome in ("allowed", "denied")
    for line in rule.get(outcome, ())
]


@pytest.mark.parametrize(("rule", "line", "allowed"), CASES)
def test_decision(rule: dict[str, Any], line: str, allowed: bool) -> None:
    boundary = policy(rule, "boundary") if "boundary" in rule else None
    policies = Policies(
        identity=policy(rule, "identity"),
        boundary=boundary,
        resource=policy(rule, "resource"),
        resource_must_allow=rule.get("resource_must_allow", False),
    )

    decision = decide(demand(line), CALLER, policies)

    assert decision.allowed is allowed, decision.reason
    assert decision.reason


def policy(rule: dict[str, Any], kind: str) -> tuple[Statement, ...]:
    statements = [{"Effect": "Allow", **statement} for statement in rule.get(kind, ())]
    document = {"Version": rule.get("version", "2012-10-17"), "Statement": statements}
    return parse(json.dumps(document).replace("BUCKET", "arn:aws:s3:::bucket"))


def demand(line: str) -> Demand:
    action, resource, *pairs = line.replace("BUCKET", "arn:aws:s3:::bucket").split(" ")
    keys = [pair.partition("=") for pair in pairs]
    context = {key.lower(): tuple(value.split(",")) for key, _, value in keys}
    return Demand(action, None if resource == "unknown" else resource, context)


def test_the_table_is_whole() -> None:
    assert len(CASES) >= 100
    assert {tuple(rule) for rule in RULES if not {"allowed", "denied"} & rule.keys()} == set()


@pytest.mark.parametrize(
    ("identity", "boundary", "resource", "reason"),
    [
        ([], None, [], "because no identity-based policy allows the s3:GetObject action"),
        (["Allow"], [], [], "because no permissions boundary allows the s3:GetObject action"),
        (["Allow", "Deny"], None, [], "with an explicit deny in an identity-based policy"),
        (["Allow"], ["Deny"], [], "with an explicit deny in a permissions boundary"),
        (["Allow"], None, ["Deny"], "with an explicit deny in a resource-based policy"),
    ],
)
def test_a_denial_says_why_in_the_words_of_aws(
    identity: list[str], boundary: list[str] | None, resource: list[str], reason: str
) -> None:
    policies = Policies(
        identity=everything(identity),
        boundary=None if boundary is None else everything(boundary),
        resource=everything(resource),
    )

    assert decide(Demand("s3:GetObject", "*"), CALLER, policies).reason == reason


def everything(effects: list[str]) -> tuple[Statement, ...]:
    statements = [
        {"Effect": effect, "Action": "*", "Resource": "*", "Principal": "*"} for effect in effects
    ]
    return parse(json.dumps({"Statement": statements}))


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("{", "malformed"),
        ('{"Statement": [{"Action": "*", "Resource": "*"}]}', "malformed"),
        ('{"Statement": {"Effect": "allow", "Action": "*"}}', "not Allow or Deny"),
        ('{"Statement": {"Sid": "A", "Effect": "Allow"}}', "A has neither Action nor NotAction"),
        (
            '{"Statement": {"Effect": "Allow", "Action": "*", "Condition": {"Like": {"a": "b"}}}}',
            "'Like' is none of IAM's: StringEquals",
        ),
        (
            '{"Statement": {"Effect": "Allow", "Action": "*",'
            ' "Condition": {"ForEach:StringLike": {"a": "b"}}}}',
            "'ForEach:StringLike' is none of IAM's",
        ),
    ],
)
def test_a_policy_that_iam_would_refuse_is_refused(document: str, message: str) -> None:
    with pytest.raises(PolicyError, match=message):
        parse(document)
