"""The people that a model knows, and the model that is made of them."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from common.datasets import Split
from tasks import Trained, TrainingData
from tasks.face_recognition import serving
from tasks.face_recognition.training import evaluation
from tasks.face_recognition.training.enrolment import Project
from tasks.face_recognition.training.methods import Features, Method
from tasks.framework.training import parity
from tasks.framework.training.publication import Comparison
from tasks.images.arrays import squeezed
from tasks.images.training import reading
from tasks.images.training.extraction import Network

ENROLLED: tuple[Split, ...] = ("train", "validation")
BASELINE_SIDE = 32


@dataclass(frozen=True)
class Gallery:
    """The people that a model knows: a mean for each, and how near a face has to be.

    white is the value that is white in their images of 16 bits, if there are such.
    """

    people: list[str]
    means: np.ndarray
    threshold: float
    pair_threshold: float
    white: int | None = None

    @classmethod
    def of(cls, inputs: Mapping[str, Any], files: Mapping[str, bytes]) -> "Gallery":
        """That of a model which is there already."""
        means = np.load(io.BytesIO(files["people.npy"]), allow_pickle=False)
        thresholds = inputs["threshold"], inputs["pair_threshold"]
        return cls(inputs["people"], means, *thresholds, inputs.get("white"))

    def inputs(self, network: Network, image: str) -> dict[str, Any]:
        """What serving needs beside the files."""
        return {
            "image": image,
            **({} if self.white is None else {"white": self.white}),
            "side": network.side,
            "channels": network.channels,
            "people": self.people,
            "threshold": self.threshold,
            "pair_threshold": self.pair_threshold,
        }

    def files(self, graph: bytes, method: Method) -> dict[str, bytes]:
        file = io.BytesIO()
        np.save(file, self.means, allow_pickle=False)
        return {"model.onnx": graph, "people.npy": file.getvalue(), **method.files}


@dataclass(frozen=True)
class Enrolled:
    """People enrolled by a method, and what it made of the images.

    used are the features that the enrolled images have, test the descriptors of the test images.
    """

    method: Method
    project: Project
    gallery: Gallery
    used: Features
    test: Features

    def compared(self, source: TrainingData, graph: bytes) -> Comparison[np.ndarray]:
        """Compares similarities with those that inference would answer. Raises ParityFailed."""
        held_out = reading.instances(source, "test", parity.ROWS)
        inputs = self.gallery.inputs(self.method.network, reading.column(source))
        model = serving.load(inputs, None, self.gallery.files(graph, self.method))
        answers = [answer["similarity"] for answer in model.predict(held_out)[0]]
        seen = self.test.seen[: len(answers)]
        if [answer is not None for answer in answers] != seen.tolist():
            raise parity.ParityFailed("serving sees faces in other images than training did")
        nearest = (self.test.values @ self.gallery.means.T).max(axis=1)[: len(answers)]
        served = np.array([answer for answer in answers if answer is not None])
        return Comparison(parity.compare_values(served, nearest[seen], scale=1.0), served)

    def trained(
        self,
        source: TrainingData,
        graph: bytes,
        about: Mapping[str, Any],
        details: Mapping[str, Any],
        seed: int,
    ) -> Trained:
        """The model and its evaluation; about has metric, selected, candidates, parity."""
        names, enrolled = (reading.targets(source, side) for side in (("test",), ENROLLED))
        people = evaluation.everybody(self.gallery.people, enrolled)
        truth = evaluation.numbers(names, people)
        gallery, test = self.gallery, self.test
        answers = evaluation.Answers.of(test.values, test.seen, gallery.means, gallery.threshold)
        seen = [name for name, there in zip(names, test.seen, strict=True) if there]
        return Trained(
            inputs=gallery.inputs(self.method.network, reading.column(source)),
            labels=None,  # people come and go: versions are compared by what they answer
            metrics=evaluation.evaluated(truth, answers, seed),
            baseline=_baseline(source, truth, evaluation.numbers(enrolled, people), seed),
            details={
                "people_without_a_face": sorted({*people} - {*gallery.people}),
                "images_without_a_face": {
                    "enrolled": int((~self.used.seen).sum()),
                    "test": int((~test.seen).sum()),
                },
                "verification": evaluation.pairs(
                    test.values[test.seen], seen, gallery.pair_threshold
                ),
                **details,
            },
            files=gallery.files(graph, self.method),
            **about,
        )


def _baseline(source: TrainingData, truth: np.ndarray, y: np.ndarray, seed: int) -> dict[str, Any]:
    def pictures(splits: Sequence[Split]) -> np.ndarray:
        images = reading.pictures(source, splits, 2 * BASELINE_SIDE)
        return np.concatenate([squeezed([image], BASELINE_SIDE, 1) for image in images])

    there = y != evaluation.STRANGER
    return evaluation.baseline(
        pictures(ENROLLED)[there], y[there], pictures(("test",)), truth, seed
    )
