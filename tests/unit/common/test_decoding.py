"""Bodies into typed requests, with a pointer to all that does not fit."""

import contextlib
import tracemalloc
from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.decoding import MAX_OBJECTS, Name, Version, convert, parse
from common.problems import (
    BadRequest,
    FieldError,
    InvalidField,
    PayloadTooLarge,
    Unprocessable,
    both,
)


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
        ({"name": "a", "table": {"x": 1, "y": "1", "z": 2}}, "/table/y"),
        ({"name": "a", "tables": {"x": {"a": {"numbers": [1, "2"]}}}}, "/tables/x/a/numbers/1"),
        ({"name": "a", "pair": {"x": 1}}, "/pair"),
        ({"name": "a", "pair": {"x": 1, "y": "2"}}, "/pair/y"),
        ({"name": "a", "other": 1}, "/other"),
        ({"name": "a", "": 1}, "/"),
        ({"name": "a", "a`b/c.d": 1}, "/a`b~1c.d"),
        ({"name": "a", "x` - at `$.name": 1}, "/x` - at `$.name"),
        ([], ""),
        ("text", ""),
        (None, ""),
    ],
)
def test_the_field_that_does_not_fit_is_pointed_at(value: Any, pointer: str) -> None:
    with pytest.raises(Unprocessable) as raised:
        convert(value, Outer)
    assert [error.pointer for error in raised.value.errors] == [pointer]


def test_all_that_does_not_fit_is_pointed_at() -> None:
    value = {
        "name": "A",
        "inner": {"numbers": ["x", 1, None], "other": 1},
        "table": {"x": "1"},
        "tables": {"a": {"b": 1, "c": {"numbers": 2}}},
        "pair": {"x": "1"},
        "more": [],
    }
    with pytest.raises(Unprocessable) as raised:
        convert(value, Outer, ["at"])
    assert [error.pointer for error in raised.value.errors] == [
        "/at/name",
        "/at/inner/numbers/0",
        "/at/inner/numbers/2",
        "/at/inner/other",
        "/at/table/x",
        "/at/tables/a/b",
        "/at/tables/a/c/numbers",
        "/at/pair",
        "/at/more",
    ]
    assert raised.value.detail == (
        f"/at/name: {raised.value.errors[0].detail}; 8 other fields do not fit either"
    )


def test_a_hundred_fields_that_do_not_fit_are_listed_and_the_others_counted() -> None:
    with pytest.raises(Unprocessable) as raised:
        convert({"numbers": ["x"] * 150}, Inner)
    assert (len(raised.value.errors), raised.value.others) == (100, 50)
    assert raised.value.detail.endswith("; 149 other fields do not fit either")


class Bert(msgspec.Struct, frozen=True, tag_field="kind", tag="bert", forbid_unknown_fields=True):
    mark: tuple[str, int]


class Template(msgspec.Struct, frozen=True, tag_field="kind", tag="template"):
    ids: set[int]


class Tagged(msgspec.Struct):
    part: Bert | Template | None = None
    parts: list[int] | dict[str, int] = []


@pytest.mark.parametrize(
    ("value", "errors"),
    [
        (
            {"kind": "bert", "mark": [1, 2], "ids": []},
            {"/part/mark/0": "Expected `str`, got `int`", "/part/ids": "unknown field `ids`"},
        ),
        ({"kind": "template", "ids": [1, "x"]}, {"/part/ids/1": "Expected `int`, got `str`"}),
        ({"kind": "template"}, {"/part/ids": "Object missing required field `ids`"}),
        ({"kind": "none"}, {"/part": "Invalid value 'none' - at `$.kind`"}),
        ([], {"/part": "Expected `object | null`, got `array`"}),
    ],
)
def test_of_a_union_the_member_that_is_meant_is_compared(
    value: Any, errors: dict[str, str]
) -> None:
    with pytest.raises(Unprocessable) as raised:
        convert({"part": value, "parts": {"a": 1, "b": None}}, Tagged)
    found = {error.pointer: error.detail for error in raised.value.errors}
    assert found.pop("/parts/b") == "Expected `int`, got `null`"
    assert found.keys() == errors.keys()
    assert all(text in found[at] for at, text in errors.items())


class Window(msgspec.Struct, frozen=True):
    first: int = 0
    last: int = 0

    def __post_init__(self) -> None:
        if self.first > self.last:
            raise InvalidField("last", f"{self.last} is before {self.first}")


def test_a_field_that_does_not_go_with_the_others_is_pointed_at() -> None:
    form = msgspec.defstruct("Of", [("windows", list[Window]), ("name", Name)])
    with pytest.raises(Unprocessable) as raised:
        convert({"windows": [{}, {"first": 5, "last": 3}, {"first": 1}], "name": ""}, form)
    assert raised.value.errors[:2] == (
        FieldError("/windows/1/last", "3 is before 5"),
        FieldError("/windows/2/last", "0 is before 1"),
    )
    assert [error.pointer for error in raised.value.errors[2:]] == ["/name"]


def test_what_fits_is_typed() -> None:
    assert convert({"name": "a", "table": {"x": 1}}, Outer) == Outer("a", table={"x": 1})


def test_both_halves_of_a_request_are_told_of() -> None:
    def refused(value: Any) -> list[tuple[str, str]]:
        with pytest.raises(Unprocessable) as raised:
            both(lambda: convert(value, Outer), lambda: convert(value, Versioned))
        return [(error.pointer, error.detail[:8]) for error in raised.value.errors]

    assert refused({"name": 1, "version": 2}) == [
        ("/name", "Expected"),
        ("/version", "Object c"),
    ]
    assert refused({"name": 1}) == [("/name", "Expected"), ("/version", "Object m")]
    assert refused([]) == [("", "Expected")]
    name, inner = both(lambda: convert({"name": "a"}, Outer).name, lambda: convert({}, Inner))
    assert (name, inner) == ("a", Inner())


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
        ({"layers": [{}, {"a": ["red"], "b": ["blue", "re'd"], "c": []}]}, "/layers/1/b/1"),
        ({"unique": ["red", "re'd"]}, "/unique/1"),
        ({"names": {"re'd": "a"}}, "/names/re'd"),
    ],
)
def test_the_choices_are_told(value: Any, pointer: str) -> None:
    with pytest.raises(Unprocessable) as raised:
        convert(value, Chosen)
    reason = 'Invalid enum value "re\'d": choose one of blue, red'
    assert raised.value.errors == (FieldError(pointer, reason),)


@pytest.mark.parametrize(
    "text",
    [
        "Invalid enum value 'a' - at `$.a`",
        "a' - at `$.colours[0]`",
        "' - at `$[...][...][...]`",
        "Expected `int` - at `key` in `$.x[...]`",
        "field `colour`",
        "x" * 100_000,
        "",
    ],
)
def test_a_text_that_imitates_a_message_is_a_text(text: str) -> None:
    for body, pointer in (
        ({"colour": text}, "/colour"),
        ({"by_name": {"a": "red", "b": text}}, "/by_name/b"),
        ({"layers": [{}, {"c": [text]}]}, "/layers/1/c/0"),
    ):
        with pytest.raises(Unprocessable) as raised:
            convert(body, Chosen)
        (error,) = raised.value.errors
        assert error.pointer == pointer
        assert error.detail.startswith(f"Invalid enum value {text!r:.60}"[:80])
        assert error.detail.endswith("choose one of blue, red")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_what_json_has_no_number_for_is_pointed_at_and_null_is_the_advice(number: str) -> None:
    body = f'{{"instances": [{{"a": 1}}, {{"a/b": [0, {number}], "c": {number}}}]}}'
    with pytest.raises(BadRequest) as raised:
        parse(body.encode())
    reason = f"is {number}, which JSON does not have: send null."
    assert raised.value.errors == (
        FieldError("/instances/1/a~1b/1", reason),
        FieldError("/instances/1/c", reason),
    )
    assert raised.value.detail == f"The body is not JSON: /instances/1/a~1b/1 {reason}"


def test_one_body_lists_a_hundred_errors_and_counts_the_others() -> None:
    with pytest.raises(BadRequest) as raised:
        parse(b"[" + b"NaN," * 149 + b"NaN]")
    assert (len(raised.value.errors), raised.value.others) == (100, 50)


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b'{"a": [1, nan]}', "nan at line 1, column 11, in the field 'a'; send null"),
        (
            b'{"a": 1,\n "b": undefined}',
            "undefined at line 2, column 7, in the field 'b'; send null",
        ),
        (b"{'a': 1}", "a single quote at line 1, column 2 is how Python prints values; json.dumps"),
        (b'{"a": None}', "None at line 1, column 7, in the field 'a' is how Python prints"),
        (b'{"a": [True]}', "True at line 1, column 8, in the field 'a' is how Python prints"),
        (b'{"a": 1}\n{"a": 2}', "where another begins; send one object"),
        (b'{"a": 1e999}', "/a is a number out of range: send null"),
        (b'{"a": "\\ud800"}', "/a has half a surrogate pair"),
        (b'{"\\udc00": 1}', "it has a key with half a surrogate pair"),
        ("\ud800".encode(errors="surrogatepass"), "is not UTF-8 (byte 0xed at position 0)"),
        ('{"a": "é"}'.encode("latin-1"), "is not UTF-8 (byte 0xe9 at position 7)"),
        ('{"a": 1}'.encode("utf-16"), "seems to be UTF-16: send JSON in UTF-8"),
        ('{"a": 1}'.encode("utf-16-le"), "seems to be UTF-16: send JSON in UTF-8"),
        ('{"a": 1}'.encode("utf-16-be"), "seems to be UTF-16: send JSON in UTF-8"),
        ('{"a": 1}'.encode("utf-32"), "seems to be UTF-16: send JSON in UTF-8"),
        ('{"a": 1}'.encode("utf-16").decode("utf-8", "replace").encode(), "seems to be UTF-16"),
        (b'{"\0": 1}', "The body is not JSON"),
        (b"\xef\xbb\xbf" * 2 + b"{}", "The body is not JSON"),
        (b"\xef\xbb\xbf", "The body is not JSON"),
        (b"[" + b"1" * 9999 + b", NaN]", "The body is not JSON"),
    ],
)
def test_a_body_that_is_not_json_is_a_bad_request_that_says_why(body: bytes, detail: str) -> None:
    with pytest.raises(BadRequest) as raised:
        parse(body)
    assert detail in raised.value.detail


def test_a_byte_order_mark_before_json_is_left_out() -> None:
    assert parse(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}


def test_a_body_of_too_many_objects_is_refused_before_it_is_decoded() -> None:
    most = b'{"a": [%s{}]}' % (b"{}," * (MAX_OBJECTS - 2))
    assert len(parse(most)["a"]) == MAX_OBJECTS - 1
    with pytest.raises(PayloadTooLarge, match="400,000 JSON objects"):
        parse(most.replace(b"{},", b"{},{},", 1) + b"no JSON")


def test_braces_in_strings_are_no_objects() -> None:
    text = '{"}\\' * MAX_OBJECTS
    assert parse(msgspec.json.encode({"a": text})) == {"a": text}


def test_paths_in_a_wide_and_deep_body_take_no_memory_of_their_own() -> None:
    depth, width = 400, 20_000
    body = b"[" * depth + b",".join([b"NaN"] * width) + b"]" * depth
    tracemalloc.start()
    with pytest.raises(BadRequest) as raised:
        parse(body)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert raised.value.others == width - 100
    assert peak < 20_000_000  # a path of its own for each value would be 64 MB


@given(
    st.binary(max_size=100) | st.text("[]{}:,'\"\\ud8NaNone \u00e9", max_size=60).map(str.encode)
)
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
