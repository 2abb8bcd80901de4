"""A run that wakes up after its lease harms nothing that others have published meanwhile."""

import itertools
from typing import Any

import msgspec
import onnx
import pytest

import tasks
from common.newest import Page
from common.registry import moved
from inference import catalog
from model_training.handler import handler
from tests.unit.function import Context
from tests.unit.model_training.function import ModelTraining, request
from tests.unit.stalled import stall

WRITES = ["/model.onnx", "/model.joblib", "/manifest.json", "/live.json"]


@pytest.fixture
def shop(function: ModelTraining, monkeypatch: pytest.MonkeyPatch) -> ModelTraining:
    """A dataset whose model has another file in each run."""
    function.dataset()
    numbers, train = itertools.count(), tasks.training("classification").train

    def differing(*arguments: Any) -> Any:
        trained = train(*arguments)
        mark = b"%d" % next(numbers)
        files = {
            "model.onnx": trained.files["model.onnx"] + b"\x32\x01" + mark,  # its doc_string
            "model.joblib": trained.files["model.joblib"] + mark,
        }
        return msgspec.structs.replace(trained, files=files)

    monkeypatch.setattr(tasks.training("classification"), "train", differing)
    return function


def start(shop: ModelTraining) -> dict[str, str]:
    return {"job_id": shop.call("POST", "/model_training", request()).body["job_id"]}


@pytest.mark.parametrize("write", WRITES)
def test_what_another_run_has_published_stays_as_it_is(
    shop: ModelTraining, monkeypatch: pytest.MonkeyPatch, write: str
) -> None:
    event = start(shop)
    stopped = stall(monkeypatch, write, lambda: handler(event, Context()))

    handler(event, Context())

    assert stopped
    job = shop.call("GET", "/model_training/{job_id}", job_id=event["job_id"]).body
    assert [attempt["outcome"] for attempt in job["attempts"]] == ["killed", "succeeded"]
    version = job["result"]["version"]
    assert shop.live() == [version]
    manifest = shop.manifest(version)
    assert set(shop.registry.files("shop", version, manifest.files)) == {"model.onnx"}
    graph, pickle = (
        shop.get(shop.model_key(version, name)) for name in sorted(manifest.files)[::-1]
    )
    marks = [onnx.load_model_from_string(graph).doc_string, pickle[-1:].decode()]
    assert marks == ["0" if write in WRITES[3:] else "1"] * 2  # of one run, both


@pytest.mark.parametrize("write", WRITES)
def test_what_was_deleted_meanwhile_stays_deleted(
    shop: ModelTraining, monkeypatch: pytest.MonkeyPatch, write: str
) -> None:
    other = shop.train(promote="never")["version"]
    event = start(shop)
    resource = "/models/{model}/versions/{version}"
    deleted: list[str] = []

    def meanwhile() -> None:
        handler(event, Context())
        (made,) = (one for one in shop.registry.versions("shop") if one != other)
        answer = shop.call("DELETE", resource, query={"force": "true"}, model="shop", version=made)
        assert answer.status == 200
        deleted.append(made)

    stopped = stall(monkeypatch, write, meanwhile)
    handler(event, Context())

    assert stopped
    shown = catalog.model(shop.registry, "shop", Page())
    assert [one["version"] for one in shown["versions"]] == [other]
    assert shown["aliases"]["live"]["version"] is None
    # Asked for again, the deletion takes what the stalled run has left.
    assert shop.call("DELETE", resource, model="shop", version=deleted[0]).status == 200
    left = shop.keys(f"models/shop/versions/{deleted[0]}/")
    assert left == [shop.model_key(deleted[0], "manifest.json")]


def test_a_move_by_hand_stays_although_a_stalled_run_meant_another_one(
    shop: ModelTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = shop.train()["version"]
    event = start(shop)

    def meanwhile() -> None:
        handler(event, Context())
        shop.registry.point("shop", "live", moved(before, "somebody", "rolled back"))

    assert not (stopped := stall(monkeypatch, "/live.json", meanwhile))
    handler(event, Context())

    assert stopped
    job = shop.call("GET", "/model_training/{job_id}", job_id=event["job_id"]).body
    assert shop.live() == [before, job["result"]["version"], before]


def test_a_file_that_an_earlier_attempt_has_written_is_no_obstacle(shop: ModelTraining) -> None:
    """Be it complete, of the same content or of another one."""
    event = start(shop)
    job = shop.call("GET", "/model_training/{job_id}", job_id=event["job_id"]).body
    version = (
        f"{job['created_at'][:19].replace('-', '').replace(':', '')}Z-{job['job_id'][-32:][:8]}"
    )
    shop.store.put(f"models/shop/versions/{version}/model.onnx", b"of an earlier release")

    handler(event, Context())

    done = shop.call("GET", "/model_training/{job_id}", job_id=event["job_id"]).body
    assert done["result"]["version"] == version
    assert shop.live() == [version]
