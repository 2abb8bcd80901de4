"""What is told of a column of numbers."""

import duckdb
import msgspec
import pytest

from tasks.tables.processing.describing import numbers
from tests.unit.tasks.tables import csv_bytes, process


def test_numbers_that_are_not_finite_are_described_beside_others() -> None:
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE t AS SELECT unnest([1, 3, 'inf'::DOUBLE]) AS x")
        found = numbers(connection, "x", "t", "true")
    assert (found["min"], found["max"]) == (1.0, float("inf"))
    assert found["std"] == pytest.approx(2**0.5)


def test_a_column_without_a_finite_number_has_no_deviation() -> None:
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE t AS SELECT 'inf'::DOUBLE AS x")
        assert numbers(connection, "x", "t", "true")["std"] is None


def test_long_values_are_cut_in_warnings_and_the_profile_and_whole_in_the_schema() -> None:
    long = ["a" * 30_000, "A" * 30_000, "b" * 30_000]
    rows = [[i * 7 % 60, long[i // 2 % 3], f"{long[i % 2]}."] for i in range(120)]
    made = process(csv_bytes(["x", "c", "y"], [*rows, *rows[:30], [0, *long[:2], "d"]]))
    assert {"similar_labels", "similar_categories", "repeated_rows", "rejected_lines"} <= set(
        made.codes
    )
    assert len(msgspec.json.encode(made.about.warnings)) < 10_000
    assert len(msgspec.json.encode(made.about.profile)) < 5_000
    tops = {top["value"] for top in made.profile("c")["top"]}
    assert tops == {f"{text[:199]}…" for text in long}
    assert set(made.column("c").categories) == set(long)
