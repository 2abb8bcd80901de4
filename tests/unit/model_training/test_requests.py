"""Requests that are refused, each with a pointer, and what a job records of the others."""

from typing import Any

import msgspec
import pytest

from common.datasets import manifest_key
from tests.unit.model_training.function import ModelTraining, request
from tests.unit.tasks.samples import manifest, trained


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"model": "Shop"}, "/model"),
        ({"model": "../shop"}, "/model"),
        ({"dataset": None}, "/dataset"),
        ({"dataset_version": "../v1"}, "/dataset_version"),
        ({"candidates": ["decision_tree", "oracle"]}, "/candidates/1"),
        ({"candidates": []}, "/candidates"),
        ({"metric": "r2"}, "/metric"),
        ({"promote": "maybe"}, "/promote"),
        ({"alias": "a/b"}, "/alias"),
        ({"time_budget_seconds": 0}, "/time_budget_seconds"),
        ({"time_budget_seconds": 901}, "/time_budget_seconds"),
        ({"seed": -1}, "/seed"),
        ({"seed": 2**32}, "/seed"),
        ({"unknown": 1}, "/unknown"),
    ],
)
def test_a_bad_field_is_pointed_at(
    function: ModelTraining, changes: dict[str, Any], pointer: str
) -> None:
    function.dataset()
    answer = function.call("POST", "/model_training", request(**changes))
    assert answer.status == 422
    assert [error["pointer"] for error in answer.body["errors"]] == [pointer]
    assert not function.queue


@pytest.mark.parametrize(
    ("changes", "pointers"),
    [
        (
            {"seed": -1, "alias": "a/b", "metric": "r2", "candidates": ["x", "y"], "unknown": 1},
            ["/alias", "/seed", "/candidates/0", "/candidates/1", "/metric", "/unknown"],
        ),
        ({"seed": -1, "dataset": "No", "metric": "r2"}, ["/dataset", "/seed"]),
        ({"seed": -1, "dataset": "none", "metric": "r2"}, ["/seed"]),
        (
            {"import": {"key": 1}, "dataset": "none", "promote": "", "metric": "r2"},
            ["/dataset", "/import/key", "/promote", "/candidates", "/metric"],
        ),
    ],
)
def test_all_bad_fields_are_pointed_at(
    function: ModelTraining, changes: dict[str, Any], pointers: list[str]
) -> None:
    function.dataset()
    answer = function.call("POST", "/model_training", request(**changes))
    assert answer.status == 422
    assert [error["pointer"] for error in answer.body["errors"]] == pointers


@pytest.mark.parametrize("changes", [{"dataset": "none"}, {"dataset_version": "none"}])
def test_a_dataset_that_is_not_there_is_not_found(
    function: ModelTraining, changes: dict[str, Any]
) -> None:
    function.dataset()
    answer = function.call("POST", "/model_training", request(**changes))
    assert answer.status == 404
    assert "'none'" in answer.body["detail"]


def test_a_job_records_what_was_left_out(function: ModelTraining) -> None:
    function.dataset("v1")
    function.dataset("v2")
    started = function.call("POST", "/model_training", request())
    assert started.status == 202
    assert started.headers["Location"] == f"/model_training/{started.body['job_id']}"
    assert started.body["request"] == {
        **request(),
        "dataset_version": "v2",
        "time_budget_seconds": 300,
        "promote": "if_better",
        "alias": "live",
        "seed": 0,
        "metric": None,
    }


def test_the_same_key_is_the_same_job_though_the_dataset_has_a_new_version(
    function: ModelTraining,
) -> None:
    headers = {"Idempotency-Key": "k1"}
    function.dataset("v1")
    first = function.call("POST", "/model_training", request(), headers)
    function.dataset("v2")
    again = function.call("POST", "/model_training", request(), headers)
    assert again.body == first.body
    assert again.body["request"]["dataset_version"] == "v1"
    other = function.call("POST", "/model_training", request(seed=1), headers)
    assert other.status == 422


@pytest.mark.parametrize(
    ("alias", "body", "pointer"),
    [
        ("live", {}, "/version"),
        ("live", {"version": "../v"}, "/version"),
        ("live", {"version": "v", "reason": ""}, "/reason"),
        ("live", {"version": "v", "reason": "x" * 1001}, "/reason"),
        ("live", {"version": "v", "expected_version": 1}, "/expected_version"),
        ("live", {"version": "v", "force": True}, "/force"),
        ("LIVE", {"version": "v"}, "/alias"),
        ("LIVE", {"version": 1, "reason": ""}, "/alias /version /reason"),
    ],
)
def test_a_bad_move_is_pointed_at(
    function: ModelTraining, alias: str, body: dict[str, Any], pointer: str
) -> None:
    path = "/models/{model}/aliases/{alias}"
    answer = function.call("PUT", path, body, model="shop", alias=alias)
    assert answer.status == 422
    assert [error["pointer"] for error in answer.body["errors"]] == pointer.split()


def test_an_alias_moves_by_hand(function: ModelTraining) -> None:
    def put(alias: str = "live", **body: Any) -> tuple[int, Any]:
        path = "/models/{model}/aliases/{alias}"
        answer = function.call("PUT", path, body, model="shop", alias=alias)
        return answer.status, answer.body

    function.dataset()
    first = function.train()["version"]

    status, alias = put("canary", version=first, reason="a trial", expected_version=None)
    assert (status, alias["version"]) == (200, first)
    (move,) = alias["history"]
    assert (move["reason"], move["by"]) == ("a trial", "127.0.0.1")
    assert put("canary", version=first, expected_version=None)[0] == 409
    assert put("canary", version="none")[0] == 404
    assert function.live() == [first]


@pytest.mark.parametrize(("task", "reason"), [("none", "no version"), ("regression", "regression")])
def test_a_version_that_cannot_be_extended_is_pointed_at(
    function: ModelTraining, task: str, reason: str
) -> None:
    faces = msgspec.structs.replace(function.dataset(), task="face_recognition", version="faces")
    function.store.put(manifest_key("shop", "faces"), msgspec.json.encode(faces))
    if task != "none":
        made = msgspec.structs.replace(
            manifest("classification", trained("classification")),
            model="shop",
            version="old",
            task=task,
        )
        function.registry.publish(made)
    body = {"model": "shop", "dataset": "shop", "dataset_version": "faces", "extends": "old"}
    answer = function.call("POST", "/model_training", body)
    assert answer.status == 422
    assert [error["pointer"] for error in answer.body["errors"]] == ["/extends"]
    assert reason in answer.body["errors"][0]["detail"]
