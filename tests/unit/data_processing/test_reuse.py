"""A repeated request repairs the files of a version that were lost or altered."""

import hashlib
import json
from typing import Any

import msgspec
import pytest

from common.datasets import DatasetManifest, manifest_key
from data_processing import reuse
from tests.unit.data_processing.function import DataProcessing
from tests.unit.function import BUCKET
from tests.unit.model_training.function import ModelTraining

TABLE = b"x,y,z\n" + b"".join(
    b"%d,%s,%d\n" % (n * 7 % 40, b"yes" if n % 3 else b"no", n % 5) for n in range(60)
)
ALL = ("rejected.csv", "train.arrow", "validation.parquet", "test.arrow", "manifest.json")


def damage(function: DataProcessing, key: str, how: str) -> None:
    if how == "lost":
        function.s3.delete_object(Bucket=BUCKET, Key=key)
        return
    body = function.get(key)
    changed = {"altered": body[:-1] + b"!", "cut": body[: len(body) // 2], "emptied": b""}[how]
    function.s3.put_object(Bucket=BUCKET, Key=key, Body=changed)


def files(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    decoded = msgspec.convert(manifest, DatasetManifest)
    found: list[dict[str, Any]] = msgspec.to_builtins(list(reuse.files_of(decoded)))
    return found


def as_written(function: DataProcessing, file: dict[str, Any]) -> bool:
    body = function.get(file["key"])
    return (len(body), hashlib.sha256(body).hexdigest()) == (file["bytes"], file["sha256"])


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("how", ["lost", "altered", "cut", "emptied"])
def test_what_is_damaged_is_made_anew(function: DataProcessing, name: str, how: str) -> None:
    before = function.process(TABLE)
    manifest = manifest_key("test", before["version"])
    keys = [*(file["key"] for file in files(before)), manifest]
    (key,) = [key for key in keys if key.endswith(f"/{name}")]
    damage(function, key, how)

    result = function.job(function.request(TABLE))["result"]

    lost_manifest = name == "manifest.json" and how == "lost"
    assert (result["version"], result["reused"]) == (before["version"], False)
    assert result["repaired"] == ([] if lost_manifest else [key])
    after = function.process(TABLE)
    assert {**after, "created_at": ""} == {**before, "created_at": ""}
    assert all(as_written(function, file) for file in files(after))
    again = function.job(function.request(TABLE))["result"]
    assert (again["reused"], again["repaired"]) == (True, [])


def test_what_the_manifest_gives_is_the_request_that_repairs(function: DataProcessing) -> None:
    """As training advises."""
    before = function.process(TABLE, exclude=[], duplicates="drop")
    key = before["splits"]["test"]["arrow"]["key"]
    damage(function, key, "altered")
    request = {
        "dataset": before["dataset"],
        "source": {"key": before["source"]["key"]},
        "task": before["task"],
        **before["options"],
    }
    result = function.job(request)["result"]
    assert (result["version"], result["repaired"]) == (before["version"], [key])


def test_files_that_come_out_differently_today_are_beside_those_of_before(
    function: DataProcessing,
) -> None:
    """Another release of a library writes other bytes: the manifest names the stored files."""
    before = function.process(TABLE)
    key = manifest_key("test", before["version"])
    old = {"key": before["splits"]["train"]["arrow"]["key"] + ".old", "bytes": 3, "sha256": "0"}
    before["splits"]["train"]["arrow"] = old
    function.s3.put_object(Bucket=BUCKET, Key=key, Body=msgspec.json.encode(before))

    result = function.job(function.request(TABLE))["result"]

    assert result["repaired"] == [old["key"]]
    after = function.process(TABLE)
    assert all(as_written(function, file) for file in files(after))


def test_versions_of_earlier_releases_are_reused_and_repaired(function: DataProcessing) -> None:
    """Their files are beside the manifest."""
    before = function.process(TABLE)
    key = manifest_key("test", before["version"])
    plain = [file["key"] for file in files(before)]
    document = function.get(key)
    for one in plain:
        prefix, _, name = one.rpartition("/")
        beside = f"{prefix.rpartition('/')[0]}/{name}"
        function.s3.put_object(Bucket=BUCKET, Key=beside, Body=function.get(one))
        function.s3.delete_object(Bucket=BUCKET, Key=one)
        document = document.replace(one.encode(), beside.encode())
    checked = json.loads(document)
    del checked["checksum"]
    function.s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps(checked))
    assert function.job(function.request(TABLE))["result"]["reused"]

    damage(function, beside, "lost")
    result = function.job(function.request(TABLE))["result"]

    assert (result["reused"], result["repaired"]) == (False, [beside])
    assert all(as_written(function, file) for file in files(function.process(TABLE)))


@pytest.mark.parametrize(
    ("was", "altered"),
    [
        ('"task":"classification"', '"task":"clas3ification"'),
        ('"target":"y"', '"target":"q"'),
        ('"role":"feature"', '"role":"ignored"'),
    ],
    ids=["task", "target", "role"],
)
def test_a_manifest_of_which_a_value_was_altered_is_made_anew(
    function: DataProcessing, was: str, altered: str
) -> None:
    before = function.process(TABLE)
    key = manifest_key("test", before["version"])
    document = function.get(key)
    changed = document.replace(was.encode(), altered.encode(), 1)
    assert changed != document
    function.s3.put_object(Bucket=BUCKET, Key=key, Body=changed)
    request = {"model": "m", "dataset": "test"}
    refused = function.beside(ModelTraining).call("POST", "/model_training", request)
    assert (refused.status, refused.body["title"]) == (500, "Stored object corrupted")

    result = function.job(function.request(TABLE))["result"]

    assert (result["reused"], result["repaired"]) == (False, [key])
    assert function.beside(ModelTraining).call("POST", "/model_training", request).status == 202


def test_whole_files_are_not_written_again(function: DataProcessing) -> None:
    before = function.process(TABLE)
    damaged, *others = [file["key"] for file in files(before)]
    tags = {key: function.s3.head_object(Bucket=BUCKET, Key=key)["VersionId"] for key in others}
    damage(function, damaged, "lost")
    function.process(TABLE)
    for key, version in tags.items():
        assert function.s3.head_object(Bucket=BUCKET, Key=key)["VersionId"] == version


def test_inline_rows_that_were_altered_are_put_back(function: DataProcessing) -> None:
    rows = [{"x": n * 7 % 40, "y": ("no", "yes", "yes")[n % 3]} for n in range(60)]
    first = function.job(function.request(rows))
    key = first["request"]["source"]["key"]
    whole = function.get(key)
    damage(function, key, "cut")

    again = function.job(function.request(rows))["result"]

    assert function.get(key) == whole
    assert (again["version"], again["reused"]) == (first["result"]["version"], True)
