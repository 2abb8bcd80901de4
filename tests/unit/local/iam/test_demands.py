"""Which permissions a request needs."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from local.iam import s3, services
from local.iam.evaluation import Demand, UnknownRequestError
from local.iam.objects import Key
from local.signature import SignedRequest

BUCKET = "arn:aws:s3:::bucket"
KEY = "arn:aws:kms:us-east-1:123456789012:key/1"
DELETION = b"""<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
<Object><Key>a</Key></Object><Object><Key>b</Key><VersionId>1</VersionId></Object></Delete>"""


@dataclass(frozen=True)
class Objects:
    """What a test says of the objects: those below none/ are missing."""

    encrypted: bool = False
    tagged: dict[str, str] = field(default_factory=dict)

    def exists(self, bucket: str, key: str, version: str | None) -> bool:
        return not key.startswith("none/")

    def tags(self, bucket: str, key: str, version: str | None) -> Mapping[str, str]:
        return self.tagged

    def key_of(self, bucket: str, key: str, version: str | None) -> Key | None:
        return Key(KEY, bucket_key=False) if self.encrypted else None

    def default_key(self, bucket: str, upload: str | None) -> Key | None:
        return Key(KEY, bucket_key=True) if self.encrypted else None

    def named_key(self, key_id: str) -> Key | None:
        return Key(key_id, bucket_key=False)


def request(
    method: str, target: str, headers: dict[str, str] | None = None, body: bytes = b""
) -> SignedRequest:
    path, _, query = target.partition("?")
    return SignedRequest(method, path, query, headers or {}, lambda: body)


def asked(call: SignedRequest, objects: Objects | None = None) -> list[str]:
    found = s3.demands(call, "us-east-1", objects or Objects())
    return [f"{one.action} {one.resource}".replace(BUCKET, "BUCKET") for one in found]


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("GET /bucket/a%20b", "s3:GetObject BUCKET/a b"),
        ("HEAD /bucket/a", "s3:GetObject BUCKET/a"),
        ("GET /bucket/a?versionId=1", "s3:GetObjectVersion BUCKET/a"),
        ("GET /bucket/none/a", "s3:GetObject BUCKET/none/a, s3:ListBucket BUCKET"),
        ("GET /bucket/a?tagging", "s3:GetObjectTagging BUCKET/a"),
        ("GET /bucket/a?tagging&versionId=1", "s3:GetObjectVersionTagging BUCKET/a"),
        ("PUT /bucket/a?acl", "s3:PutObjectAcl BUCKET/a"),
        ("GET /bucket/a?attributes", "s3:GetObjectAttributes BUCKET/a, s3:GetObject BUCKET/a"),
        ("GET /bucket/a?uploadId=1", "s3:ListMultipartUploadParts BUCKET/a"),
        ("GET /bucket/a?response-content-type=text", "s3:GetObject BUCKET/a"),
        ("PUT /bucket/a", "s3:PutObject BUCKET/a"),
        ("PUT /bucket/none/a", "s3:PutObject BUCKET/none/a"),
        ("PUT /bucket/a?x-amz-acl=private", "s3:PutObject BUCKET/a, s3:PutObjectAcl BUCKET/a"),
        ("POST /bucket/a?uploads", "s3:PutObject BUCKET/a"),
        ("PUT /bucket/a?uploadId=1&partNumber=1", "s3:PutObject BUCKET/a"),
        ("POST /bucket/a?uploadId=1", "s3:PutObject BUCKET/a"),
        ("DELETE /bucket/a?uploadId=1", "s3:AbortMultipartUpload BUCKET/a"),
        ("DELETE /bucket/a", "s3:DeleteObject BUCKET/a"),
        ("DELETE /bucket/a?versionId=1", "s3:DeleteObjectVersion BUCKET/a"),
        ("DELETE /bucket/a?tagging", "s3:DeleteObjectTagging BUCKET/a"),
        ("GET /bucket", "s3:ListBucket BUCKET"),
        ("HEAD /bucket", "s3:ListBucket BUCKET"),
        ("GET /bucket?list-type=2&prefix=a&X-Amz-Date=1", "s3:ListBucket BUCKET"),
        ("GET /bucket?versions", "s3:ListBucketVersions BUCKET"),
        ("GET /bucket?uploads", "s3:ListBucketMultipartUploads BUCKET"),
        ("GET /bucket?policy", "s3:GetBucketPolicy BUCKET"),
        ("DELETE /bucket?policy", "s3:DeleteBucketPolicy BUCKET"),
        ("DELETE /bucket?lifecycle", "s3:PutLifecycleConfiguration BUCKET"),
        ("PUT /bucket", "s3:CreateBucket BUCKET"),
        ("DELETE /bucket", "s3:DeleteBucket BUCKET"),
        ("GET /", "s3:ListAllMyBuckets *"),
    ],
)
def test_s3(call: str, expected: str) -> None:
    method, target = call.split(" ", 1)

    assert asked(request(method, target)) == expected.split(", ")


@pytest.mark.parametrize(
    ("headers", "more"),
    [
        ({"if-match": '"e"'}, ["s3:GetObject BUCKET/a"]),
        ({"if-none-match": "*"}, []),
        ({"x-amz-tagging": "a=1"}, ["s3:PutObjectTagging BUCKET/a"]),
        ({"x-amz-acl": "private"}, ["s3:PutObjectAcl BUCKET/a"]),
        ({"x-amz-grant-read": "id=1"}, ["s3:PutObjectAcl BUCKET/a"]),
        ({"x-amz-object-lock-mode": "GOVERNANCE"}, ["s3:PutObjectRetention BUCKET/a"]),
        ({"x-amz-object-lock-legal-hold": "ON"}, ["s3:PutObjectLegalHold BUCKET/a"]),
        ({"x-amz-copy-source": "/bucket/b%20c"}, ["s3:GetObject BUCKET/b c"]),
        ({"x-amz-copy-source": "bucket/b?versionId=1"}, ["s3:GetObjectVersion BUCKET/b"]),
        (
            {"x-amz-copy-source": "bucket/none/b"},
            ["s3:GetObject BUCKET/none/b", "s3:ListBucket BUCKET"],
        ),
        ({"x-amz-server-side-encryption": "AES256"}, []),
        ({"x-amz-server-side-encryption": "aws:kms"}, []),
        (
            {
                "x-amz-server-side-encryption": "aws:kms",
                "x-amz-server-side-encryption-aws-kms-key-id": KEY,
            },
            [f"kms:GenerateDataKey {KEY}"],
        ),
    ],
)
def test_what_a_header_asks_for_besides(headers: dict[str, str], more: list[str]) -> None:
    assert asked(request("PUT", "/bucket/a", headers)) == ["s3:PutObject BUCKET/a", *more]


@pytest.mark.parametrize(
    ("call", "action"),
    [
        ("GET /bucket/a", "kms:Decrypt"),
        ("PUT /bucket/a", "kms:GenerateDataKey"),
        ("POST /bucket/a?uploads", "kms:GenerateDataKey"),
        ("PUT /bucket/a?uploadId=1&partNumber=1", "kms:Decrypt"),
        ("POST /bucket/a?uploadId=1", "kms:Decrypt"),
    ],
)
def test_encrypted_objects_need_their_key(call: str, action: str) -> None:
    method, target = call.split(" ")

    *_, use = s3.demands(request(method, target), "us-east-1", Objects(encrypted=True))

    arn = f"{BUCKET}/a" if method == "GET" else BUCKET
    context = {
        "kms:viaservice": ("s3.us-east-1.amazonaws.com",),
        "kms:encryptioncontext:aws:s3:arn": (arn,),
    }
    assert use == Demand(action, KEY, context)


def test_a_copy_takes_tags_along() -> None:
    headers = {"x-amz-copy-source": "bucket/b"}
    tagged = Objects(tagged={"a": "1"})

    assert asked(request("PUT", "/bucket/a", headers), tagged)[2:] == [
        "s3:GetObjectTagging BUCKET/b",
        "s3:PutObjectTagging BUCKET/a",
    ]
    replacing = headers | {"x-amz-tagging-directive": "REPLACE"}
    assert asked(request("PUT", "/bucket/a", replacing), tagged)[2:] == []


def test_each_of_many_deletions_is_asked_for() -> None:
    call = request("POST", "/bucket?delete", body=DELETION)

    assert asked(call) == ["s3:DeleteObject BUCKET/a", "s3:DeleteObjectVersion BUCKET/b"]


def test_condition_keys_of_s3() -> None:
    listing = request("GET", "/bucket?list-type=2&prefix=a%2F&delimiter=%2F&max-keys=5")
    writing = request(
        "PUT",
        "/bucket/a",
        {
            "if-none-match": "*",
            "x-amz-server-side-encryption": "AES256",
            "x-amz-security-token": "secret",
            "x-amz-tagging": "team=red",
        },
    )

    (listed,) = s3.demands(listing, "us-east-1", Objects())
    written, _ = s3.demands(writing, "us-east-1", Objects())
    read, *_ = s3.demands(request("GET", "/bucket/a"), "us-east-1", Objects(tagged={"Team": "red"}))

    assert listed.context == {
        "s3:delimiter": ("/",),
        "s3:max-keys": ("5",),
        "s3:prefix": ("a/",),
    }
    assert written.context == {
        "s3:if-none-match": ("*",),
        "s3:x-amz-server-side-encryption": ("AES256",),
        "s3:requestobjecttagkeys": ("team",),
        "s3:requestobjecttag/team": ("red",),
    }
    assert read.context == {"s3:existingobjecttag/team": ("red",)}


@pytest.mark.parametrize(
    "call",
    ["POST /bucket", "POST /bucket/a", "GET /bucket?metadataTable", "PUT /bucket/a?new", "PUT /"],
)
def test_what_is_not_known_is_said(call: str) -> None:
    method, target = call.split(" ")

    with pytest.raises(UnknownRequestError, match=f"S3's {method}"):
        asked(request(method, target))


LAMBDA = "arn:aws:lambda:us-east-1:123456789012:function"
FORM = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
TARGET = {"x-amz-target": "Logs_20140328.PutLogEvents"}


@pytest.mark.parametrize(
    ("service", "call", "expected"),
    [
        (
            "lambda",
            request("POST", "/2015-03-31/functions/f/invocations?Qualifier=live"),
            Demand("lambda:InvokeFunction", f"{LAMBDA}:f:live"),
        ),
        (
            "lambda",
            request("POST", f"/2015-03-31/functions/{LAMBDA.replace(':', '%3A')}%3Af/invocations"),
            Demand("lambda:InvokeFunction", f"{LAMBDA}:f"),
        ),
        (
            "lambda",
            request("POST", "/2015-03-31/functions/123456789012:function:f/invocations"),
            Demand("lambda:InvokeFunction", f"{LAMBDA}:f"),
        ),
        (
            "lambda",
            request("PUT", "/2015-03-31/functions/f/code"),
            Demand("lambda:UpdateFunctionCode", f"{LAMBDA}:f"),
        ),
        (
            "lambda",
            request("GET", "/2015-03-31/functions/"),
            Demand("lambda:ListFunctions", None),
        ),
        (
            "iam",
            request("POST", "/", FORM, b"Action=CreateRole&RoleName=r"),
            Demand("iam:CreateRole", None),
        ),
        (
            "logs",
            request("POST", "/", TARGET, b'{"logGroupName": "g", "logStreamName": "s"}'),
            Demand(
                "logs:PutLogEvents", "arn:aws:logs:us-east-1:123456789012:log-group:g:log-stream:s"
            ),
        ),
        (
            "kms",
            request("POST", "/", {"x-amz-target": "TrentService.Decrypt"}, b'{"KeyId": "1"}'),
            Demand("kms:Decrypt", KEY),
        ),
        (
            "monitoring",
            request("POST", "/service/GraniteServiceVersion20100801/operation/PutMetricData"),
            Demand("cloudwatch:PutMetricData", None),
        ),
    ],
)
def test_other_services(service: str, call: SignedRequest, expected: Demand) -> None:
    assert services.demand(call, service, "us-east-1") == expected


def test_an_unknown_service_is_said() -> None:
    with pytest.raises(UnknownRequestError, match="nothing's GET /x"):
        services.demand(request("GET", "/x"), "nothing", "us-east-1")
