"""The ways from a picture to features of the face in it, and from these to descriptors."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from onnx import helper

from common.datasets import Split
from common.registry import ModelManifest
from tasks import TrainingData
from tasks.face_recognition.crops import MAX_SIDE, FoundFaces, WholePictures, cropper
from tasks.face_recognition.options import BACKBONES
from tasks.face_recognition.training import gradients
from tasks.face_recognition.training.enrolment import Project, Projection, unit
from tasks.framework.training.context import Budget
from tasks.images.decoding import decode
from tasks.images.training import reading
from tasks.images.training.extraction import BATCH, Network, backbone, computed
from tasks.images.training.heads import appended

EMBEDDING_SIDE = 150


@dataclass(frozen=True)
class Features:
    """A network's features of images; seen says in which of them there was a face."""

    values: np.ndarray
    seen: np.ndarray


@dataclass(frozen=True)
class Method:
    """What cuts out faces, and what makes features of them.

    files are what serving needs to cut out faces in the same way.
    """

    network: Network
    crops: FoundFaces | WholePictures
    files: Mapping[str, bytes] = field(default_factory=dict)

    def features(
        self,
        source: TrainingData,
        splits: Sequence[Split],
        threads: int,
        budget: Budget | None = None,
    ) -> Features:
        """Of all images of some splits. Raises Skipped when it takes more time than budget."""
        network, seen = self.network, list[bool]()
        nothing = np.zeros((network.side, network.side, network.channels), np.uint8)

        def batches() -> Iterator[np.ndarray]:
            images = reading.pictures(source, splits, MAX_SIDE, decode)
            for batch in itertools.batched(images, BATCH, strict=False):
                faces = [self.crops.face(image) for image in batch]
                seen.extend(face is not None for face in faces)
                yield np.stack([nothing if face is None else face.pixels for face in faces])

        total = sum(source.rows[split] for split in splits)
        values = computed(network, batches(), total, threads, budget)
        return Features(values, np.array(seen))

    def fit(self, x: np.ndarray, y: np.ndarray) -> Project:
        """What makes descriptors of features; a pretrained network has learned it already."""
        return gradients.fit(x, y) if self.network.name == "pca_lda" else unit

    def exported(self, project: Project) -> bytes:
        """The graph from "images" to "descriptors", float32 (n_faces, n_values) of length 1."""
        node = helper.make_node
        nodes = [node("LpNormalization", ["projected"], ["descriptors"], axis=1, p=2)]
        constants: dict[str, np.ndarray] = {}
        width: int | None = None
        if isinstance(project, Projection):
            constants = {"mean_features": project.mean, "projection": project.matrix}
            width = project.matrix.shape[1]
            nodes.insert(0, node("Sub", ["features", "mean_features"], ["centred_features"]))
            nodes.insert(1, node("MatMul", ["centred_features", "projection"], ["projected"]))
        else:
            nodes[0].input[0] = "features"
        return appended(self.network.graph, nodes, constants, {"descriptors": ["n", width]})


def method(name: str, source: TrainingData, threads: int) -> Method:
    """A candidate. Raises Skipped when the deployment lacks a network that it needs."""
    if name == "pca_lda":
        network = Network(name, gradients.graph(), gradients.SIDE, 1)
        return Method(network, WholePictures(network.side, network.channels))
    networks = {one: backbone(one, source, EMBEDDING_SIDE) for one in BACKBONES}
    detector, landmarks, embedding = (networks[one].graph for one in BACKBONES)
    files = {"detector.onnx": detector, "landmarks.onnx": landmarks}
    crops = FoundFaces(detector, landmarks, EMBEDDING_SIDE, threads)
    return Method(Network(name, embedding, EMBEDDING_SIDE, 3), crops, files)


def published(manifest: ModelManifest, files: Mapping[str, bytes], threads: int) -> Method:
    """The method of a model that is there already; its features are descriptors."""
    inputs = manifest.inputs
    network = Network(
        manifest.selected, files["model.onnx"], inputs["side"], inputs["channels"], "descriptors"
    )
    needed = {name: files[name] for name in ("detector.onnx", "landmarks.onnx") if name in files}
    return Method(network, cropper(inputs, files, threads), needed)
