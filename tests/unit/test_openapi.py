"""The REST API's contract is valid, complete, and within what API Gateway imports."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from openapi_schema_validator import OAS30Validator
from openapi_spec_validator import validate

DOCUMENT = yaml.safe_load((Path(__file__).parents[2] / "modules/rest_api/openapi.yaml").read_text())
NOT_IMPORTED = {"additionalProperties", "anyOf", "oneOf", "discriminator", "exclusiveMinimum"}

ROUTES = {
    ("POST", "/data_processing/uploads"): "data_processing",
    ("POST", "/data_processing"): "data_processing",
    ("GET", "/data_processing"): "data_processing",
    ("GET", "/data_processing/{job_id}"): "data_processing",
    ("GET", "/datasets"): "data_processing",
    ("GET", "/datasets/{dataset}"): "data_processing",
    ("GET", "/datasets/{dataset}/versions/{version}"): "data_processing",
    ("DELETE", "/data_processing/uploads"): "data_processing",
    ("DELETE", "/datasets/{dataset}"): "model_training",
    ("DELETE", "/datasets/{dataset}/versions/{version}"): "model_training",
    ("DELETE", "/models/{model}"): "model_training",
    ("DELETE", "/models/{model}/versions/{version}"): "model_training",
    ("POST", "/model_training"): "model_training",
    ("GET", "/model_training"): "model_training",
    ("GET", "/model_training/{job_id}"): "model_training",
    ("PUT", "/models/{model}/aliases/{alias}"): "model_training",
    ("GET", "/models"): "inference",
    ("GET", "/models/{model}"): "inference",
    ("GET", "/models/{model}/versions/{version}"): "inference",
    ("POST", "/inference"): "inference",
}

OPERATIONS = [
    pytest.param(path, operation, id=operation["operationId"])
    for path, methods in DOCUMENT["paths"].items()
    for operation in methods.values()
]


def resolve(node: dict[str, Any]) -> dict[str, Any]:
    """The node, or what it refers to."""
    found: Any = node
    if "$ref" in node:
        found = DOCUMENT
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
    return dict(found)


def objects(node: Any) -> Iterator[dict[str, Any]]:
    """Every object in the document, except in examples."""
    if isinstance(node, dict):
        yield node
        for key, child in node.items():
            if key != "example":
                yield from objects(child)
    elif isinstance(node, list):
        for child in node:
            yield from objects(child)


def complaints(schema: dict[str, Any], value: Any) -> list[str]:
    """Why a value is not what a schema of the document describes."""
    validator = OAS30Validator({**schema, "components": DOCUMENT["components"]})
    return [error.message for error in validator.iter_errors(value)]


EXAMPLES = [
    pytest.param(node["schema"], node["example"], id=node["schema"]["$ref"].rpartition("/")[2])
    for node in objects(DOCUMENT)
    if "example" in node
]


def test_valid() -> None:
    validate(DOCUMENT)
    assert DOCUMENT["openapi"] == "3.0.1"


def test_every_route_names_the_function_that_serves_it() -> None:
    served = {
        (method.upper(), path): operation["tags"]
        for path, methods in DOCUMENT["paths"].items()
        for method, operation in methods.items()
    }
    assert served == {route: [function] for route, function in ROUTES.items()}


def test_kept_to_what_api_gateway_imports() -> None:
    assert all(re.fullmatch("[A-Za-z0-9]+", name) for name in DOCUMENT["components"]["schemas"])
    for node in objects(DOCUMENT):
        assert not NOT_IMPORTED & node.keys(), node
        assert "$ref" not in node or len(node) == 1, node


@pytest.mark.parametrize(("path", "operation"), OPERATIONS)
def test_parameters_are_those_of_the_path(path: str, operation: dict[str, Any]) -> None:
    parameters = [resolve(parameter) for parameter in operation.get("parameters", ())]
    in_path = [parameter for parameter in parameters if parameter["in"] == "path"]
    assert [parameter["name"] for parameter in in_path] == re.findall(r"\{(\w+)\}", path)
    assert all(parameter["required"] for parameter in in_path)
    assert all("pattern" in parameter["schema"] for parameter in in_path)


@pytest.mark.parametrize(("path", "operation"), OPERATIONS)
def test_every_answer_carries_its_request_id_and_errors_are_problems(
    path: str, operation: dict[str, Any]
) -> None:
    always = {"403", "413", "429", "500", "502", "503", "504"}
    assert always <= operation["responses"].keys()
    assert ("404" in operation["responses"]) >= ("{" in path)
    for status, reference in operation["responses"].items():
        response = resolve(reference)
        assert "X-Request-Id" in response["headers"]
        kind = "application/json" if status < "300" else "application/problem+json"
        gateway = ["application/json"] if status == "413" else []
        assert list(response["content"]) == [kind, *gateway]


@pytest.mark.parametrize(("schema", "example"), EXAMPLES)
def test_examples_are_what_their_schemas_describe(schema: dict[str, Any], example: Any) -> None:
    assert complaints(schema, example) == []


@pytest.mark.parametrize(
    ("schema", "body"),
    [
        ("UploadRequest", {"dataset": "churn"}),
        ("ProcessingRequest", {"dataset": "churn", "source": {"key": "raw/a"}}),
        ("ProcessingRequest", {"dataset": 1, "source": {}, "task": "t", "target": "y"}),
        ("ProcessingRequest", {"dataset": "d", "source": "raw/a", "task": "t", "target": "y"}),
        ("TrainingRequest", {"dataset": "churn"}),
        ("TrainingRequest", {"model": "m", "dataset": "d", "promote": "maybe"}),
        ("TrainingRequest", {"model": "m", "dataset": "d", "time_budget_seconds": 0}),
        ("AliasMove", {"reason": "worse"}),
        ("InferenceRequest", {"model": "churn"}),
        ("InferenceRequest", {"model": "churn", "instances": {"tenure": 3}}),
        ("InferenceRequest", {"model": "churn", "instances": [3]}),
    ],
)
def test_the_gateway_refuses_missing_and_ill_typed_fields(schema: str, body: Any) -> None:
    assert complaints({"$ref": f"#/components/schemas/{schema}"}, body)


@pytest.mark.parametrize("expected", ["20250131T120000Z-4be2d43f", None])
def test_the_gateway_lets_expected_version_be_null(expected: str | None) -> None:
    body = {"version": "1", "expected_version": expected}
    assert not complaints({"$ref": "#/components/schemas/AliasMove"}, body)


def test_every_name_of_a_readable_image_reaches_the_function_as_it_is() -> None:
    binary = DOCUMENT["x-amazon-apigateway-binary-media-types"]
    assert {"image/jpeg", "image/jpg", "image/pjpeg", "image/png", "image/x-png"} <= set(binary)
    assert binary == sorted(binary)
