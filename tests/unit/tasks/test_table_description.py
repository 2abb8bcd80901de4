"""What is told of a column of numbers."""

import duckdb
import pytest

from tasks.shared.processing.describing import numbers


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
