"""Rounding the thresholds of trees changes no answer, and makes the graph's the same."""

import numpy as np
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.tree import DecisionTreeRegressor

from tasks.tables.training import tables
from tasks.tables.training.trees import floor32, round_thresholds


@given(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9, width=32))
def test_rounding_down_keeps_every_comparison(threshold: float, value: float) -> None:
    rounded = floor32(np.array([threshold]))[0]
    assert float(np.float32(rounded)) == rounded <= threshold
    assert (value <= threshold) == (value <= rounded)


@pytest.mark.parametrize(
    "model",
    [
        HistGradientBoostingRegressor(max_iter=50, random_state=0),
        RandomForestRegressor(20, random_state=0),
        DecisionTreeRegressor(random_state=0),
    ],
    ids=lambda model: type(model).__name__,
)
def test_the_graph_answers_at_the_thresholds_themselves(model: object) -> None:
    """Neighbours in float32 leave every threshold between two values that training has seen."""
    steps = np.arange(2000, dtype=np.int32)
    x = (np.float32(1000.0).view(np.int32) + steps).view(np.float32)[:, None]
    y = np.random.default_rng(0).normal(size=len(x))
    fitted = model.fit(x, y)  # type: ignore[attr-defined]
    before = fitted.predict(x)
    round_thresholds(fitted)
    np.testing.assert_array_equal(fitted.predict(x), before)
    session = onnxruntime.InferenceSession(tables.export(fitted, 1, classifier=False))
    (served,) = session.run(None, {"X": x})
    np.testing.assert_allclose(served[:, 0], before, atol=1e-5)
