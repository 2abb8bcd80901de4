"""Boxes in images: bright discs and dark squares on noise, found with a network made here."""

import csv
import io
import random
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from PIL import Image, ImageDraw

from tasks import TrainingData
from tasks.framework.training.graphs import serialized
from tasks.images.training import reading
from tests.unit.tasks.images.making import encoded, noise, zipped
from tests.unit.tasks.samples import Sample

WIDTH, HEIGHT = 96, 80
IMAGES = 60
CHANNELS = 6

type Drawn = tuple[str, int, int, int, int]


def drawn(number: int) -> tuple[Image.Image, Drawn]:
    """A picture of its own for every number, and the label and corners of what it shows."""
    chance = random.Random(number)
    image = noise(number, WIDTH, HEIGHT)
    label, side = ("disc", "square")[number % 2], chance.randint(28, 44)
    left, top = chance.randint(0, WIDTH - side), chance.randint(0, HEIGHT - side)
    box = left, top, left + side, top + side
    if label == "disc":
        ImageDraw.Draw(image).ellipse(box, fill="white")
    else:
        ImageDraw.Draw(image).rectangle(box, fill="black")
    return image, (label, *box)


def source(order: int) -> bytes:
    """A zip of images and a CSV: five images twice, two boxes without area, one file broken."""
    rows, files = [], {}
    for number in range(IMAGES):
        image, (label, *box) = drawn(number)
        names = [f"images/{number:03}.png", *([f"images/{number:03}-again.png"] * (number < 5))]
        for name in names:
            files[name] = encoded(image)
            rows.append([name, label, *box])
    rows += [[f"images/{number:03}.png", "disc", 5, 5, 5, 30] for number in (10, 11)]
    files["images/broken.jpg"] = b"\xff\xd8\xff no image"
    random.Random(order).shuffle(rows)
    table = io.StringIO()
    csv.writer(table).writerows([["filename", "class", "xmin", "ymin", "xmax", "ymax"], *rows])
    items = [*files.items(), ("boxes.csv", table.getvalue().encode())]
    random.Random(order).shuffle(items)
    return zipped(dict(items))


@cache
def backbones() -> dict[str, Path]:
    """A network like the pretrained one, of averages and contrasts at two strides."""
    path = Path(mkdtemp()) / "efficientnet_lite0.onnx"
    chance = np.random.default_rng(0)
    kernel = chance.normal(size=(CHANNELS, 3, 3, 3)).astype(np.float32)
    node = helper.make_node
    nodes = [
        node("Cast", ["images"], ["floats"], to=TensorProto.FLOAT),
        node("Sub", ["floats", "grey"], ["centred"]),
        node("Div", ["centred", "grey"], ["scaled"]),
        node("Transpose", ["scaled"], ["planes"], perm=[0, 3, 1, 2]),
        node("AveragePool", ["planes"], ["small"], kernel_shape=[8, 8], strides=[8, 8]),
        node("Conv", ["small", "kernel"], ["mixed"], pads=[1, 1, 1, 1]),
        node("Relu", ["mixed"], ["bent"]),
        node("AveragePool", ["bent"], ["stride_16"], kernel_shape=[2, 2], strides=[2, 2]),
        node("AveragePool", ["stride_16"], ["stride_32"], kernel_shape=[2, 2], strides=[2, 2]),
    ]
    shape: list[int | str | None] = ["n", CHANNELS, None, None]
    graph = helper.make_graph(
        nodes,
        "averages",
        [helper.make_tensor_value_info("images", TensorProto.UINT8, ["n", None, None, 3])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name in ("stride_16", "stride_32")
        ],
        [
            numpy_helper.from_array(kernel, "kernel"),
            numpy_helper.from_array(np.array([127.0], np.float32), "grey"),
        ],
    )
    path.write_bytes(serialized(graph))
    return {"efficientnet_lite0": path}


def instances(data: TrainingData) -> list[dict[str, Any]]:
    return reading.instances(data, "test", 8)


SAMPLE = Sample(
    source=source,
    counts={"read": 68, "duplicates": 5, "rejected": 3, "used": 60},
    instances=instances,
    backbones=backbones,
    training={"candidates": ["efficientnet_lite0_224"]},
    bad=[
        ({}, "/image"),
        ({"image": "bm8gaW1hZ2U="}, "/image"),
        ({"image": 7}, "/image"),
        ({"image": "bm8gaW1hZ2U=", "min_score": 2}, "/min_score"),
        ({"image": "bm8gaW1hZ2U=", "min_score": "high"}, "/min_score"),
        ("image", ""),
        (None, ""),
    ],
)
