"""Zips that are missing or do not fit are told at plan time, with what to do."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from scripts.publish import publish
from tests.module.support import (
    VERSION,
    lock_provider,
    plan,
    planned_resources,
    run,
    run_well,
    write_artifacts,
)

pytestmark = pytest.mark.module


@pytest.fixture(scope="module")
def initialized(aws: str, checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("root")
    (root / "main.tf").write_text(f'module "ml" {{ source = "{checkout}" }}')
    lock_provider(root)
    run_well(root, "init", "-backend=false", "-input=false")
    return root


@pytest.fixture
def root(initialized: Path, checkout: Path) -> Path:
    """A root whose artifacts are in the folder artifacts beside it."""
    (initialized / "main.tf").write_text(f"""
        module "ml" {{
          source    = "{checkout}"
          name      = "ml"
          artifacts = {{ folder = "${{path.module}}/artifacts" }}
        }}
    """)
    write_artifacts(initialized / "artifacts")
    return initialized


def errors(root: Path) -> str:
    """What plan says in refusing, on one line."""
    result = run(root, "plan", "-input=false")
    assert result.returncode == 1, result.stdout
    assert result.stderr.count("Error:") == result.stderr.count("condition failed")
    return " ".join(line.strip("│╷╵ ") for line in result.stderr.splitlines())


def refusal(root: Path) -> str:
    """The only error of a plan."""
    message = errors(root)
    assert message.count("Error:") == 1, message
    return message


def test_every_zip_is_checked(root: Path) -> None:
    folder = root / "artifacts"
    write_artifacts(folder, module_version="0.0.1", python="3.12", architecture="arm64")
    (folder / "inference.zip").unlink()
    with (folder / "model_training.zip").open("ab") as file:
        file.write(b"!")
    message = errors(root)

    assert "lacks inference.zip or manifest.json. Run `make build` in the module's" in message
    assert "model_training.zip is not the file that its manifest.json describes" in message
    assert "data_processing.zip does not fit: it was built for version 0.0.1 of this" in message
    assert "it was built for Python 3.12, the functions run 3.13" in message
    assert "it was built for arm64, var.architecture is x86_64" in message
    assert "Run `make build ARCH=x86_64` again" in message


def test_networks_are_uploaded_where_they_are_named(root: Path) -> None:
    """What a machine happens to have neither uploads nor deletes any."""
    networks = root / "artifacts/backbones"
    networks.mkdir()
    (networks / "face_detector.onnx").write_bytes(b"")
    unnamed = (root / "main.tf").read_text()
    told = run_well(root, "plan", "-input=false")
    assert "aws_s3_object.backbone" not in told
    assert 'set backbones = ["face_detector"], or' in " ".join(told.replace("│", " ").split())

    def name(*names: str) -> None:
        text = unnamed.replace("artifacts =", f"backbones = {json.dumps(names)}\nartifacts =")
        (root / "main.tf").write_text(text)

    name()
    assert uploaded(plan(root)) == []
    name("face_detector")
    assert uploaded(plan(root)) == ["backbones/face_detector.onnx"]
    shutil.rmtree(networks)
    assert "backbones/face_detector.onnx is missing. Run `make backbones`" in refusal(root)


def uploaded(document: dict[str, Any]) -> list[str]:
    """The keys of networks that a plan uploads."""
    objects = [one for one in planned_resources(document) if one["type"] == "aws_s3_object"]
    return [one["values"]["key"] for one in objects if one["name"] == "backbone"]


@pytest.fixture
def bucket(aws: str, root: Path) -> Iterator[str]:
    """A bucket for published zips, which the root reads from."""
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="published")
    text = (root / "main.tf").read_text()
    old = 'artifacts = { folder = "${path.module}/artifacts" }'
    new = 'artifacts = { bucket = "published", prefix = "ml/" }'
    assert old in text
    (root / "main.tf").write_text(text.replace(old, new))
    yield "published"
    for one in s3.list_objects_v2(Bucket="published").get("Contents", []):
        s3.delete_object(Bucket="published", Key=one["Key"])
    s3.delete_bucket(Bucket="published")


def test_published_zips_are_read_where_they_are(root: Path, bucket: str) -> None:
    list(publish(boto3.client("s3"), root / "artifacts", bucket, "ml/"))
    manifest = json.loads((root / "artifacts/manifest.json").read_text())
    shutil.rmtree(root / "artifacts")  # nothing is built on the machine that plans

    changes = plan(root)["resource_changes"]
    created = [change["change"]["after"] | {"type": change["type"]} for change in changes]
    functions = [one for one in created if one["type"] == "aws_lambda_function"]
    assert {(one["s3_bucket"], one["s3_key"], one["source_code_hash"]) for one in functions} == {
        (bucket, f"ml/{function}/{built['sha256']}.zip", built["code_sha256"])
        for function, built in manifest.items()
    }
    buckets = [one["bucket"] for one in created if one["type"] == "aws_s3_bucket"]
    assert buckets == ["ml-data-123456789012-us-east-1"]


def test_not_published(root: Path, bucket: str) -> None:
    message = refusal(root)
    assert f"s3://published has no ml/manifest-{VERSION}-x86_64.json" in message
    assert "Run `make publish BUCKET=published PREFIX=ml/ ARCH=x86_64`" in message


def test_published_and_then_deleted(root: Path, bucket: str) -> None:
    s3 = boto3.client("s3")
    list(publish(s3, root / "artifacts", bucket, "ml/"))
    listed = s3.list_objects_v2(Bucket=bucket, Prefix="ml/inference/")["Contents"]
    s3.delete_object(Bucket=bucket, Key=listed[0]["Key"])
    message = refusal(root)
    assert f"s3://published lacks {listed[0]['Key']}, which its manifest names" in message


def test_published_manifest_of_something_else(root: Path, bucket: str) -> None:
    s3: Any = boto3.client("s3")
    write_artifacts(root / "artifacts", module_version="0.0.1")
    list(publish(s3, root / "artifacts", bucket, "ml/"))
    source = {"Bucket": bucket, "Key": "ml/manifest-0.0.1-x86_64.json"}
    s3.copy_object(Bucket=bucket, Key=f"ml/manifest-{VERSION}-x86_64.json", CopySource=source)
    message = errors(root)
    assert "inference.zip in s3://published does not fit" in message
    assert "it was built for version 0.0.1 of this module" in message
