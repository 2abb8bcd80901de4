"""Bodies into typed requests, with a pointer to what does not fit."""

import contextlib
from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.decoding import Name, Version, convert, parse
from common.problems import BadRequest, FieldError, Unprocessable


class Inner(msgspec.Struct, forbid_unknown_fields=True):
    numbers: list[int] = []


class Outer(msgspec.Struct, forbid_unknown_fields=True):
    name: Name
    inner: Inner = msgspec.field(default_factory=Inner)
    table: dict[str, int] = {}
    tables: dict[str, dict[str, Inner]] = {}
    pair: Annotated[dict[str, int], msgspec.Meta(min_length=2)] = msgspec.field(
        default_factory=dict
    )


Colour = Literal["red", "blue"]


class Chosen(msgspec.Struct):
    colour: Colour | None = None
    colours: list[Colour] | None = None
    by_name: dict[str, Colour] = {}
    layers: list[dict[str, list[Colour]]] = []
    unique: set[Colour] = set()
    names: dict[Colour, str] = {}


class Versioned(msgspec.Struct):
    version: Version


@pytest.mark.parametrize(
    ("value", "pointer"),
    [
        ({}, "/name"),
        ({"name": "Churn"}, "/name"),
        ({"name": 1}, "/name"),
        ({"name": "a", "inner": {"numbers": [1, "x"]}}, "/inner/numbers/1"),
        ({"name": "a", "inner": {"other": 1}}, "/inner/other"),
        ({"name": "a", "table": {"x": 1, "y": "1", "z": "2"}}, "/table/y"),
        ({"name": "a", "tables": {"x": {"a": {"numbers": [1, "2"]}}}}, "/tables/x/a/numbers/1"),
        ({"name": "a", "pair": {"x": 1}}, "/pair"),
        ({"name": "a", "pair": {"x": 1, "y": "2"}}, "/pair"),
        ({"name": "a", "other": 1}, "/other"),
        ([], ""),
        ("text", ""),
        (None, ""),
    ],
)
def test_the_field_that_does_not_fit_is_pointed_at(value: Any, pointer: str) -> None:
    with pytest.raises(Unprocessable) as raised:
        convert(value, Outer)
    assert [error.pointer for error in raised.value.errors] == [pointer]


def test_what_fits_is_typed() -> None:
    assert convert({"name": "a", "table": {"x": 1}}, Outer) == Outer("a", table={"x": 1})


@pytest.mark.parametrize("name", ["a", "0", "a-b_c", "x" * 63])
def test_good_names(name: str) -> None:
    assert convert({"name": name}, Outer).name == name


@pytest.mark.parametrize("name", ["", "-a", "_a", "A", "a/b", "..", "é", "x" * 64, "a\n"])
def test_bad_names(name: str) -> None:
    with pytest.raises(Unprocessable, match=r"^/name: Expected 1 to 63 of a-z, 0-9, _ and -"):
        convert({"name": name}, Outer)


def test_a_bad_version_is_told_in_words() -> None:
    with pytest.raises(Unprocessable, match=r"^/version: Expected a version: letters"):
        convert({"version": "<an older one>"}, Versioned)


@pytest.mark.parametrize(
    ("value", "pointer"),
    [
        ({"colour": "re'd"}, "/colour"),
        ({"colours": ["red", "re'd"]}, "/colours/1"),
        ({"by_name": {"a": "red", "b": "re'd"}}, "/by_name/b"),
        ({"layers": [{}, {"a": ["red"], "b": ["blue", "re'd"], "c": ["re'd"]}]}, "/layers/1/b/1"),
        ({"unique": ["red", "re'd"]}, "/unique/1"),
        ({"names": {"re'd": "a"}}, "/names"),
    ],
)
def test_the_choices_are_told(value: Any, pointer: str) -> None:
    with pytest.raises(Unprocessable) as raised:
        convert(value, Chosen)
    reason = 'Invalid enum value "re\'d": choose one of blue, red'
    assert raised.value.errors == (FieldError(pointer, reason),)


@given(st.binary(max_size=100))
def test_any_body_is_json_or_a_bad_request(body: bytes) -> None:
    try:
        value = parse(body)
    except BadRequest:
        return
    assert parse(msgspec.json.encode(value)) == value


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["name", "inner", "table", "zz"]), json_values))
def test_any_value_fits_or_is_unprocessable(value: Any) -> None:
    with contextlib.suppress(Unprocessable):
        assert convert(value, Outer).name == value["name"]
