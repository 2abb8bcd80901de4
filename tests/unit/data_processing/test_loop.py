"""From a request to a dataset version, through the API, an event, and a direct call."""

import hashlib
import io
import json
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from common.store import Store
from data_processing.handler import handler
from tests.unit.data_processing.function import DataProcessing
from tests.unit.function import BUCKET, Context
from tests.unit.model_training.function import ModelTraining
from tests.unit.tasks.images.making import zipped
from tests.unit.tasks.samples.face_recognition import source


def table(rows: int = 60) -> bytes:
    lines = [f"{i * 7 % 40},{'abc'[i % 3]},{i % 2}" for i in range(rows)]
    return ("x,color,y\n" + "\n".join(lines) + "\n").encode()


def inline(rows: int = 60) -> list[dict[str, Any]]:
    return [{"x": i * 7 % 40, "color": "abc"[i % 3], "y": i % 2} for i in range(rows)]


def test_a_file_becomes_a_dataset(function: DataProcessing) -> None:
    request = function.request(table())
    started = function.call("POST", "/data_processing", request)
    assert started.status == 202
    assert started.body["status"] == "PENDING"
    assert started.headers["Location"] == f"/data_processing/{started.body['job_id']}"
    assert function.queue == [started.body["job_id"]]

    function.deliver()
    job = function.call("GET", "/data_processing/{job_id}", job_id=started.body["job_id"]).body
    assert (job["status"], job["stage"], job["percent"]) == ("SUCCEEDED", "done", 100)
    assert job["result"]["rows"] == {"read": 60, "duplicates": 0, "rejected": 0, "used": 60}

    latest = function.call("GET", "/datasets/{dataset}", dataset="test").body
    assert latest["latest"] == job["result"]["version"]
    assert [version["version"] for version in latest["versions"]] == [latest["latest"]]
    listed = function.call("GET", "/datasets").body
    (row,) = listed["datasets"]
    assert (row["dataset"], row["latest"]) == ("test", latest["latest"])
    seconds = [at[:19] for at in (job["started_at"], row["created_at"], job["finished_at"])]
    assert seconds == sorted(seconds)
    (shown,) = function.call("GET", "/data_processing").body["jobs"]
    assert (shown["job_id"], shown["result"]["rows"]["used"]) == (job["job_id"], 60)


def test_every_file_has_the_size_and_hash_that_the_manifest_says(function: DataProcessing) -> None:
    manifest = function.process(table())
    files = [manifest["rejected"]["file"]]
    for split in manifest["splits"].values():
        files += [split["arrow"], split["parquet"]]
    assert len({file["key"] for file in files}) == 7
    for file in files:
        content = function.get(file["key"])
        assert len(content) == file["bytes"]
        assert hashlib.sha256(content).hexdigest() == file["sha256"]


def test_a_direct_call_waits_for_the_end(function: DataProcessing) -> None:
    job = handler(function.request(inline()), Context())
    assert job["status"] == "SUCCEEDED"
    assert job["result"]["rows"]["used"] == 60
    assert not function.queue


def test_a_direct_call_answers_a_bad_request_with_the_problem(function: DataProcessing) -> None:
    problem = handler({"dataset": "test", "source": {"rows": []}, "task": "x"}, Context())
    assert problem["status"] == 422


def test_a_direct_call_of_what_no_text_can_be_is_told_so(function: DataProcessing) -> None:
    half = "\ud800"
    for event in (
        {"job_id": half},
        {half: 1},
        function.request(inline()) | {"target": half},
        function.request(inline()) | {"dataset": half},
    ):
        assert handler(event, Context())["status"] in (400, 422)


@pytest.mark.parametrize("job_id", [None, 5, [], "", "../x", "a" * 5000, "a\nb"])
def test_a_direct_call_with_the_id_of_no_job_is_told_so(
    function: DataProcessing, job_id: Any
) -> None:
    assert handler({"job_id": job_id}, Context())["status"] in (400, 422)


def directly(request: dict[str, Any], seconds: float = 900.0, **options: Any) -> dict[str, Any]:
    answer: dict[str, Any] = handler({**request, "invocation": options}, Context(seconds))
    return answer


def test_a_direct_call_need_not_wait(function: DataProcessing) -> None:
    started = directly(function.request(inline()), wait=False)
    assert (started["status"], function.queue) == ("PENDING", [started["job_id"]])
    assert "invocation" not in started["request"]

    function.deliver()
    path = "/data_processing/{job_id}"
    ended = function.call("GET", path, job_id=started["job_id"]).body
    assert ended["status"] == "SUCCEEDED"


def test_a_direct_call_that_a_client_sends_again_is_one_job(function: DataProcessing) -> None:
    request = function.request(inline())
    calls = [directly(request, idempotency_key="k1", wait=wait) for wait in (False, True, False)]
    assert len({one["job_id"] for one in calls}) == 1
    assert [one["status"] for one in calls] == ["PENDING", "SUCCEEDED", "SUCCEEDED"]
    assert directly({**request, "target": "x"}, idempotency_key="k1")["status"] == 422
    other = function.call("POST", "/data_processing", request, {"Idempotency-Key": "k1"})
    assert other.body["job_id"] != calls[0]["job_id"]


def test_a_direct_event_that_lambda_delivers_again_is_one_job(function: DataProcessing) -> None:
    request, context = function.request(inline()), Context()
    assert handler(request, context)["job_id"] == handler(request, context)["job_id"]
    assert handler(request, Context())["job_id"] != handler(request, context)["job_id"]


def test_a_direct_call_raises_the_error_of_its_job_where_the_caller_asks_for_it(
    function: DataProcessing,
) -> None:
    request = function.request([{"x": 1, "y": "a"}] * 3)
    failed = directly(request, idempotency_key="k1")
    assert (failed["status"], failed["error"]["status"]) == ("FAILED", 422)

    with pytest.raises(Exception, match="Job ") as raised:
        directly(request, idempotency_key="k1", raise_errors=True)
    assert type(raised.value).__name__ == "UnprocessableContent"
    problem = json.loads(str(raised.value))
    assert problem["status"] == 422
    assert problem["detail"] == f"Job {failed['job_id']} failed. {failed['error']['detail']}"


def test_the_same_source_and_options_are_the_same_version(function: DataProcessing) -> None:
    first = function.job(function.request(table()))
    other = function.job(function.request(table(), exclude=["color"]))
    again = function.job(function.request(table()))
    assert not first["result"]["reused"]
    assert again["result"]["reused"]
    assert again["result"]["version"] == first["result"]["version"] != other["result"]["version"]
    assert again["result"]["repaired"] == []
    latest = function.call("GET", "/datasets/{dataset}", dataset="test").body
    assert latest["latest"] == first["result"]["version"]
    assert len(latest["versions"]) == 2


def test_files_are_the_same_byte_for_byte_when_made_again(function: DataProcessing) -> None:
    def hashes() -> list[str]:
        splits = function.process(table(500))["splits"].values()
        return [split[kind]["sha256"] for split in splits for kind in ("arrow", "parquet")]

    first = hashes()
    for entry in function.s3.list_objects_v2(Bucket=BUCKET, Prefix="datasets/")["Contents"]:
        function.s3.delete_object(Bucket=BUCKET, Key=entry["Key"])
    assert hashes() == first


def test_inline_rows_are_kept_as_a_raw_object(function: DataProcessing) -> None:
    job = function.job(function.request(inline()))
    key = job["request"]["source"]["key"]
    assert key.startswith("raw/test/inline-")
    assert function.get(key).count(b"\n") == 60
    assert "rows" not in job["request"]["source"]


def test_rows_and_a_file_with_the_same_values_are_the_same_data(function: DataProcessing) -> None:
    from_file, from_rows = function.process(table()), function.process(inline())
    for split in ("train", "validation", "test"):
        kinds = from_file["splits"][split], from_rows["splits"][split]
        assert kinds[0]["rows"] == kinds[1]["rows"]
        assert kinds[0]["target"] == kinds[1]["target"]


def test_nothing_is_left_on_the_disk(
    function: DataProcessing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    function.process(table())
    assert not list(tmp_path.iterdir())


def tags(function: DataProcessing, key: str) -> dict[str, str]:
    found = function.s3.get_object_tagging(Bucket=BUCKET, Key=key)["TagSet"]
    return {tag["Key"]: tag["Value"] for tag in found}


@pytest.mark.parametrize("options", [{}, {"keep_images": False}, {"keep_images": True}])
def test_photos_of_people_are_tagged_to_be_removed_unless_they_are_to_be_kept(
    function: DataProcessing, options: dict[str, bool]
) -> None:
    request = function.request(source(0), task="face_recognition", target="person", **options)
    first = function.job(request)["result"]
    manifest = function.call(
        "GET", "/datasets/{dataset}/versions/{version}", dataset="test", version=first["version"]
    ).body
    sides = manifest["splits"].values()
    files = [side[kind]["key"] for side in sides for kind in ("arrow", "parquet")]
    expected = {} if options.get("keep_images") else {"lifetime": "short"}
    kept = {"lifetime": "kept"} if options.get("keep_images") else expected
    assert tags(function, request["source"]["key"]) == kept
    assert [tags(function, key) for key in files] == [expected] * 6
    damaged, *others = files
    function.s3.put_object(Bucket=BUCKET, Key=damaged, Body=function.get(damaged)[:100])
    for key in others:  # as the bucket's lifecycle rule would
        function.s3.delete_object(Bucket=BUCKET, Key=key)
    again = function.job(request)["result"]
    assert again["version"] == first["version"]
    assert not again["reused"]
    assert sorted(again["repaired"]) == sorted(files)
    assert [tags(function, key) for key in files] == [expected] * 6

    def writes() -> list[str]:
        return [function.s3.head_object(Bucket=BUCKET, Key=key)["VersionId"] for key in files]

    before = writes()
    third = function.job(request)["result"]
    assert (third["reused"], third["repaired"]) == (True, [])
    is_new = [one != other for one, other in zip(before, writes(), strict=True)]
    assert is_new == [bool(expected)] * 6  # files that are not kept expire in a day


@pytest.mark.parametrize("keep", [False, True])
def test_training_on_photos_whose_time_is_over_advises_what_helps(
    function: DataProcessing, keep: bool
) -> None:
    request = function.request(source(0), task="face_recognition", target="person")
    version = function.job({**request, "keep_images": keep})["result"]["version"]
    for key in function.keys(f"datasets/test/{version}/"):
        if key.endswith(".arrow"):
            function.s3.delete_object(Bucket=BUCKET, Key=key)

    problem = function.beside(ModelTraining).job({"model": "staff", "dataset": "test"})["error"]

    assert problem["status"] == (500 if keep else 422)
    advice = "makes anew what is missing" if keep else "Upload the archive again"
    assert advice in problem["detail"]


def test_photos_of_people_that_cannot_be_used_are_removed_as_well(
    function: DataProcessing,
) -> None:
    request = function.request(zipped({"a.jpg": b"cut"}), task="face_recognition", target="person")
    assert function.job(request)["status"] == "FAILED"
    assert tags(function, request["source"]["key"]) == {"lifetime": "short"}


def test_photos_whose_names_have_no_suffix_are_removed_as_well(function: DataProcessing) -> None:
    with zipfile.ZipFile(io.BytesIO(source(0))) as archive:
        photos = [name for name in archive.namelist() if name.endswith(".png")]
        renamed = {name.removesuffix(".png"): archive.read(name) for name in photos}
    request = function.request(zipped(renamed), task="face_recognition", target="person")
    assert function.job(request)["status"] == "SUCCEEDED"
    assert tags(function, request["source"]["key"]) == {"lifetime": "short"}


@pytest.mark.parametrize(
    "sent",
    [
        table(),
        zipped({"[Content_Types].xml": b"", "xl/workbook.xml": b"", "xl/media/image1.png": b""}),
        zipped({"model.onnx": b"", "manifest.json": b""}),
    ],
)
def test_a_mistaken_task_removes_no_data(function: DataProcessing, sent: bytes) -> None:
    request = function.request(sent, task="face_recognition", target="person")
    assert function.job(request)["status"] == "FAILED"
    assert tags(function, request["source"]["key"]) == {}


def test_photos_of_people_that_are_to_be_kept_after_all_stay(function: DataProcessing) -> None:
    request = function.request(source(0), task="face_recognition", target="person")
    function.job(request)
    assert tags(function, request["source"]["key"]) == {"lifetime": "short"}
    function.job({**request, "keep_images": True})
    assert tags(function, request["source"]["key"]) == {"lifetime": "kept"}
    function.job(request)
    assert tags(function, request["source"]["key"]) == {"lifetime": "short"}


def test_of_several_jobs_the_one_asked_for_last_says_whether_photos_stay(
    function: DataProcessing,
) -> None:
    request = function.request(source(0), task="face_recognition", target="person")
    key = request["source"]["key"]
    function.call("POST", "/data_processing", request)
    older = function.queue.pop()
    function.job({**request, "keep_images": True})

    function.queue.append(older)
    function.deliver()

    assert tags(function, key) == {"lifetime": "kept"}


def test_a_run_that_is_stopped_while_it_tags_photos_undoes_no_later_request(
    function: DataProcessing, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = function.request(source(0), task="face_recognition", target="person")
    function.call("POST", "/data_processing", request)
    older = function.queue.pop()
    tag, waiting = Store.tag, [{**request, "keep_images": True}]

    def slowly(self: Store, key: str, tags: Mapping[str, str]) -> None:
        if waiting:
            function.job(waiting.pop())
        tag(self, key, tags)

    monkeypatch.setattr(Store, "tag", slowly)
    function.queue.append(older)
    function.deliver()

    assert not waiting
    assert tags(function, request["source"]["key"]) == {"lifetime": "kept"}


@pytest.mark.parametrize("body", [b"", b"{}", b"[]"])
def test_a_record_of_photos_that_is_damaged_is_written_anew(
    function: DataProcessing, body: bytes
) -> None:
    request = function.request(source(0), task="face_recognition", target="person")
    function.job({**request, "keep_images": True})
    (record,) = (
        one["Key"]
        for one in function.s3.list_objects_v2(Bucket=BUCKET, Prefix="jobs/")["Contents"]
        if one["Key"].endswith(".lifetime")
    )
    function.s3.put_object(Bucket=BUCKET, Key=record, Body=body)

    function.job(request)

    assert tags(function, request["source"]["key"]) == {"lifetime": "short"}
