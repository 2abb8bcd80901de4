"""What every task's training and serving keep to; a new task is tested by being in TASKS."""

import io
import json
import random
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, get_args

import joblib
import msgspec
import numpy as np
import pytest

import tasks
from common.registry import ModelManifest
from tasks import TASKS, InvalidInstances, Trained, TrainingData
from tasks.shared.training import data, encoding
from tests.unit.tasks.splits import Row, invocation, training_data
from tests.unit.tasks.tables import csv_bytes

GOOD = ["good", "lovely", "fast", "warm", "cheap", "好吃"]
BAD = ["bad", "awful", "slow", "cold", "dear", "难吃"]
TYPES = {"x": "number", "color": "category", "when": "datetime", "active": "boolean"}


def silent(stage: str, percent: int, message: str) -> None:
    """Progress that nobody watches."""


def rows(count: int, seed: int, number_target: bool, text: bool) -> list[Row]:
    """Rows whose target follows from the features, with some noise."""
    chance = random.Random(seed)
    made: list[Row] = []
    for _ in range(count):
        active, color, x = chance.random() < 0.5, chance.choice("rgb"), chance.random() * 10
        value = x + 4 * active + 3 * (color == "r") + chance.gauss(0, 0.5)
        words = chance.choices(GOOD if value > 8 else BAD, k=3) + chance.choices(GOOD + BAD, k=2)
        row: Row = {
            "x": None if chance.random() < 0.05 else x,
            "color": None if chance.random() < 0.05 else color,
            "when": f"2024-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}T10:00:00",
            "active": active,
        }
        label: Any = value if number_target else ("high" if value > 8 else "low")
        made.append({**({"remark": " ".join(words)} if text else row), "y": label})
    return made


@cache
def dataset(task: str) -> TrainingData:
    """Whichever of text and number features, and labels and numbers, the task takes."""
    text = "text" in tasks.options(task).Processing.__struct_fields__
    number = "r2" in json.dumps(msgspec.json.schema(tasks.options(task).Training))
    types = {"remark": "text"} if text else TYPES
    splits = [rows(n, seed, number, text) for seed, n in enumerate((240, 30, 60))]
    return training_data(
        Path(mkdtemp()), {**types, "y": "number" if number else "category"}, "y", splits
    )


def candidates(task: str) -> list[str]:
    (choice, _) = get_args(_field(task, "candidates"))
    return list(get_args(get_args(choice)[0]))


def _field(task: str, name: str) -> Any:
    return tasks.options(task).Training.__annotations__[name]


@cache
def trained(task: str, candidate: str | None = None, seed: int = 0) -> Trained:
    chosen = None if candidate is None else [candidate]
    options = tasks.options(task).Training(candidates=chosen)
    return tasks.training(task).train(dataset(task), options, seed, invocation(), 60, silent)


def model(task: str, made: Trained) -> tasks.Model:
    inputs = json.loads(json.dumps(made.inputs))
    return tasks.serving(task).load(inputs, made.labels, {"model.onnx": made.files["model.onnx"]})


def manifest(task: str, made: Trained) -> ModelManifest:
    return ModelManifest(
        model="m",
        version="v",
        created_at="",
        task=task,
        target="y",
        metric=made.metric,
        inputs=dict(made.inputs),
        labels=list(made.labels) if made.labels else None,
        selected=made.selected,
        candidates=[dict(candidate) for candidate in made.candidates],
        metrics=dict(made.metrics),
        baseline=dict(made.baseline),
        parity=dict(made.parity),
        dataset={},
        lineage={},
        files={},
        **made.details,
    )


EVERY_CANDIDATE = [(task, candidate) for task in TASKS for candidate in candidates(task)]
every_task = pytest.mark.parametrize("task", TASKS)


@every_task
def test_what_is_trained_is_complete(task: str) -> None:
    made = trained(task)
    assert set(made.files) == {"model.onnx", "model.joblib"}
    assert [one["name"] for one in made.candidates if one["name"] == made.selected]
    assert {one["name"] for one in made.candidates} == set(candidates(task))
    for one in made.candidates:
        assert one["status"] == "ok"
        assert one["score"] == pytest.approx(np.mean(one["fold_scores"]), abs=1e-5)
        assert one["seconds"] >= 0
    best = max(made.candidates, key=lambda one: float(one["score"]))
    assert best["name"] == made.selected
    assert made.parity["labels_differ"] == 0
    assert made.parity["max_difference"] <= made.parity["tolerance"]
    assert made.parity["rows"] == 60


@every_task
def test_metrics_have_intervals_and_beat_the_baseline(task: str) -> None:
    made = trained(task)
    for metric in made.metrics.values():
        assert metric["low"] <= metric["value"] <= metric["high"]
    name = "r2" if "r2" in made.metrics else "accuracy"
    assert made.metrics[name]["value"] > made.baseline["metrics"][name] + 0.1
    assert set(made.baseline["metrics"]) == set(made.metrics)


@every_task
def test_the_manifest_is_plain_json(task: str) -> None:
    written = manifest(task, trained(task))
    encoded = msgspec.json.encode(written)
    assert json.loads(encoded, parse_constant=lambda name: pytest.fail(name))
    assert msgspec.json.decode(encoded, type=ModelManifest) == written


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
    answers, warnings = model(task, made).predict(json.loads(json.dumps(instances)))
    assert warnings == []
    pickle = joblib.load(io.BytesIO(made.files["model.joblib"]))
    fitted = pickle["pipeline"]
    x = _features(task, made)
    if made.labels:
        served = [list(answer["probabilities"].values()) for answer in answers]
        np.testing.assert_allclose(served, fitted.predict_proba(x), atol=1e-5)
        labels = [answer["label"] for answer in answers]
        assert labels == [made.labels[number] for number in fitted.predict(x)]
        assert all(a["probability"] == max(a["probabilities"].values()) for a in answers)
    else:
        target = made.inputs["target"]
        expected = fitted.predict(x) * target["scale"] + target["centre"]
        np.testing.assert_allclose([a["value"] for a in answers], expected, rtol=1e-4, atol=1e-4)


def _features(task: str, made: Trained) -> Any:
    found = data.read(dataset(task), ("test",), 1000)
    if "text" in made.inputs:
        return list(found[made.inputs["text"]])
    return encoding.encode(made.inputs["features"], found)


@every_task
def test_one_row_is_answered_as_among_many(task: str) -> None:
    ready = model(task, trained(task))
    instances = data.instances(dataset(task), "test", 60)
    together, _ = ready.predict(instances)
    for instance, answer in zip(instances, together, strict=True):
        ((alone,), _) = ready.predict([instance])
        assert alone.get("label") == answer.get("label")
        numbers = [a.get("value") or list(a["probabilities"].values()) for a in (alone, answer)]
        np.testing.assert_allclose(numbers[0], numbers[1], rtol=1e-4, atol=1e-6)


@every_task
def test_training_again_gives_the_same_scores(task: str) -> None:
    first = trained(task)
    again = tasks.training(task).train(
        dataset(task),
        tasks.options(task).Training(),
        0,
        invocation(),
        60,
        silent,
    )
    assert again.metrics == first.metrics
    assert [one["score"] for one in again.candidates] == [one["score"] for one in first.candidates]


@every_task
def test_score_is_the_metric_on_the_test_rows(task: str) -> None:
    made = trained(task)
    score = tasks.training(task).score(
        manifest(task, made), {"model.onnx": made.files["model.onnx"]}, dataset(task), made.metric
    )
    assert score == pytest.approx(made.metrics[made.metric]["value"], abs=1e-6)


@every_task
def test_every_metric_of_the_options_can_be_scored(task: str) -> None:
    made = trained(task)
    names = get_args(get_args(_field(task, "metric"))[0])
    assert names
    for name in names:
        score = tasks.training(task).score(manifest(task, made), made.files, dataset(task), name)
        assert score < 0 if name.startswith("neg_") else score > 0


@every_task
def test_bad_instances_are_refused_with_a_pointer_each(task: str) -> None:
    made = trained(task)
    (name, *_) = _required(made)
    with pytest.raises(InvalidInstances) as caught:
        model(task, made).predict([{}, {name: {"not": "a scalar"}}, "text", None])
    pointers = {error.pointer for error in caught.value.errors}
    assert {f"/instances/0/{name}", f"/instances/1/{name}", "/instances/2", "/instances/3"} <= (
        pointers
    )


@every_task
def test_unknown_fields_are_told_of(task: str) -> None:
    instance = data.instances(dataset(task), "test", 1)[0]
    _, warnings = model(task, trained(task)).predict([instance, {**instance, "shoe size": 43}])
    assert [(w.pointer, w.code) for w in warnings] == [("/instances/1/shoe size", "unknown_field")]


def _required(made: Trained) -> list[str]:
    if "text" in made.inputs:
        return [str(made.inputs["text"])]
    return [str(one["name"]) for one in made.inputs["features"] if not one["nullable"]]


@every_task
def test_training_reads_what_processing_writes(task: str, tmp_path: Path) -> None:
    source = dataset(task)
    number = source.schema.columns[-1].type == "number"
    text = source.schema.columns[0].type == "text"
    table = rows(300, 9, number, text)
    header = list(table[0])
    lines = [["" if row[name] is None else row[name] for name in header] for row in table]
    (tmp_path / "source").write_bytes(csv_bytes(header, lines))
    options = msgspec.convert({"target": "y"}, tasks.options(task).Processing)
    out = tmp_path / "out"
    out.mkdir()
    processed = tasks.processing(task).process(
        tmp_path / "source", options, out, invocation(), silent
    )
    files = {split: out / f"{split}.arrow" for split in processed.split_rows}
    read = TrainingData(processed.schema, processed.target, processed.split_rows, files)
    choice = tasks.options(task).Training(candidates=[candidates(task)[0]])
    made = tasks.training(task).train(read, choice, 0, invocation(), 60, silent)
    model(task, made).predict(data.instances(read, "test", 10))
