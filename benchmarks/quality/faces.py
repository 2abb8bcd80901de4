"""Who is on a photo, or nobody who is known, through the API and by eigenfaces.

Olivetti's faces (AT&T Laboratories Cambridge): olivettifaces.mat in faces/. In the open set the
first 30 people are enrolled with their first five photos; their others are to be named, all of the
last ten people's to be refused. In the closed set everybody is enrolled with five photos, and the
nearest of them is asked for.
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
DRAWS = 5
BATCH = 25
COMPONENTS = 100
UNKNOWN = "unknown"

PERSON, PHOTO = np.indices((PEOPLE, PHOTOS)).reshape(2, -1)
NAMES = np.array([f"person-{one + 1:02}" for one in PERSON])


@dataclass(frozen=True)
class OpenSet:
    """The share of answers that are right, where unknown is right for a stranger."""

    name: str = "Olivetti faces, open set"

    def run(self, folder: Path, client: Client) -> dict[str, Any]:
        photos = read(folder)
        enrolled = (PERSON < KNOWN) & (PHOTO < ENROLLED)
        answers, selected = service(photos, enrolled, client)
        nearest, near = eigenfaces(photos, enrolled)
        return {
            "data": self.name,
            "rows": len(photos),
            "split": "30 people known by 5 photos, 10 strangers",
            "metric": "known accepted and right, strangers refused",
            "reference": self.shares(np.where(near, nearest, UNKNOWN), enrolled),
            "service": self.shares(answers, enrolled),
            "selected": [selected],
        }

    def shares(self, answers: np.ndarray, enrolled: np.ndarray) -> str:
        stranger = PERSON[~enrolled] >= KNOWN
        right = answers == np.where(stranger, UNKNOWN, NAMES[~enrolled])
        return f"{right[~stranger].mean():.3f}, {right[stranger].mean():.3f}"


@dataclass(frozen=True)
class ClosedSet:
    """The share of photos whose nearest enrolled person is the right one (rank 1)."""

    name: str = "Olivetti faces, closed set"

    def run(self, folder: Path, client: Client) -> dict[str, Any]:
        photos, chance = read(folder), np.random.default_rng(0)
        ours, theirs, selected = [], [], []
        for _ in range(DRAWS):
            enrolled = chance.random((PEOPLE, PHOTOS)).argsort(axis=1).ravel() < ENROLLED
            answers, candidate = service(photos, enrolled, client, threshold=-1)
            ours.append((answers == NAMES[~enrolled]).mean())
            theirs.append((eigenfaces(photos, enrolled)[0] == NAMES[~enrolled]).mean())
            selected.append(candidate)
        return {
            "data": self.name,
            "rows": len(photos),
            "split": f"40 people known by 5 photos, mean of {DRAWS} draws",
            "metric": "nearest of the enrolled is right",
            "reference": f"{np.mean(theirs):.3f}",
            "service": f"{np.mean(ours):.3f}",
            "selected": sorted(set(selected)),
        }


def read(folder: Path) -> np.ndarray:
    """The photos, uint8 (400, 64, 64), ten after ten of one person."""
    file = folder / "faces" / "olivettifaces.mat"
    with file.open("rb") as opened:
        faces = scipy.io.loadmat(opened)["faces"]
    photos: np.ndarray = faces.T.reshape(-1, SIDE, SIDE).transpose(0, 2, 1).astype(np.uint8)
    return photos


def service(
    photos: np.ndarray, enrolled: np.ndarray, client: Client, **asked: float
) -> tuple[np.ndarray, str]:
    """What a model answers to the photos that are not enrolled, and which candidate it is.

    asked are further fields of every instance.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "olivetti.zip"
        with zipfile.ZipFile(file, "w") as archive:
            for number, photo in enumerate(photos):
                side = "train" if enrolled[number] else "test"
                archive.writestr(f"{side}/{NAMES[number]}/{number}.png", _png(photo))
        key = client.upload("olivetti", file)
    client.run(
        "/data_processing",
        {"dataset": "olivetti", "source": {"key": key}, "task": "face_recognition"},
    )
    result = client.run("/model_training", {"model": "olivetti", "dataset": "olivetti"})
    answers: list[str] = []
    for batch in itertools.batched(photos[~enrolled], BATCH, strict=False):
        instances = [{"image": base64.b64encode(_png(photo)).decode(), **asked} for photo in batch]
        body = {"model": "olivetti", "version": result["version"], "instances": instances}
        answers += [one["label"] for one in client.post("/inference", body)["predictions"]]
    return np.array(answers), result["selected"]


def eigenfaces(photos: np.ndarray, enrolled: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eigenfaces (Turk and Pentland, 1991): who is nearest to each photo that is not enrolled, and
    whether nearer than the enrolled people's photos are to somebody else's, at the median."""
    x = photos.reshape(len(photos), -1).astype(float)
    space = PCA(COMPONENTS, random_state=0).fit(x[enrolled])
    known, asked = space.transform(x[enrolled]), space.transform(x[~enrolled])
    names = NAMES[enrolled]
    among = np.linalg.norm(known[:, None] - known[None], axis=2)
    among[names[:, None] == names[None]] = np.inf
    distances = np.linalg.norm(asked[:, None] - known[None], axis=2)
    near: np.ndarray = distances.min(axis=1) < np.median(among.min(axis=1))
    return names[distances.argmin(axis=1)], near


def _png(photo: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(photo).save(file, "PNG")
    return file.getvalue()


COMPARISONS = (OpenSet(), ClosedSet())
