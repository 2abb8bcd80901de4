"""Things and their boxes in pictures that are made of real photographs."""

import base64
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from local.demo.collages import Box, collage
from local.demo.loops import Loop, Question, Raw

PICTURES = 140
ASKED = (142, 144, 147, 149)
"""Pictures after those: of a flower, of nothing, of a tower, and of both."""


def collages(folder: Path) -> Raw:
    """140 pictures, each with a Pascal VOC file, and questions about others."""
    file = folder / "collages.zip"
    with zipfile.ZipFile(file, "w") as archive:
        for number in range(PICTURES):
            made = collage(number)
            archive.writestr(f"images/{number:03}.jpg", _jpeg(made.image))
            archive.writestr(f"boxes/{number:03}.xml", _voc(made.things))
    return Raw(file, {}, [_question(number) for number in ASKED])


def _question(number: int) -> Question:
    made = collage(number)
    places = [f"{label} {_place(box)}" for label, box in made.things.items()]
    instance = {"image": base64.b64encode(_jpeg(made.image)).decode()}
    return Question(instance, f"picture no. {number}", "; ".join(places) or "nothing")


def told(prediction: Mapping[str, Any]) -> str:
    things = []
    for one in prediction["objects"]:
        left, top, width, height = (one["box"][name] for name in ("x", "y", "width", "height"))
        place = _place((left, top, left + width, top + height))
        things.append(f"{one['label']} {place} ({one['score']:.2f})")
    return "; ".join(things) or "nothing"


def _place(box: tuple[float, float, float, float] | Box) -> str:
    left, top, right, bottom = box
    return f"{right - left:.0f} x {bottom - top:.0f} at {left:.0f}, {top:.0f}"


def _voc(things: Mapping[str, Box]) -> str:
    objects = "".join(
        f"<object><name>{label}</name><bndbox><xmin>{left}</xmin><ymin>{top}</ymin>"
        f"<xmax>{right}</xmax><ymax>{bottom}</ymax></bndbox></object>"
        for label, (left, top, right, bottom) in things.items()
    )
    return f"<annotation>{objects}</annotation>"


def _jpeg(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=90)
    return file.getvalue()


LOOPS = (
    Loop(
        name="collages",
        question="Where are the flower and the tower?",
        origin="Two photographs of scikit-learn, put together by local/demo/collages.py",
        task="object_detection",
        prepare=collages,
        told=told,
    ),
)
