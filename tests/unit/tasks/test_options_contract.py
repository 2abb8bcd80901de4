"""Whatever a caller says to any task is understood, or refused with a pointer to the field."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tasks
from common.decoding import convert
from common.problems import Unprocessable

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


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__module__)
@settings(max_examples=30)
@given(data=st.data())
def test_any_value_of_any_option_is_understood_or_pointed_at(form: Any, data: Any) -> None:
    options = data.draw(st.dictionaries(st.sampled_from([*form.__struct_fields__, "x"]), VALUES))
    try:
        convert(options, form)
    except Unprocessable as problem:
        (error,) = problem.errors
        assert error.pointer.startswith("/")
