"""The three functions of one deployment, each with something to answer about."""

from collections.abc import Iterator

import msgspec
import pytest
from moto import mock_aws

import tasks
from common.datasets import manifest_key
from tests.unit.data_processing.function import DataProcessing
from tests.unit.model_training.function import ModelTraining


@pytest.fixture(scope="module")
def processing() -> Iterator[DataProcessing]:
    with mock_aws(), pytest.MonkeyPatch.context() as patch:
        yield DataProcessing.deployed(patch)


@pytest.fixture(scope="module")
def training(processing: DataProcessing) -> ModelTraining:
    """model_training, with a dataset for each task: a version of its name."""
    function = processing.beside(ModelTraining)
    made = function.dataset()
    for task in tasks.TASKS:
        other = msgspec.structs.replace(made, task=task, version=task)
        function.store.put(manifest_key("shop", task), msgspec.json.encode(other))
    return function
