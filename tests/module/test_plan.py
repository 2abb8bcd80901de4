"""What the plan of the defaults grants, names and sets."""

import json
from pathlib import Path
from typing import Any

import pytest

from scripts.functions import FUNCTIONS
from tests.module.support import (
    VERSION,
    lock_provider,
    plan,
    planned_resources,
    run_well,
    sha256,
)

pytestmark = pytest.mark.module

BUCKET = "arn:aws:s3:::ml-data-123456789012-us-east-1"
UNTAGGED = {
    "aws_api_gateway_deployment",
    "aws_api_gateway_method_settings",
    "aws_api_gateway_rest_api_policy",
    "aws_iam_role_policy",
    "aws_lambda_alias",
    "aws_lambda_function_event_invoke_config",
    "aws_lambda_permission",
    "aws_s3_bucket_lifecycle_configuration",
    "aws_s3_bucket_ownership_controls",
    "aws_s3_bucket_policy",
    "aws_s3_bucket_public_access_block",
    "aws_s3_bucket_server_side_encryption_configuration",
    "aws_s3_bucket_versioning",
    "aws_s3_object",
}
"""AWS has no tags for these, or ten at most, those of the provider included."""

type Resources = dict[str, dict[str, dict[str, Any]]]
"""Planned values by resource type, then by the key or the function that tells them apart."""


@pytest.fixture(scope="module")
def planned(aws: str, checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Resources:
    root = tmp_path_factory.mktemp("root")
    (root / "main.tf").write_text(f"""
        module "ml" {{
          source = "{checkout}"
          name   = "ml"
          tags   = {{ owner = "tests" }}
        }}
    """)
    lock_provider(root)
    run_well(root, "init", "-input=false")
    return resources(plan(root))


def resources(document: dict[str, Any]) -> Resources:
    found: Resources = {}
    for resource in planned_resources(document):
        key = str(resource.get("index", resource["values"].get("function_name", "this")))
        key = key.removeprefix("ml-")
        if resource["mode"] == "managed":
            found.setdefault(resource["type"], {})[key] = resource["values"]
    return found


def as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def statements(planned: Resources, function: str) -> dict[str, dict[str, Any]]:
    policy = json.loads(planned["aws_iam_role_policy"][function]["policy"])
    return {statement["Sid"]: statement for statement in policy["Statement"]}


def below_bucket(prefixes: list[str]) -> set[str]:
    return {f"{BUCKET}/{prefix}*" for prefix in prefixes}


@pytest.mark.parametrize(
    ("function", "read", "write"),
    [
        (
            "data_processing",
            ["raw/", "datasets/", "jobs/data_processing/"],
            ["raw/", "datasets/", "jobs/data_processing/"],
        ),
        (
            "model_training",
            ["backbones/", "raw/", "datasets/", "models/", "trials/", "jobs/model_training/"],
            ["models/", "trials/", "jobs/model_training/"],
        ),
        ("inference", ["models/"], []),
    ],
)
def test_each_role_may_touch_its_own_prefixes_only(
    planned: Resources, function: str, read: list[str], write: list[str]
) -> None:
    granted = statements(planned, function)

    assert as_list(granted["ReadObjects"]["Action"]) == ["s3:GetObject"]
    assert set(as_list(granted["ReadObjects"]["Resource"])) == below_bucket(read)
    assert granted["ListPrefixes"]["Action"] == "s3:ListBucket"
    assert granted["ListPrefixes"]["Resource"] == BUCKET
    listed = granted["ListPrefixes"]["Condition"]["StringLike"]["s3:prefix"]
    assert set(as_list(listed)) == {f"{prefix}*" for prefix in read}
    assert ("WriteObjects" in granted) == bool(write)
    if write:
        assert as_list(granted["WriteObjects"]["Action"]) == ["s3:PutObject"]
        assert set(as_list(granted["WriteObjects"]["Resource"])) == below_bucket(write)
    assert ("TagObjects" in granted) == (function == "data_processing")
    if "TagObjects" in granted:
        assert as_list(granted["TagObjects"]["Action"]) == ["s3:PutObjectTagging"]
        tagged = set(as_list(granted["TagObjects"]["Resource"]))
        assert tagged == below_bucket(["raw/", "datasets/"])


@pytest.mark.parametrize("function", FUNCTIONS)
def test_each_role_has_its_own_logs_and_alias_and_nothing_else(
    planned: Resources, function: str
) -> None:
    granted = statements(planned, function)
    account = "us-east-1:123456789012"

    logs = granted["WriteOwnLogs"]
    assert set(logs["Action"]) == {"logs:CreateLogStream", "logs:PutLogEvents"}
    assert logs["Resource"] == f"arn:aws:logs:{account}:log-group:/aws/lambda/ml-{function}:*"
    expected = {"WriteOwnLogs", "ReadObjects", "ListPrefixes"}
    expected |= {"NeverReadObjects"} if function == "inference" else set()
    if function != "inference":
        expected |= {"WriteObjects", "InvokeItself", "KeepFailedJobs"}
        expected |= {"TagObjects"} if function == "data_processing" else set()
        expected |= {"WriteTombstones", "DeleteObjects"} if function == "model_training" else set()
        invoke = granted["InvokeItself"]
        assert invoke["Action"] == "lambda:InvokeFunction"
        assert invoke["Resource"] == f"arn:aws:lambda:{account}:function:ml-{function}:live"
        failed = granted["KeepFailedJobs"]
        assert (failed["Action"], failed["Resource"]) == (
            "sqs:SendMessage",
            f"arn:aws:sqs:{account}:ml-failed-jobs",
        )
    assert set(granted) == expected
    denied = [sid for sid, statement in granted.items() if statement["Effect"] != "Allow"]
    assert denied == (["NeverReadObjects"] if function == "inference" else [])


def test_inference_never_reads_what_would_have_to_be_unpickled(planned: Resources) -> None:
    never = statements(planned, "inference")["NeverReadObjects"]

    assert (never["Effect"], never["Action"]) == ("Deny", "s3:GetObject")
    assert never["Resource"] == f"{BUCKET}/models/*.joblib"


@pytest.mark.parametrize(
    ("function", "memory", "timeout", "storage"),
    [
        ("data_processing", 2048, 900, 10240),
        ("model_training", 3008, 900, 2048),
        ("inference", 1024, 30, 512),
    ],
)
def test_functions(
    planned: Resources, checkout: Path, function: str, memory: int, timeout: int, storage: int
) -> None:
    values = planned["aws_lambda_function"][function]
    digest = sha256(checkout / f"dist/{function}.zip")
    own = {
        "data_processing": {"MAX_UPLOAD_BYTES": "5368709120"},
        "inference": {
            "DNS_SUFFIX": "amazonaws.com",
            "IMAGES_BY_KEY": "false",
            "PRELOAD_MODELS": "",
        },
    }

    assert values["handler"] == f"{function}.handler.handler"
    assert values["runtime"] == "python3.13"
    assert (values["memory_size"], values["timeout"]) == (memory, timeout)
    assert values["ephemeral_storage"] == [{"size": storage}]
    assert values["publish"] is True
    assert values["s3_key"] == f"{function}/{digest}.zip"
    assert values["environment"][0]["variables"] == {
        "API_SECONDS": "29",
        "CODE_VERSION": f"{VERSION}+{digest[:12]}",
        "DATA_BUCKET": BUCKET.rpartition(":")[2],
        "DATA_PREFIX": "",
        "LOG_LEVEL": "INFO",
        **own.get(function, {}),
    }


def test_nothing_is_public_or_unencrypted(planned: Resources) -> None:
    for bucket in ("data", "artifacts"):
        access = planned["aws_s3_bucket_public_access_block"][bucket]
        assert all(value for name, value in access.items() if name.startswith(("block_", "rest")))
        assert access["ignore_public_acls"]
        versioning = planned["aws_s3_bucket_versioning"][bucket]["versioning_configuration"]
        assert versioning[0]["status"] == "Enabled"
        policy = json.loads(planned["aws_s3_bucket_policy"][bucket]["policy"])
        (statement,) = policy["Statement"]
        assert (statement["Effect"], statement["Action"]) == ("Deny", "s3:*")
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        assert planned["aws_s3_bucket"][bucket]["force_destroy"] is False


def test_tags_reach_everything_that_takes_them(planned: Resources) -> None:
    tagged = {kind: members for kind, members in planned.items() if kind not in UNTAGGED}
    for kind, members in tagged.items():
        for key, values in members.items():
            assert values["tags"] == {"owner": "tests"}, f"{kind} {key}"
