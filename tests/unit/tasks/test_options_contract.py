"""Whatever a caller says to any task is understood, or refused with a pointer to each bad field."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import inspect

import tasks
from common.decoding import convert
from common.problems import Unprocessable, both, pointer
from data_processing import requests as processing
from model_training import requests as training

FORMS = [
    form
    for task in map(tasks.task, tasks.TASKS)
    for form in (task.processing_options, task.training_options)
]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


def refused(check: Callable[[], object]) -> list[str]:
    """The pointers of the fields that a check refuses."""
    try:
        check()
    except Unprocessable as problem:
        return sorted(error.pointer for error in problem.errors) or ["no field"]
    return []


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__module__)
@settings(max_examples=30)
@given(data=st.data())
def test_any_value_of_any_option_is_understood_or_pointed_at(form: Any, data: Any) -> None:
    options = data.draw(st.dictionaries(st.sampled_from([*form.__struct_fields__, "x"]), VALUES))
    assert all(at.startswith("/") for at in refused(lambda: convert(options, form)))


type Drawn = tuple[Any, list[str]]
"""A value, and the pointers of those of its parts that do not fit."""


@st.composite
def drawn(draw: st.DrawFn, kind: inspect.Type, *path: str | int) -> Drawn:
    """A value of a type, or what is none, or one with parts that are none."""
    if isinstance(kind, inspect.UnionType):
        kind = next(one for one in kind.types if not isinstance(one, inspect.NoneType))
    if path and not isinstance(kind, inspect.AnyType) and draw(st.integers(0, 3)) == 0:
        return ("no object" if is_object(kind) else {"no": "value"}), [pointer(*path)]
    match kind:
        case inspect.StructType():
            return draw(drawn_struct(kind, *path))
        case inspect.ListType():
            count = draw(st.integers(kind.min_length or 0, 3))
            items = [draw(drawn(kind.item_type, *path, index)) for index in range(count)]
            return [value for value, _ in items], [at for _, wrong in items for at in wrong]
        case inspect.DictType():
            names = draw(st.sets(st.sampled_from(["a", "a/b", "", "x" * 1000])))
            table = {name: draw(drawn(kind.value_type, *path, name)) for name in sorted(names)}
            return (
                {name: value for name, (value, _) in table.items()},
                [at for _, wrong in table.values() for at in wrong],
            )
    return good(kind), []


@st.composite
def drawn_struct(draw: st.DrawFn, kind: inspect.StructType, *path: str | int) -> Drawn:
    value: dict[str, Any] = {}
    wrong: list[str] = []
    for field in kind.fields:
        name = field.encode_name
        if draw(st.booleans()):
            value[name], more = draw(drawn(field.type, *path, name))
            wrong += more
        elif field.required:
            wrong.append(pointer(*path, name))
    if kind.forbid_unknown_fields and draw(st.booleans()):
        value["unknown"] = 1
        wrong.append(pointer(*path, "unknown"))
    if not wrong and hasattr(kind.cls, "__post_init__"):  # whose fields have to go together
        value = {"key": "raw/a"} if kind.cls is processing.Source else {}
    return value, wrong


def is_object(kind: inspect.Type) -> bool:
    return isinstance(kind, inspect.StructType | inspect.DictType)


def good(kind: inspect.Type) -> Any:
    match kind:
        case inspect.LiteralType():
            return kind.values[0]
        case inspect.StrType():
            return "a"
        case inspect.IntType():
            return kind.ge or 0
        case inspect.FloatType():
            return 0.5
        case inspect.BoolType():
            return True
    return {}  # of any type


@given(data=st.data(), task=st.sampled_from(tasks.TASKS))
def test_all_bad_fields_of_a_processing_are_pointed_at(data: st.DataObject, task: str) -> None:
    common, wrong = data.draw(drawn(inspect.type_info(processing.ProcessingRequest)))
    options, more = data.draw(drawn(inspect.type_info(tasks.task(task).processing_options)))
    body = {**options, **common, "task": task}
    expected = {at for at in wrong + more if at != "/task"}
    assert refused(lambda: processing.read(body)) == sorted(expected)


@given(data=st.data(), task=st.sampled_from(tasks.TASKS))
def test_all_bad_fields_of_a_training_are_pointed_at(data: st.DataObject, task: str) -> None:
    common, wrong = data.draw(drawn(inspect.type_info(training.TrainingRequest)))
    options, more = data.draw(drawn(inspect.type_info(tasks.task(task).training_options)))
    body = {**options, **common}
    found = refused(
        lambda: both(
            lambda: convert(body, training.TrainingRequest),
            lambda: training.options_of(body, task),
        )
    )
    assert found == sorted({*wrong, *more})
