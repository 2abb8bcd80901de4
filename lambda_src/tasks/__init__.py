"""The kinds of learning, one folder each, and the verbs that every one of them speaks.

A task's folder holds

- `task.py`: its Task, which says what it is to everybody else;
- `options.py`: what a caller may say about processing and training, with a docstring under each
  field, which describes it in the contract of the API;
- `processing.py`: how its raw data is cleaned, described and split;
- `training.py`: its Learner, which plans, evaluates and finishes a training;
- `serving.py`: how instances become arrays and arrays become predictions;
- `signature.py`: which fields instances and predictions have.

Each function's zip carries only the verbs that it needs. A new task is a new folder and one
name in TaskName, and a sample of its data in tests/unit/tasks/samples/, by which the contract
tests come to it. What several tasks have in common is in `framework`, on which `tables` is built,
and `images` on both.

`onnx` is the folder of models that were trained elsewhere. It is no task that a request can name:
nothing is processed or trained, model_training takes a model in and inference serves it.
"""

from __future__ import annotations  # what only type checkers need is not imported

import importlib
import math
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast, get_args

import msgspec

from common.problems import FieldError, invalid

if TYPE_CHECKING:
    from pathlib import Path

    from common.datasets import Schema, Split, SplitRule
    from common.invocation import Invocation
    from common.jobs import Progress
    from common.registry import ModelManifest
    from common.signature import Signature
    from common.warnings import Warning
    from tasks.framework.predictions import Inference
    from tasks.framework.training.context import TrainingContext
    from tasks.framework.training.engine import Learner

TaskName = Literal[
    "classification",
    "regression",
    "text_classification",
    "image_classification",
    "face_recognition",
    "object_detection",
    "recommendation",
    "translation",
    "anomaly_detection",
]

TASKS: tuple[str, ...] = get_args(TaskName)

IMAGE_KEYS = {"image": "key"}
"""image_keys of a model that takes one image; see Model."""


class TrainingTime(msgspec.Struct, frozen=True):
    """How long a task chooses among its candidates when the caller does not say.

    share is the part of the function's time that this may take; refitting the best one, its
    export, its comparison and its evaluation need the rest.
    """

    seconds: int = 300
    share: float = 0.6


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What a kind of learning is: its options, and the traits that others rely on.

    The contract tests of tests/unit/tasks choose their checks by these traits.
    """

    processing_options: type[msgspec.Struct]
    training_options: type[msgspec.Struct]

    learns_from: Literal["table", "texts", "images", "pairs", "interactions"]
    """What a row of its datasets is: pairs are texts and their translations."""

    is_supervised: bool = True
    """Whether each row has a target that is learned."""

    can_lack_labels: bool = False
    """Whether there may be nothing to measure its models by. Versions cannot be compared then."""

    splits_by: Sequence[Literal["hash", "time", "group"]]
    """How its rows can be split: by a hash of themselves, by their time, by a value that rows
    share. Every task can also take each row's split from a column."""

    metrics: Sequence[str]
    """By what its candidates can be compared; greater is better."""

    backbones: Sequence[str] = ()
    """The pretrained networks that training uses where the deployment has them."""

    keeps_files: Callable[[Any], bool] | None = None
    """Whether processing's options keep the source and the dataset's files; None: they stay
    always."""

    extends: Callable[[Any], str | None] | None = None
    """The version of the model that training's options add to; None: no version can be
    extended."""

    training_time: TrainingTime = TrainingTime()


class Processed(msgspec.Struct, frozen=True):
    """What processing made of a source: files in its folder, and their description.

    Data of every kind is a table: the folder holds {train,validation,test}.arrow and .parquet
    with the columns of schema that are not ignored, the one whose times or groups rows were split
    by, and rejected.csv. The fields are those of DatasetManifest; rows counts what was read,
    duplicates (those that were dropped), rejected and used.
    """

    schema: Schema
    rows: Mapping[str, int]
    rejected: Mapping[str, Any]
    split_rows: Mapping[Split, int]
    profile: Mapping[str, Any]
    warnings: Sequence[Warning]
    source: Mapping[str, Any]
    target: str | None = None
    """The column to be learned, where it is one."""

    split_targets: Mapping[Split, dict[str, Any]] = {}
    """How the target is distributed on each side."""

    split: SplitRule | None = None
    """By what rows were split; None: by their features."""


class Processing(Protocol):
    """A task's `processing.py`."""

    def process(
        self,
        source: Path,
        options: Any,
        folder: Path,
        invocation: Invocation,
        progress: Progress,
    ) -> Processed:
        """Cleans, describes and splits a file of any size.

        options is one of its Task.processing_options.
        """
        ...


class Published(msgspec.Struct, frozen=True):
    """A model that is there: its manifest, and its files but for model.joblib."""

    manifest: ModelManifest
    files: Mapping[str, bytes]


class TrainingData(msgspec.Struct, frozen=True):
    """A dataset's splits, each an Arrow IPC file, and its schema."""

    schema: Schema
    target: str | None
    rows: Mapping[Split, int]
    files: Mapping[Split, Path]
    checkpoint: bytes | None = None
    """What this training left in an earlier invocation of the function; see Unfinished."""
    backbones: Mapping[str, Path] = {}
    """Of the pretrained networks that the task uses, those there are."""
    base: Published | None = None
    """The version that the option extends names."""
    split: SplitRule | None = None
    """By what rows were split; folds follow the same rule."""
    missing_values: Sequence[str] | None = None
    """The words that stood for a missing value; None: the usual ones."""
    version: str | None = None
    """The dataset's version, which is the hash of its content and options, where it is known."""


class Trained(msgspec.Struct, frozen=True):
    """A fitted, exported and checked model; the fields are those of ModelManifest."""

    metric: str
    inputs: Mapping[str, Any]
    labels: Sequence[str] | None
    selected: str
    candidates: Sequence[Mapping[str, Any]]
    metrics: Mapping[str, Any]
    baseline: Mapping[str, Any]
    details: Mapping[str, Any]
    """What only this task has to tell, such as a confusion matrix; fields of the manifest."""
    parity: Mapping[str, Any]
    files: Mapping[str, bytes]
    """model.onnx, model.joblib: file name to content."""
    warnings: Sequence[Warning] = ()
    """What its owner should know before it goes live."""


class Training(Protocol):
    """A task's `training.py`."""

    def learner(self, data: TrainingData, options: Any, context: TrainingContext) -> Learner:
        """The training on a dataset, as plan, evaluate and finish.

        options is one of its Task.training_options.
        """
        ...

    def train(self, data: TrainingData, options: Any, context: TrainingContext) -> Trained:
        """Chooses, fits, exports and checks a model, in this process.

        Raises Unfinished when it is to go on in another invocation.
        """
        ...

    def score(
        self, manifest: ModelManifest, files: Mapping[str, bytes], data: TrainingData, metric: str
    ) -> float:
        """The metric of a published model on the test split; greater is better.

        Raises Incomparable or InvalidInstances when the model cannot answer for these rows.
        """
        ...


class Unfinished(Exception):
    """Training needs another invocation, which is given the checkpoint."""

    def __init__(self, checkpoint: bytes) -> None:
        super().__init__(f"a checkpoint of {len(checkpoint):,} bytes")
        self.checkpoint = checkpoint


class Incomparable(Exception):
    """A published model cannot be evaluated on a dataset; the text says why."""


class FieldWarning(msgspec.Struct, frozen=True):
    """Something in an instance that was answered all the same."""

    pointer: str
    code: str
    detail: str


class InvalidInstances(ValueError):
    """Instances that no prediction can be made for; one error per field.

    others counts the bad fields that are not among the errors.
    """

    def __init__(self, errors: Sequence[FieldError], others: int = 0) -> None:
        super().__init__(f"{len(errors) + others} bad fields")
        self.errors, self.others = errors, others


class Model(ABC):
    """A model in memory, ready to answer."""

    image_keys: Mapping[str, str] = {}
    """The fields of an instance that hold an image, each with the field that names its key in the
    bucket instead. Such a field takes base64, and what JSON cannot hold: bytes, or a function
    without parameters that reads them."""

    @abstractmethod
    def infer(self, instances: Sequence[Any], deadline: float = math.inf) -> Inference:
        """One prediction per instance, in order, with warnings.

        instances are rows as JSON has them, or Columns: both have the same answers. deadline is a
        time of time.monotonic(). A graph that was brought may take any time and observes it; ours
        take what their instances take, which is bounded. Raises InvalidInstances.
        """

    def predict(self, instances: Sequence[Any]) -> tuple[list[dict[str, Any]], list[FieldWarning]]:
        """What infer answers, with predictions as objects of JSON. Raises InvalidInstances."""
        predictions, warnings = self.infer(instances)
        return predictions.rows(), warnings

    def least_bytes(self, instances: Sequence[Any]) -> int:
        """The least that the answer has as JSON, so that one that cannot be sent is not made."""
        return 0


class Serving(Protocol):
    """A task's `serving.py`; it may import numpy and onnxruntime, never scikit-learn."""

    def load(
        self, inputs: Mapping[str, Any], labels: Sequence[str] | None, files: Mapping[str, bytes]
    ) -> Model:
        """A model from its manifest's inputs and labels and its files but for model.joblib."""
        ...


class Described(Protocol):
    """A task's `signature.py`."""

    def signature(self, inputs: Mapping[str, Any], labels: Sequence[str] | None) -> Signature:
        """What a model takes and gives, from its manifest's inputs and labels."""
        ...

    def encoding(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """How instances become the inputs of model.onnx, and its outputs answers, as JSON.

        Empty where model.onnx is of no use without other files. Models that were brought have none.
        """
        ...


def task(name: str) -> Task:
    """The Task of a name. Raises Unprocessable for an unknown one."""
    if name not in TASKS:
        raise invalid(["task"], f"{name!r} is not a task: choose one of {', '.join(TASKS)}")
    return cast(Task, importlib.import_module(f"tasks.{name}.task").TASK)


def processing(task: str) -> Processing:
    return cast(Processing, _module(task, "processing"))


def training(task: str) -> Training:
    # Read when scikit-learn loads OpenMP; tasks.framework.training.threads says why.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    return cast(Training, _module(task, "training"))


def serving(task: str) -> Serving:
    return cast(Serving, _module(task, "serving"))


def signature(task: str, inputs: Mapping[str, Any], labels: Sequence[str] | None) -> Signature:
    """What a model takes and gives, from its manifest's inputs and labels."""
    return cast(Described, _module(task, "signature")).signature(inputs, labels)


def encoding(task: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """How instances become the inputs of a trained model.onnx, and its outputs answers."""
    return cast(Described, _module(task, "signature")).encoding(inputs)


def _module(task: str, verb: str) -> object:
    return importlib.import_module(f"tasks.{task}.{verb}")
