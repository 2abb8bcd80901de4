"""Labelled boxes of detectors that were trained elsewhere, in every form that they are usual in."""

import base64
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from common.problems import Unprocessable
from tasks import InvalidInstances
from tasks.images.boxes import Placement, overlaps
from tasks.onnx.codecs.detection import detection
from tasks.onnx.codecs.form import Encoded
from tasks.onnx.codecs.unfit import Unfit
from tasks.onnx.spec import Columns, Detection, Output
from tasks.onnx.training.inspection import Refused
from tests.unit.tasks.brought import graph, loaded, model, spec, try_out
from tests.unit.tasks.images.making import encoded, noise

IMAGE = encoded(noise(0, width=200, height=100))
LABELS = ["cat", "dog"]
CAT = {"label": "cat", "box": {"x": 20.0, "y": 10.0, "width": 40.0, "height": 60.0}}
DOG = {"label": "dog", "box": {"x": 100.0, "y": 0.0, "width": 100.0, "height": 50.0}}
# In an input of 100 x 100 pixels, to which the image of 200 x 100 is stretched.
CAT_CORNERS, DOG_CORNERS = [10, 10, 30, 70], [50, 0, 100, 50]


def manifest(how: dict[str, Any], labels: list[str] = LABELS, **more: Any) -> dict[str, Any]:
    return {
        "inputs": [{"name": "x", "codec": "image", "shape": [3, 100, 100]}],
        "outputs": [{"name": "boxes", "codec": "detection", "detection": how, **more}],
        "labels": labels,
    }


def detector(outputs: dict[str, Any]) -> Any:
    """A model that finds the same in every image."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 100, 100])
    constants = {f"{name}_": np.array(value, np.float32) for name, value in outputs.items()}
    nodes = [helper.make_node("Identity", [f"{name}_"], [name]) for name in outputs]
    infos = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, np.shape(value))
        for name, value in outputs.items()
    ]
    return model(graph(nodes, [x], infos, constants))


def found(outputs: dict[str, Any], how: dict[str, Any], **more: Any) -> Any:
    """What is answered, after the model was taken."""
    described = manifest(how, **more)
    ((answer,), _) = loaded(detector(outputs), False, **described).predict([{"image": IMAGE}])
    assert (answer["width"], answer["height"]) == (200, 100)
    return [{**one, "score": round(one["score"], 5)} for one in answer["objects"]]


def test_boxes_scores_and_classes_of_an_ssd() -> None:
    shares = np.array([[0.1, 0.1, 0.7, 0.3], [0, 0.5, 0.5, 1], [0, 0, 1, 1]])
    outputs = {"boxes": [shares], "scores": [[0.9, 0.8, 0.7]], "classes": [[1, 2, 1]], "n": [2]}
    how = {
        "scores": {"output": "scores"}, "classes": {"output": "classes"}, "count": "n",
        "form": "yxyx", "unit": "shares",
    }  # fmt: skip
    labels = ["background", *LABELS]
    assert found(outputs, how, labels=labels) == [{**CAT, "score": 0.9}, {**DOG, "score": 0.8}]


def test_the_columns_of_a_yolo() -> None:
    """A row for each of four boxes: centre, size, objectness and scores by class."""
    rows = [
        [20, 40, 20, 60, 0.9, 1.0, 0.1],
        [21, 41, 20, 60, 0.8, 1.0, 0.1],
        [75, 25, 50, 50, 0.8, 0.0, 1.0],
        [20, 40, 20, 60, 0.7, 0.0, 1.0],
    ]
    how = {
        "scores": {"first": 5}, "objectness": {"first": 4, "end": 5}, "form": "cxcywh",
        "overlap": 0.5,
    }  # fmt: skip
    cat, dog, other = found({"boxes": [rows]}, how)
    assert (cat, dog) == ({**CAT, "score": 0.9}, {**DOG, "score": 0.8})
    assert (other["label"], other["box"]) == ("dog", CAT["box"])
    assert found({"boxes": [rows]}, {**how, "by_label": False}) == [cat, dog]
    columns = np.array(rows).T[None]
    assert found({"boxes": columns}, {**how, "transposed": True}) == [cat, dog, other]


def test_outputs_without_an_axis_of_the_batch() -> None:
    outputs = {"boxes": [CAT_CORNERS, DOG_CORNERS], "scores": [0.9, 0.8], "labels": [0, 1]}
    how = {"scores": {"output": "scores"}, "classes": {"output": "labels"}}
    assert found(outputs, how, batch_axis=False) == [{**CAT, "score": 0.9}, {**DOG, "score": 0.8}]
    nothing = {"boxes": np.zeros((0, 4)), "scores": [], "labels": []}
    assert found(nothing, how, batch_axis=False) == []


def test_boxes_in_pixels_of_the_image_itself() -> None:
    rows = [[1, 0.8, 100, 0, 100, 50], [0, 0.9, 20, 10, 40, 60]]
    how = {
        "boxes": {"first": 2}, "scores": {"first": 1, "end": 2}, "classes": {"first": 0, "end": 1},
        "form": "xywh", "unit": "image_pixels",
    }  # fmt: skip
    assert found({"boxes": rows}, how, batch_axis=False) == [
        {**CAT, "score": 0.9},
        {**DOG, "score": 0.8},
    ]


def test_logits_of_a_transformer_with_a_class_for_nothing() -> None:
    boxes = [[0.2, 0.4, 0.2, 0.6], [0.75, 0.25, 0.5, 0.5], [0.5, 0.5, 1, 1]]
    logits = np.log([[0.9, 0.05, 0.05], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6]])
    how = {"scores": {"output": "logits"}, "form": "cxcywh", "unit": "shares", "background": 2}
    answer = found(
        {"boxes": [boxes], "logits": [logits]},
        {**how, "min_score": 0.15},
        activation="softmax",
        labels=[*LABELS, "nothing"],
    )
    assert answer[:2] == [{**CAT, "score": 0.9}, {**DOG, "score": 0.8}]
    assert [one["score"] for one in answer[2:]] == [0.2]
    sigmoid = [[np.log(9), -5.0]]
    one = found(
        {"boxes": [boxes[:1]], "logits": [sigmoid]},
        {"scores": {"output": "logits"}, "form": "cxcywh", "unit": "shares"},
        activation="sigmoid",
    )
    assert one == [{**CAT, "score": 0.9}]


def test_a_class_that_is_background_is_no_object() -> None:
    outputs = {"boxes": [[CAT_CORNERS, DOG_CORNERS]], "s": [[0.9, 0.8]], "c": [[1, 0]]}
    how = {"scores": {"output": "s"}, "classes": {"output": "c"}, "background": 0}
    assert found(outputs, how, labels=["none", "cat"]) == [{**CAT, "score": 0.9}]


def test_how_certain_objects_have_to_be_is_the_callers_choice() -> None:
    outputs = {"boxes": [[CAT_CORNERS, DOG_CORNERS]], "s": [[[0.9, 0], [0, 0.3]]]}
    brought = loaded(detector(outputs), False, **manifest({"scores": {"output": "s"}}))
    instances = [{"image": IMAGE}, {"image": IMAGE, "min_score": 0.2}]
    answers, warnings = brought.predict(instances)
    assert [len(answer["objects"]) for answer in answers] == [1, 2]
    assert warnings == []
    with pytest.raises(InvalidInstances) as caught:
        brought.predict([{"image": IMAGE, "min_score": "low"}])
    assert [one.pointer for one in caught.value.errors] == ["/instances/0/min_score"]


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        ({"boxes": [[10, 10, math.nan, 70]]}, "boxes or scores are no numbers"),
        ({"s": [[math.nan]]}, "scores that are no numbers"),
        ({"s": [[math.inf]]}, "boxes or scores are no numbers"),
        ({"c": [[math.nan]]}, "classes that are no numbers"),
        ({"n": [-1]}, r"n has \[-1.0\] where a count of boxes is expected"),
        ({"n": [math.nan]}, r"n has \[nan\]"),
        ({"n": [math.inf]}, r"n has \[inf\]"),
        ({"n": [1, 1]}, r"n has \[1.0, 1.0\]"),
    ],
)
def test_objects_that_are_no_numbers_are_no_answer(outputs: Any, message: str) -> None:
    how = Detection(scores=Columns(output="s"), classes=Columns(output="c"), count="n", overlap=0.5)
    decode = detection(Output(name="boxes", codec="detection", detection=how), LABELS)
    whole = {"boxes": [CAT_CORNERS], "s": [[0.9]], "c": [[0]], "n": [1]}
    arrays = {name: np.array(value, np.float32) for name, value in (whole | outputs).items()}
    with pytest.raises(Unfit, match=message):
        decode(arrays, Encoded(placement=Placement(200, 200)))


BOX = st.tuples(*[st.integers(0, 90)] * 2, *[st.integers(1, 60)] * 2)


@given(
    rows=st.lists(st.tuples(BOX, st.floats(0.01, 1), st.sampled_from([0, 1])), max_size=30),
    share=st.floats(0.1, 0.9),
)
def test_of_boxes_alike_the_best_is_kept(rows: list[Any], share: float) -> None:
    boxes = np.array([box for box, _, _ in rows], np.float64).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    outputs = {
        "boxes": boxes,
        "scores": np.array([score for _, score, _ in rows]),
        "classes": np.array([label for _, _, label in rows]),
    }
    how = Detection(
        scores=Columns(output="scores"), classes=Columns(output="classes"), min_score=0.2,
        overlap=share,
    )  # fmt: skip
    decode = detection(Output(name="boxes", codec="detection", detection=how), LABELS)
    objects = decode(outputs, Encoded({}, placement=Placement(200, 200)))["objects"]

    def corners(one: dict[str, Any]) -> np.ndarray:
        x, y, width, height = one["box"].values()
        return np.array([[x, y, x + width, y + height]])

    scores = [one["score"] for one in objects]
    assert scores == sorted(scores, reverse=True)
    for number, one in enumerate(objects):
        for other in objects[:number]:
            alike = overlaps(corners(one), corners(other))[0, 0]
            assert one["label"] != other["label"] or alike <= share
    for box, score, label in zip(boxes, outputs["scores"], outputs["classes"], strict=True):
        covered = any(
            one["label"] == LABELS[label]
            and one["score"] >= score
            and overlaps(corners(one), box[None])[0, 0] > share - 1e-9
            for one in objects
        )
        assert score < 0.2 or covered


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"scores": {"first": 4, "end": 9}}, "columns 4 to 8"),
        ({"scores": {"first": 4}, "boxes": {"end": 3}}, "3 columns and not 4"),
        ({"scores": {"first": 4, "end": 5}}, "scores of 1 classes, and labels has 2"),
        ({"scores": {"output": "other"}}, "names outputs ['other']"),
    ],
)
def test_outputs_that_hold_no_boxes_are_refused(how: dict[str, Any], message: str) -> None:
    rows = [[10, 10, 30, 70, 0.9, 0.1]]
    image = {"image": base64.b64encode(IMAGE).decode()}
    examples = [{"instance": image, "outputs": {"boxes": rows}}]
    with pytest.raises(Refused) as caught:
        try_out(detector({"boxes": [rows]}), **manifest(how), examples=examples)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": None}, "needs labels"),
        ({"inputs": [{"name": "x", "shape": [2]}]}, "codec image"),
        ({"outputs": [{"name": "boxes", "codec": "detection"}]}, "/outputs/0/detection"),
        (manifest({"scores": {"first": 4}, "background": 2}), "/outputs/0/detection/background"),
        ({"outputs": [{"name": "y", "detection": {"scores": {}}}]}, "/outputs/0/detection"),
    ],
)
def test_manifests_that_do_not_fit_detectors_are_told_where(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(Unprocessable) as caught:
        spec(**{**manifest({"scores": {"first": 4}}), **changes})
    assert message in caught.value.detail
