"""A label from an image."""

import base64
import io
import random
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from local.demo.loops import Loop, Question, Raw

HELD_BACK = 3


def handwritten_digits(folder: Path) -> Raw:
    """1,797 digits of 8 x 8 pixels in a folder per digit (Alpaydin and Kaynak, 1998)."""
    digits = load_digits()
    held_back = set(random.Random(7).sample(range(len(digits.target)), HELD_BACK))
    file = folder / "digits.zip"
    questions = []
    with zipfile.ZipFile(file, "w") as archive:
        for number, (values, label) in enumerate(zip(digits.images, digits.target, strict=True)):
            png = _png((values * 255 / 16).astype("uint8"))
            if number in held_back:
                instance = {"image": base64.b64encode(png).decode()}
                questions.append(Question(instance, f"digit no. {number}", str(label)))
            else:
                archive.writestr(f"digits/{label}/{number:04}.png", png)
    return Raw(file, {}, questions)


def _png(values: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(values).save(file, "PNG")
    return file.getvalue()


LOOPS = (
    Loop(
        name="digits",
        question="Which digit is this?",
        origin="UCI's optical digits, from the package scikit-learn",
        task="image_classification",
        prepare=handwritten_digits,
    ),
)
