"""What only face recognition does: faces found and turned, strangers, people who come and go."""

import base64
import io
import tempfile
import zipfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from onnx import TensorProto, helper, numpy_helper
from PIL import Image, ImageDraw

import tasks
from common.problems import Unprocessable
from local.demo.portraits import portrait
from tasks import Processed, Published, Trained, TrainingData
from tasks.face_recognition import crops, serving
from tasks.face_recognition.crops import FoundFaces
from tasks.face_recognition.training.enrolment import cross_enrol, equal_error, means, unit
from tasks.framework.training.graphs import serialized
from tests.unit.tasks.samples import manifest, silent, trained
from tests.unit.tasks.samples.face_recognition import PEOPLE
from tests.unit.tasks.samples.image_classification import png
from tests.unit.tasks.splits import invocation, run

TASK = "face_recognition"

similarities = arrays(np.float64, st.integers(1, 30), elements=st.floats(-1, 1, width=16))


def process(folders: dict[str, Sequence[Image.Image]]) -> tuple[Processed, TrainingData]:
    """A dataset of the pictures in folders."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        for path, images in folders.items():
            for number, image in enumerate(images):
                opened.writestr(f"{path}/{number}.png", png(image))
    folder = Path(tempfile.mkdtemp())
    (folder / "source").write_bytes(archive.getvalue())
    (folder / "output").mkdir()
    options = tasks.task(TASK).processing_options()
    about = tasks.processing(TASK).process(
        folder / "source", options, folder / "output", invocation(), silent
    )
    files = {side: folder / "output" / f"{side}.arrow" for side in about.split_rows}
    return about, TrainingData(about.schema, about.target, about.split_rows, files)


def photos(person: str, count: int, start: int = 20) -> list[Image.Image]:
    return [portrait(person, number) for number in range(start, start + count)]


@cache
def newcomers() -> TrainingData:
    """Photos of somebody new, and of somebody who is enrolled already."""
    return process({"a/Zoe": photos("Zoe", 8), "a/Ada": photos("Ada", 3)})[1]


def extend(data: TrainingData, **options: Any) -> Trained:
    base = trained(TASK)
    data = msgspec.structs.replace(data, base=Published(manifest(TASK, base), base.files))
    asked = msgspec.convert({"extends": "v", **options}, tasks.task(TASK).training_options)
    return tasks.training(TASK).train(data, asked, run())


def ask(made: Trained, *images: Image.Image) -> list[dict[str, Any]]:
    instances = [{"image": base64.b64encode(png(image)).decode()} for image in images]
    return serving.load(made.inputs, None, made.files).predict(instances)[0]


@given(similarities, similarities)
def test_no_threshold_has_both_errors_smaller_than_the_one_chosen(
    genuine: np.ndarray, impostor: np.ndarray
) -> None:
    def worse(at: float) -> float:
        return max(float((genuine < at).mean()), float((impostor >= at).mean()))

    chosen = worse(equal_error(genuine, impostor))
    assert all(chosen <= worse(at) + 1e-9 for at in [*genuine, *impostor])


def test_thresholds_come_from_people_and_images_that_were_left_out() -> None:
    chance = np.random.default_rng(0)
    centres = chance.standard_normal((6, 40))
    y = np.repeat(np.arange(6), 5)
    x = centres[y] + 0.1 * chance.standard_normal((30, 40))
    enrolments: list[int] = []

    def fit(some: np.ndarray, numbers: np.ndarray) -> Any:
        enrolments.append(len(some))
        assert set(numbers) == set(range(numbers.max() + 1))
        return unit

    trials = cross_enrol(x, y, fit, seed=0)
    assert max(enrolments) < len(x)
    assert trials.nearest.all()
    assert trials.strangers.max() < trials.threshold() < trials.known.min()
    assert trials.different.max() < trials.pair_threshold() < trials.same.min()
    assert len(trials.strangers) % len(x) == 0  # everybody has played a stranger as often


def test_copies_of_images_move_no_threshold() -> None:
    chance = np.random.default_rng(0)
    y = np.repeat(np.arange(6), 5)
    x = chance.standard_normal((6, 40))[y] + chance.standard_normal((30, 40))

    def thresholds(*more: np.ndarray, times: int) -> list[float]:
        trials = cross_enrol(np.tile(x, (times, 1)), np.tile(y, times), lambda *_: unit, 0, *more)
        return [trials.threshold(), trials.pair_threshold()]

    once = thresholds(times=1)
    assert thresholds(np.tile(np.arange(30), 3), times=3) == pytest.approx(once)
    assert thresholds(times=3)[0] > once[0] + 0.05  # where they pass for images of their own


def test_one_image_of_each_is_too_little_to_find_a_threshold() -> None:
    with pytest.raises(ValueError, match="two images"):
        cross_enrol(np.eye(4), np.arange(4), lambda *_: unit, seed=0)


def test_people_in_a_folder_of_the_unknown_are_strangers_and_never_enrolled() -> None:
    known = ("Ada", "Alan", "Grace", "Kurt")
    _, data = process(
        {
            **{f"a/train/{person}": photos(person, 9, 0) for person in known},
            **{f"a/test/{person}": photos(person, 2, 9) for person in known},
            "a/train/unknown": photos("Somebody", 3),
            "a/test/unknown": photos("Somebody else", 3),
        }
    )
    options = tasks.task(TASK).training_options()
    made = tasks.training(TASK).train(data, options, run())
    assert made.inputs["people"] == list(known)
    assert made.metrics["strangers_refused"]["value"] > 0.5
    assert made.metrics["known_accepted"]["value"] > 0.5


@pytest.mark.parametrize("unknown", ["unknown", "Unknown", "UNKNOWN"])
def test_images_of_nobody_are_refused(unknown: str) -> None:
    with pytest.raises(Unprocessable, match="All images are labelled 'unknown'"):
        process({f"a/{unknown}": photos("Ada", 4)})


def test_a_model_that_is_extended_keeps_every_byte_of_those_who_stay() -> None:
    base, made = trained(TASK), extend(newcomers())
    assert made.inputs["people"] == [*PEOPLE, "Zoe"]
    assert made.files["model.onnx"] == base.files["model.onnx"]
    before, after = (np.load(io.BytesIO(one.files["people.npy"])) for one in (base, made))
    assert after[:-1].tobytes() == before.tobytes()
    assert made.inputs["threshold"] == base.inputs["threshold"]
    assert made.details["extends"] == {"version": "v", "added": ["Zoe"], "forgotten": []}
    assert ask(made, portrait("Zoe", 1))[0]["label"] == "Zoe"
    assert ask(made, *photos("Kurt", 4)) == ask(base, *photos("Kurt", 4))


def test_both_images_of_a_pair_may_come_from_the_bucket() -> None:
    base = trained(TASK)
    model = serving.load(base.inputs, None, base.files)
    assert model.image_keys == {"image": "key", "other": "other_key"}
    one, other = (png(image) for image in photos("Kurt", 2))
    fetched, _ = model.predict([{"image": lambda: one, "other": lambda: other}])
    sent, _ = model.predict([{"image": one, "other": base64.b64encode(other).decode()}])
    assert fetched == sent
    assert "same" in fetched[0]


def test_a_version_without_somebody_is_worse_on_their_photos() -> None:
    score = tasks.training(TASK).score
    base, made = trained(TASK), extend(newcomers())
    old, new = (
        score(manifest(TASK, one), one.files, newcomers(), "accuracy") for one in (base, made)
    )
    assert old < new == pytest.approx(made.metrics["accuracy"]["value"])


def test_whoever_is_forgotten_is_unknown() -> None:
    made = extend(newcomers(), forget=["Kurt", PEOPLE[0], "Kurt"])
    assert made.details["extends"]["forgotten"] == ["Kurt", PEOPLE[0]]
    assert "Kurt" not in made.inputs["people"]
    assert len(np.load(io.BytesIO(made.files["people.npy"]))) == len(made.inputs["people"])
    (answer,) = ask(made, portrait("Kurt", 30))
    assert answer["label"] == "unknown"


def test_extending_that_changes_nothing_is_refused() -> None:
    _, data = process({"a/Ada": photos("Ada", 4)})
    with pytest.raises(Unprocessable) as caught:
        extend(data)
    assert [error.pointer for error in caught.value.errors] == ["/extends"]
    with pytest.raises(Unprocessable) as caught:
        extend(data, forget=["Zoe"])
    assert [error.pointer for error in caught.value.errors] == ["/forget"]


@pytest.mark.parametrize(
    "options", [{"forget": ["Ada"]}, {"extends": "v", "candidates": ["pca_lda"]}]
)
def test_options_that_do_not_go_together_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError, match="extends"):
        msgspec.convert(options, tasks.task(TASK).training_options)


def answering(name: str, value: np.ndarray, side: int) -> bytes:
    """A graph of images that answers with the same value whatever they show."""
    images = helper.make_tensor_value_info("images", TensorProto.UINT8, [1, side, side, 3])
    output = helper.make_tensor_value_info(name, TensorProto.FLOAT, list(value.shape))
    constant = numpy_helper.from_array(value.astype(np.float32), "value")
    node = helper.make_node("Identity", ["value"], [name])
    return serialized(onnx.helper.make_graph([node], "fixed", [images], [output], [constant]))


def detecting(*faces: Sequence[float]) -> bytes:
    return answering("faces", np.array(faces, float).reshape(-1, 5), crops.DETECTOR_SIDE)


def pointing(points: np.ndarray) -> bytes:
    """A graph of landmarks with eyes and mouth at three points of the crop."""
    marks = np.zeros((1, 68, 2))
    for part, point in zip(crops.EYES_AND_MOUTH, points, strict=True):
        marks[0, part] = point
    return answering("points", marks, crops.LANDMARKS_SIDE)


@pytest.fixture
def one_view(monkeypatch: pytest.MonkeyPatch) -> None:
    """Detectors that always answer the same have to be asked once."""
    monkeypatch.setattr(crops, "VIEWS", (1.0,))


@pytest.mark.usefixtures("one_view")
def test_a_face_is_turned_so_that_eyes_and_mouth_are_where_they_should_be() -> None:
    # In a crop of a box of 224 pixels, each of the 112 of the landmarks' network is two pixels.
    turn = np.array([[0.8, 0.6], [-0.6, 0.8]])
    points = 56 + (crops.UPRIGHT - 0.5) * 60 @ turn
    image = Image.new("RGB", (416, 416), "black")
    draw = ImageDraw.Draw(image)
    for (x, y), colour in zip(100 + 2 * points, ("red", "lime", "blue"), strict=True):
        draw.ellipse((x - 4, y - 4, x + 4, y + 4), fill=colour)
    found = FoundFaces(detecting((100, 100, 324, 324, 0.9)), pointing(points), 150).face(image)
    assert found is not None
    assert found.box == (100, 100, 324, 324)
    for channel, (x, y) in enumerate(crops.UPRIGHT * 150):
        rows, columns = np.nonzero(found.pixels[..., channel] > 128)
        assert (columns.mean(), rows.mean()) == pytest.approx((x, y), abs=1.5)


@pytest.mark.usefixtures("one_view")
def test_the_largest_face_is_taken_and_what_is_uncertain_is_none() -> None:
    points = pointing(56 + 30 * (crops.UPRIGHT - 0.5))
    image = Image.new("RGB", (416, 416))
    small, large = (10, 10, 50, 50, 0.9), (100, 100, 300, 300, 0.6)
    found = FoundFaces(detecting(small, large), points, 150).face(image)
    assert found is not None
    assert found.box == (100, 100, 300, 300)
    assert FoundFaces(detecting((10, 10, 50, 50, 0.4)), points, 150).face(image) is None
    assert FoundFaces(detecting(), points, 150).face(image) is None


def test_an_image_without_a_face_is_answered_so_and_warned_of() -> None:
    made = trained(TASK)
    files = {**made.files, "detector.onnx": detecting(), "landmarks.onnx": pointing(crops.UPRIGHT)}
    image = base64.b64encode(png(portrait("Ada", 0))).decode()
    model = serving.load(made.inputs, None, files)
    answers, warnings = model.predict([{"image": image}, {"image": image, "other": image}])
    assert answers[0]["label"] is answers[0]["similarity"] is answers[0]["box"] is None
    assert answers[1]["same"] is answers[1]["similarity"] is answers[1]["other_box"] is None
    pointers = ["/instances/0/image", "/instances/1/image", "/instances/1/other"]
    assert [(one.pointer, one.code) for one in warnings] == [(at, "no_face") for at in pointers]


def test_boxes_are_in_pixels_of_the_image_that_was_sent() -> None:
    (answer,) = ask(trained(TASK), portrait("Ada", 40).resize((1500, 1200)))
    assert answer["box"] == {"x": 0, "y": 0, "width": 1500, "height": 1200}


def test_two_pictures_of_one_person_are_the_same_and_of_two_are_not() -> None:
    one, again, other = (
        base64.b64encode(png(portrait(*whom))).decode()
        for whom in (("Ada", 50), ("Ada", 51), ("Kurt", 50))
    )
    model = serving.load(trained(TASK).inputs, None, trained(TASK).files)
    pairs = [{"image": one, "other": again}, {"image": one, "other": other}]
    assert [answer["same"] for answer in model.predict(pairs)[0]] == [True, False]


def test_an_instance_may_have_a_threshold_of_its_own() -> None:
    one, other = (base64.b64encode(png(portrait(whom, 50))).decode() for whom in ("Nobody", "Ada"))
    model = serving.load(trained(TASK).inputs, None, trained(TASK).files)
    asked = [{"image": one, "threshold": -1}, {"image": other, "threshold": 1}]
    (nearest, refused), _ = model.predict(asked)
    assert nearest["label"] in PEOPLE
    assert nearest["threshold"] == -1
    assert refused["label"] == "unknown"
    pairs = [{"image": one, "other": other, "threshold": at} for at in (-1, None)]
    assert [answer["same"] for answer in model.predict(pairs)[0]] == [True, False]


def test_means_have_length_one_and_do_not_depend_on_who_else_is_there() -> None:
    x = unit(np.random.default_rng(0).standard_normal((9, 5)))
    y = np.repeat([0, 1, 2], 3)
    together = means(x, y, 3)
    assert np.linalg.norm(together, axis=1) == pytest.approx(1, abs=1e-6)
    assert np.array_equal(together[1:], means(x[3:], y[3:] - 1, 2))
