"""Sessions of roles meet the policies that the cloud holds at that moment."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.client import Client
from local.cloud import LocalCloud
from tests.system.tiny import WRITE_LOGS, Function, deploy, deploy_api, integration

ACCOUNT = "123456789012"
ANY_S3 = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
SOURCE = "def handler(event, context):\n    return {'statusCode': 200, 'body': 'null'}"


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def outcome(call: Callable[..., Any], **arguments: Any) -> str:
    """Of a call to AWS: ok, or the code of its error."""
    try:
        call(**arguments)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "ok"


@pytest.fixture
def bucket(bare_cloud: LocalCloud) -> str:
    name = f"tiny-{uuid.uuid4().hex[:12]}"
    bare_cloud.boto3("s3").create_bucket(Bucket=name)
    bare_cloud.boto3("s3").put_object(Bucket=name, Key="a", Body=b"a")
    return name


def test_managed_policies_and_their_boundary(bare_cloud: LocalCloud, bucket: str) -> None:
    function = deploy(bare_cloud, SOURCE)
    s3, iam = bare_cloud.boto3("s3", function.name), bare_cloud.boto3("iam")
    policies = {
        name: iam.create_policy(
            PolicyName=f"{name}-{bucket}",
            PolicyDocument=document({"Effect": "Allow", "Action": action, "Resource": "*"}),
        )["Policy"]["Arn"]
        for name, action in (("all", "s3:*"), ("read", "s3:Get*"))
    }

    assert outcome(s3.get_object, Bucket=bucket, Key="a") == "AccessDenied"
    iam.attach_role_policy(RoleName=function.role, PolicyArn=policies["all"])
    assert outcome(s3.put_object, Bucket=bucket, Key="a", Body=b"b") == "ok"
    iam.put_role_permissions_boundary(RoleName=function.role, PermissionsBoundary=policies["read"])
    assert outcome(s3.put_object, Bucket=bucket, Key="a", Body=b"c") == "AccessDenied"
    assert outcome(s3.get_object, Bucket=bucket, Key="a") == "ok"
    iam.detach_role_policy(RoleName=function.role, PolicyArn=policies["all"])
    assert outcome(s3.get_object, Bucket=bucket, Key="a") == "AccessDenied"


def test_a_bucket_policy_gives_and_takes(bare_cloud: LocalCloud, bucket: str) -> None:
    reader, other = deploy(bare_cloud, SOURCE), deploy(bare_cloud, SOURCE, [ANY_S3])
    arn = f"arn:aws:s3:::{bucket}"
    policy = document(
        {
            "Sid": "ReaderReads",
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/{reader.role}"},
            "Action": "s3:GetObject",
            "Resource": f"{arn}/*",
        },
        {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [arn, f"{arn}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
        {
            "Effect": "Deny",
            "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/{other.role}"},
            "Action": "s3:PutObject",
            "Resource": f"{arn}/*",
        },
    )
    bare_cloud.boto3("s3").put_bucket_policy(Bucket=bucket, Policy=policy)
    by = {one: bare_cloud.boto3("s3", one.name) for one in (reader, other)}

    assert outcome(by[reader].get_object, Bucket=bucket, Key="a") == "ok"
    assert outcome(by[reader].put_object, Bucket=bucket, Key="a") == "AccessDenied"
    assert outcome(by[other].get_object, Bucket=bucket, Key="a") == "ok"
    assert outcome(by[other].put_object, Bucket=bucket, Key="a") == "AccessDenied"
    granted = [one for one in bare_cloud.permissions() if one["reason"] == "ReaderReads"]
    assert [(one["action"], one["resource"]) for one in granted] == [("s3:GetObject", f"{arn}/a")]


def test_an_encrypted_bucket_needs_its_key(bare_cloud: LocalCloud, bucket: str) -> None:
    kms, owner = bare_cloud.boto3("kms"), bare_cloud.boto3("s3")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    rule = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    owner.put_bucket_encryption(
        Bucket=bucket,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": rule, "BucketKeyEnabled": True}]
        },
    )
    owner.put_object(Bucket=bucket, Key="secret", Body=b"x")
    decrypt = {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": key}
    without = deploy(bare_cloud, SOURCE, [ANY_S3])
    reader = deploy(bare_cloud, SOURCE, [ANY_S3, decrypt])
    by = {one: bare_cloud.boto3("s3", one.name) for one in (without, reader)}

    assert outcome(by[without].get_object, Bucket=bucket, Key="a") == "ok"  # older than the rule
    assert outcome(by[without].get_object, Bucket=bucket, Key="secret") == "AccessDenied"
    assert outcome(by[reader].get_object, Bucket=bucket, Key="secret") == "ok"
    assert outcome(by[reader].put_object, Bucket=bucket, Key="secret") == "AccessDenied"
    kms.put_key_policy(
        KeyId=key,
        PolicyName="default",
        Policy=document(
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/admin"},
                "Action": "kms:*",
                "Resource": "*",
            }
        ),
    )
    assert outcome(by[reader].get_object, Bucket=bucket, Key="secret") == "AccessDenied"


@pytest.fixture(scope="module")
def api(bare_cloud: LocalCloud) -> tuple[str, Function]:
    """The URL of an API with one method, and a function that may call another one only."""
    served = deploy(bare_cloud, SOURCE)
    operation = {"x-amazon-apigateway-integration": integration(served), "responses": {}}
    url = deploy_api(bare_cloud, {"/": {"get": operation}})
    elsewhere = {
        "Effect": "Allow",
        "Action": "execute-api:Invoke",
        "Resource": f"arn:aws:execute-api:us-east-1:{ACCOUNT}:other/*",
    }
    return url, deploy(bare_cloud, SOURCE, [WRITE_LOGS, elsewhere])


def test_a_session_needs_leave_to_call_the_api(
    bare_cloud: LocalCloud, api: tuple[str, Function]
) -> None:
    url, caller = api
    keys = bare_cloud.credentials_of(caller.name)
    client = Client(
        url, keys.access_key_id, keys.secret_access_key, bare_cloud.region, keys.session_token
    )

    refused = client.request("GET", "/")
    allow = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "*"}
    bare_cloud.boto3("iam").put_role_policy(
        RoleName=caller.role, PolicyName="own", PolicyDocument=document(allow)
    )

    assert refused.status == 403
    assert "is not authorized to perform: execute-api:Invoke on resource" in str(refused.body)
    assert client.request("GET", "/").status == 200


def test_a_call_that_is_not_known_is_refused_with_a_reason(
    bare_cloud: LocalCloud, bucket: str
) -> None:
    function = deploy(bare_cloud, SOURCE, [{"Effect": "Allow", "Action": "*", "Resource": "*"}])
    s3 = bare_cloud.boto3("s3", function.name)

    with pytest.raises(ClientError, match="does not know which permission S3's POST"):
        s3.restore_object(Bucket=bucket, Key="a", RestoreRequest={"Days": 1})
