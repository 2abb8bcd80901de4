"""A label from an image: stripes that lie and stripes that stand."""

import io
import random
import zipfile
from typing import Any

from PIL import Image

from tasks import TrainingData
from tasks.images.training import reading
from tests.unit.tasks.samples import Sample

SIDE = 12
SCALE = 8
"""Larger than any network takes them, as callers' images are."""


def stripes(number: int, standing: bool) -> Image.Image:
    """A noisy picture of its own for every number."""
    chance = random.Random(number)
    bright = [chance.randint(150, 255) if at % 4 < 2 else chance.randint(0, 90) for at in range(12)]
    values = [
        max(0, min(255, bright[column if standing else row] + chance.randint(-40, 40)))
        for row in range(SIDE)
        for column in range(SIDE)
    ]
    image = Image.frombytes("L", (SIDE, SIDE), bytes(values))
    return image.resize((SCALE * SIDE, SCALE * SIDE - 10), Image.Resampling.BICUBIC)


def png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def source(order: int) -> bytes:
    """A zip of 160 images in two folders, ten of them twice, and a file that is no image."""
    files = [
        (f"{label}/{number:03}.png", png(stripes(number, label == "standing")))
        for number in range(160)
        for label in [("lying", "standing")[number % 2]]
    ]
    files += [(f"{name[:-4]}-again.png", data) for name, data in files[:10]]
    files.append(("lying/broken.jpg", b"\xff\xd8\xff no image"))
    random.Random(order).shuffle(files)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        for name, data in files:
            opened.writestr(name, data)
    return archive.getvalue()


def instances(data: TrainingData) -> list[dict[str, Any]]:
    return reading.instances(data, "test", 20)


SAMPLE = Sample(
    source=source,
    counts={"read": 171, "duplicates": 10, "rejected": 1, "used": 160},
    instances=instances,
    bad=[
        ({}, "/image"),
        ({"image": "bm8gaW1hZ2U="}, "/image"),
        ({"image": "not base64!"}, "/image"),
        ({"image": 7}, "/image"),
        ("image", ""),
        (None, ""),
    ],
)
