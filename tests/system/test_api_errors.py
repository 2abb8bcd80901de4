"""Every error that a caller can meet: the status, a problem, and a pointer to each bad field."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import urllib3

from local.client import Answer
from local.cloud import LocalCloud
from tests.system.contract import ContractClient, check, operations
from tests.system.loops import Learned

NONE = "0" * 32
ROWS = [{"x": i * 7 % 40, "y": i % 2} for i in range(60)]
PROCESSING = {"dataset": "d", "source": {"rows": ROWS}, "task": "classification", "target": "y"}


@pytest.fixture(scope="module")
def churn(learned: dict[str, Learned]) -> Learned:
    return learned["churn"]


def pointers(answer: Answer) -> list[str]:
    return [error["pointer"] for error in answer.body.get("errors", ())]


@pytest.mark.parametrize(("method", "path"), operations())
def test_nothing_answers_without_a_signature(cloud: LocalCloud, method: str, path: str) -> None:
    path = path.replace("{job_id}", NONE).replace("{", "").replace("}", "")
    found = urllib3.request(method, cloud.api_url + path, json={}, retries=False)
    answer = Answer(found.status, found.headers, found.json())

    assert answer.status == 403
    check(method, path, answer)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/inference", b""),
        ("/inference", b"{"),
        ("/inference", b"\xff\xfe"),
        ("/inference", b'{"model": "m", "instances": [{"x": NaN}]}'),
        ("/data_processing", b"[1, 2"),
    ],
)
def test_400_what_is_not_json(api: ContractClient, path: str, body: bytes) -> None:
    assert api.request("POST", path, body).status == 400


@pytest.mark.parametrize("body", [b"a,b\n1,2\n", b"", b"[" * 100_000, b'{"a":' * 100_000])
def test_400_whatever_the_content_type_says(api: ContractClient, body: bytes) -> None:
    answer = api.request("POST", "/inference", body, {"Content-Type": "text/csv"})

    assert answer.status == 400


def test_400_an_idempotency_key_that_is_too_long(api: ContractClient) -> None:
    answer = api.request("POST", "/data_processing", PROCESSING, {"Idempotency-Key": "k" * 256})

    assert answer.status == 400
    assert "256" in answer.body["detail"]


@pytest.mark.parametrize(
    "path",
    [
        f"/data_processing/{NONE}",
        f"/model_training/{NONE}",
        "/datasets/none",
        "/datasets/churn/versions/none",
        "/models/none",
        "/models/churn/versions/none",
        # Names that would leave their prefix, were they taken as parts of a key.
        "/models/..%2F..%2Fjobs",
        "/models/churn%00",
        "/models/churn%0A",
        "/datasets/%E6%95%B0%E6%8D%AE",
        "/data_processing/..%2Fmodel_training",
        f"/models/{'x' * 5000}",
    ],
)
def test_404_what_is_not_there(api: ContractClient, churn: Learned, path: str) -> None:
    assert api.request("GET", path).status == 404


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/inference", {"model": "none", "instances": [{}]}),
        ("POST", "/inference", {"model": "churn", "instances": [{}], "version": "none"}),
        ("POST", "/inference", {"model": "churn", "instances": [{}], "alias": "none"}),
        ("POST", "/model_training", {"model": "m", "dataset": "none"}),
        ("POST", "/model_training", {"model": "m", "dataset": "churn", "dataset_version": "none"}),
        ("PUT", "/models/churn/aliases/live", {"version": "none"}),
        ("PUT", "/models/none/aliases/live", {"version": "none"}),
    ],
)
def test_404_what_a_request_names(
    api: ContractClient, churn: Learned, method: str, path: str, body: Any
) -> None:
    assert api.request(method, path, body).status == 404


@pytest.mark.parametrize("expected", ["another", None])
def test_409_an_alias_that_is_elsewhere(
    api: ContractClient, churn: Learned, expected: str | None
) -> None:
    body = {"version": churn.versions[1], "expected_version": expected}
    answer = api.request("PUT", "/models/churn/aliases/live", body)

    assert answer.status == 409
    assert churn.versions[0] in answer.body["detail"]


@pytest.mark.parametrize("size", [7_000_000, 10 * 1024 * 1024 + 1])
def test_413_what_passes_lambda_or_the_gateway(api: ContractClient, size: int) -> None:
    body = b'{"model": "churn", "instances": [{"x": "' + b"x" * size + b'"}]}'
    answer = api.request("POST", "/inference", body)

    assert answer.status == 413
    assert answer.body == {"message": "Request Too Long"}
    assert "X-Request-Id" not in answer.headers


def test_413_an_answer_that_passes_lambda(api: ContractClient, learned: dict[str, Learned]) -> None:
    unknown = dict.fromkeys("abcdefghij", 1)  # each becomes a warning much longer than itself
    instances = [{**learned["concrete"].instances[0], **unknown}] * 8000
    answer = api.request("POST", "/inference", {"model": "concrete", "instances": instances})

    assert answer.status == 413
    assert "ask for less" in answer.body["detail"]


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("/inference", {"model": "../churn", "instances": [{}]}, ["/model"]),
        ("/inference", {"model": "churn", "instances": []}, ["/instances"]),
        ("/inference", {"model": "churn", "instances": [{}], "x": 1}, ["/x"]),
        ("/inference", {"model": "concrete", "instances": [{"age": "old"}, {}]}, None),
        ("/inference", {"instances": [{}]}, ["/model"]),
        ("/inference", {"model": "churn", "instances": {}}, ["/instances"]),
        ("/data_processing", {"dataset": "d"}, ["/source", "/task"]),
        ("/data_processing/uploads", [], [""]),
        ("/model_training", {"model": "m", "dataset": "d", "promote": "maybe"}, ["/promote"]),
        ("/data_processing/uploads", {"dataset": "A", "filename": "x"}, ["/dataset"]),
        ("/data_processing/uploads", {"dataset": "a", "filename": "../x"}, ["/filename"]),
        ("/data_processing", {**PROCESSING, "task": "clustering"}, ["/task"]),
        ("/data_processing", {**PROCESSING, "source": {}}, ["/source"]),
        ("/data_processing", {**PROCESSING, "source": {"key": "models/a"}}, ["/source/key"]),
        ("/data_processing", {**PROCESSING, "split": {"train": 0.5}}, ["/split"]),
        ("/model_training", {"model": "m", "dataset": "churn", "candidates": ["x"]}, None),
        ("/model_training", {"model": "m", "dataset": "churn", "seed": 2**32}, ["/seed"]),
    ],
)
def test_422_points_at_each_bad_field(
    api: ContractClient,
    learned: dict[str, Learned],
    path: str,
    body: Any,
    expected: list[str] | None,
) -> None:
    answer = api.request("POST", path, body)

    assert answer.status == 422
    assert pointers(answer)
    if expected is not None:
        assert pointers(answer) == expected


def test_429_beyond_the_stages_rate(api: ContractClient, cloud: LocalCloud) -> None:
    with throttled(cloud):
        statuses = [api.request("GET", "/datasets").status for _ in range(3)]

    assert statuses == [200, 429, 429]


def test_503_a_function_that_runs_as_often_at_once_as_it_may(
    api: ContractClient, cloud: LocalCloud
) -> None:
    name, client = cloud.function_names["data_processing"], cloud.boto3("lambda")
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    try:
        answer = api.request("GET", "/datasets")
    finally:
        client.delete_function_concurrency(FunctionName=name)

    assert answer.status == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert "Try again" in answer.body["detail"]
    assert api.request("GET", "/datasets").status == 200


@contextmanager
def throttled(cloud: LocalCloud) -> Iterator[None]:
    """One request at once, and as good as none per second, for as long as the block lasts."""
    gateway = cloud.boto3("apigateway")
    (api,) = [one["id"] for one in gateway.get_rest_apis()["items"] if one["name"].startswith("ml")]
    before = gateway.get_stage(restApiId=api, stageName="prod")["methodSettings"]["*/*"]

    def limit(rate: float, burst: int) -> None:
        values = {"rateLimit": str(rate), "burstLimit": str(burst)}
        patches = [
            {"op": "replace", "path": f"/*/*/throttling/{name}", "value": value}
            for name, value in values.items()
        ]
        gateway.update_stage(restApiId=api, stageName="prod", patchOperations=patches)

    limit(1e-6, 1)
    try:
        yield
    finally:
        limit(before["throttlingRateLimit"], before["throttlingBurstLimit"])
        time.sleep(1 / before["throttlingRateLimit"])  # until there is a token again
