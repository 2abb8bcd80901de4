"""Publish what `make build` has built to a bucket, where the module reads it (artifacts.bucket).

    python -m scripts.publish --bucket BUCKET [--prefix PREFIX] [--folder dist]

A zip's key is the hash of its content; the manifest, one per version and architecture, is written
last. Nothing is overwritten: what is there stays, and another manifest of the same version and
architecture is refused.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from scripts.archive import sha256
from scripts.functions import FUNCTIONS


class PublishError(Exception):
    """Something does not fit; the message says what to do."""


def main(arguments: list[str] | None = None) -> int:
    """Publish, with a line about each file; answers the exit status."""
    parser = argparse.ArgumentParser(prog="make publish", description="Publish the zips.")
    parser.add_argument("--bucket", required=True)
    parser.add_argument("--prefix", default="", help="of all keys, such as releases/")
    parser.add_argument("--folder", type=Path, default=Path("dist"))
    options = parser.parse_args(arguments)
    try:
        for line in publish(boto3.client("s3"), options.folder, options.bucket, options.prefix):
            print(line)
    except (PublishError, BotoCoreError, ClientError) as error:
        print(f"make publish: {error}", file=sys.stderr)
        return 1
    return 0


def publish(s3: Any, folder: Path, bucket: str, prefix: str) -> Iterator[str]:
    """Write the zips, then their manifest. Raises PublishError."""
    manifest = read_manifest(folder)
    for function, built in manifest.items():
        key = f"{prefix}{function}/{built['sha256']}.zip"
        checksum = {"ChecksumSHA256": built["code_sha256"]}
        with (folder / f"{function}.zip").open("rb") as zipped:
            new = put_new(s3, bucket, key, zipped, ContentType="application/zip", **checksum)
        yield f"{'published' if new else 'there already'}  s3://{bucket}/{key}"
    yield f"{put_manifest(s3, bucket, prefix, manifest)}  in Terraform: {terraform(bucket, prefix)}"


def read_manifest(folder: Path) -> dict[str, dict[str, Any]]:
    """The folder's manifest, once its zips are what it says. Raises PublishError."""
    missing = [
        name
        for name in ("manifest.json", *(f"{function}.zip" for function in FUNCTIONS))
        if not (folder / name).is_file()
    ]
    if missing:
        raise PublishError(f"{folder} lacks {', '.join(missing)}: run `make build`")
    manifest: dict[str, dict[str, Any]] = json.loads((folder / "manifest.json").read_text())
    for function in FUNCTIONS:
        if sha256(folder / f"{function}.zip") != manifest[function]["sha256"]:
            raise PublishError(
                f"{folder}/{function}.zip is not the file that manifest.json describes: "
                "run `make build` again"
            )
    return manifest


def put_manifest(s3: Any, bucket: str, prefix: str, manifest: dict[str, dict[str, Any]]) -> str:
    """Write the manifest under its version and architecture; says whether it is new."""
    built = next(iter(manifest.values()))
    key = f"{prefix}manifest-{built['module_version']}-{built['architecture']}.json"
    body = json.dumps(manifest, indent=2, sort_keys=True).encode() + b"\n"
    if put_new(s3, bucket, key, body, ContentType="application/json"):
        return "published"
    if s3.get_object(Bucket=bucket, Key=key)["Body"].read() == body:
        return "there already"
    raise PublishError(
        f"s3://{bucket}/{key} describes other zips, which someone may have deployed: raise "
        "VERSION and build again, or choose another PREFIX"
    )


def put_new(s3: Any, bucket: str, key: str, body: Any, **parameters: str) -> bool:
    """Write an object that is not there yet; answers whether it was written."""
    try:
        s3.put_object(Bucket=bucket, Key=key, Body=body, IfNoneMatch="*", **parameters)
    except ClientError as error:
        if error.response["Error"]["Code"] == "PreconditionFailed":
            return False
        raise
    return True


def terraform(bucket: str, prefix: str) -> str:
    """The input of the module that reads what was published."""
    return f'artifacts = {{ bucket = "{bucket}"' + (f', prefix = "{prefix}" }}' if prefix else " }")


if __name__ == "__main__":
    sys.exit(main())
