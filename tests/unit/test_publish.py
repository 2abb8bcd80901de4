"""What is published, and that nothing published is ever replaced."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from scripts.functions import FUNCTIONS
from scripts.publish import PublishError, publish
from tests.module.support import VERSION, sha256, write_artifacts

MANIFEST = f"releases/manifest-{VERSION}-x86_64.json"


@pytest.fixture
def s3() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="artifacts")
        yield client


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_artifacts(tmp_path / "dist")
    return tmp_path / "dist"


def contents(s3: Any) -> dict[str, bytes]:
    listed = s3.list_objects_v2(Bucket="artifacts").get("Contents", [])
    return {
        one["Key"]: s3.get_object(Bucket="artifacts", Key=one["Key"])["Body"].read()
        for one in listed
    }


def test_keys_are_hashes_of_their_content_and_the_manifest_lies_beside_them(
    s3: Any, folder: Path
) -> None:
    *_, last = publish(s3, folder, "artifacts", "releases/")

    assert 'artifacts = { bucket = "artifacts", prefix = "releases/" }' in last
    zips = {
        f"releases/{function}/{sha256(folder / f'{function}.zip')}.zip": (
            folder / f"{function}.zip"
        ).read_bytes()
        for function in FUNCTIONS
    }
    found = contents(s3)
    manifest = json.loads(found.pop(MANIFEST))
    assert found == zips
    assert manifest == json.loads((folder / "manifest.json").read_text())


def test_publishing_again_writes_nothing(s3: Any, folder: Path) -> None:
    list(publish(s3, folder, "artifacts", "releases/"))
    before = contents(s3)
    lines = list(publish(s3, folder, "artifacts", "releases/"))
    assert [line.startswith("there already") for line in lines] == [True] * 4
    assert contents(s3) == before


def test_a_published_version_never_means_other_zips(s3: Any, folder: Path) -> None:
    list(publish(s3, folder, "artifacts", "releases/"))
    published = contents(s3)[MANIFEST]
    write_artifacts(folder, content="changed")
    with pytest.raises(PublishError, match="raise VERSION and build again"):
        list(publish(s3, folder, "artifacts", "releases/"))
    assert contents(s3)[MANIFEST] == published
    list(publish(s3, folder, "artifacts", ""))


def test_architectures_are_published_beside_each_other(s3: Any, folder: Path) -> None:
    list(publish(s3, folder, "artifacts", ""))
    write_artifacts(folder, content="arm", architecture="arm64")
    list(publish(s3, folder, "artifacts", ""))
    manifests = {f"manifest-{VERSION}-{machine}.json" for machine in ("x86_64", "arm64")}
    assert {key for key in contents(s3) if key.startswith("manifest")} == manifests


@pytest.mark.parametrize(
    ("break_it", "reason"),
    [
        (lambda folder: (folder / "inference.zip").unlink(), "lacks inference.zip: run"),
        (lambda folder: (folder / "manifest.json").unlink(), "lacks manifest.json: run"),
        (
            lambda folder: (folder / "inference.zip").write_bytes(b"other"),
            "inference.zip is not the file",
        ),
    ],
)
def test_what_is_not_whole_is_not_published(
    s3: Any, folder: Path, break_it: Any, reason: str
) -> None:
    break_it(folder)
    with pytest.raises(PublishError, match=reason):
        list(publish(s3, folder, "artifacts", ""))
    assert contents(s3) == {}
