"""The inference function, called as Lambda calls it."""

import json
from typing import Any

import pytest

from common.decoding import MAX_OBJECTS
from common.problems import PAYLOAD_LIMIT
from inference import handler as entry
from tasks.framework.predictions import Inference, Objects
from tests.unit.inference.memory import MemoryReader


class Context:
    """What Lambda passes beside the event."""

    aws_request_id = "request-1"
    invoked_function_arn = "arn:aws:lambda:us-east-1:1:function:ml-inference:live"
    memory_limit_in_mb = "1024"

    def get_remaining_time_in_millis(self) -> int:
        return 30_000


@pytest.fixture(autouse=True)
def deployed(store: MemoryReader, monkeypatch: pytest.MonkeyPatch) -> None:
    entry._models.cache_clear()
    monkeypatch.setattr(entry, "_bucket", lambda: store)


def call(method: str, resource: str, body: Any = None, **parameters: str) -> tuple[int, Any]:
    """Status and document of a request through the REST API."""
    event: dict[str, Any] = {
        "httpMethod": method,
        "resource": resource,
        "pathParameters": parameters or None,
        "headers": {"Content-Type": "application/json"},
        "body": body if body is None or isinstance(body, str) else json.dumps(body),
        "isBase64Encoded": False,
        "requestContext": {"identity": {}},
    }
    answer = entry.handler(event, Context())
    assert answer["headers"]["X-Request-Id"] == "request-1"
    return answer["statusCode"], json.loads(answer["body"])


def infer(**body: Any) -> tuple[int, Any]:
    return call("POST", "/inference", {"model": "shop", **body})


def test_every_instance_is_answered_in_order() -> None:
    status, answer = infer(instances=[{"price": 10, "colour": "red"}, {"price": 90}])

    assert status == 200
    assert (answer["model"], answer["version"], answer["warnings"]) == ("shop", "v1", [])
    assert [one["label"] for one in answer["predictions"]] == ["yes", "no"]
    for one in answer["predictions"]:
        assert one["probability"] == max(one["probabilities"].values())
        assert sum(one["probabilities"].values()) == pytest.approx(1, abs=1e-6)


def test_a_version_may_be_named() -> None:
    assert infer(version="v2", instances=[{"price": 1}])[1]["version"] == "v2"


def test_what_was_not_expected_is_reported_and_answered() -> None:
    _, answer = infer(instances=[{"price": 1, "colour": "green", "size": 3}])

    assert {(one["pointer"], one["code"]) for one in answer["warnings"]} == {
        ("/instances/0/colour", "unseen_category"),
        ("/instances/0/size", "unknown_field"),
    }
    assert answer["predictions"][0]["label"] == "yes"


@pytest.mark.parametrize(
    ("instance", "pointer"),
    [
        ({}, "/instances/1/price"),
        ({"price": None}, "/instances/1/price"),
        ({"price": "ten"}, "/instances/1/price"),
        ({"price": True}, "/instances/1/price"),
        ({"price": 1, "colour": ["red"]}, "/instances/1/colour"),
        ([1], "/instances/1"),
        (None, "/instances/1"),
    ],
)
def test_a_field_that_does_not_fit_is_pointed_at(instance: Any, pointer: str) -> None:
    status, problem = infer(instances=[{"price": 1}, instance])

    assert (status, problem["status"]) == (422, 422)
    assert [error["pointer"] for error in problem["errors"]] == [pointer]


def test_all_bad_fields_are_told_at_once() -> None:
    _, problem = infer(instances=[{"price": "x", "colour": 1.5}, {"colour": {}}])

    assert {error["pointer"] for error in problem["errors"]} == {
        "/instances/0/price",
        "/instances/0/colour",
        "/instances/1/price",
        "/instances/1/colour",
    }


def test_of_many_bad_fields_a_hundred_are_listed_and_the_others_counted() -> None:
    _, problem = infer(instances=[{"price": "x"}, {}] * 125)

    assert len(problem["errors"]) == 100
    assert problem["other_errors"] == 150
    assert problem["detail"].startswith("250 fields do not fit")


@pytest.mark.parametrize(("count", "status"), [(40_000, 200), (60_000, 413)])
def test_an_answer_is_no_longer_than_lambda_passes_on(
    count: int, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares = {"yes": 0.9876543210123, "no": 0.0123456789877}
    one = {"label": "yes", "probability": 0.9876543210123, "probabilities": shares}
    infer = "tasks.classification.serving.Classifier.infer"
    monkeypatch.setattr(
        infer, lambda self, instances, deadline: Inference(Objects([one] * len(instances)), [])
    )
    event = {"httpMethod": "POST", "resource": "/inference"}
    body = json.dumps({"model": "shop", "instances": [{"price": 1}] * count})

    answer = entry.handler({**event, "body": body}, Context())

    assert answer["statusCode"] == status
    assert len(json.dumps(answer)) <= PAYLOAD_LIMIT


def test_an_answer_that_cannot_be_sent_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    def made(*_: object) -> None:
        raise AssertionError("made")

    monkeypatch.setattr("tasks.classification.serving.Classifier.infer", made)
    status, problem = infer(instances=[{"price": 1}] * 100_000)

    assert status == 413
    assert "ask for less at once" in problem["detail"]


def test_a_direct_call_has_no_more_instances_than_a_body() -> None:
    problem = entry.handler({"model": "shop", "instances": [1] * (MAX_OBJECTS + 1)}, Context())

    assert problem["status"] == 422
    assert [error["pointer"] for error in problem["errors"]] == ["/instances"]


def test_a_field_with_a_name_that_no_pointer_has_room_for_is_answered() -> None:
    status, answer = infer(instances=[{"price": 1, "n" * 3_000_000: 1}])

    assert status == 200
    assert [one["pointer"] for one in answer["warnings"]] == ["/instances/0"]


@pytest.mark.parametrize(
    ("body", "status", "pointers"),
    [
        ("", 400, None),
        ("{", 400, None),
        ('{"model": "shop", "instances": [NaN]}', 400, None),
        ("[]", 422, ""),
        ("{}", 422, "/model /instances"),
        ({"model": "shop"}, 422, "/instances"),
        ({"model": "shop", "instances": []}, 422, "/instances"),
        ({"model": "../x", "instances": [{}]}, 422, "/model"),
        ({"model": 1, "version": "..", "k": 1}, 422, "/model /version /k /instances"),
        ({"model": "shop", "instances": [{}], "k": 1}, 422, "/k"),
        ({"model": "shop", "instances": [{}], "version": "v1", "alias": "live"}, 422, "/version"),
        ({"model": "nothing", "instances": [{}]}, 404, None),
        ({"model": "shop", "instances": [{}], "version": "v9"}, 404, None),
        ({"model": "shop", "instances": [{}], "alias": "canary"}, 404, None),
    ],
)
def test_a_request_that_does_not_fit_is_a_problem(
    body: Any, status: int, pointers: str | None
) -> None:
    found, problem = call("POST", "/inference", body)

    assert (found, problem["status"], problem["request_id"]) == (status, status, "request-1")
    assert problem["detail"]
    if pointers is not None:
        assert " ".join(error["pointer"] for error in problem["errors"]) == pointers


def test_a_damaged_model_says_what_to_do(store: MemoryReader) -> None:
    store.objects["models/shop/versions/v1/model.onnx"] = b"something else"

    status, problem = infer(instances=[{"price": 1}])

    assert (status, problem["title"]) == (500, "Stored object corrupted")
    assert "Roll back" in problem["detail"]


def test_the_catalogue_tells_models_versions_and_history() -> None:
    assert call("GET", "/models") == (
        200,
        {"models": [{"model": "shop", "aliases": {"live": "v1"}}]},
    )
    _, shop = call("GET", "/models/{model}", model="shop")
    assert [one["version"] for one in shop["versions"]] == ["v2", "v1"]
    evaluated = {"task": "classification", "metrics": {"accuracy": 0.9}}
    assert [one["aliases"] for one in shop["versions"]] == [[], ["live"]]
    assert all(one.items() >= evaluated.items() for one in shop["versions"])
    assert shop["aliases"]["live"]["history"][0]["reason"] == "a test."
    _, manifest = call("GET", "/models/{model}/versions/{version}", model="shop", version="v2")
    assert manifest["labels"] == ["no", "yes"]
    outputs = [one["name"] for one in manifest["signature"]["outputs"]]
    assert outputs == ["label", "probability", "probabilities"]


@pytest.mark.parametrize("model", ["nothing", "..", "a%2Fb", "x" * 200])
def test_a_model_that_does_not_exist_is_not_found(model: str) -> None:
    assert call("GET", "/models/{model}", model=model)[0] == 404


def test_it_can_be_called_directly() -> None:
    event = {"model": "shop", "instances": [{"price": 1}]}

    assert entry.handler(event, Context())["predictions"][0]["label"] == "yes"
    assert entry.handler({"model": "shop"}, Context())["status"] == 422
