"""Lines that people query and CloudWatch takes metrics from."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import pytest

from common import metrics
from common.metrics import Metric


@pytest.fixture(autouse=True)
def deployed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "ml-inference")
    monkeypatch.setattr(metrics, "_is_warm", False)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def request(status: int = 200, noted: Mapping[Metric, float] = {}, **fields: Any) -> None:
    line = metrics.begin()
    line.note(noted, **fields)
    line.write("r1", "POST /inference", status, seconds=0.0015)


def test_every_metric_that_is_declared_stands_in_the_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    request(noted={"Predictions": 3}, model="churn")

    (line,) = lines(capsys)
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "ServerlessML"
    assert directive["Dimensions"] == [["FunctionName"]]
    assert line["FunctionName"] == "ml-inference"
    declared = {metric["Name"]: metric["Unit"] for metric in directive["Metrics"]}
    assert declared["Latency"] == "Milliseconds"
    assert all(isinstance(line[name], int | float) for name in declared)
    assert (line["Latency"], line["Predictions"]) == (1.5, 3)
    assert (line["request_id"], line["route"], line["model"]) == (
        "r1",
        "POST /inference",
        "churn",
    )


def test_only_the_first_request_is_cold(capsys: pytest.CaptureFixture[str]) -> None:
    request()
    request()

    assert [line["ColdStarts"] for line in lines(capsys)] == [1, 0]


def test_what_is_noted_belongs_to_one_request(capsys: pytest.CaptureFixture[str]) -> None:
    request(noted={"ModelLoadTime": 12.5}, model="churn")
    request()

    first, second = lines(capsys)
    assert (first["ModelLoadTime"], first["model"]) == (12.5, "churn")
    assert not {"ModelLoadTime", "model"} & second.keys()


def test_requests_at_the_same_time_have_their_own_lines(
    capsys: pytest.CaptureFixture[str],
) -> None:
    first, second = metrics.begin(), metrics.begin()
    second.note(model="churn")
    first.write("r1", "GET /models", 200, seconds=0.0)
    second.write("r2", "POST /inference", 200, seconds=0.0)

    assert [(line["request_id"], line.get("model")) for line in lines(capsys)] == [
        ("r1", None),
        ("r2", "churn"),
    ]


@pytest.mark.parametrize(
    ("status", "client", "server"),
    [(200, 0, 0), (202, 0, 0), (422, 1, 0), (500, 0, 1), (503, 0, 1)],
)
def test_errors_are_counted_by_whose_they_are(
    status: int, client: int, server: int, capsys: pytest.CaptureFixture[str]
) -> None:
    request(status)

    (line,) = lines(capsys)
    assert (line["ClientErrors"], line["ServerErrors"]) == (client, server)


def test_every_metric_has_a_unit_and_is_described() -> None:
    text = (Path(__file__).parents[3] / "docs" / "operations.md").read_text()

    assert set(metrics.UNITS) == set(get_args(metrics.Metric))
    for name, unit in metrics.UNITS.items():
        assert f"| `{name}` | {unit} |" in text
    assert f"`{metrics.NAMESPACE}`" in text
    assert f"`{metrics.DIMENSION}`" in text
