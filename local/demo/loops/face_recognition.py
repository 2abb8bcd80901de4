"""A person from a picture: drawn ones, so that nobody's photos are handed on."""

import base64
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from local.demo.loops import Loop, Question, Raw
from local.demo.portraits import portrait

PEOPLE = ("Ada", "Alan", "Barbara", "Claude", "Donald", "Edsger", "Grace", "John", "Katherine")
PHOTOS = 8
STRANGER = "Nobody"


def drawn_people(folder: Path) -> Raw:
    """Eight pictures of each of nine people, and questions about others."""
    file = folder / "people.zip"
    with zipfile.ZipFile(file, "w") as archive:
        for person in PEOPLE:
            for number in range(PHOTOS):
                archive.writestr(f"people/{person}/{number}.png", _png(portrait(person, number)))
    later = {person: _base64(portrait(person, PHOTOS)) for person in (*PEOPLE[:2], STRANGER)}
    questions = [
        Question({"image": image}, f"a picture of {person}", _truth(person))
        for person, image in later.items()
    ]
    pair = {"image": later["Ada"], "other": _base64(portrait("Ada", PHOTOS + 1))}
    questions.append(Question(pair, "two pictures of Ada", "the same"))
    return Raw(file, {}, questions)


def told(prediction: Mapping[str, Any]) -> str:
    if prediction["similarity"] is None:
        return "no face is seen"
    if "same" in prediction:
        answer = "the same" if prediction["same"] else "not the same"
    else:
        answer = prediction["label"]
    return f"{answer} ({prediction['similarity']:.2f}, from {prediction['threshold']:.2f} on)"


def _truth(person: str) -> str:
    return person if person in PEOPLE else "unknown"


def _base64(image: Image.Image) -> str:
    return base64.b64encode(_png(image)).decode()


def _png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


LOOPS = (
    Loop(
        name="people",
        question="Who is this, if anybody we know?",
        origin="Faces drawn by the rule of local/demo/portraits.py",
        task="face_recognition",
        prepare=drawn_people,
        told=told,
    ),
)
