"""The types that requests are read as are bounded, and the contract describes them in full."""

import re
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

import msgspec
import pytest
from msgspec import inspect

import tasks
from data_processing.requests import ProcessingRequest, UploadRequest
from inference.predictions import InferenceRequest
from model_training.requests import AliasPath, AliasRequest, ImportRequest, TrainingRequest
from tasks.onnx.spec import Spec
from tasks.recommendation.serving import Request as RecommendationInstance
from tests.unit.test_openapi import DOCUMENT

BODIES: dict[str, list[type]] = {
    "UploadRequest": [UploadRequest],
    "ProcessingRequest": [
        ProcessingRequest,
        *(tasks.task(task).processing_options for task in tasks.TASKS),
    ],
    "TrainingRequest": [
        TrainingRequest,
        ImportRequest,
        *(tasks.task(task).training_options for task in tasks.TASKS),
    ],
    "AliasMove": [AliasRequest],
    "InferenceRequest": [InferenceRequest],
}
"""The types that a body is read as, by the schema that describes it."""

OTHERS: list[type] = [AliasPath, RecommendationInstance, Spec]

LONGEST = 400_000
"""More than any text, list or table may hold."""

IDS = {".user", ".similar_items"}
"""Numbers that are read as the texts they are written as; what reads JSON bounds their digits."""

READ_BY_MODELS = {"/instances/*"}
"""What the contract describes and the request's type does not: each model reads it by itself."""


def parts(kind: inspect.Type, path: str = "") -> Iterator[tuple[str, inspect.Type]]:
    """All that a type is made of, with where it is."""
    yield path, kind
    match kind:
        case inspect.StructType():
            for field in kind.fields:
                yield from parts(field.type, f"{path}.{field.encode_name}")
        case inspect.UnionType():
            for one in kind.types:
                yield from parts(one, path)
        case inspect.ListType():
            yield from parts(kind.item_type, f"{path}[]")
        case inspect.DictType():
            yield from parts(kind.key_type, f"{path}{{key}}")
            yield from parts(kind.value_type, f"{path}{{}}")


def unbounded(of: Any) -> list[str]:
    """Where a type may hold any number of characters or things, or a whole number of any size."""
    return [path for path, kind in parts(inspect.type_info(of)) if not is_bounded(kind, path)]


def is_bounded(kind: inspect.Type, path: str) -> bool:
    match kind:
        case inspect.StrType(pattern=str(pattern)):
            return re.match(pattern, "a" * LONGEST) is None
        case inspect.StrType() | inspect.CollectionType() | inspect.DictType():
            return kind.max_length is not None and kind.max_length <= LONGEST
        case inspect.IntType():
            return path in IDS or kind.le is not None
    return True


@pytest.mark.parametrize(
    "of", [*chain(*BODIES.values()), *OTHERS], ids=lambda of: f"{of.__module__}.{of.__name__}"
)
def test_what_a_caller_may_send_has_a_bound(of: type) -> None:
    assert unbounded(of) == []


@pytest.mark.parametrize("wrong", [str, int, list[bool], dict[str, bool], list[bool] | None])
def test_a_field_without_a_bound_is_found(wrong: Any) -> None:
    assert unbounded(msgspec.defstruct("Of", [("a", wrong)]))


type Facts = dict[str, Any]

BOUNDS = {
    *("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "maxProperties"),
    *("type", "nullable", "pattern"),
}


def facts(schema: Any, definitions: Any, path: str = "") -> Iterator[tuple[str, Facts]]:
    """What a schema says of each field, with its path.

    The contract cannot say what is written here as words: that a bound itself is not allowed, and
    what the keys and values of tables are.
    """
    schema = plain(schema, definitions)
    if path:
        said = {key: value for key, value in schema.items() if key in BOUNDS}
        if "enum" in schema:
            said["enum"] = set(schema["enum"])
        yield path, said
    for name, inner in schema.get("properties", {}).items():
        yield from facts(inner, definitions, f"{path}/{name}")
    if "items" in schema:
        yield from facts(schema["items"], definitions, f"{path}/*")


def plain(schema: Facts, definitions: Mapping[str, Facts]) -> Facts:
    """A schema of JSON Schema or of OpenAPI in the words of the latter."""
    if "$ref" in schema:
        return plain(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    if "anyOf" in schema:
        (one,) = [one for one in schema["anyOf"] if one != {"type": "null"}]
        nullable = plain(one, definitions) | {"nullable": True}
        return nullable | ({"enum": [*nullable["enum"], None]} if "enum" in nullable else {})
    said = dict(schema)
    for end in ("minimum", "maximum"):
        if (bound := said.get(f"exclusive{end.capitalize()}")) is not None:
            said[end] = bound
    if "enum" in said:
        said["type"] = "string"
    if "pattern" in said:
        said["pattern"] = said["pattern"].replace("\\Z", "$")
    return said


def of_types(types: list[type]) -> dict[str, Facts]:
    """What the code says of the fields of a body, whatever the task."""
    found: dict[str, Facts] = {}
    schemas, definitions = msgspec.json.schema_components(types)
    for schema in schemas:
        for path, said in facts(schema, definitions):
            before = found.setdefault(path, said)
            choices = {"enum": before["enum"] | said["enum"]} if "enum" in said else {}
            assert before | choices == said | choices, path
            found[path] = said | choices
    return found


@pytest.mark.parametrize("name", BODIES)
def test_the_contract_says_what_the_types_say(name: str) -> None:
    schemas = DOCUMENT["components"]["schemas"]
    said = dict(facts(schemas[name], schemas))
    for path, of_code in of_types(BODIES[name]).items():
        assert (path, said.pop(path, None)) == (path, of_code)
    assert said.keys() <= READ_BY_MODELS


@pytest.mark.parametrize("name", BODIES)
def test_the_contract_says_what_is_required(name: str) -> None:
    (schema,), definitions = msgspec.json.schema_components(BODIES[name][:1])
    required = set(plain(schema, definitions)["required"])
    if name == "TrainingRequest":
        required -= {"dataset"}  # or an import
    assert set(DOCUMENT["components"]["schemas"][name]["required"]) == required
