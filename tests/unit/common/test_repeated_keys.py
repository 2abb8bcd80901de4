"""A key that an object of a body has twice is refused: its last value would be taken."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.decoding import parse
from common.problems import BadRequest
from tests.unit.hostile.inference import Inference, instance


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ('{"model": "m", "instances": [{"a": 1, "a": 2}]}', "a"),
        ('{"model": "m", "model": "n", "instances": [{"a": 1}]}', "model"),
        ('{"instances": [{"a": 1}], "instances": [{"a": 1}]}', "instances"),
        ('{"instances": [{"a": "10:00", "a" : "x"}, {"a": ":::"}]}', "a"),
        ('{"instances": [{"a": {"b": 1, "b": 2}}]}', "b"),
        ('{"instances": [{"a": [{"b": 1, "\\u0062": 2}]}]}', "b"),
        ('{"instances": [[{"a": 1, "a": 2}]]}', "a"),
        ('{"rows": [{"": 1, "": 2}]}', ""),
        ('{"a": 1, "b": {"c": 123456789012345678901234567890, "c": 1}}', "c"),
        ('[{"a":1,"a":1}]', "a"),
    ],
)
def test_a_key_twice_is_refused_by_its_name(body: str, key: str) -> None:
    with pytest.raises(BadRequest, match="twice in one object") as refused:
        parse(body.encode())
    assert repr(key) in refused.value.detail


JSON = st.recursive(
    st.none()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(':"{ ,a'),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(':"{ a'), inner),
)


@given(JSON | st.fixed_dictionaries({"instances": st.lists(JSON)}), st.sampled_from([None, 1]))
def test_other_bodies_are_read(value: Any, indent: int | None) -> None:
    assert parse(json.dumps(value, indent=indent).encode()) == value


def test_an_instance_with_a_key_twice_is_a_400() -> None:
    with Inference.serving("classification") as function:
        good = json.dumps(instance("classification"))
        name = json.dumps(next(iter(instance("classification"))))
        body = f'{{"model": "m", "instances": [{good}, {{{name}: 1, {good[1:]}]}}'
        answer = function.call("POST", "/inference", body)
        assert answer.status == 400
        assert f"{json.loads(name)!r} twice" in answer.body["detail"]
