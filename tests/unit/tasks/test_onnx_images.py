"""Images as inputs of models that were trained elsewhere."""

import base64
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto
from PIL import Image

from common.problems import Unprocessable
from tasks import InvalidInstances
from tasks.onnx.codecs import encoder
from tasks.onnx.codecs.form import Encoded
from tasks.onnx.spec import Input, Picture
from tests.unit.tasks.brought import echo, loaded, spec, try_out
from tests.unit.tasks.images.making import encoded, noise

RED = (255, 0, 0)


def picture(width: int, height: int, colour: Any = RED) -> Image.Image:
    return Image.new("RGB", (width, height), colour)


def halves(width: int, height: int) -> Image.Image:
    """The left half white, the right half black."""
    image = picture(width, height, "black")
    image.paste((255, 255, 255), (0, 0, width // 2, height))
    return image


def arrays(
    image: Image.Image, shape: list[int | None], more: dict[str, Any] | None = None, **how: Any
) -> tuple[np.ndarray, Encoded]:
    """An image as an input has it, and what is known of that; how is of Picture."""
    one = Input(name="x", codec="image", shape=shape, image=Picture(**how), **(more or {}))
    into = Encoded()
    return encoder(one)(encoded(image), into), into


def test_an_image_is_stretched_to_channels_height_and_width() -> None:
    array, _ = arrays(picture(10, 6), [3, 2, 4])
    assert array.dtype == np.float32
    assert array.tolist() == [[[255.0] * 4] * 2, [[0.0] * 4] * 2, [[0.0] * 4] * 2]


def test_layout_and_channels_are_as_the_manifest_says() -> None:
    last, _ = arrays(picture(10, 6), [2, 4, 3], {"dtype": "uint8"}, layout="NHWC", channels="BGR")
    assert last.dtype == np.uint8
    assert last.tolist() == [[[0, 0, 255]] * 4] * 2
    grey, _ = arrays(picture(10, 6, (10, 10, 10)), [1, 2, 2], channels="L")
    assert grey.tolist() == [[[10.0, 10.0], [10.0, 10.0]]]


def test_pixels_are_scaled_and_standardised_by_channel() -> None:
    more = {"scale": 1 / 255, "mean": [0.5, 0.25, 0.0], "std": [0.5, 0.5, 1.0]}
    array, _ = arrays(picture(3, 3), [3, 1, 1], more)
    assert array.ravel() == pytest.approx([1.0, -0.5, 0.0])


@pytest.mark.parametrize(("align", "rows"), [("centre", [1, 2]), ("upper_left", [0, 1])])
def test_a_letterbox_keeps_proportions_and_fills_the_rest(align: Any, rows: list[int]) -> None:
    array, into = arrays(picture(20, 10), [3, 4, 4], resize="letterbox", align=align, fill=114)
    assert [row for row in range(4) if (array[0, row] == 255).all()] == rows
    assert sorted({*array[0].ravel().tolist()}) == [114.0, 255.0]
    assert into.placement is not None
    box = np.array([[0.0, rows[0], 2.0, rows[0] + 2]])
    assert into.placement.in_picture(box).tolist() == [[0.0, 0.0, 10.0, 10.0]]


@pytest.mark.parametrize("channels", ["RGB", "BGR"])
def test_a_letterbox_may_be_filled_with_a_colour_in_the_order_of_the_channels(
    channels: Any,
) -> None:
    how = {"resize": "letterbox", "channels": channels, "fill": [117, 115, 97]}
    array, _ = arrays(picture(20, 10), [3, 4, 4], **how)
    assert array[:, 0, 0].tolist() == [117.0, 115.0, 97.0]


def test_a_crop_takes_the_middle() -> None:
    image = picture(30, 10, "black")
    image.paste(RED, (10, 0, 20, 10))
    array, into = arrays(image, [3, 10, 10], resize="crop")
    assert (array[0] == 255).all()
    assert into.placement is not None
    whole = np.array([[0.0, 0.0, 10.0, 10.0]])
    assert into.placement.in_picture(whole).tolist() == [[10.0, 0.0, 20.0, 10.0]]
    kept, _ = arrays(image, [3, 8, 8], resize="crop", keep=0.8)
    assert (kept[0] == 255).all()


def test_without_antialias_only_the_nearest_pixels_count() -> None:
    """As OpenCV has it: the middle four of sixteen, whatever lies around them."""
    image = picture(4, 4, (100, 0, 0))
    image.paste(RED, (1, 1, 3, 3))
    assert arrays(image, [3, 1, 1], antialias=False)[0][0, 0, 0] == 255
    assert 100 < arrays(image, [3, 1, 1])[0][0, 0, 0] < 255


def test_a_length_that_varies_follows_the_proportions() -> None:
    assert arrays(picture(50, 10), [3, 4, None])[0].shape == (3, 4, 20)
    assert arrays(picture(50, 10), [3, None, 10])[0].shape == (3, 2, 10)
    assert arrays(picture(50, 10), [3, None, None])[0].shape == (3, 10, 50)


@given(
    width=st.integers(20, 200),
    height=st.integers(20, 200),
    shape=st.tuples(st.integers(16, 64), st.integers(16, 64)),
    resize=st.sampled_from(["stretch", "letterbox", "crop"]),
    antialias=st.booleans(),
)
def test_places_in_the_input_are_found_again_in_the_image(
    width: int, height: int, shape: tuple[int, int], resize: Any, antialias: bool
) -> None:
    array, into = arrays(halves(width, height), [3, *shape], resize=resize, antialias=antialias)
    assert into.placement is not None
    border = max(0.0, into.placement.left) + array[0, shape[0] // 2].sum() / 255
    ((found, _, _, _),) = into.placement.in_picture(np.array([[border, 0.0, border, 1.0]]))
    assert found == pytest.approx(width // 2, abs=into.placement.across + 0.5)


def test_a_model_of_images_is_taken_and_answers_bytes_and_base64_alike() -> None:
    image = encoded(picture(8, 8))
    text = base64.b64encode(image).decode()
    changes: dict[str, Any] = {
        "inputs": [{"name": "x", "codec": "image", "shape": [3, 1, 1], "dtype": "uint8"}],
        "outputs": [{"name": "y", "codec": "labels", "activation": "softmax"}],
        "labels": ["r", "g", "b"],
        "examples": [{"instance": {"image": text}, "outputs": {"y": [[[255]], [[0]], [[0]]]}}],
    }
    model = echo([3, 1, 1], TensorProto.UINT8)
    assert try_out(model, **changes).refused is None
    brought = loaded(model, **changes)
    assert brought.image_keys == {"image": "key"}
    answers, _ = brought.predict([{"image": image}, {"image": text}])
    assert [answer["label"] for answer in answers] == ["r", "r"]
    assert not loaded().image_keys


@pytest.mark.parametrize(
    ("instance", "message"),
    [
        ({}, "Required"),
        ({"image": 7}, "expected as base64"),
        ({"image": "?"}, "not base64"),
        ({"image": base64.b64encode(b"text").decode()}, "is not a JPEG"),
        ({"image": encoded(noise(1))[:60]}, "damaged"),
        ({"image": encoded(picture(20_000, 1))}, "would become 1280000 x 64 pixels"),
    ],
)
def test_what_is_no_image_is_told(instance: dict[str, Any], message: str) -> None:
    inputs = [{"name": "x", "codec": "image", "shape": [3, 64, None]}]
    with pytest.raises(InvalidInstances) as caught:
        loaded(echo([3, 64, None]), inputs=inputs).predict([instance])
    ((pointer, detail),) = [(one.pointer, one.detail) for one in caught.value.errors]
    assert pointer == "/instances/0/image"
    assert message in detail


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shape": [3, 2]}, "/inputs/0/shape"),
        ({"shape": [4, 2, 2]}, "channels are 3"),
        ({"shape": [2, 2, 1], "image": {"layout": "NHWC", "channels": "RGB"}}, "channels are 3"),
        ({"dtype": "int64"}, "/inputs/0/dtype"),
        ({"dtype": "uint8", "scale": 0.5}, "leave out scale"),
        ({"mean": [1, 2]}, "/inputs/0/mean"),
        ({"std": [1, 0, 1]}, "/inputs/0/std"),
        ({"shape": [3, None, 2], "image": {"resize": "crop"}}, "crop needs a height"),
        ({"image": {"interpolation": "lanczos", "antialias": False}}, "lanczos"),
        ({"image": {"fill": 256}}, "/inputs/0/image/fill"),
        ({"image": {"fill": [0, 0]}}, "/inputs/0/image/fill"),
        ({"image": {"resize": "squash"}}, "/inputs/0/image/resize"),
        ({"image": {"sharpen": True}}, "/inputs/0/image/sharpen"),
    ],
)
def test_manifests_that_do_not_fit_images_are_told_where(
    change: dict[str, Any], message: str
) -> None:
    one = {"name": "x", "codec": "image", "shape": [3, 2, 2], **change}
    with pytest.raises(Unprocessable) as caught:
        spec(inputs=[one])
    assert message in caught.value.detail


def test_large_images_go_through_the_graph_by_themselves() -> None:
    """Of 640 x 640 pixels two at once: what a detector makes of more does not fit."""
    counts: list[int] = []
    brought = loaded(
        echo([3, 640, 640], TensorProto.UINT8),
        inputs=[{"name": "x", "codec": "image", "shape": [3, 640, 640], "dtype": "uint8"}],
        outputs=[{"name": "y", "codec": "embedding", "pooling": "none"}],
    )
    session = brought._session

    class Counting:
        def run(self, names: list[str], feeds: dict[str, np.ndarray], options: Any) -> Any:
            counts.append(len(feeds["x"]))
            return session.run(names, feeds, options)

    brought._session = Counting()
    brought.run(brought.encode([{"image": encoded(picture(8, 8))}] * 5))
    assert counts == [2, 2, 1]


def test_one_image_is_taken() -> None:
    inputs = [{"name": name, "codec": "image", "shape": [3, 2, 2]} for name in "xz"]
    with pytest.raises(Unprocessable, match="2 inputs have the codec image"):
        spec(inputs=inputs)
