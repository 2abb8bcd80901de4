import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any
from unittest.mock import patch

import boto3
import pytest
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.models import FakeKey, S3Backend, s3_backends
from moto.s3.utils import _VersionedKeyStore
from werkzeug.test import Client as Browser

from local.lambda_runtime.functions import ACCOUNT_ID
from local.moto_patches import s3
from local.moto_patches.patch import applied


def test_bucket_policy() -> None:
    client = boto3.client("s3")
    client.create_bucket(Bucket="bucket")
    statement = {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": ["arn:aws:s3:::bucket", "arn:aws:s3:::bucket/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    client.put_bucket_policy(Bucket="bucket", Policy=policy)

    with pytest.raises(client.exceptions.ClientError, match="403"):
        client.put_object(Bucket="bucket", Key="k", Body=b"x")
    with applied([s3.bucket_policy()]):
        client.put_object(Bucket="bucket", Key="k", Body=b"x")
        assert client.get_object(Bucket="bucket", Key="k")["Body"].read() == b"x"


def test_list_versions_while_others_delete() -> None:
    client = boto3.client("s3")
    client.create_bucket(Bucket="versioned")
    client.put_bucket_versioning(Bucket="versioned", VersioningConfiguration={"Status": "Enabled"})
    client.put_object(Bucket="versioned", Key="kept", Body=b"1")
    backend = s3_backends[ACCOUNT_ID]["aws"]

    class DeletesAsItIsRead(_VersionedKeyStore):
        """A store from which another request deletes a key once the listing has begun."""

        def _self_iterable(self) -> dict[str, Any]:
            names = super()._self_iterable()
            if "gone" in self:
                self.pop("gone")
            return dict(names)

    def listed() -> list[str]:
        client.put_object(Bucket="versioned", Key="gone", Body=b"1")
        bucket = backend.get_bucket("versioned")
        bucket.keys = DeletesAsItIsRead(bucket.keys)
        versions, *_ = backend.list_object_versions("versioned")
        return [version.name for version in versions]

    with pytest.raises(TypeError):
        listed()
    with applied([s3.list_versions_while_others_delete()]):
        assert listed() == ["kept"]


def test_forget_delete_markers() -> None:
    client = boto3.client("s3")
    client.create_bucket(Bucket="versioned")

    def emptied() -> list[Any]:
        where = {"Bucket": "versioned"}
        client.put_bucket_versioning(**where, VersioningConfiguration={"Status": "Enabled"})
        client.put_object(**where, Key="model", Body=b"1")
        client.delete_object(**where, Key="model")
        client.put_bucket_versioning(**where, VersioningConfiguration={"Status": "Suspended"})
        client.delete_object(**where, Key="model")
        found: list[Any] = client.list_object_versions(**where).get("DeleteMarkers", [])
        return found

    with pytest.raises(AttributeError, match="dispose"):
        emptied()
    with applied([s3.forget_delete_markers()]):
        assert emptied() == []


def test_close_silently() -> None:
    client = boto3.client("s3")
    client.create_bucket(Bucket="bucket")

    def stored() -> Any:
        client.put_object(Bucket="bucket", Key="k", Body=b"1")
        return s3_backends[ACCOUNT_ID]["aws"].get_object("bucket", "k")

    with pytest.warns(ResourceWarning, match="not disposed"):
        stored().__del__()
    with applied([s3.close_silently()]):
        key = stored()
        key.__del__()
    assert key._value_buffer.closed


@pytest.mark.parametrize("second", ["put", "delete", "complete"])
def test_put_one_at_a_time(second: str) -> None:
    client = boto3.client("s3")
    client.create_bucket(Bucket="bucket")
    client.put_bucket_versioning(Bucket="bucket", VersioningConfiguration={"Status": "Enabled"})
    where = {"Bucket": "bucket", "Key": "k"}
    meeting = threading.Barrier(2)

    def put(**condition: str) -> None:
        client.put_object(**where, Body=b"1", **condition)

    def delete(**condition: str) -> None:
        client.delete_object(**where, **condition)

    def complete(**condition: str) -> None:
        upload = client.create_multipart_upload(**where)["UploadId"]
        tag = client.upload_part(**where, UploadId=upload, PartNumber=1, Body=b"2")["ETag"]
        parts = {"Parts": [{"PartNumber": 1, "ETag": tag}]}
        client.complete_multipart_upload(
            **where, UploadId=upload, MultipartUpload=parts, **condition
        )

    def met(stock: Any) -> Any:
        def waits(self: Any, *args: Any, **kwargs: Any) -> Any:
            with suppress(threading.BrokenBarrierError):
                meeting.wait(timeout=0.5)
            return stock(self, *args, **kwargs)

        return waits

    def winners() -> int:
        """How many of two requests that meet between test and write are taken."""
        delete()
        condition = {"IfNoneMatch": "*"}
        if second == "delete":
            condition = {"IfMatch": client.put_object(**where, Body=b"0")["ETag"]}
        meeting.reset()

        def taken(request: Any) -> bool:
            try:
                request(**condition)
            except client.exceptions.ClientError:
                return False
            return True

        names = ("put_object", "delete_object", "complete_multipart_upload")
        steps = {name: met(getattr(S3Backend, name)) for name in names}
        requests = [put, {"put": put, "delete": delete, "complete": complete}[second]]
        with patch.multiple(S3Backend, **steps), ThreadPoolExecutor(2) as threads:
            return sum(threads.map(taken, requests))

    assert winners() == 2
    with applied([s3.put_one_at_a_time()]):
        assert winners() == 1


def test_ranged_reads() -> None:
    client = boto3.client("s3")
    client.create_bucket(Bucket="bucket")
    client.put_object(Bucket="bucket", Key="a b", Body=b"0123456789")
    whole_reads: list[None] = []

    def value(self: Any) -> bytes:
        whole_reads.append(None)
        return b"0123456789"

    def read(app: Any, span: str, **headers: str) -> tuple[int, bytes, str | None]:
        scope = "AWS4-HMAC-SHA256 Credential=test/20250101/us-east-1/s3/aws4_request"
        given = {"Range": span, "Authorization": scope, **headers}
        answer = Browser(app).get("/bucket/a%20b", headers=given)
        return answer.status_code, answer.data, answer.headers.get("Content-Range")

    stock = DomainDispatcherApplication(create_backend_app)
    patched = s3.ranged_reads(stock)
    with patch.object(FakeKey, "value", property(value)):
        assert read(stock, "bytes=2-4") == (206, b"234", "bytes 2-4/10")
        assert len(whole_reads) > 0
        whole_reads.clear()
        assert read(patched, "bytes=2-4") == (206, b"234", "bytes 2-4/10")
        assert read(patched, "bytes=8-99") == (206, b"89", "bytes 8-9/10")
        assert read(patched, "bytes=-3") == (206, b"789", "bytes 7-9/10")
        assert whole_reads == []
    for span, more in (("bytes=99-", {}), ("nonsense=1-2", {}), ("bytes=1-2", {"If-Match": '"x"'})):
        assert read(patched, span, **more)[0] == read(stock, span, **more)[0]


def test_delete_what_was_meant() -> None:
    client = boto3.client("s3")
    client.create_bucket(Bucket="bucket")
    meant = client.put_object(Bucket="bucket", Key="anew", Body=b"1")["ETag"]

    def removed(*keys: str) -> tuple[set[str], set[tuple[str, str]]]:
        for key in ("anew", "whatever"):
            client.put_object(Bucket="bucket", Key=key, Body=b"2")
        asked = [{"Key": key, "ETag": meant} for key in keys]
        answer = client.delete_objects(
            Bucket="bucket", Delete={"Objects": [*asked, {"Key": "whatever"}]}
        )
        failed = {(error["Key"], error["Code"]) for error in answer.get("Errors", ())}
        return {one["Key"] for one in answer["Deleted"]}, failed

    assert removed("anew") == ({"anew", "whatever"}, set())
    with applied([s3.delete_what_was_meant()]):
        failed = {("anew", "PreconditionFailed"), ("gone", "NoSuchKey")}
        assert removed("anew", "gone") == ({"whatever"}, failed)
        client.put_object(Bucket="bucket", Key="anew", Body=b"1")
        client.delete_objects(Bucket="bucket", Delete={"Objects": [{"Key": "anew", "ETag": meant}]})
        assert "Contents" not in client.list_objects_v2(Bucket="bucket")
