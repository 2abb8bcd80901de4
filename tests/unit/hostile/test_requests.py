"""No request, whatever is in it, is a 500 or gets past the contract."""

from typing import Any

import msgspec
import pytest

import tasks
from tests.unit.data_processing.function import DataProcessing
from tests.unit.function import Answer
from tests.unit.hostile.cases import CASES, DOCUMENTED, SEED, Case, failures
from tests.unit.model_training.function import ModelTraining
from tests.unit.test_openapi import DOCUMENT

CONTENT = b"x,y\n" + b"".join(b"%d,%d\n" % (i * 7 % 40, i % 2) for i in range(60))

NEEDS_TARGET = {"classification", "regression", "text_classification"}

SHARE = CASES // 20
"""Requests of each kind: there are 20 kinds."""


def check(operation: str, send: Any, schema: str, base: dict[str, Any], salt: str = "") -> None:
    """Send requests like a good one, and fail for all that go wrong."""
    assert send(Case(msgspec.json.encode(base).decode(), [()], False)).status < 300
    found = failures(operation, send, schema, base, SHARE, operation + salt)
    assert not found, f"seed {SEED}: {len(found)} of {SHARE}\n" + "\n".join(found[:40])


def test_uploads(processing: DataProcessing) -> None:
    def send(case: Case) -> Answer:
        return processing.call("POST", "/data_processing/uploads", case.body)

    base = {"dataset": "test", "filename": "a.csv", "bytes": 5}
    check("createUpload", send, "UploadRequest", base)


@pytest.mark.parametrize("task", tasks.TASKS)
def test_processing(processing: DataProcessing, task: str) -> None:
    def send(case: Case) -> Answer:
        return processing.call("POST", "/data_processing", case.body)

    base = {"dataset": "test", "source": {"key": processing.put(CONTENT)}, "task": task}
    if task in NEEDS_TARGET:
        base["target"] = "y"
    check("startProcessing", send, "ProcessingRequest", base, task)


@pytest.mark.parametrize("task", tasks.TASKS)
def test_training(training: ModelTraining, task: str) -> None:
    def send(case: Case) -> Answer:
        return training.call("POST", "/model_training", case.body)

    base = {"model": "m", "dataset": "shop", "dataset_version": task}
    check("startTraining", send, "TrainingRequest", base, task)


def test_imports(processing: DataProcessing, training: ModelTraining) -> None:
    def send(case: Case) -> Answer:
        return training.call("POST", "/model_training", case.body)

    base = {"model": "m", "import": {"key": processing.put(CONTENT)}}
    check("startTraining", send, "TrainingRequest", base, "import")


def test_the_contract_has_the_words_for_what_is_refused() -> None:
    text = " ".join(str(DOCUMENT).split())
    assert [words for _, words in DOCUMENTED if words not in text] == []
