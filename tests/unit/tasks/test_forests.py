"""Forests and boosted trees as graphs of a few trees per operator, which answer as scikit-learn."""

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.pipeline import Pipeline

from tasks.tables.training import forests, tables

COLUMNS = 4
LAYOUT = tables.Layout(list(range(COLUMNS)), [], [])


def rows(seed: int, count: int = 300) -> np.ndarray:
    """Numbers of which every tenth is missing."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(count, COLUMNS)).astype(np.float32)
    x[random.random(x.shape) < 0.1] = np.nan
    return x


def fitted(forest: Any, y: np.ndarray) -> Pipeline:
    pipeline: Pipeline = tables.refit(tables.imputed(LAYOUT, forest), rows(0, len(y)), y)
    return pipeline


def answers(graph: bytes, x: np.ndarray) -> np.ndarray:
    """The last output of the graph: probabilities come after labels."""
    session = onnxruntime.InferenceSession(graph)
    found: np.ndarray = session.run(None, {"X": x})[-1]
    return found


def operators(graph: bytes) -> list[str]:
    return [node.op_type for node in onnx.load_from_string(graph).graph.node]


@settings(max_examples=15)
@given(trees=st.integers(1, 25), leaves=st.sampled_from([None, 2, 7]), seed=st.integers(0, 99))
def test_probabilities_are_those_of_the_forest(trees: int, leaves: int | None, seed: int) -> None:
    y = np.random.default_rng(seed).integers(0, 2, 300)
    y[0], y[1] = 0, 1
    model = fitted(RandomForestClassifier(trees, max_leaf_nodes=leaves, random_state=seed), y)

    found = answers(tables.export(model, COLUMNS, classifier=True), rows(1))

    np.testing.assert_allclose(found, model.predict_proba(rows(1)), atol=1e-6)
    assert found.min() >= 0
    assert found.max() <= 1


@settings(max_examples=15)
@given(trees=st.integers(1, 25), leaves=st.sampled_from([None, 2, 7]), seed=st.integers(0, 99))
def test_values_are_those_of_the_forest(trees: int, leaves: int | None, seed: int) -> None:
    y = np.random.default_rng(seed).normal(size=300)
    model = fitted(RandomForestRegressor(trees, max_leaf_nodes=leaves, random_state=seed), y)

    found = answers(tables.export(model, COLUMNS, classifier=False), rows(1))

    np.testing.assert_allclose(found[:, 0], model.predict(rows(1)), atol=1e-5)


def test_a_tree_may_be_a_single_leaf() -> None:
    y = np.full(50, 2.5)
    model = fitted(RandomForestRegressor(3, random_state=0), y)
    assert {tree.tree_.node_count for tree in model.steps[-1][1].estimators_} == {1}

    found = answers(tables.export(model, COLUMNS, classifier=False), rows(1, 5))

    assert found[:, 0].tolist() == [2.5] * 5


def test_trees_that_agree_are_certain() -> None:
    x = np.repeat([[0.0], [1.0]], 30, axis=0).astype(np.float32)
    forest = RandomForestClassifier(150, bootstrap=False, random_state=0)
    layout = tables.Layout([0], [], [])
    model = tables.refit(tables.imputed(layout, forest), x, x[:, 0].astype(int))

    found = answers(tables.export(model, 1, classifier=True), x[[0, -1]])

    assert found.tolist() == [[1.0, 0.0], [0.0, 1.0]]


@pytest.mark.parametrize(
    ("classes", "operator"), [(2, "TreeEnsemble"), (3, "TreeEnsembleClassifier")]
)
def test_several_shares_per_leaf_are_left_to_skl2onnx(classes: int, operator: str) -> None:
    y = np.arange(120) % classes
    model = fitted(RandomForestClassifier(25, random_state=0), y)

    graph = tables.export(model, COLUMNS, classifier=True)

    assert forests.suits(model) == (classes == 2)
    assert operators(graph).count(operator) == (3 if classes == 2 else 1)
    np.testing.assert_allclose(answers(graph, rows(1)), model.predict_proba(rows(1)), atol=1e-6)


@pytest.mark.parametrize("imputed", [False, True])
@pytest.mark.parametrize(("classes", "operator_count"), [(2, 2), (3, 4)])
def test_probabilities_are_those_of_boosted_trees(
    classes: int, operator_count: int, imputed: bool
) -> None:
    x = rows(0)
    y = (np.nan_to_num(x).sum(axis=1) > 0).astype(int)
    y[np.isnan(x[:, 0])] = classes - 1
    boosting = HistGradientBoostingClassifier(max_iter=51 if classes == 2 else 60)
    model = tables.refit(tables.imputed(LAYOUT, boosting) if imputed else boosting, x, y)

    graph = tables.export(model, COLUMNS, classifier=True)

    assert operators(graph).count("TreeEnsemble") == operator_count
    found = answers(graph, rows(1))
    np.testing.assert_allclose(found, model.predict_proba(rows(1)), atol=1e-6)
    assert found.min() >= 0
    assert found.max() <= 1


@pytest.mark.parametrize("imputed", [False, True])
def test_values_are_those_of_boosted_trees(imputed: bool) -> None:
    x = rows(0)
    y = np.nan_to_num(x).sum(axis=1) + 3 * np.isnan(x[:, 0])
    boosting = HistGradientBoostingRegressor(max_iter=20)
    model = tables.refit(tables.imputed(LAYOUT, boosting) if imputed else boosting, x, y)

    found = answers(tables.export(model, COLUMNS, classifier=False), rows(1))

    np.testing.assert_allclose(found[:, 0], model.predict(rows(1)), atol=1e-5)


@pytest.mark.parametrize(
    "boosting",
    [
        HistGradientBoostingRegressor(max_iter=2, loss="poisson"),
        HistGradientBoostingRegressor(max_iter=2, categorical_features=[0]),
    ],
)
def test_boosted_trees_of_another_kind_are_left_to_skl2onnx(boosting: Any) -> None:
    x = np.abs(rows(0)).round()
    boosting.fit(x, np.nan_to_num(x[:, 0]))

    assert not forests.suits(boosting)
