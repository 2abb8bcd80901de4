"""Instances as columns have the answers, warnings and errors of the same instances as rows."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tasks import InvalidInstances
from tasks.framework.columns import Columns
from tasks.tables import serving
from tasks.tables.serving import Table

AMOUNT = {"centre": 40.0, "scale": 10.0}
FEATURES: list[dict[str, Any]] = [
    {"name": "age", "type": "number", "nullable": False, **AMOUNT},
    {"name": "price", "type": "number", "nullable": True, **AMOUNT},
    {"name": "money", "type": "number", "nullable": True, **AMOUNT, "form": {"decimal": ","}},
    {"name": "odd", "type": "number", "nullable": True, **AMOUNT, "unreadable": True},
    {"name": "flag", "type": "boolean", "nullable": True},
    {"name": "wide", "type": "boolean", "nullable": False, "form": {"wide": True}},
    {"name": "since", "type": "datetime", "nullable": True, "centre": 1.7e9, "scale": 1e7},
    {"name": "day", "type": "datetime", "nullable": False, "centre": 0.0, "scale": 1.0},
    {
        "name": "written",
        "type": "datetime",
        "nullable": True,
        "centre": 0.0,
        "scale": 1.0,
        "form": {"formats": ["%d/%m/%Y"]},
    },
    {"name": "size", "type": "category", "nullable": True, "categories": ["s", "2", "true"]},
    {"name": "kind", "type": "category", "nullable": False, "categories": ["a", "b", "1.50"]},
    {
        "name": "many",
        "type": "category",
        "nullable": True,
        "categories": ["x", "caf\u00e9"],
        "distinct": 9,
    },
    {"name": "geo.zone", "type": "category", "nullable": True, "categories": ["p", "q"]},
    {"name": "geo.at.lat", "type": "number", "nullable": True, **AMOUNT},
]
INPUTS = {"features": FEATURES, "ignored": ["id"]}
KINDS: dict[str, str] = {feature["name"]: feature["type"] for feature in FEATURES}
TEXTS = st.sampled_from(
    [
        *("", " ", "n/a", " N/A ", "-999", "-999.0", "7", " 1.50", "1,5", "1e400", "true", "Yes"),
        *("s", " s\u00a0", "cafe\u0301", "a", "2024-02-29", "29/02/2024", "2024-02-29T10:00+02:00"),
        *("2024-02-30", "1970-01-01T00:00:00.000000"),
    ]
)
RAW = (
    st.none()
    | st.booleans()
    | st.integers(-1000, 1000)
    | st.sampled_from([10**400, -999, 2**53 + 1, 1, 2])
    | st.floats(allow_nan=False)
    | TEXTS
    | st.text(max_size=4)
    | st.lists(st.integers(), max_size=1)
    | st.dictionaries(st.sampled_from(["zone", "at", "lat", "x"]), st.integers(), max_size=2)
)
USUAL: dict[str, st.SearchStrategy[Any]] = {
    "number": st.floats(-1e3, 1e3) | st.integers(-1000, 1000),
    "boolean": st.booleans(),
    "datetime": st.datetimes().map(lambda at: at.isoformat()),
    "category": st.sampled_from(["s", "2", "a", "b", "x", "p"]),
}
OTHERS = st.sets(st.sampled_from(["id", "shoe", " age", "geo", "geo.at", "geo.zone "]), max_size=2)
"""Names of columns that are no feature's, or are written in another way."""


@st.composite
def lists(draw: st.DrawFn, kind: str, count: int) -> list[Any]:
    """A column of raw values of a kind, a few of which may be of any other."""
    usual = USUAL[kind] | st.none() if draw(st.booleans()) else USUAL[kind]
    column = draw(st.lists(usual, min_size=count, max_size=count))
    for index in draw(st.sets(st.integers(0, 11), max_size=3)):
        if index < count:
            column[index] = draw(RAW)
    return column


ITEMS: dict[str, st.SearchStrategy[Any]] = {
    "f8": st.floats() | st.just(-999.0),
    "f4": st.floats(width=32),
    "f2": st.floats(width=16),
    "i8": st.integers(-(2**63), 2**63 - 1) | st.just(-999),
    "u8": st.integers(0, 2**64 - 1),
    "u1": st.integers(0, 255),
    "?": st.booleans(),
    "U8": TEXTS.map(lambda text: text.rstrip("\0")),
    "O": RAW,
    **{f"M8[{unit}]": st.integers(-(10**6), 10**6) for unit in ("M", "D", "h", "s", "us", "ns")},
    "M8[ms]": st.integers(-(2**62), 2**62),
}


@st.composite
def arrays(draw: st.DrawFn, count: int) -> np.ndarray:
    """A column as files and tensors have it, also with missing values."""
    kind = draw(st.sampled_from(sorted(ITEMS)))
    column = np.empty(count, kind)
    for index, item in enumerate(draw(st.lists(ITEMS[kind], min_size=count, max_size=count))):
        column[index] = item
    if kind.startswith("M"):
        column[: draw(st.integers(0, 2))] = "NaT"
    if kind != "O" and draw(st.booleans()):
        mask = draw(st.lists(st.booleans(), min_size=count, max_size=count))
        column = np.ma.MaskedArray(column, mask)
    return column


@st.composite
def columns(draw: st.DrawFn) -> Columns:
    count = draw(st.integers(0, 12))
    made: dict[str, Any] = {}
    left_out = draw(st.sets(st.sampled_from(sorted(KINDS)), max_size=2))
    as_arrays = draw(st.sets(st.sampled_from(sorted(KINDS)), max_size=5))
    for name, kind in (KINDS | dict.fromkeys(draw(OTHERS), "category")).items():
        if name not in left_out:
            made[name] = draw(arrays(count) if name in as_arrays else lists(kind, count))
    return Columns(made, count)


@pytest.fixture(autouse=True, scope="module")
def two_are_many() -> Iterator[None]:
    """Two instances are read as columns already, and one alone as a row."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(serving, "FEW", 2)
        yield


type Outcome = tuple[list[list[float]] | None, list[Any], int, list[Any]]


def outcome(table: Table, instances: Sequence[Any]) -> Outcome:
    """The matrix or the errors, and the warnings."""
    try:
        matrix, report = table.encode(instances)
    except InvalidInstances as invalid:
        return None, list(invalid.errors), invalid.others, []
    assert matrix.dtype == np.float32
    assert matrix.flags.c_contiguous
    return matrix.tolist(), [], 0, report.warnings


def one_by_one(table: Table, rows: Sequence[Any]) -> Outcome:
    """What outcome has, with each row encoded alone."""
    matrix: list[list[float]] = []
    found: list[Any] = []
    warnings: list[Any] = []
    for number, row in enumerate(rows):
        try:
            encoded, report = table.encode([row])
            matrix += encoded.tolist()
            warnings += [_moved(one, number) for one in report.warnings]
        except InvalidInstances as invalid:
            found += [_moved(one, number) for one in invalid.errors]
    if found:
        return None, found[:100], max(0, len(found) - 100), []
    return matrix, [], 0, warnings


def _moved(one: Any, number: int) -> Any:
    """An error or warning of the first row as one of another."""
    rest = one.pointer.removeprefix("/instances/0")
    return msgspec.structs.replace(one, pointer=f"/instances/{number}{rest}")


WORDS = st.sampled_from(
    [[], ["n/a", "na"], ["-999", "n/a"], ["true"], ["1970-01-01t00:00:00.000000", "a"]]
)


@settings(max_examples=40, deadline=None)
@given(columns(), WORDS)
@example(Columns({"age": [1.0, 10**400] * 8}), [])
@example(Columns({name: ["29/02/2024"] * 100 for name in KINDS}), [])
@example(Columns({}, 3), [])
def test_columns_are_read_as_rows(instances: Columns, words: list[str]) -> None:
    table = Table({**INPUTS, "missing_values": words})
    rows = list(instances)
    expected = one_by_one(table, rows)
    np.testing.assert_equal(outcome(table, rows), expected)
    np.testing.assert_equal(outcome(table, instances), expected)


def test_a_column_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="Column 'b' has 2 values, expected 1"):
        Columns({"a": [1], "b": [1, 2]})


def test_columns_are_a_sequence_of_rows() -> None:
    instances = Columns({"a": np.array([1.0, np.nan, 3.0]), "b": ["x", None, "z"]})
    rows = [{"a": 1.0, "b": "x"}, {}, {"a": 3.0, "b": "z"}]
    assert list(instances) == rows
    assert [instances[0], instances[-1]] == [rows[0], rows[-1]]
    assert list(instances[1:]) == rows[1:]
    with pytest.raises(IndexError):
        instances[3]
