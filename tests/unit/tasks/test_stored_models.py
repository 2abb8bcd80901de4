"""What earlier releases have published is served as they served it."""

import json

import pytest

from common.registry import manifest_key, version_prefix
from inference.models import Models
from inference.predictions import predict
from tasks import TASKS
from tests.unit.inference.memory import MemoryReader
from tests.unit.tasks.stored import FOLDER, files
from tests.unit.tasks.test_training_contract import same

STORED = sorted(path.stem for path in FOLDER.glob("*.zip"))

UNRELEASED = {"anomaly_detection"}
"""Tasks that no release has had yet. The release that brings them stores a model of each."""


def test_every_task_has_a_model_of_an_earlier_release() -> None:
    assert {name.partition("-")[2] for name in STORED} == set(TASKS) - UNRELEASED


@pytest.mark.parametrize("name", STORED)
def test_a_stored_model_answers_as_it_did(name: str) -> None:
    task, stored = name.partition("-")[2], files(name)
    expected = json.loads(stored.pop("expected.json"))
    manifest = stored.pop("manifest.json")
    version = json.loads(manifest)["version"]
    store = MemoryReader()
    store.objects[manifest_key(task, version)] = manifest
    for file, content in stored.items():
        store.objects[version_prefix(task, version) + file] = content

    body = {"model": task, "version": version, "instances": expected["instances"]}
    answer = predict(Models(store, memory_bytes=10**9), body)

    assert same(answer.predictions, expected["predictions"])
