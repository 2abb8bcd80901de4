"""Where datasets are found."""

import pytest

from common.datasets import Datasets, latest_key, manifest_key
from common.newest import Page
from common.problems import NotFound
from common.store import Store


def test_versions_are_those_with_a_manifest(store: Store) -> None:
    store.put(manifest_key("churn", "v1"), b"{}")
    store.put("datasets/churn/v1/train.arrow", b"")
    store.put(manifest_key("churn", "v0"), b"{}")  # the remains of a deleted version
    store.put("datasets/churn/v2/train.arrow", b"")  # still being written
    store.put(latest_key("churn"), b'{"version": "v1", "at": "2025-01-31T12:00:00.000Z"}')
    datasets = Datasets(store)
    assert list(datasets.names(Page())) == [".churn"]
    assert list(datasets.versions("churn")) == ["v1"]
    assert datasets.latest("churn").version == "v1"


def test_a_version_whose_files_have_expired_is_still_one(store: Store) -> None:
    store.put(manifest_key("faces", "v1"), b"x" * 2000)
    assert list(Datasets(store).versions("faces")) == ["v1"]


def test_what_is_not_there_is_not_found(store: Store) -> None:
    datasets = Datasets(store)
    assert list(datasets.names(Page())) == []
    with pytest.raises(NotFound, match="no dataset 'churn'"):
        datasets.latest("churn")
    with pytest.raises(NotFound, match="no version 'v1'"):
        datasets.manifest("churn", "v1")
