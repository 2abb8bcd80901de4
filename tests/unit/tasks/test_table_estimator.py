"""The estimator for notebooks reads columns of data frames as serving reads instances."""

import json
import math
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sklearn
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.framework.training.exported import pickled
from tasks.tables.serving import Table, finish
from tasks.tables.training.exported import columns
from tests.unit.tasks.notebooks import foreign_parts

FEATURES: list[dict[str, Any]] = [
    {"name": "age", "type": "number", "nullable": True, "centre": 40.0, "scale": 10.0},
    {"name": "fare", "type": "number", "nullable": False, "centre": 1e9, "scale": 0.5},
    {"name": "flag", "type": "boolean", "nullable": True},
    {"name": "since", "type": "datetime", "nullable": True, "centre": 1.7e9, "scale": 1e6},
    {"name": "size", "type": "category", "nullable": True, "categories": ["s", "m", "caf\u00e9"]},
    {"name": "class", "type": "category", "nullable": False, "categories": ["1", "2", "10"]},
]
WORDS = ["na", "n/a", "none", "nan", "<na>", "nat", "null", "-999"]
INPUTS = {"features": FEATURES, "missing_values": WORDS}

DATES = st.datetimes(datetime(1000, 1, 1), datetime(9000, 1, 1))  # as in files
NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**60), 2**60)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "age": st.none() | NUMBERS | st.just(-999.0),
            "fare": NUMBERS.filter(lambda number: number != -999),
            "flag": st.none() | st.booleans(),
            "since": st.none() | DATES,
            "size": st.none()
            | st.sampled_from(["s", " m\u00a0", "caf\u00e9", "cafe\u0301", "N/A", "", "xl"])
            | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
            "class": st.sampled_from(["1", "2 ", "10", "3", "01"]),
        }
    ),
    min_size=1,
    max_size=20,
)


def served(rows: list[dict[str, Any]]) -> np.ndarray:
    """The matrix that serving makes of rows as JSON."""
    texts = json.dumps(rows, default=datetime.isoformat)
    return Table(INPUTS).encode(json.loads(texts))[0]


ESTIMATOR = columns(INPUTS)


def read(frame: pd.DataFrame) -> np.ndarray:
    return finish(ESTIMATOR.transform(frame))


@pytest.mark.filterwarnings("ignore:overflow")
@given(ROWS)
@settings(max_examples=25, deadline=None)
def test_rows_are_read_as_in_serving(rows: list[dict[str, Any]]) -> None:
    expected = served(rows)
    frame = pd.DataFrame(rows).astype({"since": object})
    np.testing.assert_array_equal(read(frame), expected)
    texts = frame.assign(since=[at and at.isoformat() for at in frame["since"]], more=1)
    np.testing.assert_array_equal(read(texts[texts.columns[::-1]]), expected)
    moments = frame.assign(since=pd.Series(list(frame["since"]), dtype="datetime64[us]"))
    np.testing.assert_array_equal(read(moments), expected)


ROW: dict[str, Any] = {
    "age": 41,
    "fare": 1e9,
    "flag": True,
    "since": "2024-02-29T13:00:00",
    "size": "m",
    "class": "10",
}


NANOSECONDS = "2024-01-01T10:00:00.1234567"


@pytest.mark.parametrize(
    ("name", "values", "sent"),
    [
        ("age", pd.array([50, None], dtype="Int64"), [50, None]),
        ("age", pd.array([0.5, None], dtype="float32"), [0.5, None]),
        ("flag", pd.array([True, None], dtype="boolean"), [True, None]),
        ("flag", [1.0, math.nan], [True, None]),
        ("flag", [" TRUE", "n/a"], [True, None]),
        ("since", pd.to_datetime(["2024-01-01 10:00:00.1234567", None]), [NANOSECONDS, None]),
        ("since", pd.to_datetime(["2024-01-01", None], utc=True), ["2024-01-01", None]),
        ("since", ["2024-01-01T10:00:00Z", ""], ["2024-01-01T10:00:00Z", None]),
        ("since", [datetime(2024, 1, 1, 10, tzinfo=UTC), pd.NaT], ["2024-01-01T10:00:00Z", None]),
        ("size", pd.Categorical(["s", None]), ["s", None]),
        ("size", pd.array(["s", None], dtype="string"), ["s", None]),
        ("size", ["xxl", "NONE"], ["xxl", None]),
        ("class", [1, 10], [1, 10]),
        ("class", [1.0, 2.0], [1.0, 2.0]),
        ("class", [1.5, 7], [1.5, 7]),
    ],
)  # fmt: skip
def test_types_of_data_frames(name: str, values: Any, sent: list[Any]) -> None:
    frame = pd.DataFrame([ROW, ROW]).assign(**{name: values})
    np.testing.assert_array_equal(read(frame), served([{**ROW, name: value} for value in sent]))


@pytest.mark.filterwarnings("ignore:no explicit representation of timezones")
def test_times_of_other_zones() -> None:
    texts = pd.Series(["2024-01-01T10:00:00+02:00"])
    for since in (texts, pd.to_datetime(texts)):
        expected = served([{**ROW, "since": texts[0]}])
        np.testing.assert_array_equal(read(pd.DataFrame([ROW]).assign(since=since)), expected)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("age", "$5", "could not convert string to float"),
        ("age", math.inf, "infinity"),
        ("fare", None, "'fare' .never missing in training. contains NaN"),
        ("fare", -999, "'fare' .never missing in training. contains NaN"),
        ("class", None, "'class' .never missing in training. contains NaN"),
        ("class", "N/A", "'class' .never missing in training. contains NaN"),
        ("flag", "maybe", "maybe"),
        ("since", 20240131, "20240131"),
        ("since", 1_700_000_000, "takes datetimes or ISO 8601 texts, no numbers"),
        ("since", "31.12.2024 10:00", "Error parsing datetime string"),
        ("since", "2024-01", "Error parsing datetime string"),
    ],
)
def test_what_cannot_be_read_is_refused(name: str, value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read(pd.DataFrame([{**ROW, name: value}], dtype=object))


def test_a_column_that_lacks_is_named() -> None:
    with pytest.raises(ValueError, match=r"columns are missing: \{'age'\}"):
        read(pd.DataFrame([ROW]).drop(columns="age"))


def test_steps_pass_on_arrays_whatever_a_notebook_has_set() -> None:
    estimator = columns(INPUTS).set_output(transform="default")
    with sklearn.config_context(transform_output="pandas"):
        assert estimator.transform(pd.DataFrame([ROW])).shape == (1, 10)


def test_unreadable_booleans_are_missing_where_training_had_some() -> None:
    inputs = {"features": [{**FEATURES[2], "unreadable": True, "form": {"words": "wide"}}]}
    read = columns(inputs).transform(pd.DataFrame({"flag": ["maybe", "yes", "No"]}))
    np.testing.assert_array_equal(read[:, 0], [math.nan, 1, 0])


NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=4)


@given(
    st.lists(NAMES | st.sampled_from(["1", "1.0", "01", "true", "NA", "nan"]), unique=True),
    st.lists(NAMES),
)
@settings(max_examples=60, deadline=None)
def test_every_list_of_categories_has_an_estimator(names: list[str], words: list[str]) -> None:
    feature = {"name": "c", "type": "category", "nullable": True, "categories": names}
    estimator = columns({"features": [feature], "missing_values": words})
    assert foreign_parts(pickled(estimator)) == set()


WRITTEN: list[dict[str, Any]] = [
    {**FEATURES[0], "form": {"decimal": ",", "group": "."}},
    {**FEATURES[3], "form": {"formats": ["%d-%m-%y %H:%M"]}},
]


@pytest.mark.parametrize(("age", "since"), [("1.234", "2020-02-03"), (12.5, "03-02-20 10:00")])
def test_texts_in_written_forms_are_not_read_as_others(age: Any, since: str) -> None:
    estimator = columns({"features": WRITTEN})
    fine = estimator.transform(pd.DataFrame({"age": [12.5], "since": ["2020-02-03"]}))
    assert np.isfinite(fine).all()
    with pytest.raises((TypeError, ValueError)):
        estimator.transform(pd.DataFrame({"age": [age], "since": [since]}))


def test_many_columns_of_numbers_share_a_step() -> None:
    number = {"type": "number", "nullable": False, "centre": 1.0, "scale": 2.0}
    features = [{"name": f"x{at}", **number} for at in range(300)]
    estimator = columns({"features": features})
    assert len(estimator.transformers_) == 1
    frame = pd.DataFrame([{f"x{at}": at for at in reversed(range(300))}])
    np.testing.assert_array_equal(estimator.transform(frame)[0], (np.arange(300) - 1) / 2)
    with pytest.raises(ValueError, match="'x0', 'x1', 'x2' and 297 more columns"):
        estimator.transform(frame.assign(x7=None))
