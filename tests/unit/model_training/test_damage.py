"""An alias or a manifest that is damaged stops nobody from training, and can be written anew."""

import json
from typing import Any

import pytest

from common.newest import Page
from common.problems import Corrupted
from inference import catalog
from tests.unit.damage import DAMAGES, altered, damaged
from tests.unit.function import BUCKET, Answer
from tests.unit.interference import before_reading
from tests.unit.model_training.function import ModelTraining, request

ALIAS = "models/shop/aliases/live.json"


def put(function: ModelTraining, key: str, body: bytes) -> None:
    function.s3.put_object(Bucket=BUCKET, Key=key, Body=body)


def damage_object(function: ModelTraining, key: str, damage: str) -> None:
    put(function, key, DAMAGES[damage](function.get(key)))


def point(function: ModelTraining, version: str, **more: Any) -> Answer:
    path = "/models/{model}/aliases/{alias}"
    body = {"version": version, **more}
    return function.call("PUT", path, body, model="shop", alias="live")


@damaged
def test_a_damaged_alias_is_written_anew(function: ModelTraining, damage: str) -> None:
    function.dataset()
    version = function.train()["version"]
    damage_object(function, ALIAS, damage)

    answer = point(function, version)

    assert (answer.status, answer.body["version"]) == (200, version)
    assert answer.body["history"][-1]["version"] == version
    assert function.live()[-1] == version


@pytest.mark.parametrize("kept", [0, 1, 2])
def test_whatever_is_readable_of_a_history_is_kept(function: ModelTraining, kept: int) -> None:
    function.dataset()
    first, second = function.train()["version"], function.train(promote="never")["version"]
    for version, reason in ((second, "{better}"), (first, 'back: "worse"'), (second, "again")):
        assert point(function, version, reason=reason).status == 200
    whole = json.loads(function.get(ALIAS))
    cut = json.dumps(whole["history"][kept + 1])
    body = json.dumps(whole).partition(cut)[0] + cut[:-7]
    put(function, ALIAS, body.encode())

    answer = point(function, second, reason="written anew")

    assert answer.status == 200
    assert answer.body["history"][:-1] == whole["history"][: kept + 1]
    assert answer.body["history"][-1]["reason"] == "written anew"


def test_who_expects_a_version_at_a_damaged_alias_is_told_why_not(function: ModelTraining) -> None:
    function.dataset()
    version = function.train()["version"]
    put(function, ALIAS, b"")

    answer = point(function, version, expected_version=version)

    assert answer.status == 409
    assert f"{ALIAS} is damaged" in answer.body["detail"]


@damaged
def test_a_training_ends_beside_a_damaged_alias(function: ModelTraining, damage: str) -> None:
    function.dataset()
    function.train()
    damage_object(function, ALIAS, damage)

    result = function.train()
    assert not result["promoted"]
    assert f"{ALIAS} is damaged" in result["promotion"]["reason"]
    assert "PUT /models/shop/aliases/live" in result["promotion"]["reason"]

    assert function.train(promote="always")["promoted"]


@damaged
def test_a_version_whose_manifest_is_damaged_is_never_pointed_at(
    function: ModelTraining, damage: str
) -> None:
    function.dataset()
    live, other = function.train()["version"], function.train(promote="never")["version"]
    damage_object(function, function.model_key(other, "manifest.json"), damage)

    answer = point(function, other)

    assert (answer.status, answer.body["title"]) == (500, "Stored object corrupted")
    assert function.model_key(other, "manifest.json") in answer.body["detail"]
    assert function.live() == [live]


@damaged
def test_a_training_ends_beside_a_damaged_live_version(
    function: ModelTraining, damage: str
) -> None:
    function.dataset()
    live = function.train()["version"]
    key = function.model_key(live, "manifest.json")
    damage_object(function, key, damage)

    result = function.train()

    assert not result["promoted"]
    assert f"{key} is damaged" in result["promotion"]["reason"]


@pytest.mark.parametrize("left", [None, b"", b"half of it"], ids=["missing", "empty", "cut off"])
def test_a_new_version_whose_file_is_damaged_meanwhile_is_reported(
    function: ModelTraining, monkeypatch: pytest.MonkeyPatch, left: bytes | None
) -> None:
    function.dataset()
    live = function.train()["version"]
    keys: list[str] = []

    def damage() -> None:
        (version,) = set(function.registry.versions("shop")) - {live}
        keys.append(function.model_key(version, "model.onnx"))
        if left is None:
            function.s3.delete_object(Bucket=BUCKET, Key=keys[0])
        else:
            put(function, keys[0], left)

    before_reading(monkeypatch, "/live.json", damage)
    problem = function.failure(seed=7)

    assert problem["title"] == "Stored object corrupted"
    assert keys[0] in problem["detail"]
    assert "train the model again" in problem["detail"]
    assert function.live() == [live]


@damaged
def test_a_damaged_dataset_is_reported_before_a_job_is_made(
    function: ModelTraining, damage: str
) -> None:
    manifest = function.dataset()
    key = f"datasets/shop/{manifest.version}/manifest.json"
    damage_object(function, key, damage)

    answer = function.call("POST", "/model_training", request())

    assert (answer.status, answer.body["title"]) == (500, "Stored object corrupted")
    assert key in answer.body["detail"]
    assert "POST /data_processing" in answer.body["detail"]
    assert not function.queue


@damaged
def test_a_damaged_pointer_does_not_keep_a_dataset_from_training(
    function: ModelTraining, damage: str
) -> None:
    manifest = function.dataset()
    damage_object(function, "datasets/shop/latest.json", damage)

    started = function.call("POST", "/model_training", request())

    assert started.status == 202
    assert started.body["request"]["dataset_version"] == manifest.version


def test_a_live_version_of_which_a_value_was_altered_is_not_compared(
    function: ModelTraining,
) -> None:
    function.dataset()
    live = function.train()["version"]
    key = function.model_key(live, "manifest.json")
    altered = function.get(key).replace(b'"labels":["no"', b'"labels":["ng"', 1)
    assert altered != function.get(key)
    put(function, key, altered)

    with pytest.raises(Corrupted, match="its checksum is another one"):
        function.registry.version("shop", live)
    result = function.train()

    assert not result["promoted"]
    assert "checksum" in result["promotion"]["reason"]


def test_an_alias_of_which_a_value_was_altered_is_damaged(function: ModelTraining) -> None:
    function.dataset()
    live, other = function.train()["version"], function.train(promote="never")["version"]
    body = altered(function.get(ALIAS))
    put(function, ALIAS, body)

    with pytest.raises(Corrupted, match="its checksum is another one"):
        function.registry.alias("shop", "live")
    listed = catalog.models(function.registry, Page())
    path = "/models/{model}/versions/{version}"
    refused = function.call("DELETE", path, model="shop", version=live)
    answer = point(function, other)

    assert listed == {"models": [{**listed["models"][0], "aliases": {}}], "damaged": [ALIAS]}
    assert (refused.status, ALIAS in refused.body["detail"]) == (409, True)
    assert answer.status == 200
    assert [move["version"] for move in answer.body["history"]] == [live, other]


def test_the_moves_of_an_alias_stay_when_its_own_name_in_it_is_altered(
    function: ModelTraining,
) -> None:
    function.dataset()
    first, second = function.train()["version"], function.train(promote="never")["version"]
    put(function, ALIAS, function.get(ALIAS).replace(b'"alias":"live"', b'"alias":"lhve"'))

    answer = point(function, second)

    assert [move["version"] for move in answer.body["history"]] == [first, second]


def test_what_says_since_when_a_model_is_there_is_named_once_it_is_altered(
    function: ModelTraining,
) -> None:
    function.dataset()
    function.train()
    key = "models/shop/model.json"
    put(function, key, altered(function.get(key)))

    assert catalog.models(function.registry, Page()) == {"models": [], "damaged": [key]}
    assert catalog.model(function.registry, "shop", Page())["damaged"] == [key]
    function.train()
    (row,) = catalog.models(function.registry, Page())["models"]
    assert row["model"] == "shop"


def test_a_key_of_which_the_job_was_altered_is_damaged(function: ModelTraining) -> None:
    function.dataset()
    headers = {"Idempotency-Key": "nightly"}
    assert function.call("POST", "/model_training", request(), headers).status == 202
    (key,) = (one.key for one in function.store.list("jobs/") if one.key.endswith(".key"))
    put(function, key, altered(function.get(key)))

    answer = function.call("POST", "/model_training", request(), headers)

    assert (answer.status, answer.body["title"]) == (500, "Stored object corrupted")
    assert len(function.queue) == 1


def test_the_alias_of_another_name_leaves_none_of_its_history(function: ModelTraining) -> None:
    function.dataset()
    first, second = function.train()["version"], function.train(promote="never")["version"]
    body = {"version": second}
    path = "/models/{model}/aliases/{alias}"
    assert function.call("PUT", path, body, model="shop", alias="canary").status == 200
    put(function, ALIAS, function.get(ALIAS.replace("live", "canary")))

    answer = point(function, first)

    assert (answer.status, [move["version"] for move in answer.body["history"]]) == (200, [first])


def test_the_record_of_another_job_is_not_this_one(function: ModelTraining) -> None:
    function.dataset()
    ids = [function.job(request())["job_id"] for _ in range(2)]
    keys = [f"jobs/model_training/newest/{job_id}.json" for job_id in ids]
    put(function, keys[0], function.get(keys[1]))

    shown = function.call("GET", "/model_training/{job_id}", job_id=ids[0])
    listed = function.call("GET", "/model_training").body

    assert (shown.status, shown.body["title"]) == (500, "Stored object corrupted")
    assert [one["job_id"] for one in listed["jobs"]] == [ids[1]]
    assert listed["damaged"] == [keys[0]]
