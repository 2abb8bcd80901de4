"""What every task's training and serving keep to; a new task is tested by being in TASKS."""

import json
import math
from dataclasses import replace
from functools import partial
from typing import Any

import msgspec
import pytest

import tasks
from common.registry import ModelManifest, decode_manifest, encode_manifest
from tasks import TASKS, InvalidInstances
from tasks.framework.training.trials import Evaluation
from tests.unit.tasks.samples import manifest, processed, sample, served, train, trained
from tests.unit.tasks.splits import MemoryStore, run

every_task = pytest.mark.parametrize("task", TASKS)


def same(one: Any, other: Any) -> bool:
    """Whether two answers are equal up to the rounding of float32."""
    match one:
        case dict():
            return one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
        case list():
            return len(one) == len(other) and all(map(same, one, other))
        case float():
            return math.isclose(one, other, rel_tol=1e-4, abs_tol=1e-5)
    return bool(one == other)


@every_task
def test_what_is_trained_is_complete(task: str) -> None:
    made = trained(task)
    assert made.files
    scores = {one["name"]: one["score"] for one in made.candidates if one["status"] == "ok"}
    assert len({one["name"] for one in made.candidates}) == len(made.candidates)
    assert scores[made.selected] == max(scores.values())
    assert made.parity["rows"] > 0
    assert made.parity["max_difference"] <= made.parity["tolerance"]


@every_task
def test_metrics_have_intervals_and_beat_the_baseline(task: str) -> None:
    made = trained(task)
    assert set(made.baseline["metrics"]) == set(made.metrics)
    for metric in made.metrics.values():
        assert metric["low"] <= metric["value"] <= metric["high"]
    name = made.metric.removeprefix("neg_")
    sign = -1 if made.metric.startswith("neg_") else 1
    assert sign * made.metrics[name]["value"] > sign * made.baseline["metrics"][name]


@every_task
def test_the_manifest_is_plain_json(task: str) -> None:
    made = trained(task)
    written = manifest(task, made)
    encoded = encode_manifest(written)
    document = json.loads(encoded, parse_constant=lambda name: pytest.fail(name))
    assert decode_manifest(encoded) == written
    assert not made.details.keys() & set(ModelManifest.__struct_fields__)
    assert made.details.keys() <= document.keys()


@every_task
def test_one_instance_is_answered_as_among_many(task: str) -> None:
    model = served(task, trained(task))
    instances = json.loads(json.dumps(sample(task).instances(processed(task).data)))
    assert len(instances) > 1
    together, warnings = model.predict(instances)
    assert len(together) == len(instances)
    assert warnings == []
    assert json.loads(msgspec.json.encode(together), parse_constant=lambda name: pytest.fail(name))
    for instance, answer in zip(instances, together, strict=True):
        ((alone,), _) = model.predict([instance])
        assert same(alone, answer)


@every_task
def test_training_again_gives_the_same_scores(task: str) -> None:
    first, again = trained(task), train(task)
    assert again.metrics == first.metrics
    # A forest's threads add up its trees in any order.
    for one, other in zip(again.candidates, first.candidates, strict=True):
        assert (one["name"], one["status"]) == (other["name"], other["status"])
        assert one["score"] == (other["score"] and pytest.approx(other["score"], rel=1e-12))


@every_task
def test_a_training_finishes_from_evaluations_that_were_made_elsewhere(task: str) -> None:
    """Evaluated by another learner, in any order, and carried as JSON."""
    data = processed(task).data
    options = msgspec.convert(sample(task).training, tasks.task(task).training_options)
    new = partial(tasks.training(task).learner, data, options)
    elsewhere = new(run())
    evaluations = [
        elsewhere.evaluate(trial, fold)
        for trial in reversed(elsewhere.plan.trials)
        if trial.candidate == trained(task).selected
        for fold in reversed(range(elsewhere.plan.folds))
    ]
    carried = msgspec.json.decode(msgspec.json.encode(evaluations), type=list[Evaluation])
    made = new(run()).finish(carried)
    assert made.selected == trained(task).selected
    assert made.metrics == trained(task).metrics
    first, again = (
        next(one for one in model.candidates if one["name"] == made.selected)
        for model in (trained(task), made)
    )
    assert again["score"] == pytest.approx(first["score"], rel=1e-12)


@every_task
def test_evaluations_that_are_stored_are_not_made_again(task: str) -> None:
    data = msgspec.structs.replace(processed(task).data, version="v1")
    asked = {**sample(task).training, "candidates": [trained(task).selected]}
    options = msgspec.convert(asked, tasks.task(task).training_options)
    store = MemoryStore()
    context = replace(run(), store=store)
    learner = tasks.training(task).learner(data, options, context)
    if learner.plan.conditions is None:
        pytest.skip("its evaluations follow from the time, too")
    first = tasks.training(task).train(data, options, context)
    count = len(store.stored)
    assert count >= len(first.candidates[0]["fold_scores"]) > 0  # of one fold where nobody competes
    assert store.hits == 0
    again = tasks.training(task).train(data, options, replace(run(), store=store))
    assert (len(store.stored), store.hits) == (count, count)
    assert (again.candidates, again.metrics) == (first.candidates, first.metrics)


@every_task
def test_score_is_the_metric_on_the_test_rows(task: str) -> None:
    made = trained(task)
    score = tasks.training(task).score(
        manifest(task, made, processed(task).about.target),
        {name: body for name, body in made.files.items() if name != "model.joblib"},
        processed(task).data,
        made.metric,
    )
    sign = -1 if made.metric.startswith("neg_") else 1
    value = made.metrics[made.metric.removeprefix("neg_")]["value"]
    assert score == pytest.approx(sign * value, abs=1e-6)


@every_task
def test_every_metric_of_the_options_can_be_scored(task: str) -> None:
    made = trained(task)
    for name in tasks.task(task).metrics:
        score = tasks.training(task).score(
            manifest(task, made), made.files, processed(task).data, name
        )
        assert score < 0 if name.startswith("neg_") else score > 0


@every_task
def test_bad_instances_are_refused_with_a_pointer_each(task: str) -> None:
    bad = sample(task).bad
    with pytest.raises(InvalidInstances) as caught:
        served(task, trained(task)).predict([instance for instance, _ in bad])
    pointers = {error.pointer for error in caught.value.errors}
    assert {f"/instances/{number}{field}" for number, (_, field) in enumerate(bad)} <= pointers


@every_task
def test_unknown_fields_are_told_of(task: str) -> None:
    instance = sample(task).instances(processed(task).data)[0]
    _, warnings = served(task, trained(task)).predict([instance, {**instance, "shoe size": 43}])
    assert [(w.pointer, w.code) for w in warnings] == [("/instances/1/shoe size", "unknown_field")]
