"""No instance, whatever is in it, is a 500 of any model."""

import random
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest

import tasks
from tests.unit.function import Answer
from tests.unit.hostile.cases import CASES, SEED, Case, answered_wrongly, cases, with_value
from tests.unit.hostile.inference import Inference, instance
from tests.unit.hostile.values import any_value, decoded, encoded, hostile

MODELS = [*tasks.TASKS, "onnx"]
SHARE = CASES // 20

FIELDS = {
    "image_classification": ["key"],
    "face_recognition": ["key", "other", "other_key", "threshold"],
    "object_detection": ["key", "min_score"],
    "recommendation": ["user", "items", "similar_items", "k", "exclude_seen"],
    "translation": ["beam"],
}
"""Fields that instances may have beside those of the sample's."""

MEANT = {"key": "image", "other_key": "other"}
"""Fields that are read in place of others, which must not be there."""


def made(task: str, chance: random.Random) -> Iterator[Case]:
    good = instance(task)

    def case(one: Any, *names: str) -> Case:
        text = encoded({"model": "m", "instances": [one]})
        try:
            forbidden = not isinstance(decoded(text)["instances"][0], dict)
        except ValueError:
            forbidden = True
        return Case(text, [("instances", 0, *names[:1])], forbidden)

    yield from (case(one) for one in hostile({}, chance))
    for name in dict.fromkeys([*good, *FIELDS.get(task, ()), "unknown", ""]):
        rest = {key: value for key, value in good.items() if key != MEANT.get(name)}
        for value in hostile({"minimum": 0, "maximum": 1}, chance):
            yield case({**rest, name: value}, name)
            yield case({name: value})
            if isinstance(good.get(name), list):
                yield case(with_value(good, (name, 0), value), name)
    while True:
        yield case({chance.choice([*good, "a"]): any_value(chance) for _ in range(3)})


@pytest.mark.parametrize("task", MODELS)
def test_instances(task: str) -> None:
    with Inference.serving(task) as function:

        def send(case: Case) -> Answer:
            return function.call("POST", "/inference", case.body)

        good = send(Case(encoded({"model": "m", "instances": [instance(task)]}), [()], False))
        assert good.status == 200
        of = islice(made(task, random.Random(f"{SEED} {task}")), SHARE)
        found = answered_wrongly("predict", send, of)
    assert not found, f"seed {SEED}: {len(found)} of {SHARE}\n" + "\n".join(found[:40])


def test_requests() -> None:
    with Inference.serving("onnx") as function:

        def send(case: Case) -> Answer:
            return function.call("POST", "/inference", case.body)

        base = {"model": "m", "instances": [instance("onnx")]}
        of = islice(cases("InferenceRequest", base, random.Random(SEED)), SHARE)
        found = answered_wrongly("predict", send, of)
    assert not found, f"seed {SEED}: {len(found)} of {SHARE}\n" + "\n".join(found[:40])
