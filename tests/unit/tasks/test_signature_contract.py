"""The signature of a model says which fields its instances and its predictions have."""

import json
from typing import Any

import msgspec
import pytest

import tasks
from common.signature import Output, Signature
from tasks import TASKS, InvalidInstances
from tasks.framework.columns import Columns, plain
from tests.unit.tasks.samples import processed, sample, served, trained
from tests.unit.tasks.stored import FOLDER, files

every_task = pytest.mark.parametrize("task", TASKS)
KINDS: dict[str, type | tuple[type, ...]] = {
    "number": (int, float),
    "boolean": bool,
    "text": str,
    "object": dict,
}


def signature(task: str) -> Signature:
    made = trained(task)
    labels = None if made.labels is None else list(made.labels)
    return tasks.signature(task, json.loads(json.dumps(made.inputs)), labels)


def instances(task: str) -> list[dict[str, Any]]:
    some = list(sample(task).instances(processed(task).data))[:4]
    plain: list[dict[str, Any]] = json.loads(json.dumps(some))
    return plain


def check(output: Output, value: Any) -> None:
    """Fails where a value of a prediction is not what the signature says."""
    if value is None:
        assert output.nullable
        return
    if output.labels is not None:
        assert list(value) == output.labels
        assert output.shape == [len(output.labels)]
        values = list(value.values())
    else:
        values = value if output.shape else [value]
        assert isinstance(values, list)
    assert all(isinstance(one, KINDS[output.type]) for one in values)


@every_task
def test_instances_have_its_inputs(task: str) -> None:
    names = [one.name for one in signature(task).inputs]
    assert len(set(names)) == len(names)
    assert all(instance.keys() <= set(names) for instance in instances(task))


@every_task
def test_predictions_have_its_outputs(task: str) -> None:
    outputs = {one.name: one for one in signature(task).outputs}
    predictions, _ = served(task, trained(task)).predict(instances(task))
    for prediction in predictions:
        assert prediction.keys() <= outputs.keys()
        assert {name for name, one in outputs.items() if not one.nullable} <= prediction.keys()
        for name, value in prediction.items():
            check(outputs[name], value)


@every_task
def test_columns_have_the_answers_of_rows(task: str) -> None:
    model, rows = served(task, trained(task)), instances(task)
    names = dict.fromkeys(name for row in rows for name in row)
    columns = Columns({name: [row.get(name) for row in rows] for name in names}, len(rows))
    predictions, warnings = model.infer(columns)
    assert (predictions.rows(), warnings) == model.predict(list(columns))
    fields = predictions.columns()
    for index, prediction in enumerate(predictions.rows()):
        for name, value in prediction.items():
            of_columns = plain(fields[name])[index]
            assert of_columns == (list(value.values()) if name == "probabilities" else value)


@every_task
def test_an_input_is_required_unless_it_is_nullable(task: str) -> None:
    model, instance = served(task, trained(task)), instances(task)[0]
    for one in signature(task).inputs:
        without = {name: value for name, value in instance.items() if name != one.name}
        if one.nullable:
            if task != "recommendation":  # where one of three has to be there
                model.predict([without])
        else:
            with pytest.raises(InvalidInstances) as caught:
                model.predict([without])
            assert [e.pointer for e in caught.value.errors] == [f"/instances/0/{one.name}"]


@every_task
def test_it_is_plain_json_and_the_same_again(task: str) -> None:
    found = signature(task)
    assert msgspec.json.decode(msgspec.json.encode(found), type=Signature) == found


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.zip")))
def test_models_of_earlier_releases_have_one(name: str) -> None:
    stored, task = files(name), name.partition("-")[2]
    manifest, expected = json.loads(stored["manifest.json"]), json.loads(stored["expected.json"])
    found = tasks.signature(task, manifest["inputs"], manifest.get("labels"))
    inputs, outputs = ({one.name for one in part} for part in (found.inputs, found.outputs))
    assert all(instance.keys() <= inputs for instance in expected["instances"])
    assert all(prediction.keys() <= outputs for prediction in expected["predictions"])
