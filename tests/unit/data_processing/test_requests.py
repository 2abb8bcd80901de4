"""Requests that are refused, each with a pointer to the field that does not fit."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.unit.data_processing.function import DataProcessing
from tests.unit.function import BUCKET, Answer

ROWS = [{"x": i * 7 % 40, "y": i % 2} for i in range(60)]


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"dataset": "Churn"}, "/dataset"),
        ({"task": "clustering"}, "/task"),
        ({"target": None}, "/target"),
        ({"source": {}}, "/source"),
        ({"source": {"key": "raw/a", "rows": []}}, "/source"),
        ({"source": {"rows": []}}, "/source/rows"),
        ({"source": {"rows": [1]}}, "/source/rows/0"),
        ({"source": {"key": "models/a/model.onnx"}}, "/source/key"),
        ({"source": {"key": "raw/none.csv"}}, "/source/key"),
        ({"source": {"url": "x"}}, "/source/url"),
        ({"types": {"x": "float"}}, "/types"),
        ({"split": {"train": 1.5}}, "/split/train"),
        ({"split": {"train": 0.5}}, "/split"),
        ({"csv": {"delimiter": ",,"}}, "/csv/delimiter"),
        ({"csv": {"delimiter": ",", "quote": ","}}, "/csv"),
        ({"csv": {"delimiter": "\n"}}, "/csv"),
        ({"csv": {"quote": "\0"}}, "/csv"),
        ({"csv": {"quote": "\u00ab"}}, "/csv"),
        ({"source": {"key": "raw/\0"}}, "/source/key"),
        ({"source": {"key": "raw/" + "x" * 3_000_000}}, "/source/key"),
        ({"source": {"key": "raw/" + "\u732b" * 500}}, "/source/key"),
        ({"source": {"key": []}}, "/source/key"),
        ({"target": "x" * 2_500_000}, "/target"),
        ({"types": {"x": "b' - at `$.a[...]`"}}, "/types/x"),
        ({"types": {"": "numbers"}}, "/types/"),
        ({"": 1}, "/"),
        ({"task": "recommendation", "min_item_users": 2**127}, "/min_item_users"),
        ({"task": "recommendation", "min_user_items": 10**400}, "/min_user_items"),
        ({"task": "recommendation", "min_rating": 10**400}, "/min_rating"),
        ({"format": "xls"}, "/format"),
        ({"text": "x"}, "/text"),
        ({"unknown": 1}, "/unknown"),
    ],
)
def test_a_bad_field_is_pointed_at(
    function: DataProcessing, changes: dict[str, Any], pointer: str
) -> None:
    request = {**function.request(ROWS), **changes}
    if request["task"] == "recommendation":
        del request["target"]
    answer = function.call("POST", "/data_processing", request)
    assert answer.status == 422
    assert answer.body["errors"][0]["pointer"].startswith(pointer)
    assert not function.queue


def test_all_bad_fields_are_pointed_at(function: DataProcessing) -> None:
    request = {
        "dataset": "Churn",
        "source": {},
        "task": "classification",
        "split": {"by": "time", "train": 2},
        "csv": {"delimiter": "\n"},
        "types": {"x": "float", "y": "number"},
        "unknown": 1,
    }
    answer = function.call("POST", "/data_processing", request)
    assert answer.status == 422
    assert [error["pointer"] for error in answer.body["errors"]] == [
        "/dataset",
        "/source",
        "/csv",
        "/types/x",
        "/split/train",
        "/unknown",
        "/target",
    ]
    assert answer.body["detail"].endswith("; 6 other fields do not fit either")


@pytest.mark.parametrize("task", [None, "clustering", 1, []])
def test_without_a_task_only_the_fields_of_all_tasks_are_pointed_at(
    function: DataProcessing, task: Any
) -> None:
    request = {"dataset": "Churn", "source": {"key": 1}, "task": task, "unknown": 1}
    answer = function.call("POST", "/data_processing", request)
    assert [error["pointer"] for error in answer.body["errors"]] == [
        "/dataset",
        "/source/key",
        "/task",
    ]


@pytest.mark.parametrize(
    ("split", "pointer", "detail"),
    [
        ({"by": "time"}, "/split/column", "a split by time needs the column that holds the time"),
        ({"by": "rows", "column": "x"}, "/split/column", "a split by rows takes no column: leave"),
        ({"train": 0.5}, "/split", "train, validation and test are (0.5, None, None): give all"),
        ({"column": "x", "train": 0.5}, "/split", "shares and a column without by cannot be"),
    ],
)
def test_options_that_do_not_go_together_are_pointed_at(
    function: DataProcessing, split: dict[str, Any], pointer: str, detail: str
) -> None:
    request = {**function.request(ROWS), "split": split, "unknown": 1}
    answer = function.call("POST", "/data_processing", request)
    first, second = answer.body["errors"]
    assert (first["pointer"], second["pointer"]) == (pointer, "/unknown")
    assert first["detail"].startswith(detail)


def test_an_upload_that_is_too_large_and_has_no_plain_name_is_told_both(
    function: DataProcessing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAX_UPLOAD_BYTES", "100")
    request = {"dataset": "churn", "filename": "../x.csv", "bytes": 101}
    answer = function.call("POST", "/data_processing/uploads", request)
    assert [error["pointer"] for error in answer.body["errors"]] == ["/filename", "/bytes"]


def test_all_bad_parameters_of_a_list_are_pointed_at(function: DataProcessing) -> None:
    query = {"limit": "0", "after": "?"}
    answer = function.call("GET", "/datasets", query=query)
    assert [error["pointer"] for error in answer.body["errors"]] == ["/limit", "/after"]


@pytest.mark.parametrize(
    "csv", [{"quote": ","}, {"quote": "\t"}, {"delimiter": '"'}, {"quote": ";"}, {"quote": "|"}]
)
def test_a_mark_that_the_file_uses_for_something_else_is_the_callers_mistake(
    function: DataProcessing, csv: dict[str, str]
) -> None:
    for first_line in (b"", b"sep=,\n"):
        content = (
            first_line + b"x,y\n" + b"".join(b"%d,%d\n" % (i * 7 % 40, i % 2) for i in range(60))
        )
        job = function.job(function.request(content, csv=csv))
        assert job["status"] == "SUCCEEDED" or job["error"]["status"] == 422


def test_what_is_not_there_is_not_found(function: DataProcessing) -> None:
    assert function.call("GET", "/data_processing/{job_id}", job_id="a" * 32).status == 404
    assert function.call("GET", "/datasets/{dataset}", dataset="none").status == 404
    found = function.call(
        "GET", "/datasets/{dataset}/versions/{version}", dataset="none", version="v"
    )
    assert found.status == 404


def test_the_same_idempotency_key_is_the_same_job(function: DataProcessing) -> None:
    headers = {"Idempotency-Key": "k1"}
    request = function.request(ROWS)
    first, again = (function.call("POST", "/data_processing", request, headers) for _ in "12")
    assert first.body["job_id"] == again.body["job_id"]
    function.deliver()  # both deliveries
    other = function.call("POST", "/data_processing", {**request, "target": "x"}, headers)
    assert other.status == 422
    ended = function.call("POST", "/data_processing", request, headers)
    assert ended.body["status"] == "SUCCEEDED"


def test_an_idempotency_key_belongs_to_its_caller(function: DataProcessing) -> None:
    def start(caller: str, **changes: Any) -> Answer:
        request = {**function.request(ROWS), **changes}
        headers = {"Idempotency-Key": "nightly-2026-11-27"}
        return function.call("POST", "/data_processing", request, headers, caller)

    strangers = start("arn:aws:iam::111122223333:user/mallory", target="x")
    mine, again = (start(f"arn:aws:sts::111122223333:assumed-role/Ann/{n}") for n in "12")

    assert {one.status for one in (strangers, mine, again)} == {202}
    assert strangers.body["job_id"] != mine.body["job_id"] == again.body["job_id"]


@pytest.mark.parametrize("name", ["data.csv", "Daten für März (2).csv", "数据.jsonl.gz"])
def test_an_upload_gets_a_key_of_its_own(function: DataProcessing, name: str) -> None:
    request = {"dataset": "churn", "filename": name}
    answer = function.call("POST", "/data_processing/uploads", request)
    assert answer.status == 201
    assert (answer.body["method"], answer.body["headers"]) == ("PUT", {"If-None-Match": "*"})
    folder, dataset, upload, filename = answer.body["key"].split("/")
    assert (folder, dataset, filename) == ("raw", "churn", name)
    again = function.call("POST", "/data_processing/uploads", request)
    assert again.body["key"].split("/")[2] != upload
    assert BUCKET in answer.body["url"]


def test_an_upload_says_when_it_ends_and_what_it_takes(function: DataProcessing) -> None:
    request = {"dataset": "churn", "filename": "churn.csv"}
    any_size = function.call("POST", "/data_processing/uploads", request).body
    left = datetime.fromisoformat(any_size["expires_at"]) - datetime.now(UTC)
    assert timedelta(0) < left <= timedelta(seconds=any_size["expires_in"])
    assert f"X-Amz-Expires={any_size['expires_in']}&" in any_size["url"]
    assert any_size["max_bytes"] == 5 * 1024**3
    sized = function.call("POST", "/data_processing/uploads", {**request, "bytes": 12}).body
    assert (sized["max_bytes"], sized["headers"]["Content-Length"]) == (12, "12")


@pytest.mark.parametrize(
    ("limit", "size", "reason"),
    [
        (None, 5 * 1024**3 + 1, "<= 5368709120"),
        (None, -1, ">= 0"),
        (None, "12", "int"),
        (100, 101, "100 is the most"),
        (100, None, "give the size of the file"),
    ],
)
def test_a_file_that_is_too_large_is_refused_before_it_is_sent(
    function: DataProcessing,
    monkeypatch: pytest.MonkeyPatch,
    limit: int | None,
    size: Any,
    reason: str,
) -> None:
    if limit is not None:
        monkeypatch.setenv("MAX_UPLOAD_BYTES", str(limit))
    request = {"dataset": "churn", "filename": "churn.csv", "bytes": size}
    answer = function.call("POST", "/data_processing/uploads", request)
    assert answer.status == 422
    (error,) = answer.body["errors"]
    assert error["pointer"] == "/bytes"
    assert reason in error["detail"]


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x.csv", "a/b.csv", "a\\b", "a\nb", "a\0b", ".env", "x" * 300]
)
def test_a_file_name_that_is_more_than_a_name_is_refused(
    function: DataProcessing, name: str
) -> None:
    request = {"dataset": "churn", "filename": name}
    answer = function.call("POST", "/data_processing/uploads", request)
    assert answer.status == 422
    assert answer.body["errors"][0]["pointer"] == "/filename"


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("old.xls", "CSV, or .xlsx"),
        ("Daten.ODS", "CSV, or .xlsx"),
        ("data.csv.zst", "gzip"),
        ("report.pdf", "CSV, JSON Lines or Parquet"),
        ("shop.sqlite", "CSV, JSON Lines or Parquet"),
    ],
)
def test_a_file_that_no_task_reads_is_refused_before_it_is_sent(
    function: DataProcessing, name: str, instead: str
) -> None:
    request = {"dataset": "churn", "filename": name}
    answer = function.call("POST", "/data_processing/uploads", request)
    assert answer.status == 422
    assert instead in answer.body["errors"][0]["detail"]


@pytest.mark.parametrize(
    "name", ["a.xlsx", "a.zip", "a.tar", "a.tmx", "a.xml", "a.onnx", "a", "a.b"]
)
def test_files_that_some_task_reads_can_be_sent(function: DataProcessing, name: str) -> None:
    request = {"dataset": "churn", "filename": name}
    assert function.call("POST", "/data_processing/uploads", request).status == 201


def test_data_that_cannot_be_used_fails_the_job(function: DataProcessing) -> None:
    problem = function.failure(b"x,y\n1,a\n2,a\n")
    assert problem["status"] == 422
    assert "one class only" in problem["detail"]


def test_an_object_that_has_gone_fails_the_job(function: DataProcessing) -> None:
    request = function.request(b"x,y\n1,2\n")
    started = function.call("POST", "/data_processing", request)
    function.s3.delete_object(Bucket=BUCKET, Key=request["source"]["key"])
    function.deliver()
    path = "/data_processing/{job_id}"
    ended = function.call("GET", path, job_id=started.body["job_id"])
    assert ended.body["status"] == "FAILED"
    assert "upload it again" in ended.body["error"]["detail"]
