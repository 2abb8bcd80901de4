"""A person from a picture: faces that are drawn, each person's with measures of their own."""

import io
import random
import zipfile
from typing import Any

from local.demo.portraits import portrait
from tasks import TrainingData
from tasks.images.training import reading
from tests.unit.tasks.samples import Sample
from tests.unit.tasks.samples.image_classification import png

PEOPLE = ("Ada", "Alan", "Grace", "John", "Katherine", "Kurt")
PHOTOS = 8


def source(order: int) -> bytes:
    """A zip of a folder per person, two pictures twice, and a file that is no image."""
    files = [
        (f"people/{person}/{number}.png", png(portrait(person, number)))
        for person in PEOPLE
        for number in range(PHOTOS)
    ]
    files += [(f"{name[:-4]}-again.png", data) for name, data in files[:2]]
    files.append(("people/Ada/broken.jpg", b"\xff\xd8\xff no image"))
    random.Random(order).shuffle(files)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        for name, data in files:
            opened.writestr(name, data)
    return archive.getvalue()


def instances(data: TrainingData) -> list[dict[str, Any]]:
    """Each test image on its own, one with a threshold, and two of them to be compared."""
    alone = reading.instances(data, "test", 20)
    return [*alone, {**alone[0], "threshold": -1}, {**alone[0], "other": alone[1]["image"]}]


SAMPLE = Sample(
    source=source,
    counts={"read": 51, "duplicates": 2, "rejected": 1, "used": 48},
    instances=instances,
    bad=[
        ({}, "/image"),
        ({"image": "bm8gaW1hZ2U="}, "/image"),
        ({"image": 7}, "/image"),
        ({"image": "not base64!", "other": None}, "/other"),
        ({"image": "not base64!", "threshold": 1.5}, "/threshold"),
        ("image", ""),
        (None, ""),
    ],
)
