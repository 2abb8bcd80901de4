"""A category of hundreds of values carries the signal: it is learned, and served as learned."""

import json
import random
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import pytest

import tasks
from tasks import Trained, TrainingData
from tasks.framework.training import data
from tasks.tables.training import tables
from tests.unit.tasks.notebooks import assert_answers, foreign_parts
from tests.unit.tasks.samples import served
from tests.unit.tasks.splits import Row, run, training_data

TYPES = {"shop": "category", "city": "category", "day": "category", "x": "number"}


def rows(count: int, seed: int, classes: int, shops: int = 320) -> list[Row]:
    """Sales that follow from the shop: as a number, or as one of some classes."""
    chance = random.Random(seed)
    level = [random.Random(shop).gauss(0, 1) for shop in range(shops)]
    made: list[Row] = []
    for _ in range(count):
        shop = chance.randrange(shops)
        value = level[shop] + chance.gauss(0, 0.1)
        y: Any = value if not classes else f"class {int((value > 0) + (value > 1)) % classes}"
        made.append(
            {
                "shop": None if chance.random() < 0.02 else f"shop {shop}",
                "city": f"city {shop % 150}",
                "day": chance.choice(["Mo", "Tu"]),
                "x": None if chance.random() < 0.1 else chance.random(),
                "y": y,
            }
        )
    return made


@cache
def dataset(classes: int) -> TrainingData:
    splits = [rows(n, seed, classes) for seed, n in enumerate((1500, 50, 200))]
    kind = "category" if classes else "number"
    return training_data(Path(mkdtemp()), {**TYPES, "y": kind}, "y", splits)


@cache
def trained(classes: int, candidate: str) -> Trained:
    task = "classification" if classes else "regression"
    options = tasks.task(task).training_options(candidates=[candidate])
    return tasks.training(task).train(dataset(classes), options, run(600))


CANDIDATES = [
    *((0, name) for name in ("ridge", "decision_tree", "hist_gradient_boosting", "random_forest")),
    *((2, name) for name in ("logistic_regression", "hist_gradient_boosting", "random_forest")),
    *((3, name) for name in ("logistic_regression", "decision_tree", "random_forest", "mlp")),
]


@pytest.mark.parametrize(("classes", "candidate"), CANDIDATES)
def test_every_candidate_learns_from_many_categories(classes: int, candidate: str) -> None:
    made = trained(classes, candidate)
    name = "accuracy" if classes else "r2"
    assert made.metrics[name]["value"] > 0.85
    assert made.parity["max_difference"] < 1e-5
    counts = [len(one.get("categories", ())) for one in made.inputs["features"]]
    assert counts[0] > tables.ONE_HOT
    assert counts[1:] == [150, 2, 0]

    task = "classification" if classes else "regression"
    instances = data.instances(dataset(classes), "test", 50)
    answers, warnings = served(task, made).predict(json.loads(json.dumps(instances)))
    assert warnings == []
    assert_answers(made, instances, answers)
    assert foreign_parts(made.files["model.joblib"]) == set()


@pytest.mark.parametrize(("classes", "candidate"), CANDIDATES[::3])
def test_new_categories_are_answered_and_told(classes: int, candidate: str) -> None:
    made = trained(classes, candidate)
    task = "classification" if classes else "regression"
    instance = {"shop": "new", "city": "new", "day": "Mo", "x": 0.5}
    (answer,), warnings = served(task, made).predict([instance])
    assert {warning.pointer for warning in warnings} == {"/instances/0/shop", "/instances/0/city"}
    number = answer["probability"] if classes else answer["value"]
    assert np.isfinite(number)


def test_nothing_changes_up_to_a_hundred_categories() -> None:
    features: list[dict[str, Any]] = [
        {"name": "a", "type": "category", "categories": [str(n) for n in range(100)]},
        {"name": "b", "type": "number"},
    ]
    layout = tables.Layout.of(features)
    assert (layout.numbers, layout.codes, layout.sizes, layout.many) == ([1], [0], [102], [])
    assert tables.encodings(layout, {"a": 1}) == [{"a": 1}]
