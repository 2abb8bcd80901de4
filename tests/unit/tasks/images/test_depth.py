"""Images of 16 bits are served with the white that processing has found."""

import base64
import json

import msgspec
import numpy as np
import pytest
from PIL import Image

import tasks
from common.datasets import Schema
from common.problems import Unprocessable
from tasks import InvalidInstances, Published, TrainingData
from tasks.images.decoding import decode
from tests.unit.tasks.images.making import encoded
from tests.unit.tasks.samples import manifest, processed, sample, trained
from tests.unit.tasks.splits import run

TASKS = ["face_recognition", "image_classification", "object_detection"]


def with_white(source: TrainingData, white: int) -> TrainingData:
    """The dataset as if its images had been of 16 bits."""
    image, target = source.schema.columns
    columns = [msgspec.structs.replace(image, form={"white": white}), target]
    return msgspec.structs.replace(source, schema=Schema(columns))


def sent(data: bytes) -> list[dict[str, str]]:
    return [{"image": base64.b64encode(data).decode()}]


@pytest.mark.parametrize("task", TASKS)
def test_an_image_of_16_bits_is_answered_as_it_was_learned_from(task: str) -> None:
    source = with_white(processed(task).data, 4095)
    options = msgspec.convert(sample(task).training, tasks.task(task).training_options)
    made = tasks.training(task).train(source, options, run())
    assert made.inputs["white"] == 4095
    files = {name: body for name, body in made.files.items() if name != "model.joblib"}
    model = tasks.serving(task).load(json.loads(json.dumps(made.inputs)), made.labels, files)
    stored = base64.b64decode(sample(task).instances(source)[0]["image"])
    grey = np.asarray(decode(stored, 1024).image.convert("L")).astype(np.uint16)
    of_8_bits, of_12_bits = (
        encoded(Image.fromarray(shades))
        for shades in (grey.astype(np.uint8), np.round(grey * (4095 / 255)).astype(np.uint16))
    )
    assert model.predict(sent(of_12_bits)) == model.predict(sent(of_8_bits))
    too_bright = encoded(Image.fromarray(np.full((64, 64), 4096, np.uint16)))
    with pytest.raises(InvalidInstances) as caught:
        model.predict(sent(too_bright))
    assert "values up to 4,096, where 4,095 is white" in caught.value.errors[0].detail


def test_faces_of_another_white_are_not_added_to_a_model() -> None:
    task = "face_recognition"
    base = trained(task)
    source = with_white(processed(task).data, 4095)
    source = msgspec.structs.replace(source, base=Published(manifest(task, base), base.files))
    options = msgspec.convert(
        {"extends": "v", "forget": ["Kurt"]}, tasks.task(task).training_options
    )
    with pytest.raises(Unprocessable) as caught:
        tasks.training(task).train(source, options, run())
    assert "4,095 is white" in caught.value.errors[0].detail
