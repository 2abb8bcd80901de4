"""Who is on a photo, or nobody who is known, through the API and by eigenfaces.

Olivetti's faces (AT&T Laboratories Cambridge): olivettifaces.mat in faces/. The first 30 people are
enrolled with their first five photos; their others are to be named, all of the last ten people's
to be refused.
"""

import base64
import io
import itertools
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io
from PIL import Image
from sklearn.decomposition import PCA

from local.client import Client

PEOPLE, PHOTOS, SIDE = 40, 10, 64
KNOWN, ENROLLED = 30, 5
BATCH = 25
COMPONENTS = 100
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Comparison:
    """The share of answers that are right, where unknown is right for a stranger."""

    name: str = "Olivetti faces"

    def run(self, folder: Path, client: Client) -> dict[str, Any]:
        photos = self.read(folder)
        person, photo = np.indices((PEOPLE, PHOTOS)).reshape(2, -1)
        enrolled = (person < KNOWN) & (photo < ENROLLED)
        answers, selected = self.service(photos, person, enrolled, client)
        truth = [_name(one) if one < KNOWN else UNKNOWN for one in person[~enrolled]]
        guessed = reference(photos, person, enrolled)
        return {
            "data": self.name,
            "rows": len(photos),
            "split": "30 people known by 5 photos, 10 strangers",
            "metric": "known accepted and right, strangers refused",
            "reference": _shares(guessed, truth),
            "service": _shares(answers, truth),
            "selected": [selected],
        }

    def read(self, folder: Path) -> np.ndarray:
        """The photos, uint8 (400, 64, 64), ten after ten of one person."""
        file = folder / "faces" / "olivettifaces.mat"
        with file.open("rb") as opened:
            faces = scipy.io.loadmat(opened)["faces"]
        photos: np.ndarray = faces.T.reshape(-1, SIDE, SIDE).transpose(0, 2, 1).astype(np.uint8)
        return photos

    def service(
        self, photos: np.ndarray, person: np.ndarray, enrolled: np.ndarray, client: Client
    ) -> tuple[list[str], str]:
        """What a model answers to the photos that are not enrolled, and which candidate it is."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "olivetti.zip"
            with zipfile.ZipFile(file, "w") as archive:
                for number, photo in enumerate(photos):
                    side = "train" if enrolled[number] else "test"
                    archive.writestr(f"{side}/{_name(person[number])}/{number}.png", _png(photo))
            key = client.upload("olivetti", file)
        client.run(
            "/data_processing",
            {"dataset": "olivetti", "source": {"key": key}, "task": "face_recognition"},
        )
        result = client.run("/model_training", {"model": "olivetti", "dataset": "olivetti"})
        answers: list[str] = []
        for batch in itertools.batched(photos[~enrolled], BATCH, strict=False):
            instances = [{"image": base64.b64encode(_png(photo)).decode()} for photo in batch]
            body = {"model": "olivetti", "instances": instances}
            answers += [one["label"] for one in client.post("/inference", body)["predictions"]]
        return answers, result["selected"]


def reference(photos: np.ndarray, person: np.ndarray, enrolled: np.ndarray) -> list[str]:
    """Eigenfaces (Turk and Pentland, 1991): whoever is nearest, unless further than the enrolled
    people's photos are from the nearest of somebody else, at the median."""
    x = photos.reshape(len(photos), -1).astype(float)
    space = PCA(COMPONENTS, random_state=0).fit(x[enrolled])
    known, asked = space.transform(x[enrolled]), space.transform(x[~enrolled])
    names = person[enrolled]
    among = np.linalg.norm(known[:, None] - known[None], axis=2)
    among[names[:, None] == names[None]] = np.inf
    limit = np.median(among.min(axis=1))
    distances = np.linalg.norm(asked[:, None] - known[None], axis=2)
    nearest, near = distances.argmin(axis=1), distances.min(axis=1) < limit
    return [
        _name(names[one]) if close else UNKNOWN for one, close in zip(nearest, near, strict=True)
    ]


def _shares(answers: list[str], truth: list[str]) -> str:
    right = np.array([one == other for one, other in zip(answers, truth, strict=True)])
    stranger = np.array(truth) == UNKNOWN
    return f"{right[~stranger].mean():.3f}, {right[stranger].mean():.3f}"


def _name(person: int) -> str:
    return f"person-{person + 1:02}"


def _png(photo: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(photo).save(file, "PNG")
    return file.getvalue()


COMPARISONS = (Comparison(),)
