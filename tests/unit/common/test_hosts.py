"""The hosts of S3, in every region and partition that botocore knows."""

from collections.abc import Iterator
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.session import get_session

from common.problems import Unavailable
from common.store import Store
from inference import s3

SESSION = get_session()
BUCKETS = ["ml-data", "acme.ml.data"]


def regions() -> Iterator[tuple[str, str]]:
    """Each region with its partition's DNS suffix, as Terraform's aws_partition has it."""
    for partition in SESSION.get_data("endpoints")["partitions"]:
        for region in SESSION.get_available_regions("lambda", partition["partition"]):
            yield region, partition["dnsSuffix"]


def expected(bucket: str, region: str) -> tuple[str, str]:
    """The host and path of an object by botocore's endpoint rules."""
    asked = {"Bucket": bucket, "Key": "k"}
    url = urlsplit(client(region).generate_presigned_url("get_object", asked, 60))
    assert url.scheme == "https"
    return url.netloc, url.path


@cache
def client(region: str) -> Any:
    styles = {"addressing_style": "virtual", "us_east_1_regional_endpoint": "regional"}
    config = Config(signature_version="s3v4", s3=styles)
    return boto3.client("s3", region_name=region, config=config)


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")


@pytest.mark.parametrize("bucket", BUCKETS)
def test_inference_asks_the_hosts_of_botocores_rules(
    monkeypatch: pytest.MonkeyPatch, bucket: str
) -> None:
    asked: list[tuple[str, str]] = []

    class Unconnected:
        def __init__(self, host: str, **more: Any) -> None:
            assert more["tls"]
            self.host = host

        def get(self, path: str, *arguments: Any, **more: Any) -> Any:
            asked.append((self.host, path))
            raise OSError("There is no network.")

        def close(self) -> None:
            pass

    monkeypatch.setattr(s3, "Connection", Unconnected)
    monkeypatch.setattr(s3, "_WAITS", (0.0,))
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    found = list(regions())
    for region, suffix in found:
        monkeypatch.setenv("AWS_REGION", region)
        monkeypatch.setenv("DNS_SUFFIX", suffix)
        with pytest.raises(Unavailable):
            s3.ReadOnlyStore.of_environment(bucket, "").get("k")
    assert len(found) > 40
    assert asked == [expected(bucket, region) for region, _ in found]


@pytest.mark.parametrize("bucket", BUCKETS)
def test_presigned_urls_name_the_hosts_of_botocores_rules(
    monkeypatch: pytest.MonkeyPatch, bucket: str
) -> None:
    for region, _ in regions():
        monkeypatch.setenv("AWS_DEFAULT_REGION", region)
        url = urlsplit(Store(bucket).presigned_put("k", 60).url)
        assert (url.netloc, url.path) == expected(bucket, region)
