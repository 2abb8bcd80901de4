"""Requests for training and imports: the record of the job, and what is refused before."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from common.problems import Unprocessable
from common.store import Store
from model_training.requests import prepare

KEY = "raw/digits/0f8b/model.zip"


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        boto3.client("s3").create_bucket(Bucket="data")
        store = Store("data")
        store.put(KEY, b"zip")
        yield store


def test_an_import_is_recorded_with_its_defaults(store: Store) -> None:
    assert prepare(store, {"model": "digits", "import": {"key": KEY}}) == {
        "model": "digits",
        "import": {"key": KEY},
        "promote": "if_better",
        "alias": "live",
    }


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"model": "digits"}, "/dataset"),
        ({"model": "digits", "import": {"key": KEY}, "dataset": "d"}, "/dataset"),
        ({"model": "digits", "import": {"key": KEY}, "seed": 1}, "/seed"),
        ({"model": "digits", "import": {}}, "/import/key"),
        ({"model": "digits", "import": {"key": "raw/missing.zip"}}, "/import/key"),
        ({"model": "digits", "import": {"key": "models/digits/model.zip"}}, "/import/key"),
        ({"model": "digits", "import": {"key": "raw/../models/x"}}, "/import/key"),
        ({"model": "../digits", "import": {"key": KEY}}, "/model"),
    ],
)
def test_bad_requests_are_told_where(store: Store, body: dict[str, Any], pointer: str) -> None:
    with pytest.raises(Unprocessable) as caught:
        prepare(store, body)
    assert [error.pointer for error in caught.value.errors] == [pointer]
