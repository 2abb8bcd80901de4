"""A training that is repeated finds what it has evaluated before, and bears whatever is found."""

from typing import Any

import pytest

from common.problems import Unavailable
from common.store import Store
from model_training import evaluations
from model_training.evaluations import StoredEvaluations
from tasks.framework.training.trials import Evaluation, Trial
from tests.unit.damage import DAMAGES, altered, damaged
from tests.unit.model_training.function import ModelTraining

DONE = Evaluation(Trial("ridge", {"ridge__alpha": 0.1}), 2, "ok", 3.25, 0.1 + 0.2)
KEY = "trials/shop/v1/abc.json"


@pytest.fixture
def every_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also those are stored that take no time."""
    monkeypatch.setattr(evaluations, "WORTH_SECONDS", 0.0)


def found(function: ModelTraining, dataset: str = "shop", version: str = "v1") -> Any:
    return StoredEvaluations(function.store, dataset, version).get("abc")


def test_an_evaluation_is_found_under_its_dataset_and_key(function: ModelTraining) -> None:
    StoredEvaluations(function.store, "shop", "v1").put("abc", DONE)
    assert found(function) == DONE
    assert found(function, version="v2") is None
    assert found(function, dataset="other") is None


def test_what_took_no_time_is_not_stored(function: ModelTraining) -> None:
    quick = Evaluation(DONE.trial, 0, "ok", evaluations.WORTH_SECONDS / 2, 0.5)
    StoredEvaluations(function.store, "shop", "v1").put("abc", quick)
    assert list(function.store.list("trials/")) == []


@damaged
def test_one_that_is_damaged_is_made_again(function: ModelTraining, damage: str) -> None:
    StoredEvaluations(function.store, "shop", "v1").put("abc", DONE)
    function.store.put(KEY, DAMAGES[damage](function.store.get(KEY).body))
    assert found(function) is None
    StoredEvaluations(function.store, "shop", "v1").put("abc", DONE)
    assert found(function) == DONE


def test_an_altered_score_is_not_believed(function: ModelTraining) -> None:
    StoredEvaluations(function.store, "shop", "v1").put("abc", DONE)
    function.store.put(KEY, altered(function.store.get(KEY).body))
    assert found(function) is None


def test_a_bucket_that_fails_is_no_reason_to_fail(
    function: ModelTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: Any, **__: Any) -> Any:
        raise Unavailable("S3 is away. Try again later.")

    StoredEvaluations(function.store, "shop", "v1").put("abc", DONE)
    with monkeypatch.context() as patched:
        patched.setattr(Store, "get", failing)
        assert found(function) is None
    for method in ("list", "put"):
        monkeypatch.setattr(Store, method, failing)
    assert found(function) is None
    StoredEvaluations(function.store, "shop", "v1").put("abc", DONE)


@pytest.mark.usefixtures("every_one")
def test_a_second_training_on_the_same_data_repeats_no_evaluation(
    function: ModelTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    function.dataset()
    first = function.manifest(function.train(seed=7)["version"])
    stored = {entry.key for entry in function.store.list("trials/shop/v1/")}
    assert len(stored) == 10  # two depths on five folds
    puts: list[str] = []
    monkeypatch.setattr(StoredEvaluations, "put", lambda self, key, evaluation: puts.append(key))
    again = function.manifest(function.train(seed=7, promote="never")["version"])
    assert puts == []
    assert (again.candidates, again.metrics) == (first.candidates, first.metrics)
    function.train(seed=8, promote="never")
    assert len(puts) == 10
    function.dataset("v2")
    function.train(seed=7, promote="never", dataset_version="v2")
    assert len(puts) == 20
