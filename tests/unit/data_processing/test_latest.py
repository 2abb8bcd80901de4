"""The latest version of a dataset is that of the job that was asked for last."""

from typing import Any

import pytest

from common.jobs import Lease
from common.problems import Unavailable
from data_processing import handler
from tests.unit.data_processing.function import DataProcessing
from tests.unit.function import Context
from tests.unit.model_training.function import ModelTraining

MONDAY = [{"x": row % 37, "y": str(row % 2)} for row in range(100)]
TUESDAY = [{"x": row % 37, "y": str(row % 2)} for row in range(120)]


def asked(function: DataProcessing, rows: list[dict[str, Any]]) -> str:
    job_id: str = function.call("POST", "/data_processing", function.request(rows)).body["job_id"]
    return job_id


def result(function: DataProcessing, job_id: str) -> dict[str, Any]:
    job = function.call("GET", "/data_processing/{job_id}", job_id=job_id).body
    found: dict[str, Any] = job["result"]
    return found


def version(function: DataProcessing, job_id: str) -> str:
    return str(result(function, job_id)["version"])


def latest(function: DataProcessing) -> str:
    found: str = function.call("GET", "/datasets/{dataset}", dataset="test").body["latest"]
    return found


def test_a_job_that_is_tried_again_does_not_bring_old_data_back(
    function: DataProcessing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monday = asked(function, MONDAY)
    function.queue.clear()
    with monkeypatch.context() as patch:
        patch.setattr(Lease, "succeed", _outage)
        with pytest.raises(Unavailable):
            handler.handler({"job_id": monday}, Context())
    tuesday = function.job(function.request(TUESDAY))["result"]["version"]

    handler.handler({"job_id": monday}, Context())

    assert latest(function) == tuesday != version(function, monday)


def test_events_that_lambda_starts_out_of_order(function: DataProcessing) -> None:
    monday, tuesday = asked(function, MONDAY), asked(function, TUESDAY)
    function.queue.reverse()
    function.deliver()
    assert latest(function) == version(function, tuesday) != version(function, monday)
    assert result(function, tuesday)["latest"] is True
    assert result(function, monday)["latest"] is False


def test_data_that_is_asked_for_again_is_the_latest_again(function: DataProcessing) -> None:
    monday = function.job(function.request(MONDAY))["result"]["version"]
    function.job(function.request(TUESDAY))
    function.job(function.request(MONDAY))
    assert latest(function) == monday


def _outage(lease: Lease, result: dict[str, Any]) -> None:
    raise Unavailable("S3 answers with 503.")


def test_a_late_job_leaves_what_was_made_after_the_deletion(function: DataProcessing) -> None:
    function.job(function.request(MONDAY))
    late = asked(function, TUESDAY)
    function.queue.clear()
    training = function.beside(ModelTraining)
    assert training.call("DELETE", "/datasets/{dataset}", dataset="test").status == 200
    made = function.job(function.request(TUESDAY))["result"]["version"]

    handler.handler({"job_id": late}, Context())

    job = function.call("GET", "/data_processing/{job_id}", job_id=late).body
    assert (job["status"], job["error"]["status"]) == ("FAILED", 409)
    listed = function.call("GET", "/datasets/{dataset}", dataset="test").body["versions"]
    assert [one["version"] for one in listed] == [made]
