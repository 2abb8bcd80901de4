"""The function as AWS would call it, on an S3 held in memory."""

from collections.abc import Iterator

import pytest
from moto import mock_aws

from tests.unit.model_training.function import ModelTraining


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelTraining]:
    """model_training, deployed with an empty bucket; asynchronous events wait in `queue`."""
    with mock_aws():
        yield ModelTraining.deployed(monkeypatch)
