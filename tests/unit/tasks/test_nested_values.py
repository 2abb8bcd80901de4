"""Objects become columns, lists and bytes are left out, by one rule in training and serving."""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from common.problems import Unprocessable
from tasks.framework.nesting import flattened
from tasks.tables.options import FileOptions
from tasks.tables.processing.database import open_database
from tasks.tables.processing.files import parquet_files
from tasks.tables.processing.files.loading import Loaded, load
from tests.unit.tasks.tables import INVOCATION, process

ROWS: list[dict[str, Any]] = [
    {"x": i * 7 % 40, "color": "abc"[i % 3], "y": "yn"[i % 2]} for i in range(60)
]


def lines(rows: list[dict[str, Any]]) -> bytes:
    return "\n".join(map(json.dumps, rows)).encode()


def read(content: bytes, exclude: tuple[str, ...] = ()) -> Loaded[list[tuple[Any, ...]]]:
    """The rows of raw."""
    with tempfile.TemporaryDirectory() as name:
        source = Path(name, "source")
        source.write_bytes(content)
        with open_database(Path(name), INVOCATION) as database:

            def make(names: tuple[str, ...], facts: Mapping[str, Any]) -> list[tuple[Any, ...]]:
                return database.execute("FROM raw").fetchall()

            return load(database, source, Path(name), FileOptions(), ["y"], make, exclude)


def test_objects_become_columns() -> None:
    rows = [{**row, "a": {"b": i % 7, "c": {"d": "uv"[i % 2]}}} for i, row in enumerate(ROWS)]
    made = process(lines(rows))
    assert (made.column("a.b").type, made.column("a.c.d").type) == ("number", "category")
    assert made.codes == ["determines_target"]  # a.c.d, which y follows from


def test_lists_are_left_out_and_told() -> None:
    made = process(lines([{**row, "t": [i], "s": [] if i else None} for i, row in enumerate(ROWS)]))
    (found,) = made.about.warnings
    assert (found.code, found.columns) == ("ignored_lists", {"s": 59, "t": 60})
    assert found.option == "exclude"
    assert (made.column("t").role, made.column("t").type) == ("ignored", "list")


@pytest.mark.parametrize("more", ["", ', "a": {"b": 1}'])
def test_a_key_that_an_object_has_twice_is_told(more: str) -> None:
    bad = f'{{"x": 1, "color": "a", "y": "n", "y": "other"{more}}}'
    made = process(lines(ROWS) + f"\n{bad}\n{bad}".encode())
    (found,) = [each for each in made.about.warnings if each.code == "json_repeated_keys"]
    assert (found.count, found.columns, found.examples) == (2, {"y": 2}, [bad])
    assert made.column("y").categories == ["n", "y"]


def test_what_is_excluded_is_no_problem() -> None:
    rows = [{**row, "t": [1], "a": {"b": 1}, "X": 2} for row in ROWS]
    made = process(lines(rows), exclude=["t", "a", "X"])
    assert made.codes == []
    assert {made.column(name).role for name in ("t", "a", "X")} == {"ignored"}


def test_a_column_of_lists_cannot_be_the_target() -> None:
    with pytest.raises(Unprocessable, match="Column 'y' cannot be used: it holds lists"):
        process(lines([{"x": i, "y": [i]} for i in range(60)]))


def test_values_beside_objects_and_lists_are_kept() -> None:
    rows = [{**row, "a": {"b": i} if i % 2 else "u", "l": [1] if i < 5 else i} for i, row in
            enumerate(ROWS)]  # fmt: skip
    loaded = read(lines(rows))
    assert loaded.names == ("a", "a.b", "color", "l", "x", "y")
    assert sorted({row[0] for row in loaded.made}, key=str) == [None, "u"]
    assert sum(row[3] is None for row in loaded.made) == 5
    (found,) = loaded.warnings
    assert (found.code, found.columns) == ("mixed_values", {"a": 30, "l": 5})


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"a": {"b": 1}, "a.b": 2}, "Two columns are named 'a.b'"),
        ({"a": {"b": 1}, "a.b": [2]}, "Two columns are named 'a.b'"),
        ({"a": {"B": 1}, "A.b": 2}, "Two columns are named"),
        ({"X": 1}, "Two columns are named 'X' and 'x'"),
        ({"x ": 1}, "Two columns are named"),
        ({"": 1}, "Line 1 has an empty key"),
        ({"a": {"": 1}}, "Line 1 has an empty key"),
    ],
)
def test_names_that_cannot_be_told_apart_are_refused(more: dict[str, Any], says: str) -> None:
    with pytest.raises(Unprocessable) as raised:
        process(lines([{**row, **more} for row in ROWS]))
    assert says in raised.value.detail


def test_an_object_with_an_empty_key_is_named_by_its_line() -> None:
    with pytest.raises(Unprocessable, match="Line 32 has an empty key"):
        process(lines([*ROWS[:31], {**ROWS[31], "": 1}, *ROWS[32:]]))


def test_nan_is_missing_and_told() -> None:
    rows = [{**row, "z": float("nan") if i % 6 == 0 else i % 7} for i, row in enumerate(ROWS)]
    made = process(lines(rows))
    assert made.column("z").type == "number"
    (found,) = [each for each in made.about.warnings if each.code == "json_nan"]
    assert (found.count, found.columns) == (10, {"z": 10})


def parquet(tmp_path: Path, query: str) -> bytes:
    duckdb.sql(f"COPY ({query}) TO '{tmp_path}/t.parquet'")
    return (tmp_path / "t.parquet").read_bytes()


def test_structs_lists_and_bytes_of_parquet(tmp_path: Path) -> None:
    content = parquet(
        tmp_path,
        "SELECT i / 7 AS x, {'b': i % 5, 'c': {'d': 'uvw'[i % 3 + 1], 'l': [i]}} AS a, "
        "[i] AS l, map([1], [i]) AS m, encode('é' || i) AS b, 'yn'[i % 2 + 1] AS y "
        "FROM range(60) t(i)",
    )
    made = process(content)
    assert [c.name for c in made.about.schema.columns if c.role == "feature"] == [
        "x", "a.b", "a.c.d",
    ]  # fmt: skip
    ignored = {c.name: c.type for c in made.about.schema.columns if c.role == "ignored"}
    assert ignored == {"a.c.l": "list", "l": "list", "m": "list", "b": "binary"}
    assert {w.code: w.columns for w in made.about.warnings} == {
        "ignored_lists": {"a.c.l": 60, "l": 60, "m": 60},
        "ignored_binary": {"b": 60},
    }
    assert process(content, exclude=["a", "l", "m", "b"]).codes == []


def test_names_of_parquet_that_differ_in_case_are_refused(tmp_path: Path) -> None:
    content = parquet(tmp_path, "SELECT 1 AS xa, 2 AS xb, 'y' AS y FROM range(60)")
    renamed = content.replace(b"xb", b"XA")
    with pytest.raises(Unprocessable, match="Two columns are named 'xa' and 'XA'"):
        process(renamed)
    assert read(renamed, exclude=("XA",)).names == ("xa", "XA", "y")


def test_names_within_a_struct_of_parquet_are_the_files_own(tmp_path: Path) -> None:
    content = parquet(tmp_path, "SELECT {'qa': range, 'qb': 2} AS s, 'y' AS y FROM range(60)")
    with pytest.raises(Unprocessable, match=r"Two columns are named 's\.qa' and 's\.QA'"):
        process(content.replace(b"qb", b"QA"))


def test_long_lists_of_parquet_are_left_out_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = parquet(
        tmp_path, "SELECT range % 7 AS x, range(range) AS l, range % 2 AS y FROM range(60)"
    )
    monkeypatch.setattr(parquet_files, "_MOST_LISTED", 1000)
    (warning,) = [one for one in process(content).about.warnings if one.code == "ignored_lists"]
    assert (warning.columns, warning.examples) == ({"l": 60}, [])


keys = st.sampled_from(["a", "b", "c d", "ü", "a.b", " e"])
values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["u", "v w", "é"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)


def text(value: Any) -> str | None:
    """What a cell's text is of a value of JSON."""
    if value is None or isinstance(value, (list, dict)):
        return None
    return value if isinstance(value, str) else json.dumps(value)


@settings(max_examples=100, deadline=None)
@example([{"a": {"b": False}, "a.b": []}])
@given(st.lists(st.dictionaries(keys, values, max_size=4), min_size=1, max_size=6))
def test_training_and_serving_flatten_alike(instances: list[dict[str, Any]]) -> None:
    rows = [{**instance, "row": str(i)} for i, instance in enumerate([*instances, {"y": "1"}])]
    try:
        loaded = read(lines(rows))
    except Unprocessable as problem:
        assume("Two columns are named" not in problem.detail)
        raise
    at = loaded.names.index("row")
    made = {row[at]: dict(zip(loaded.names, row, strict=True)) for row in loaded.made}
    for row in rows:
        expected = flattened(row)
        found = made[row["row"]]
        assert {name: text(expected.get(name)) for name in found} == found
        assert all(text(value) is None for name, value in expected.items() if name not in found)


@pytest.mark.parametrize("nested", ["[" * 5000 + "]" * 5000, '{"a":' * 5000 + "1" + "}" * 5000])
def test_what_is_nested_without_end_is_refused(nested: str) -> None:
    with pytest.raises(Unprocessable):
        process((f'{{"x": {nested}, "y": 1}}\n' * 2).encode())
