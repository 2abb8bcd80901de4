"""Answers of a regressor that are no numbers of JSON."""

from typing import Any

import numpy as np
import pytest

from tasks import InvalidInstances
from tasks.framework import onnx
from tasks.regression.serving import Regressor

FEATURE = {"name": "a", "type": "number", "nullable": False, "centre": 0.0, "scale": 1.0}
INPUTS = {"features": [FEATURE], "target": {"centre": 1e308, "scale": 1e308}}


class Identity:
    """A graph that answers with its input."""

    def run(self, names: Any, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        values = inputs["X"].copy()
        values[values == 7] = np.nan
        return [values]


def test_an_answer_beyond_the_largest_number_is_refused_at_its_instance(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(onnx, "session", lambda model: Identity())
    model = Regressor(INPUTS, b"")
    found, _ = model.predict([{"a": 0}, {"a": -1}])
    assert [one["value"] for one in found] == [1e308, 0]
    with pytest.raises(InvalidInstances) as refused:
        model.predict([{"a": 0}, {"a": 1e9}, {"a": -1e9}, {"a": 7}])
    assert [one.pointer for one in refused.value.errors] == [f"/instances/{n}" for n in (1, 2, 3)]
    assert "beyond the largest number" in refused.value.errors[0].detail
