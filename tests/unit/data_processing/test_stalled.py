"""A run that wakes up after its lease harms nothing that others have published meanwhile."""

import itertools
from pathlib import Path
from typing import Any

import pytest

import tasks
from data_processing import handler
from tests.unit.data_processing.function import DataProcessing
from tests.unit.data_processing.test_reuse import TABLE, as_written, files
from tests.unit.function import Context
from tests.unit.model_training.function import ModelTraining
from tests.unit.stalled import stall

WRITES = ["/rejected.csv", "/train.arrow", "/test.parquet", "/manifest.json", "/latest.json"]


@pytest.fixture
def differing(function: DataProcessing, monkeypatch: pytest.MonkeyPatch) -> DataProcessing:
    """Every run makes another file of the same data, as other releases of libraries would."""
    numbers, process = itertools.count(), tasks.processing("classification").process

    def marked(source: Path, options: Any, folder: Path, *rest: Any) -> Any:
        processed = process(source, options, folder, *rest)
        with (folder / "rejected.csv").open("a") as file:
            file.write(f"{next(numbers)}\n")
        return processed

    monkeypatch.setattr(tasks.processing("classification"), "process", marked)
    return function


def start(function: DataProcessing, **options: Any) -> dict[str, str]:
    answer = function.call("POST", "/data_processing", function.request(TABLE, **options))
    return {"job_id": answer.body["job_id"]}


@pytest.mark.parametrize("write", WRITES)
def test_what_another_run_has_published_stays_as_it_is(
    differing: DataProcessing, monkeypatch: pytest.MonkeyPatch, write: str
) -> None:
    function, event = differing, start(differing)
    stopped = stall(monkeypatch, write, lambda: handler.handler(event, Context()))

    handler.handler(event, Context())

    assert stopped
    job = function.call("GET", "/data_processing/{job_id}", job_id=event["job_id"]).body
    assert [attempt["outcome"] for attempt in job["attempts"]] == ["killed", "succeeded"]
    manifest = function.call(
        "GET",
        "/datasets/{dataset}/versions/{version}",
        dataset="test",
        version=job["result"]["version"],
    ).body
    assert all(as_written(function, file) for file in files(manifest))


@pytest.mark.parametrize("write", WRITES)
def test_what_was_deleted_meanwhile_stays_deleted(
    differing: DataProcessing, monkeypatch: pytest.MonkeyPatch, write: str
) -> None:
    function, training = differing, differing.beside(ModelTraining)
    other = function.process(TABLE, exclude=["z"])["version"]
    event = start(function)
    deleted: list[str] = []

    def delete(version: str) -> None:
        path = "/datasets/{dataset}/versions/{version}"
        answer = training.call("DELETE", path, dataset="test", version=version)
        assert answer.status == 200

    def meanwhile() -> None:
        handler.handler(event, Context())
        shown = function.call("GET", "/datasets/{dataset}", dataset="test").body
        deleted.extend(v["version"] for v in shown["versions"] if v["version"] != other)
        delete(*deleted)

    stopped = stall(monkeypatch, write, meanwhile)
    handler.handler(event, Context())

    assert stopped
    dataset = function.call("GET", "/datasets/{dataset}", dataset="test").body
    assert [one["version"] for one in dataset["versions"]] == [other]
    assert dataset["latest"] == other
    # Asked for again, the deletion takes what the stalled run has left.
    delete(*deleted)
    prefix = f"datasets/test/{deleted[0]}/"
    assert function.keys(prefix) == [f"{prefix}manifest.json"]


def test_a_stalled_run_does_not_bring_back_an_earlier_version(
    function: DataProcessing, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = start(function)

    def meanwhile() -> None:
        handler.handler(event, Context())
        handler.handler(start(function, exclude=["z"]), Context())

    stopped = stall(monkeypatch, "/latest.json", meanwhile)
    handler.handler(event, Context())

    assert stopped
    first = function.call("GET", "/data_processing/{job_id}", job_id=event["job_id"]).body[
        "result"
    ]["version"]
    dataset = function.call("GET", "/datasets/{dataset}", dataset="test").body
    assert dataset["latest"] != first
    assert len(dataset["versions"]) == 2
