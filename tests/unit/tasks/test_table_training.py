"""What training makes of tables and texts: every candidate is served as it was fitted."""

import json
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import get_args

import numpy as np
import pytest

import tasks
from tasks import Trained, TrainingData
from tasks.framework.training import data
from tests.unit.tasks.notebooks import assert_answers, foreign_parts
from tests.unit.tasks.samples import served
from tests.unit.tasks.samples.tables import TYPES, rows
from tests.unit.tasks.splits import run, training_data

TABLE_TASKS = ("classification", "regression", "text_classification")


@cache
def dataset(task: str) -> TrainingData:
    number, text = task == "regression", task == "text_classification"
    types = {"remark": "text"} if text else TYPES
    splits = [rows(n, seed, number, text) for seed, n in enumerate((240, 30, 60))]
    return training_data(
        Path(mkdtemp()), {**types, "y": "number" if number else "category"}, "y", splits
    )


def candidates(task: str) -> list[str]:
    (choice, _) = get_args(tasks.task(task).training_options.__annotations__["candidates"])
    return list(get_args(get_args(choice)[0]))


@cache
def trained(task: str, candidate: str | None = None) -> Trained:
    chosen = None if candidate is None else [candidate]
    options = tasks.task(task).training_options(candidates=chosen)
    return tasks.training(task).train(dataset(task), options, run(600))


EVERY_CANDIDATE = [(task, candidate) for task in TABLE_TASKS for candidate in candidates(task)]
every_task = pytest.mark.parametrize("task", TABLE_TASKS)


@every_task
def test_every_candidate_is_tried(task: str) -> None:
    made = trained(task)
    assert set(made.files) == {"model.onnx", "model.joblib"}
    assert {one["name"] for one in made.candidates} == set(candidates(task))
    for one in made.candidates:
        assert one["status"] == "ok"
        assert one["score"] == pytest.approx(np.mean(one["fold_scores"]), abs=1e-5)
        assert one["seconds"] >= 0
    assert made.parity["labels_differ"] == 0
    assert made.parity["rows"] == 60
    name = "r2" if "r2" in made.metrics else "accuracy"
    assert made.metrics[name]["value"] > made.baseline["metrics"][name] + 0.1


@every_task
def test_details_tell_of_the_test_rows(task: str) -> None:
    made = trained(task)
    if made.labels:
        matrix = np.array(made.details["confusion_matrix"])
        assert matrix.shape == (len(made.labels), len(made.labels))
        assert matrix.sum() == 60
        assert np.trace(matrix) / 60 == pytest.approx(made.metrics["accuracy"]["value"])
    else:
        quantiles = list(made.details["residual_quantiles"].values())
        assert quantiles == sorted(quantiles)
    for importance in made.details.get("permutation_importance", []):
        assert importance["column"] in TYPES
    named = [one["column"] for one in made.details.get("permutation_importance", [])]
    assert not named or named[0] == "x"


@pytest.mark.parametrize(("task", "candidate"), EVERY_CANDIDATE)
def test_every_candidate_is_served_as_it_was_fitted(task: str, candidate: str) -> None:
    made = trained(task, candidate)
    assert made.selected == candidate
    instances = data.instances(dataset(task), "test", 60)
    answers, warnings = served(task, made).predict(json.loads(json.dumps(instances)))
    assert warnings == []
    assert_answers(made, instances, answers)
    assert foreign_parts(made.files["model.joblib"]) == set()
    if made.labels:
        assert all(a["probability"] == max(a["probabilities"].values()) for a in answers)
