"""Scores of each class, and candidates that do not fail where one class is rare."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.neural_network import MLPClassifier

import tasks
from tasks import Trained
from tasks.framework.training.classification import few_test_rows, per_class
from tasks.framework.training.estimators import fit
from tasks.framework.training.metrics import CLASSIFICATION, value
from tasks.tables.training.networks import LossStoppedMLP, make_plain
from tests.unit.tasks.splits import Row, run, training_data


def rows(count: int, seed: int) -> list[Row]:
    """Numbers of which 8% are positive, by three of them."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(count, 6))
    z = 1.5 * x[:, 0] - x[:, 1] + x[:, 2] - 3.8
    y = random.random(count) < 1 / (1 + np.exp(-z))
    return [
        {**{f"x{n}": float(v) for n, v in enumerate(values)}, "y": "yes" if is_yes else "no"}
        for values, is_yes in zip(x, y, strict=True)
    ]


def trained(folder: Path, candidate: str, **options: Any) -> Trained:
    types = {**{f"x{n}": "number" for n in range(6)}, "y": "category"}
    data = training_data(folder, types, "y", [rows(1500, 0), rows(20, 1), rows(100, 2)])
    given = tasks.task("classification").training_options(candidates=[candidate], **options)
    return tasks.training("classification").train(data, given, run(600))


def test_a_network_learns_a_rare_class(tmp_path: Path) -> None:
    made = trained(tmp_path, "mlp")
    assert made.candidates[0]["score"] > 0.8  # 0.55 when it stopped by accuracy


def test_the_network_that_is_stored_is_one_of_scikit_learn() -> None:
    x = np.random.default_rng(0).normal(size=(200, 3))
    y = (x[:, 0] > 0).astype(int) + (x[:, 1] > 1)
    network = fit(LossStoppedMLP((8,), early_stopping=True, random_state=0), x, y)
    before = network.predict_proba(x)
    make_plain(network)
    assert type(network) is MLPClassifier
    np.testing.assert_array_equal(network.predict_proba(x), before)


def test_classes_have_scores_and_few_test_rows_are_told(tmp_path: Path) -> None:
    made = trained(tmp_path, "logistic_regression")
    scores = {one["label"]: one for one in made.details["per_class"]}
    assert list(scores) == ["no", "yes"]
    assert scores["no"]["test_rows"] + scores["yes"]["test_rows"] == 100
    assert scores["no"]["recall"] > 0.9
    f1 = np.mean([one["f1"] for one in scores.values()])
    assert made.metrics["f1_macro"]["value"] == pytest.approx(f1)
    (warning,) = made.warnings
    assert (warning.code, warning.columns, warning.examples) == ("few_test_rows", {"y": 1}, ["yes"])
    assert f"'yes' ({scores['yes']['test_rows']})" in warning.detail


def test_scores_that_are_not_defined_are_null() -> None:
    none, some = per_class(["never", "always"], [[0, 2], [0, 10]])
    assert none == {"label": "never", "precision": None, "recall": 0, "f1": 0, "test_rows": 2}
    assert (some["precision"], some["recall"]) == (pytest.approx(10 / 12), 1)
    assert few_test_rows("y", [some]) == []


def test_a_class_of_one_row_is_judged_where_the_metric_is_defined(tmp_path: Path) -> None:
    made = [
        {**row, "y": "odd" if number == 3 else row["y"]} for number, row in enumerate(rows(60, 0))
    ]
    types = {**{f"x{n}": "number" for n in range(6)}, "y": "category"}
    data = training_data(tmp_path, types, "y", [made[:50], made[50:55], made[55:]])
    for metric, folds in (("roc_auc", 1), ("accuracy", 2)):
        given = tasks.task("classification").training_options(
            metric=metric, candidates=["decision_tree"]
        )
        fitted = tasks.training("classification").train(data, given, run(60))
        assert fitted.labels == ["no", "odd", "yes"]
        assert len(fitted.candidates[0]["fold_scores"]) == folds
    assert "roc_auc" not in fitted.metrics


def test_test_rows_of_a_class_that_training_never_saw_are_wrong(tmp_path: Path) -> None:
    known = rows(400, 0)
    test = [{**row, "y": "new" if number < 40 else "no"} for number, row in enumerate(rows(80, 2))]
    types = {**{f"x{n}": "number" for n in range(6)}, "y": "category"}
    data = training_data(tmp_path, types, "y", [known, known[:20], test])
    given = tasks.task("classification").training_options(
        metric="accuracy", candidates=["decision_tree"]
    )
    task = tasks.training("classification")
    made = task.train(data, given, run(60))
    assert made.metrics["accuracy"]["value"] <= 0.5
    assert made.metrics["f1_macro"]["value"] <= 2 / 3
    (warning,) = (one for one in made.warnings if one.code == "unknown_test_classes")
    assert (warning.count, warning.columns, warning.examples) == (40, {"y": 40}, ["new"])
    assert (warning.option, warning.blocks_promotion) == ("split", True)


def test_metrics_of_unknown_classes() -> None:
    truth, answers = np.array([0, 1, -1, -1]), np.array([[0.9, 0.1], [0.2, 0.8]] * 2)
    values = {name: value(metric, truth, answers) for name, metric in CLASSIFICATION.items()}
    assert values["accuracy"] == 0.5
    assert values["f1_macro"] == pytest.approx((2 / 3 + 2 / 3 + 0) / 3)
    assert values["roc_auc"] == 1
    assert values["log_loss"] == pytest.approx(-(np.log(0.9) + np.log(0.8)) / 2)
    none = np.full(4, -1)
    assert np.isnan(value(CLASSIFICATION["log_loss"], none, answers))
