"""Policies against demands."""

from typing import Any

import pytest

from local.authorization import Demand, allowed, demands

BUCKET = "arn:aws:s3:::bucket"
ALLOW = {"Effect": "Allow", "Action": "s3:Get*", "Resource": f"{BUCKET}/a/*"}
LIST = {
    "Effect": "Allow",
    "Action": ["s3:ListBucket"],
    "Resource": BUCKET,
    "Condition": {"StringLike": {"s3:prefix": ["a/*", "b/?"]}},
}


@pytest.mark.parametrize(
    ("statements", "demand", "expected"),
    [
        ([ALLOW], Demand("s3:GetObject", f"{BUCKET}/a/b/c"), True),
        ([ALLOW], Demand("S3:getobject", f"{BUCKET}/a/b"), True),
        ([ALLOW], Demand("s3:GetObject", f"{BUCKET}/A/b"), False),
        ([ALLOW], Demand("s3:PutObject", f"{BUCKET}/a/b"), False),
        ([], Demand("s3:GetObject", f"{BUCKET}/a/b"), False),
        ([ALLOW, {**ALLOW, "Effect": "Deny"}], Demand("s3:GetObject", f"{BUCKET}/a/b"), False),
        ([LIST], Demand("s3:ListBucket", BUCKET, {"s3:prefix": "a/b"}), True),
        ([LIST], Demand("s3:ListBucket", BUCKET, {"s3:prefix": "b/cc"}), False),
        ([LIST], Demand("s3:ListBucket", BUCKET), False),
        ([{**ALLOW, "Condition": {"Bool": {"x": "true"}}}], Demand("s3:GetObject", "-"), False),
    ],
)
def test_allowed(statements: list[Any], demand: Demand, expected: bool) -> None:
    assert allowed(statements, demand) is expected


@pytest.mark.parametrize(
    ("method", "target", "headers", "expected"),
    [
        ("GET", "/bucket/a%20b", {}, [Demand("s3:GetObject", f"{BUCKET}/a b")]),
        ("HEAD", "/bucket/a", {}, [Demand("s3:GetObject", f"{BUCKET}/a")]),
        (
            "PUT",
            "/bucket/a",
            {"HTTP_IF_MATCH": '"e"'},
            [Demand("s3:PutObject", f"{BUCKET}/a"), Demand("s3:GetObject", f"{BUCKET}/a")],
        ),
        (
            "PUT",
            "/bucket/a",
            {"HTTP_X_AMZ_COPY_SOURCE": "/bucket/b"},
            [Demand("s3:PutObject", f"{BUCKET}/a"), Demand("s3:GetObject", f"{BUCKET}/b")],
        ),
        (
            "GET",
            "/bucket?list-type=2&prefix=a%2F",
            {},
            [Demand("s3:ListBucket", BUCKET, {"s3:prefix": "a/"})],
        ),
        ("GET", "/bucket?policy", {}, [Demand("s3:-", BUCKET)]),
        ("DELETE", "/bucket/a?uploadId=1", {}, [Demand("s3:AbortMultipartUpload", f"{BUCKET}/a")]),
    ],
)
def test_s3_demands(method: str, target: str, headers: Any, expected: list[Demand]) -> None:
    assert list(demands(environ(method, target, headers), "s3", "us-east-1")) == expected


def test_invoke_demands_the_qualified_function() -> None:
    arn = "arn:aws:lambda:us-east-1:123456789012:function:f"
    path = "/2015-03-31/functions/f/invocations?Qualifier=live"

    assert list(demands(environ("POST", path, {}), "lambda", "us-east-1")) == [
        Demand("lambda:InvokeFunction", f"{arn}:live")
    ]


def test_everything_else_demands_the_whole_service() -> None:
    (demand,) = demands(environ("POST", "/", {}), "iam", "us-east-1")
    statement = {"Effect": "Allow", "Action": "iam:CreateRole", "Resource": "*"}

    assert not allowed([statement], demand)
    assert allowed([{**statement, "Action": "iam:*"}], demand)


def environ(method: str, target: str, headers: dict[str, str]) -> dict[str, Any]:
    query = target.partition("?")[2]
    return {"REQUEST_METHOD": method, "REQUEST_URI": target, "QUERY_STRING": query, **headers}
