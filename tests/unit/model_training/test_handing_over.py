"""A training that leaves a checkpoint continues from it in another invocation."""

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import msgspec
import pytest
from moto import mock_aws

import tasks
from common.datasets import SPLITS, DatasetManifest, Schema, SplitInfo, StoredFile, manifest_key
from common.invocation import Invocation
from common.jobs import Jobs
from common.registry import Registry
from common.store import Store
from model_training.use_case import train
from tasks import Trained, TrainingData, Unfinished
from tests.unit.damage import DAMAGES, damaged

FILE = b"an Arrow file"
SHA256 = hashlib.sha256(FILE).hexdigest()
REQUEST = {"model": "en-de", "dataset": "captions", "dataset_version": "v1", "promote": "always"}


@dataclass
class Halves:
    """A task's training that takes two invocations."""

    seen: list[bytes | None] = field(default_factory=list)

    def train(self, data: TrainingData, *_: Any) -> Trained:
        self.seen.append(data.checkpoint)
        if data.checkpoint is None:
            raise Unfinished(b"half")
        return Trained(
            metric="bleu",
            inputs={},
            labels=None,
            selected="halves",
            candidates=[],
            metrics={},
            baseline={},
            details={},
            parity={},
            files={"model.onnx": b"graph"},
        )


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A bucket with a dataset for translation."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        boto3.client("s3").create_bucket(Bucket="data")
        found = Store("data")
        found.put("file", FILE)
        stored = StoredFile(key="file", bytes=len(FILE), sha256=SHA256)
        manifest = DatasetManifest(
            dataset="captions",
            version="v1",
            created_at="",
            task="translation",
            target="target",
            options={},
            source={},
            schema=Schema([]),
            rows={},
            rejected={},
            splits={side: SplitInfo(rows=1, arrow=stored, parquet=stored) for side in SPLITS},
            profile={},
            warnings=[],
            lineage={},
        )
        found.put(manifest_key("captions", "v1"), msgspec.json.encode(manifest))
        yield found


def test_what_one_invocation_leaves_the_next_one_gets(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    halves = Halves()
    monkeypatch.setattr(tasks, "training", lambda task: halves)
    jobs = Jobs(store, "model_training")
    job = jobs.create(REQUEST, None)
    invocation = Invocation("request", "arn", 3008, time.monotonic() + 900)
    outcomes = []
    for _ in range(2):
        ran = jobs.run(
            job.job_id, invocation, lambda job, lease: train(job, store, invocation, lease)
        )
        outcomes.append((ran.status, ran.handed_over))
    assert outcomes == [("RUNNING", True), ("SUCCEEDED", False)]
    assert halves.seen == [None, b"half"]
    assert len(Registry(store).versions("en-de")) == 1
    assert store.get(f"jobs/model_training/{job.job_id}.checkpoint").body == b""


@damaged
def test_a_damaged_checkpoint_is_begun_anew(
    store: Store, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    halves = Halves()
    monkeypatch.setattr(tasks, "training", lambda task: halves)
    jobs = Jobs(store, "model_training")
    job = jobs.create(REQUEST, None)
    invocation = Invocation("request", "arn", 3008, time.time() + 900)

    def run() -> str:
        return jobs.run(
            job.job_id, invocation, lambda job, progress: train(job, store, invocation, progress)
        ).status

    assert run() == "RUNNING"
    key = f"jobs/model_training/{job.job_id}.checkpoint"
    store.put(key, DAMAGES[damage](store.get(key).body))

    assert [run(), run()] == ["RUNNING", "SUCCEEDED"]
    assert halves.seen == [None, None, b"half"]
