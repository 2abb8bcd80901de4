"""What a detector learns from cells, how it is evaluated, and what it answers."""

import base64
import io
import random
from pathlib import Path

import msgspec
import numpy as np
import pytest
from PIL import ExifTags, Image

import tasks
from common.problems import Corrupted, Unprocessable
from tasks import TrainingData
from tasks.images.boxes import overlaps
from tasks.images.training import pretrained
from tasks.object_detection import training
from tasks.object_detection.objects import Object
from tasks.object_detection.options import Processing, Training
from tasks.object_detection.training import cells, precision
from tasks.object_detection.training.detector import Detector, Found
from tasks.object_detection.training.evaluation import usual_boxes
from tasks.object_detection.training.maps import Maps
from tasks.object_detection.training.truth import Truth
from tests.unit.damage import DAMAGES, damaged
from tests.unit.tasks.images.making import encoded, zipped
from tests.unit.tasks.samples import processed, served, silent, trained
from tests.unit.tasks.samples.object_detection import drawn
from tests.unit.tasks.splits import invocation, run


def truth(*boxes: tuple[float, float, float, float], label: int = 0) -> Truth:
    return Truth(np.full(len(boxes), label), np.array(boxes).reshape(-1, 4), (1.0, 1.0))


def found(*rows: tuple[float, int, tuple[float, float, float, float]]) -> Found:
    scores, labels, boxes = zip(*rows, strict=True)
    return Found(np.array(scores), np.array(labels), np.array(boxes))


LEFT, RIGHT = (0.0, 0.0, 0.4, 0.4), (0.5, 0.5, 1.0, 1.0)


def test_average_precision_is_the_area_below_precision_over_recall() -> None:
    wrong = (0.0, 0.6, 0.3, 0.9)
    images = [
        precision.matched(found((0.9, 0, LEFT), (0.8, 0, wrong)), truth(LEFT, RIGHT)),
        precision.matched(found((0.7, 0, RIGHT)), truth(RIGHT)),
    ]
    # Hits 1, 0, 1 among three objects: precision 1 up to recall 1/3, then 2/3 up to 2/3.
    assert precision.mean_average_precision(images) == pytest.approx(1 / 3 + 2 / 9)
    assert precision.best_threshold(images) == 0.7
    assert precision.precision_and_recall(images, 0.75) == pytest.approx((1 / 2, 1 / 3))


def test_an_object_is_found_once_and_by_its_own_label() -> None:
    twice = precision.matched(found((0.9, 0, LEFT), (0.8, 0, LEFT)), truth(LEFT))
    assert twice.hits.tolist() == [True, False]
    other = precision.matched(found((0.9, 1, LEFT)), truth(LEFT))
    assert other.hits.tolist() == [False]


def test_labels_count_alike_however_many_objects_they_have() -> None:
    many = precision.matched(found((0.9, 0, LEFT)), truth(LEFT))
    nothing = Found(np.zeros(0), np.zeros(0, np.int64), np.zeros((0, 4)))
    missed = precision.matched(nothing, truth(LEFT, label=1))
    assert precision.by_label([many, many, missed]) == {0: 1.0, 1: 0.0}
    assert precision.mean_average_precision([many, many, missed]) == 0.5
    assert precision.mean_average_precision([]) == 0.0


def test_the_baseline_is_the_mean_box_in_the_shape_of_each_image() -> None:
    objects = [Object("cat", 0.0, 0.0, 0.5, 0.5), Object("cat", 0.5, 0.5, 0.5, 0.5)]
    wide = [Truth.of([one], (200, 100), ["cat"]) for one in objects]
    (usual,) = usual_boxes(wide, [Truth.of([], (100, 200), ["cat"])], 1)
    assert usual.boxes.tolist() == [[0.125, 0.25, 0.375, 0.75]]


def test_what_cells_learn_gives_back_the_boxes() -> None:
    of = truth((0.1, 0.2, 0.9, 0.8), (0.45, 0.45, 0.55, 0.55), label=2)
    maps = Maps(np.zeros((1, 2, 20, 20, 3), np.float32), np.zeros((1, 2, 10, 10, 5), np.float32))
    learned = cells.learned_from(maps, [of], seed=0)
    objects = learned.classes != cells.BACKGROUND
    assert set(learned.classes[objects]) == {3}
    assert set(learned.classes[~objects]) == {cells.BACKGROUND}
    assert learned.x.shape == (len(learned.classes), 3 + 9 * 5)
    assert learned.counts[~objects].sum() == pytest.approx(2 * (400 - 16 * 12))
    sizes = {tuple(np.round(np.exp(shape[2:]), 6)) for shape in learned.shapes[objects]}
    assert sizes == {(0.8, 0.6), (0.1, 0.1)}


def test_features_of_some_cells_are_those_of_all() -> None:
    chance = np.random.default_rng(0)
    fine, coarse = chance.normal(size=(2, 2, 8, 8, 3)), chance.normal(size=(2, 2, 4, 4, 5))
    maps = Maps(fine.astype(np.float32), coarse.astype(np.float32))
    learned = cells.learned_from(maps, [truth(LEFT)] * 2, seed=0)
    everything = cells.features(maps).reshape(-1, 3 + 9 * 5)
    assert {tuple(row) for row in learned.x} <= {tuple(row) for row in everything}


def test_a_label_that_no_image_shows_is_never_found() -> None:
    chance = np.random.default_rng(0)
    maps = Maps(
        chance.normal(size=(4, 2, 8, 8, 3)).astype(np.float32),
        chance.normal(size=(4, 2, 4, 4, 5)).astype(np.float32),
    )
    fitted = Detector(3).fit(maps, [truth(LEFT, label=1)] * 4)
    assert {int(label) for one in fitted.detect(maps) for label in one.labels} <= {1}
    scores, _ = fitted.dense(maps)
    assert scores.shape == (4, 3, 64)
    with pytest.raises(ValueError, match="no object"):
        Detector(3).fit(maps, [truth()] * 4)


def test_without_a_pretrained_network_training_says_what_to_do() -> None:
    data = msgspec.structs.replace(processed("object_detection").data, backbones={})
    with pytest.raises(Unprocessable, match="make backbones"):
        training.train(data, Training(), run())


@damaged
def test_a_pretrained_network_that_is_damaged_is_named(tmp_path: Path, damage: str) -> None:
    data = processed("object_detection").data
    (name, whole), *_ = data.backbones.items()
    path = tmp_path / "damaged.onnx"
    path.write_bytes(DAMAGES[damage](pretrained.sealed(whole.read_bytes())))
    data = msgspec.structs.replace(data, backbones={name: path})
    with pytest.raises(Corrupted, match=rf"backbones/{name}\.onnx is damaged.*make backbones"):
        training.train(data, Training(), run())


def test_copies_of_an_image_are_on_one_side_of_every_fold(tmp_path: Path) -> None:
    copies = [(number, quality) for number in range(12) for quality in (96, 94, 92)]
    random.Random(0).shuffle(copies)
    table = [["filename", "class", "xmin", "ymin", "xmax", "ymax"]]
    files = {}
    for number, quality in copies:
        image, (label, *box) = drawn(number)
        name = f"{number}-{quality}.jpg"
        files[name] = encoded(image, "JPEG", quality=quality)
        table.append([name, label, *map(str, box)])
    files["boxes.csv"] = "\n".join(map(",".join, table)).encode()
    (tmp_path / "source").write_bytes(zipped(files))
    about = tasks.processing("object_detection").process(
        tmp_path / "source", Processing(), tmp_path, invocation(), silent
    )
    paths = {side: tmp_path / f"{side}.arrow" for side in about.split_rows}
    data = TrainingData(about.schema, about.target, about.split_rows, paths)
    learner = training.ObjectDetector(data, Training(), run())
    shown = [round(float(truth.boxes.sum()), 3) for truth in learner.y]
    assert len(shown) > 2 * len(set(shown)) > 2 * training.FOLDS
    for learned, held_out in learner.folds:
        assert not {shown[row] for row in learned} & {shown[row] for row in held_out}


def turned(image: Image.Image) -> bytes:
    """The image on its side, and in its EXIF data how it is to be turned."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    file = io.BytesIO()
    image.transpose(Image.Transpose.ROTATE_90).save(file, "PNG", exif=exif)
    return file.getvalue()


@pytest.mark.parametrize("scale", [1, 3])
def test_boxes_are_in_pixels_of_the_upright_image(scale: int) -> None:
    model = served("object_detection", trained("object_detection"))
    hits = 0
    for number in range(100, 110):
        image, (label, *box) = drawn(number)
        large = image.resize((scale * image.width, scale * image.height))
        instance = {"image": base64.b64encode(turned(large)).decode(), "min_score": 0}
        ((answer,), _) = model.predict([instance])
        assert (answer["width"], answer["height"]) == large.size
        for one in answer["objects"][:1]:
            at = one["box"]
            edges = [at["x"], at["y"], at["x"] + at["width"], at["y"] + at["height"]]
            assert 0 <= edges[0] <= edges[2] <= large.width
            assert 0 <= edges[1] <= edges[3] <= large.height
            share = overlaps(np.array([edges]), np.array([box]) * scale)[0, 0]
            hits += bool(one["label"] == label and share >= 0.5)
    assert hits >= 8


def test_a_caller_says_how_certain_objects_have_to_be() -> None:
    model: tasks.Model = served("object_detection", trained("object_detection"))
    file = io.BytesIO()
    drawn(100)[0].save(file, "PNG")
    everything, nothing = model.predict(
        [{"image": file.getvalue(), "min_score": least} for least in (0, 1)]
    )[0]
    scores = [one["score"] for one in everything["objects"]]
    assert len(scores) > 1
    assert scores == sorted(scores, reverse=True)
    assert nothing["objects"] == []
