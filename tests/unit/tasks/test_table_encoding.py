"""Serving makes of an instance exactly what training made of the same row."""

import contextlib
import json
import math
import tempfile
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.datasets import Column
from tasks import InvalidInstances
from tasks.framework.training import data
from tasks.tables.serving import Table
from tasks.tables.training import encoding
from tests.unit.tasks.splits import Row, training_data

MOMENTS = st.datetimes(datetime(1678, 1, 1), datetime(2261, 12, 31)).map(datetime.isoformat)
NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "number": st.none() | st.floats(allow_nan=False, allow_infinity=False),
            "stamp": st.none() | st.integers(1_700_000_000, 1_700_000_100),
            "flag": st.none() | st.booleans(),
            "when": st.none() | MOMENTS,
            "kind": st.none() | NAMES,
        }
    ),
    min_size=1,
    max_size=12,
)
TYPES = {
    "number": "number",
    "stamp": "number",
    "flag": "boolean",
    "when": "datetime",
    "kind": "category",
}
FEATURES: list[dict[str, Any]] = [
    {"name": "age", "type": "number", "nullable": False, "centre": 40.0, "scale": 10.0},
    {"name": "flag", "type": "boolean", "nullable": True},
    {"name": "since", "type": "datetime", "nullable": True, "centre": 0.0, "scale": 1.0},
    {"name": "size", "type": "category", "nullable": True, "categories": ["s", "2", "true"]},
]


@settings(max_examples=50)
@given(ROWS, ROWS)
def test_both_encoders_agree(known: list[Row], later: list[Row]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        dataset = training_data(Path(folder), TYPES, None, [known, later, later])
        features = encoding.learn(dataset.schema.columns, data.read(dataset, ("train",), 100))
        trained = encoding.encode(features, data.read(dataset, ("test",), 100))
        instances = json.loads(json.dumps(data.instances(dataset, "test", 100)))
        sent = json.loads(json.dumps(later))
    features = json.loads(json.dumps(features))
    for rows in (instances, sent):
        served, _ = Table({"features": features}).encode(rows)
        np.testing.assert_array_equal(served, trained)
    assert trained.dtype == np.float32
    assert not np.isinf(trained).any()


def encode(**fields: Any) -> list[float]:
    matrix, _ = Table({"features": FEATURES}).encode([{"age": 40, **fields}])
    return [float(value) for value in matrix[0]]


def errors(*instances: Any) -> dict[str, str]:
    with pytest.raises(InvalidInstances) as caught:
        Table({"features": FEATURES}).encode(list(instances))
    return {error.pointer: error.detail for error in caught.value.errors}


def warnings(**fields: Any) -> list[tuple[str, str]]:
    _, report = Table({"features": FEATURES}).encode([{"age": 40, **fields}])
    return [(warning.pointer, warning.code) for warning in report.warnings]


def test_digits_of_large_numbers_survive() -> None:
    feature = {**FEATURES[0], "centre": 1.7e9, "scale": 1.0}
    matrix, _ = Table({"features": [feature]}).encode(
        [{"age": 1_700_000_001}, {"age": 1_700_000_002}]
    )
    assert matrix[:, 0].tolist() == [1.0, 2.0]


def test_the_same_moment_is_the_same_in_every_zone() -> None:
    moment = datetime(2024, 2, 29, 23, 30, tzinfo=UTC)
    shifted = moment.astimezone(timezone(timedelta(hours=5, minutes=45)))
    forms = [moment.isoformat(), shifted.isoformat(), "2024-02-29T23:30:00Z", "2024-02-29 23:30"]
    rows = [encode(since=form) for form in forms]
    assert all(row[2:7] == rows[0][2:7] for row in rows)
    assert rows[0][3:7] == [2, 29, 3, 23]


def test_a_date_is_its_midnight() -> None:
    assert encode(since="2024-02-29")[2:7] == encode(since="2024-02-29T00:00:00Z")[2:7]


@pytest.mark.parametrize("given", [None, "left out"])
def test_missing_values_are_nan_or_their_own_code(given: Any) -> None:
    fields = {} if given else {"flag": None, "since": None, "size": None}
    row = encode(**fields)
    assert all(math.isnan(value) for value in row[1:7])
    assert row[7] == 3


def test_an_unseen_category_is_told_of() -> None:
    assert encode(size="xxl")[7] == 4
    assert warnings(size="xxl") == [("/instances/0/size", "unseen_category")]
    assert warnings(size="s") == []


@pytest.mark.parametrize(("value", "code"), [(2, 1), (2.0, 1), (True, 2), (7, 4), (2.5, 4)])
def test_a_category_may_come_as_the_scalar_that_it_looks_like(value: Any, code: int) -> None:
    assert encode(size=value)[7] == code


def test_a_category_of_words_takes_no_number() -> None:
    feature = {**FEATURES[3], "categories": ["s", "m"]}
    for value in (2, True):
        with pytest.raises(InvalidInstances, match="1 bad fields"):
            Table({"features": [feature]}).encode([{"size": value}])


def test_every_bad_field_has_an_error_of_its_own() -> None:
    found = errors(
        {"age": "forty", "flag": 1, "since": [], "size": ["s"]},
        {"flag": 0.5, "since": 1700000000, "size": [1]},
        [40],
        {"age": None},
        {"age": True},
        {"age": 10**400},
    )
    assert set(found) == {
        *("/instances/0/age", "/instances/0/flag", "/instances/0/since", "/instances/0/size"),
        *("/instances/1/age", "/instances/1/flag", "/instances/1/since", "/instances/1/size"),
        *("/instances/2", "/instances/3/age", "/instances/4/age", "/instances/5/age"),
    }
    assert found["/instances/0/age"] == "Expected a number, got 'forty'."
    assert len(found["/instances/5/age"]) < 200


def test_pointers_are_escaped() -> None:
    feature = {**FEATURES[0], "name": "a/b~c"}
    with pytest.raises(InvalidInstances) as caught:
        Table({"features": [feature]}).encode([{}])
    assert caught.value.errors[0].pointer == "/instances/0/a~1b~0c"


def test_unknown_fields_are_told_of() -> None:
    assert warnings(shoe=43, size="s") == [("/instances/0/shoe", "unknown_field")]


def test_every_category_of_the_schema_has_a_code(tmp_path: Path) -> None:
    names = [f"c{number}" for number in range(300)]
    dataset = training_data(tmp_path, {"kind": "category"}, None, [[], [], []])
    form = {"wide": True}
    kind = Column(
        name="kind", type="category", role="feature", nullable=True, categories=names,
        distinct=400, form=form,
    )  # fmt: skip
    (feature,) = encoding.learn([kind], data.read(dataset, ("train",), 1000))
    assert (feature["categories"], feature["distinct"], feature["form"]) == (names, 400, form)
    matrix, report = Table({"features": [feature]}).encode([{"kind": names[-1]}, {"kind": "new"}])
    assert matrix[:, 0].tolist() == [299, 301]
    assert [warning.pointer for warning in report.warnings] == ["/instances/1/kind"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(st.lists(JSON | st.fixed_dictionaries({f["name"]: JSON for f in FEATURES}), max_size=4))
def test_anything_is_answered_or_refused(instances: list[Any]) -> None:
    with contextlib.suppress(InvalidInstances):
        matrix, _ = Table({"features": FEATURES}).encode(instances)
        assert matrix.shape == (len(instances), 8)


def test_text_is_read_as_in_training() -> None:
    assert encode(age=" 50 ")[0] == encode(age=50)[0] == 1
    assert encode(flag=" TRUE")[1] == 1
    assert encode(size="s\u00a0")[7] == 0
    inputs = {"features": FEATURES, "missing_values": ["n/a"], "ignored": ["id"]}
    matrix, report = Table(inputs).encode([{"age": 40, "size": " N/A ", "flag": "", "id": 7}])
    assert matrix[0, 7] == 3
    assert math.isnan(matrix[0, 1])
    assert not report.warnings


def test_what_training_could_not_read_is_missing_and_told_only_where_it_has_seen_such() -> None:
    features = [{**feature, "unreadable": True} for feature in FEATURES]
    matrix, report = Table({"features": features}).encode([{"age": 40, "flag": "maybe"}])
    assert math.isnan(matrix[0, 1])
    assert [(one.pointer, one.code) for one in report.warnings] == [
        ("/instances/0/flag", "unreadable_value")
    ]
    assert list(errors({"age": 40, "flag": "maybe", "since": "soon"})) == [
        "/instances/0/flag",
        "/instances/0/since",
    ]


def test_words_for_missing_values_may_come_as_numbers() -> None:
    feature = {**FEATURES[0], "nullable": True}
    table = Table({"features": [feature], "missing_values": ["-999"]})
    matrix, _ = table.encode([{"age": "-999"}, {"age": -999}, {"age": -999.0}, {"age": -99}])
    assert np.isnan(matrix[:, 0]).tolist() == [True, True, True, False]


def test_names_of_fields_are_read_as_those_of_columns() -> None:
    feature = {**FEATURES[0], "name": "a\u00f1o"}
    matrix, report = Table({"features": [feature]}).encode([{" an\u0303o ": 50}])
    assert matrix[0, 0] == 1
    assert not report.warnings


def test_a_category_beyond_those_that_are_listed_is_not_called_unseen() -> None:
    feature = {**FEATURES[3], "distinct": 2000}
    _, report = Table({"features": [feature]}).encode([{"size": "xxl"}])
    assert [warning.code for warning in report.warnings] == ["unlisted_category"]


def test_an_object_where_training_had_plain_values_and_objects_is_missing() -> None:
    plain = {**FEATURES[3], "name": "a"}
    inner = {**FEATURES[0], "name": "a.b", "nullable": True}
    matrix, _ = Table({"features": [plain, inner]}).encode([{"a": {"b": 50}}, {"a": "s"}])
    assert matrix[:, 0].tolist() == [3, 0]
    assert matrix[0, 1] == 1


def test_nested_objects_are_read_as_their_columns() -> None:
    feature = {**FEATURES[0], "name": "a.b", "nullable": True}
    inputs = {"features": [feature], "ignored": ["tags"]}
    matrix, report = Table(inputs).encode([{"a": {"b": 50}, "tags": [1]}, {"a": None}])
    assert matrix[0, 0] == 1
    assert math.isnan(matrix[1, 0])
    assert not report.warnings


def category(*names: str, **more: Any) -> Table:
    feature = {**FEATURES[3], "categories": list(names), **more}
    return Table({"features": [feature], "missing_values": ["-999"]})


@pytest.mark.parametrize(
    ("names", "value", "code"),
    [
        (["1.50", "2.25"], 1.5, 0),
        (["A", "1", "1.0"], 1.0, 2),
        (["A", "1", "1.0"], 1, 1),
        (["A", "1.0"], 1, 1),
        (["False", "True"], True, 1),
        (["True", "true"], True, 1),
        (["1", "true"], True, 1),
        (["0", "1"], -999.0, 2),  # missing
        (["-999.0", "1"], -999.0, 0),
        (["9007199254740993", "9007199254740992"], 9007199254740992, 1),
    ],
)
def test_a_number_is_the_category_of_its_text_or_the_only_one_of_its_value(
    names: list[str], value: Any, code: int
) -> None:
    matrix, report = category(*names).encode([{"size": value}])
    assert (matrix[0, 0], report.warnings) == (code, [])


def test_a_number_that_may_be_several_categories_is_told() -> None:
    matrix, report = category("1.50", "1.500").encode([{"size": 1.5}])
    assert matrix[0, 0] == 3
    (told,) = report.warnings
    assert (told.code, "'1.50' or '1.500'" in told.detail) == ("ambiguous_category", True)


@pytest.mark.parametrize(("names", "value"), [(["007", "008"], 7), (["5E1", "50A"], 50)])
def test_codes_are_not_taken_for_their_numbers(names: list[str], value: int) -> None:
    _, report = category(*names, distinct=9).encode([{"size": value}])
    assert [warning.code for warning in report.warnings] == ["unlisted_category"]


def test_any_type_is_missing_where_training_could_not_read_some_values() -> None:
    features = [{**feature, "nullable": True, "unreadable": True} for feature in FEATURES]
    sent = {"age": False, "flag": 7, "since": 0, "size": ["red"]}
    matrix, report = Table({"features": features}).encode([sent])
    assert np.isnan(matrix[0, :7]).all()
    assert matrix[0, 7] == 3
    assert {warning.code for warning in report.warnings} == {"unreadable_value"}


@pytest.mark.parametrize(
    ("duration", "text", "number"),
    [
        ("two parts", "13:45", 825),
        ("two parts", "13:45:00", None),
        ("h:mm:ss", "13:45:00", 49_500),
        ("h:mm:ss", "13:45", None),
        ("h:mm, h:mm:ss", "13:45", 49_500),
        ("h:mm, h:mm:ss", "13:45:30", 49_530),
        ("m:ss, h:mm:ss", "13:45", 825),
    ],
)
def test_durations_of_a_length_that_training_could_not_tell_are_refused(
    duration: str, text: str, number: float | None
) -> None:
    feature = {**FEATURES[0], "form": {"duration": duration}, "centre": 0.0, "scale": 1.0}
    table = Table({"features": [feature]})
    if number is None:
        with pytest.raises(InvalidInstances) as caught:
            table.encode([{"age": text}])
        assert "parts, as all are in training" in caught.value.errors[0].detail
    else:
        assert table.encode([{"age": text}])[0][0, 0] == number


@pytest.mark.parametrize(
    ("instance", "second"),
    [
        ({"x": 1, "x ": 5}, "/instances/0/x "),
        ({"x ": 5, "x": 1}, "/instances/0/x"),
        ({"x": None, "\ufeffx": 5}, "/instances/0/\ufeffx"),
        ({"x": 1, "a.b": 1, "a": {"b": 2}}, "/instances/0/a/b"),
        ({"x": 1, "a": {"b": 2}, "a.b": 1}, "/instances/0/a/b"),
        ({"x": 1, "a": {"b": 2, "b ": 1}}, "/instances/0/a/b "),
    ],
)
def test_two_fields_that_are_one_column_are_refused(instance: dict[str, Any], second: str) -> None:
    table = Table({"features": [NUMBER | {"name": name} for name in ("x", "a.b")]})
    with pytest.raises(InvalidInstances) as refused:
        table.encode([instance])
    (error,) = refused.value.errors
    assert error.pointer == second
    assert "send one of the two" in error.detail


def test_two_fields_that_the_model_does_not_know_are_not_in_the_way() -> None:
    table = Table({"features": [NUMBER | {"name": "x"}]})
    matrix, report = table.encode([{"x": 1, "y": 1, "y ": 5}])
    assert (matrix.tolist(), [one.code for one in report.warnings]) == ([[1.0]], ["unknown_field"])


NUMBER = {"type": "number", "nullable": True, "centre": 0.0, "scale": 1.0}
