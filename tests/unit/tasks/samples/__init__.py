"""What the contract tests know of each task: samples/<task>.py holds its SAMPLE."""

import importlib
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

import tasks
from common.registry import ModelManifest
from tasks import Processed, Trained, TrainingData
from tests.unit.tasks.splits import invocation, run


@dataclass(frozen=True)
class Sample:
    """A small source that takes a task from raw data to predictions in a few seconds."""

    source: Callable[[int], bytes]
    """The source; another seed gives the same data in another order."""

    counts: Mapping[str, int]
    """What processing should count: read, duplicates, rejected, used."""

    instances: Callable[[TrainingData], Sequence[dict[str, Any]]]
    """What a caller may ask, from the test split."""

    bad: Sequence[tuple[Any, str]]
    """Instances that must be refused, each with the pointer of the field that is bad in it."""

    backbones: Callable[[], Mapping[str, Path]] = dict
    """The pretrained networks of the deployment, by name."""

    processing: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    """Options of processing and training, as a request has them."""


def sample(task: str) -> Sample:
    found: Sample = importlib.import_module(f"tests.unit.tasks.samples.{task}").SAMPLE
    return found


@dataclass(frozen=True)
class Made:
    """What processing made of a sample, and the folder it is in."""

    about: Processed
    folder: Path
    backbones: Mapping[str, Path]

    @property
    def data(self) -> TrainingData:
        about = self.about
        files = {side: self.folder / f"{side}.arrow" for side in about.split_rows}
        return TrainingData(
            about.schema, about.target, about.split_rows, files, None, self.backbones
        )


@cache
def processed(task: str, order: int = 0) -> Made:
    folder = Path(tempfile.mkdtemp())
    (folder / "source").write_bytes(sample(task).source(order))
    (folder / "output").mkdir()
    options = msgspec.convert(sample(task).processing, tasks.task(task).processing_options)
    about = tasks.processing(task).process(
        folder / "source", options, folder / "output", invocation(), silent
    )
    return Made(about, folder / "output", sample(task).backbones())


@cache
def trained(task: str) -> Trained:
    return train(task)


def train(task: str, candidates: Sequence[str] | None = None) -> Trained:
    """A model of the sample's options, but for the candidates where they are given."""
    chosen = {} if candidates is None else {"candidates": candidates}
    options = msgspec.convert(
        {**sample(task).training, **chosen}, tasks.task(task).training_options
    )
    return tasks.training(task).train(processed(task).data, options, run())


def served(task: str, made: Trained) -> tasks.Model:
    """The model as inference loads it: from JSON, and without what is for people only."""
    inputs = json.loads(json.dumps(made.inputs))
    files = {name: body for name, body in made.files.items() if name != "model.joblib"}
    return tasks.serving(task).load(inputs, made.labels, files)


def manifest(task: str, made: Trained, target: str | None = None) -> ModelManifest:
    return ModelManifest(
        model="m",
        version="v",
        created_at="",
        task=task,
        target=target,
        metric=made.metric,
        inputs=dict(made.inputs),
        labels=list(made.labels) if made.labels else None,
        selected=made.selected,
        candidates=[dict(candidate) for candidate in made.candidates],
        metrics=dict(made.metrics),
        baseline=dict(made.baseline),
        details=dict(made.details),
        parity=dict(made.parity),
        dataset={},
        lineage={},
        files={},
    )


def silent(stage: str, percent: int, message: str) -> None:
    """Progress that nobody watches."""
