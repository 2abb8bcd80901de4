"""From a request to a published version, however often it is delivered and whatever is damaged."""

import hashlib
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import onnx
import pytest

import tasks
from common.jobs import WATCHDOG_SECONDS
from common.problems import Unavailable
from common.registry_writer import RegistryWriter
from model_training.handler import handler
from tasks import Trained, TrainingData
from tasks.framework.training.context import TrainingContext
from tests.unit.function import BUCKET, Context
from tests.unit.model_training.function import ModelTraining, request

SHARE = tasks.task("classification").training_time.share


def failing_once(method: Callable[..., Any]) -> Callable[..., Any]:
    """The method, behind an S3 that fails at the first call."""
    failures = iter([Unavailable("S3 is away. Try again later.")])

    def call(*arguments: Any, **named: Any) -> Any:
        if failure := next(failures, None):
            raise failure
        return method(*arguments, **named)

    return call


@pytest.fixture
def budgets(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that each training was given for its choice among candidates."""
    given: list[float] = []
    train = tasks.training("classification").train

    def watched(source: TrainingData, options: Any, context: TrainingContext) -> Trained:
        given.append(context.budget.seconds)
        return train(source, options, context)

    monkeypatch.setattr(tasks.training("classification"), "train", watched)
    return given


def test_a_dataset_becomes_a_live_model(function: ModelTraining) -> None:
    dataset = function.dataset()
    job = function.job(request(seed=7))
    assert (job["status"], job["stage"], job["percent"]) == ("SUCCEEDED", "done", 100)
    result = job["result"]
    assert (result["model"], result["selected"], result["promoted"]) == (
        "shop",
        "decision_tree",
        True,
    )
    assert result["metrics"]["accuracy"]["value"] > 0.95
    assert function.live() == [result["version"]]
    assert job["job_id"][-32:][:8] in result["version"]

    manifest = function.manifest(result["version"])
    assert (manifest.task, manifest.target, manifest.labels) == (
        "classification",
        "buys",
        ["no", "yes"],
    )
    rows = {split: info.rows for split, info in dataset.splits.items()}
    assert manifest.dataset == {"dataset": "shop", "version": "v1", "rows": rows}
    assert (manifest.lineage["seed"], manifest.lineage["job_id"]) == (7, job["job_id"])
    assert set(manifest.files) == {"model.onnx", "model.joblib"}
    for name, file in manifest.files.items():
        body = function.get(function.model_key(result["version"], name))
        assert (len(body), hashlib.sha256(body).hexdigest()) == (file.bytes, file.sha256)
        assert file.key is not None
        assert file.key.endswith(f"{result['version']}/{file.sha256[:16]}/{name}")
    graph = onnx.load_model_from_string(
        function.get(function.model_key(result["version"], "model.onnx"))
    )
    about = {one.key: one.value for one in graph.metadata_props}
    assert (about["model"], about["version"]) == ("shop", result["version"])
    assert msgspec.json.decode(about["libraries"]) == manifest.lineage["library_versions"]


def test_a_direct_call_waits_for_the_end(function: ModelTraining) -> None:
    function.dataset()
    job = handler(request(), Context())
    assert job["status"] == "SUCCEEDED"
    assert function.live() == [job["result"]["version"]]
    assert handler(request(dataset="none"), Context())["status"] == 404


def test_a_version_of_the_dataset_may_be_named(function: ModelTraining) -> None:
    function.dataset("v1")
    function.dataset("v2")
    result = function.train(dataset_version="v1")
    assert function.manifest(result["version"]).dataset["version"] == "v1"


def test_another_alias_leaves_the_live_one(function: ModelTraining) -> None:
    function.dataset()
    result = function.train(alias="canary")
    canary = function.registry.alias("shop", "canary")
    assert canary is not None
    assert canary.version == result["version"]
    assert function.live() == []


@pytest.mark.parametrize("fails", ["publish", "move"])
def test_a_retry_publishes_the_same_version_once(
    function: ModelTraining, monkeypatch: pytest.MonkeyPatch, budgets: list[float], fails: str
) -> None:
    function.dataset()
    started = function.call("POST", "/model_training", request()).body
    monkeypatch.setattr(RegistryWriter, fails, failing_once(getattr(RegistryWriter, fails)))
    event = {"job_id": started["job_id"]}
    with pytest.raises(Unavailable):  # so that Lambda sends the event again
        handler(event, Context())
    assert function.live() == []

    handler(event, Context())

    job = function.call("GET", "/model_training/{job_id}", job_id=started["job_id"]).body
    assert [attempt["outcome"] for attempt in job["attempts"]] == ["unavailable", "succeeded"]
    assert list(function.registry.versions("shop")) == [job["result"]["version"]]
    assert function.live() == [job["result"]["version"]]
    assert len(budgets) == (
        2 if fails == "publish" else 1
    )  # a published version is not trained again


@pytest.mark.parametrize(
    ("asked", "seconds", "given"),
    [
        (10, 900.0, 10.0),
        (900, 900.0, (900 - WATCHDOG_SECONDS) * SHARE),
        (300, 104.0, (104 - WATCHDOG_SECONDS) * SHARE),
    ],
)
def test_the_choice_ends_long_before_the_function(
    function: ModelTraining, budgets: list[float], asked: int, seconds: float, given: float
) -> None:
    function.dataset()
    function.job(request(time_budget_seconds=asked), seconds)
    assert budgets == [pytest.approx(given, abs=5)]
    assert budgets[0] <= given


def test_too_little_time_is_told_before_anything_is_fitted(
    function: ModelTraining, budgets: list[float]
) -> None:
    function.dataset()
    problem = function.failure(seconds=20)
    assert problem["status"] == 422
    assert "raise its timeout" in problem["detail"]
    assert not budgets


@pytest.mark.parametrize("damage", ["altered", "cut", "gone"])
def test_a_dataset_that_is_not_what_was_written_is_refused(
    function: ModelTraining, budgets: list[float], damage: str
) -> None:
    key = function.dataset().splits["validation"].arrow.key
    body = function.get(key)
    if damage == "gone":
        function.s3.delete_object(Bucket=BUCKET, Key=key)
    else:
        changed = body[:-1] if damage == "cut" else body[:-1] + b"\xff"
        function.s3.put_object(Bucket=BUCKET, Key=key, Body=changed)
    problem = function.failure()
    assert (problem["status"], problem["title"]) == (500, "Stored object corrupted")
    assert key in problem["detail"]
    assert "POST /data_processing again" in problem["detail"]
    assert "GET /datasets/shop/versions/v1" in problem["detail"]
    assert not budgets


def test_nothing_is_left_on_the_disk(
    function: ModelTraining, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    function.dataset()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    function.train()
    assert not list(tmp_path.iterdir())
