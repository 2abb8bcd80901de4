"""No path, query or header is a 500 or gets past the contract."""

import random
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest
from openapi_schema_validator import OAS30Validator

from tests.unit.data_processing.function import DataProcessing
from tests.unit.function import Answer, Function
from tests.unit.hostile.cases import CASES, COMPONENTS, SEED, Case, failures, not_as_described
from tests.unit.hostile.inference import Inference
from tests.unit.hostile.values import NUMBERS, TEXTS, at_bounds
from tests.unit.model_training.function import ModelTraining
from tests.unit.test_openapi import DOCUMENT, resolve

OPERATIONS = [
    pytest.param(method.upper(), path, operation, id=operation["operationId"])
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
    if "parameters" in operation
]
SHARE = CASES // 40

BODIES = {
    "startProcessing": {"dataset": "test", "source": {"rows": [{"x": 1}]}, "task": "translation"},
    "startTraining": {"model": "m", "dataset": "shop"},
    "moveAlias": {"version": "v"},
    "predict": "no picture",
}


@pytest.fixture(scope="module")
def functions(processing: DataProcessing, training: ModelTraining) -> Iterator[dict[str, Function]]:
    with Inference.serving("onnx") as inference:
        yield {"data_processing": processing, "model_training": training, "inference": inference}


def texts(schema: dict[str, Any], chance: random.Random) -> list[str]:
    values = [*TEXTS, *map(str, NUMBERS), *at_bounds(schema, chance)]
    found = [value for value in values if isinstance(value, str)]
    chance.shuffle(found)
    return found


def is_allowed(name: str, text: str) -> bool:
    """Whether the contract allows a text for a parameter; those of one name are all alike."""
    one = next(one for one in COMPONENTS["parameters"].values() if one["name"] == name)
    if one["schema"]["type"] == "boolean":
        return text in ("true", "false")
    if one["schema"]["type"] == "integer":
        is_one = re.fullmatch("0|[1-9][0-9]{0,99}", text) is not None
        return is_one and OAS30Validator(one["schema"]).is_valid(int(text))
    return bool(OAS30Validator(one["schema"]).is_valid(text))


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS)
def test_parameters(
    method: str, path: str, operation: dict[str, Any], functions: dict[str, Function]
) -> None:
    name, chance = operation["operationId"], random.Random(f"{SEED} {operation['operationId']}")
    function = functions[operation["tags"][0]]
    parameters = [resolve(one) for one in operation["parameters"]]
    good = {one["name"]: "a" * 32 for one in parameters if one["in"] == "path"}

    def send(where: str, sent: dict[str, str]) -> Answer:
        headers = {"Content-Type": "image/png" if name == "predict" else "application/json"}
        return function.call(
            method,
            path,
            BODIES.get(name),
            {**headers, **(sent if where == "header" else {})},
            query=sent if where == "query" else None,
            **{**good, **(sent if where == "path" else {})},
        )

    def made() -> Iterator[tuple[str, dict[str, str], bool]]:
        for one in parameters:
            for text in texts(one["schema"], chance):
                yield one["in"], {one["name"]: text}, is_allowed(one["name"], text)

    found = []
    for where, sent, allowed in islice(made(), SHARE):
        answer = send(where, sent)
        reason = not_as_described(name, answer)
        if answer.status >= 500 or reason or (answer.status < 400 and not allowed):
            found.append(f"{answer.status} {answer.body} {reason} | {sent}")
    assert not found, f"seed {SEED}: {len(found)} of {SHARE}\n" + "\n".join(found[:40])


def test_moves_of_an_alias(training: ModelTraining) -> None:
    def send(case: Case) -> Answer:
        path = "/models/{model}/aliases/{alias}"
        return training.call("PUT", path, case.body, model="m", alias="live")

    base = {"version": "v", "reason": "worse", "expected_version": None}
    found = failures("moveAlias", send, "AliasMove", base, CASES // 20, "moves")
    assert not found, f"seed {SEED}: {len(found)}\n" + "\n".join(found[:40])
