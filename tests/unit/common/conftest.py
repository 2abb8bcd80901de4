"""An S3 held in memory."""

from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from common.store import Store
from local.moto_patches.patch import applied
from local.moto_patches.s3 import put_one_at_a_time


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """An empty bucket, versioned as the module makes it."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws(), applied([put_one_at_a_time()]):
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket="data")
        # Without versions moto closes a file that another request is reading.
        s3.put_bucket_versioning(Bucket="data", VersioningConfiguration={"Status": "Enabled"})
        yield Store("data")
