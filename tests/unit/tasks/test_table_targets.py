"""Targets that nothing can be learned of are refused, and named."""

import pytest

from common.problems import Unprocessable
from tests.unit.tasks.tables import csv_bytes, process


@pytest.mark.parametrize(
    ("target", "task", "says"),
    [
        ([30] * 60, "regression", "every row has the value 30, and there is nothing to learn"),
        ([*[30] * 60, *[""] * 40], "regression", "every row has the value 30"),
        ([0.1] * 60, "regression", "every row has the value 0.1"),
        (["a"] * 60, "classification", r"one class only \('a'\): classification needs two"),
        ([*["a"] * 60, *[""] * 40], "classification", "and 40 rows without a label were set aside"),
    ],
)
def test_a_constant_target_is_refused(target: list[object], task: str, says: str) -> None:
    rows: list[list[object]] = [[index / 7, value] for index, value in enumerate(target)]
    with pytest.raises(Unprocessable, match=says) as raised:
        process(csv_bytes(["x", "y"], rows), task)
    assert raised.value.errors[0].pointer == "/target"
