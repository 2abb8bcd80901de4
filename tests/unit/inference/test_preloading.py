"""What an environment has ready before its first request, and what it leaves to requests."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import inference
from common.problems import Unavailable
from inference.models import ALIAS_SECONDS, Models
from inference.preloading import prepare
from tests.unit.inference.memory import MemoryReader

PLENTY = 10**9


def connected() -> None:
    """A connection that opens."""


def refused() -> None:
    raise ConnectionRefusedError


def test_a_request_for_a_preloaded_model_asks_nothing_of_s3(
    store: MemoryReader, capsys: pytest.CaptureFixture[str]
) -> None:
    models = Models(store, PLENTY)
    prepare(models, ["shop"], connected)
    (line,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (line["message"], line["model"]) == ("model loaded", "shop")
    assert line["ModelLoadTime"] > 0
    store.asked.clear()

    assert models.at_alias("shop", "live").version == "v1"

    assert store.asked == []


def test_what_cannot_be_preloaded_is_left_to_its_requests(store: MemoryReader) -> None:
    models = Models(store, PLENTY)

    prepare(models, ["nothing", "shop"], refused)

    store.asked.clear()
    assert models.at_alias("shop", "live").version == "v1"
    assert store.asked == []


def test_a_start_without_s3_does_not_fail(store: MemoryReader) -> None:
    models = Models(store, PLENTY)
    store.down = True

    prepare(models, ["shop"], refused)

    with pytest.raises(Unavailable):
        models.at_alias("shop", "live")


def test_nothing_is_loaded_that_was_not_named(store: MemoryReader) -> None:
    prepare(Models(store, PLENTY), [], connected)

    assert store.asked == []


def test_aliases_are_asked_for_again_once_distrusted(store: MemoryReader) -> None:
    models = Models(store, PLENTY, clock=lambda: ALIAS_SECONDS / 2)
    models.preload("shop", "live")
    store.point("shop", "live", "v2")
    assert models.at_alias("shop", "live").version == "v1"

    models.expire_aliases()

    assert models.at_alias("shop", "live").version == "v2"


def test_blas_starts_no_thread_of_its_own() -> None:
    program = (
        "import inference.handler, numpy, threadpoolctl;"
        "print({pool['num_threads'] for pool in threadpoolctl.threadpool_info()})"
    )
    source = Path(inference.__file__).parents[1]
    environment = {"PYTHONPATH": str(source), "DATA_BUCKET": "bucket"}
    command = [sys.executable, "-c", program]
    found = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert found.stdout.strip() == "{1}"
