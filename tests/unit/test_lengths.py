"""Every text, list and table that a caller may send has a length, in the code and in the contract."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from msgspec import inspect

import tasks
from data_processing.requests import ProcessingRequest, UploadRequest
from inference.predictions import InferenceRequest
from model_training.requests import AliasPath, AliasRequest, ImportRequest, TrainingRequest
from tasks.onnx.spec import Spec
from tasks.recommendation.serving import Request as RecommendationInstance

SCHEMAS = yaml.safe_load(
    (Path(__file__).parents[2] / "modules/rest_api/openapi.yaml").read_text(encoding="utf-8")
)["components"]["schemas"]

BODIES: dict[str, list[type]] = {
    "UploadRequest": [UploadRequest],
    "ProcessingRequest": [
        ProcessingRequest,
        *(tasks.options(task).Processing for task in tasks.TASKS),
    ],
    "TrainingRequest": [
        TrainingRequest,
        ImportRequest,
        *(tasks.options(task).Training for task in tasks.TASKS),
    ],
    "AliasMove": [AliasRequest],
    "InferenceRequest": [InferenceRequest],
}
"""The types that a body is read as, by the schema that describes it."""

NOT_IN_BODIES: list[type] = [AliasPath, RecommendationInstance, Spec]

LONGEST = 50_000
"""Characters of a text that are more than any may have."""

type Bounds = tuple[int | None, int | None]


def fields(kind: inspect.Type, path: str = "") -> Iterator[tuple[str, inspect.Type]]:
    """All that a type is made of, with where it is."""
    yield path, kind
    match kind:
        case inspect.StructType():
            for field in kind.fields:
                yield from fields(field.type, f"{path}.{field.encode_name}")
        case inspect.UnionType():
            for one in kind.types:
                yield from fields(one, path)
        case inspect.ListType():
            yield from fields(kind.item_type, f"{path}[]")
        case inspect.DictType():
            yield from fields(kind.key_type, f"{path}{{key}}")
            yield from fields(kind.value_type, f"{path}{{}}")
        case inspect.Metadata():
            yield from fields(kind.type, path)


def is_bounded(kind: inspect.Type) -> bool:
    """Whether a type that may hold much says how much."""
    match kind:
        case inspect.StrType(pattern=str(pattern)):
            return re.match(pattern, "a" * LONGEST) is None
        case inspect.StrType() | inspect.ListType() | inspect.DictType():
            return kind.max_length is not None and kind.max_length <= 400_000
        case inspect.CollectionType() | inspect.BytesType():
            return kind.max_length is not None
    return True


@pytest.mark.parametrize(
    "of", [*sum(BODIES.values(), []), *NOT_IN_BODIES], ids=lambda of: f"{of.__module__}"
)
def test_every_text_list_and_table_has_a_length(of: type) -> None:
    without = [path for path, kind in fields(inspect.type_info(of)) if not is_bounded(kind)]
    assert without == []


@pytest.mark.parametrize("wrong", [str, list[int], dict[str, int], list[str] | None])
def test_a_field_without_a_length_would_be_found(wrong: Any) -> None:
    of = msgspec.defstruct("Of", [("a", wrong)])
    assert not all(is_bounded(kind) for _, kind in fields(inspect.type_info(of)))


def described(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema, or the one that it refers to."""
    reference = schema.get("$ref")
    return SCHEMAS[reference.rpartition("/")[2]] if reference else schema


def disagreements(kind: inspect.Type, schema: dict[str, Any], path: str) -> Iterator[str]:
    """Where a schema does not say the lengths of a type."""
    schema = described(schema)
    match kind:
        case inspect.StructType():
            for field in kind.fields:
                if (inner := schema.get("properties", {}).get(field.encode_name)) is not None:
                    yield from disagreements(field.type, inner, f"{path}.{field.encode_name}")
        case inspect.UnionType():
            for one in kind.types:
                if not isinstance(one, inspect.NoneType):
                    yield from disagreements(one, schema, path)
        case inspect.ListType():
            if (kind.min_length, kind.max_length) != bounds(schema, "Items"):
                yield f"{path}: {bounds(schema, 'Items')} items, not {lengths(kind)}"
            yield from disagreements(kind.item_type, schema["items"], f"{path}[]")
        case inspect.DictType():
            if kind.max_length != schema.get("maxProperties") and schema["type"] == "object":
                yield f"{path}: not {kind.max_length} properties"
        case inspect.StrType(pattern=None):
            if lengths(kind) != bounds(schema, "Length") and schema.get("type") == "string":
                yield f"{path}: {bounds(schema, 'Length')} characters, not {lengths(kind)}"
        case inspect.StrType() if schema.get("type") == "string" and "maxLength" not in schema:
            yield f"{path}: no length"


def lengths(kind: inspect.StrType | inspect.ListType) -> Bounds:
    return kind.min_length, kind.max_length


def bounds(schema: dict[str, Any], what: str) -> Bounds:
    return schema.get(f"min{what}"), schema.get(f"max{what}")


@pytest.mark.parametrize(("schema", "of"), [(s, of) for s, some in BODIES.items() for of in some])
def test_the_contract_says_the_lengths(schema: str, of: type) -> None:
    found = list(disagreements(inspect.type_info(of), SCHEMAS[schema], schema))
    assert found == []


def test_every_text_and_list_of_a_body_has_a_length_in_the_contract() -> None:
    without = []
    for name in (*BODIES, "Source", "Split", "CsvFormat", "ExcelFormat", "ImportSource"):
        for field, schema in SCHEMAS[name]["properties"].items():
            for one in (schema, schema.get("items", {})):
                kind = one.get("type")
                if kind == "string" and not {"maxLength", "enum"} & one.keys():
                    without.append(f"{name}.{field}")
                if kind == "array" and "maxItems" not in one:
                    without.append(f"{name}.{field}")
    assert without == []
