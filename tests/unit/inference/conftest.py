"""Two versions of a small model, trained for real."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

import tasks
from common.registry import File, ModelManifest, encode_manifest, manifest_key, version_prefix
from inference import connection, s3
from tasks.classification.options import Training
from tests.unit.inference.memory import MemoryReader
from tests.unit.inference.server import Server
from tests.unit.tasks.splits import Row, run, training_data

connection.OPENING_SECONDS = s3._TIMEOUT = 60.0  # as long as a busy machine may take


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tasks.Trained:
    """Buys if the price is below 50, mostly; the colour may be missing."""
    rows: list[Row] = [
        {
            "price": float(number % 100),
            "colour": (None, "red", "blue")[number % 3],
            "buys": "yes" if number % 100 < 50 else "no",
        }
        for number in range(300)
    ]
    types = {"price": "number", "colour": "category", "buys": "category"}
    folder: Path = tmp_path_factory.mktemp("splits")
    data = training_data(folder, types, "buys", [rows[:200], rows[200:250], rows[250:]])
    options = Training(candidates=["decision_tree"])
    return tasks.training("classification").train(data, options, run())


@pytest.fixture
def store(trained: tasks.Trained) -> MemoryReader:
    """A bucket with versions v1 and v2 of the model "shop"; its alias is at v1."""
    reader = MemoryReader()
    for version in ("v1", "v2"):
        publish(reader, trained, version)
    reader.point("shop", "live", "v1")
    return reader


def publish(reader: MemoryReader, trained: tasks.Trained, version: str) -> None:
    manifest = ModelManifest(
        model="shop",
        version=version,
        created_at="2026-01-01T00:00:00Z",
        task="classification",
        target="buys",
        metric=trained.metric,
        inputs=dict(trained.inputs),
        labels=list(trained.labels or ()),
        selected=trained.selected,
        candidates=[],
        metrics={"accuracy": {"value": 0.9, "low": 0.8, "high": 1.0}},
        baseline={},
        parity={},
        dataset={},
        lineage={},
        files={
            name: File(hashlib.sha256(content).hexdigest(), len(content))
            for name, content in trained.files.items()
        },
    )
    for name, content in trained.files.items():
        reader.objects[version_prefix("shop", version) + name] = content
    reader.objects[manifest_key("shop", version)] = encode_manifest(manifest)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()
