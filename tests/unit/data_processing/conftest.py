"""The function as AWS would call it, on an S3 held in memory."""

from collections.abc import Iterator

import pytest
from moto import mock_aws

from tests.unit.data_processing.function import DataProcessing


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch) -> Iterator[DataProcessing]:
    """data_processing, deployed with an empty bucket; asynchronous events wait in `queue`."""
    with mock_aws():
        yield DataProcessing.deployed(monkeypatch)
