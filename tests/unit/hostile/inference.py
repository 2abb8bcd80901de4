"""inference with a small model of each task, and of one that was trained elsewhere."""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

import msgspec
import pytest

from common.registry import File, ModelManifest, encode_manifest, manifest_key, version_prefix
from inference import handler
from tests.unit.function import Function
from tests.unit.inference.memory import MemoryReader
from tests.unit.tasks import brought
from tests.unit.tasks.samples import manifest, processed, sample, train

QUICK = {
    "classification": ["decision_tree"],
    "regression": ["decision_tree"],
    "text_classification": ["logistic_regression_word"],
    "image_classification": ["kmeans_network"],
    "face_recognition": ["pca_lda"],
    "object_detection": ["efficientnet_lite0_224"],
    "recommendation": ["ease"],
    "translation": ["phrase_based"],
    "anomaly_detection": ["ecod"],
}
"""A candidate of each task that is trained in a second or so."""


class Inference(Function):
    entry: ClassVar[Any] = handler

    store: MemoryReader

    @classmethod
    @contextmanager
    def serving(cls, task: str) -> Iterator["Inference"]:
        """inference with one model, "m", that its alias points to."""
        function = cls(s3=None)
        function.store = MemoryReader()
        publish(function.store, task)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("IMAGES_BY_KEY", "true")
            patch.setattr(handler, "_bucket", lambda: function.store)
            handler._models.cache_clear()
            yield function
            handler._models.cache_clear()


def publish(store: MemoryReader, task: str) -> None:
    about, files = _brought() if task == "onnx" else _trained(task)
    described = {
        name: File(hashlib.sha256(body).hexdigest(), len(body)) for name, body in files.items()
    }
    about = msgspec.structs.replace(about, files=described)
    for name, body in files.items():
        store.objects[version_prefix("m", "v") + name] = body
    store.objects[manifest_key("m", "v")] = encode_manifest(about)
    store.point("m", "live", "v")


type Made = tuple[ModelManifest, Mapping[str, bytes]]


def _trained(task: str) -> Made:
    made = train(task, QUICK[task])
    about = msgspec.structs.replace(manifest(task, made), created_at="2026-01-01T00:00:00Z")
    return about, {name: body for name, body in made.files.items() if name != "model.joblib"}


def _brought() -> Made:
    plain = msgspec.to_builtins(brought.spec())
    about = ModelManifest(
        model="m", version="v", created_at="2026-01-01T00:00:00Z", task="onnx", target=None,
        metric="", inputs={"inputs": plain["inputs"], "outputs": plain["outputs"], "batched": True},
        labels=None, selected="", candidates=[], metrics={}, baseline={}, parity={}, dataset={},
        lineage={}, files={},
    )  # fmt: skip
    return about, brought.files(None, None)


def instance(task: str) -> dict[str, Any]:
    """What the model answers."""
    if task == "onnx":
        return {"x": [1, 2]}
    good: dict[str, Any] = msgspec.to_builtins(sample(task).instances(processed(task).data)[0])
    return good
