"""Requests whose time ends: whether the caller or the loading of a model took it."""

import hashlib
import time
from typing import Any, NoReturn

import msgspec
import pytest

from common.problems import FieldError, Unavailable, Unprocessable
from common.registry import File, manifest_key, version_prefix
from inference.models import Models
from inference.predictions import predict
from tasks import InvalidInstances
from tasks.onnx.serving import Imported
from tests.unit.inference.memory import MemoryReader
from tests.unit.tasks.brought import echo

REQUEST = {"model": "m", "version": "v", "instances": [{"x": [1]}]}


@pytest.fixture
def slow() -> MemoryReader:
    """A bucket with a brought model, which takes 0.2 s for each of its two objects."""
    graph = echo([1]).SerializeToString()
    inputs = {"inputs": [{"name": "x", "shape": [1]}], "outputs": [{"name": "y"}], "batched": True}
    files = {"model.onnx": File(hashlib.sha256(graph).hexdigest(), len(graph))}
    about = {"model": "m", "version": "v", "task": "onnx", "inputs": inputs, "files": files}
    store = MemoryReader()
    store.objects[manifest_key("m", "v")] = msgspec.json.encode(about)
    store.objects[version_prefix("m", "v") + "model.onnx"] = graph
    store.takes = lambda: time.sleep(0.2)
    return store


def test_a_model_that_took_the_time_to_be_loaded_is_unavailable(slow: MemoryReader) -> None:
    models = Models(slow, 10**9)
    with pytest.raises(Unavailable, match=r"'v' of model 'm' was loaded .* Send it again"):
        predict(models, REQUEST, time.monotonic() + 0.3)
    assert predict(models, REQUEST, time.monotonic() + 60).predictions == [{"outputs": {"y": [1]}}]


def test_instances_that_took_the_time_are_the_callers(
    slow: MemoryReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(self: Imported, instances: Any, deadline: float) -> NoReturn:
        time.sleep(max(0, deadline - time.monotonic()))
        raise InvalidInstances([FieldError("/instances/0", "The model did not answer in time.")])

    monkeypatch.setattr(Imported, "infer", late)
    models = Models(slow, 10**9)
    models.at_version("m", "v")
    with pytest.raises(Unprocessable):
        predict(models, REQUEST, time.monotonic() + 0.2)
