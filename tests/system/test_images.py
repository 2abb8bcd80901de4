"""An image is answered alike however it comes: as a body, as base64 in JSON, or by its key."""

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from tests.system.contract import ContractClient
from tests.unit.tasks.brought import graph, model
from tests.unit.tasks.images.making import encoded, noise, zipped
from tests.unit.tasks.samples.image_classification import png, stripes


def answers(client: ContractClient, name: str, image: bytes, folder: Path) -> list[Any]:
    """What a model says of an image that is sent in each of the three ways."""
    file = folder / "image.png"
    file.write_bytes(image)
    key = client.upload("pictures", file)
    body = client.request("POST", f"/inference?model={name}", image, {"Content-Type": "image/png"})
    instances = [{"image": base64.b64encode(image).decode()}, {"key": key}]
    json_body = client.post("/inference", {"model": name, "instances": instances})
    assert body.status == 200
    assert body.body["warnings"] == json_body["warnings"] == []
    return [*body.body["predictions"], *json_body["predictions"]]


def small(number: int, standing: bool) -> bytes:
    """A picture of few pixels, of which a model is quickly made."""
    return png(stripes(number, standing).resize((12, 12)))


def test_a_classifier_of_images(api: ContractClient, tmp_path: Path) -> None:
    file = tmp_path / "stripes.zip"
    labels = ("lying", "standing")
    file.write_bytes(
        zipped({f"{labels[n % 2]}/{n}.png": small(n, standing=n % 2 == 1) for n in range(240)})
    )
    key = api.upload("stripes", file)
    request = {"dataset": "stripes", "source": {"key": key}, "task": "image_classification"}
    assert api.run("/data_processing", request)["rows"]["used"] == 240
    api.run("/model_training", {"model": "stripes", "dataset": "stripes", "time_budget_seconds": 1})
    for label in labels:
        first, *others = answers(api, "stripes", small(1000, label == "standing"), tmp_path)
        assert first["label"] == label
        for other in others:  # in a batch, sums have another order
            assert other["probabilities"] == pytest.approx(first["probabilities"], rel=1e-5)


def brought() -> bytes:
    """A model that names the strongest colour, and finds it in the lower right quarter."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 1, 1])
    outputs = [
        helper.make_tensor_value_info("colours", TensorProto.FLOAT, ["n", 3, 1, 1]),
        helper.make_tensor_value_info("boxes", TensorProto.FLOAT, ["n", 1, 7]),
    ]
    nodes = [
        helper.make_node("Identity", ["x"], ["colours"]),
        helper.make_node("Reshape", ["x", "shape"], ["row"]),
        helper.make_node("Pad", ["row", "pads"], ["wider"]),
        helper.make_node("Add", ["wider", "corners"], ["boxes"]),
    ]
    constants = {
        "shape": np.array([-1, 1, 3]),
        "pads": np.array([0, 0, 4, 0, 0, 0]),
        "corners": np.array([[[0.5, 0.5, 1, 1, 0, 0, 0]]], np.float32),
    }
    detection = {"scores": {"first": 4}, "unit": "shares"}
    black = encoded(noise(0).point(lambda value: 0))
    manifest = {
        "inputs": [{"name": "x", "codec": "image", "shape": [3, 1, 1], "scale": 1 / 255}],
        "outputs": [
            {"name": "colours", "codec": "labels"},
            {"name": "boxes", "codec": "detection", "detection": detection},
        ],
        "labels": ["red", "green", "blue"],
        "examples": [
            {
                "instance": {"image": base64.b64encode(black).decode()},
                "outputs": {"colours": [[[0]], [[0]], [[0]]]},
            }
        ],
    }
    content = model(graph(nodes, [x], outputs, constants)).SerializeToString()
    return zipped({"model.onnx": content, "manifest.json": json.dumps(manifest).encode()})


def test_a_model_of_images_that_was_trained_elsewhere(api: ContractClient, tmp_path: Path) -> None:
    file = tmp_path / "model.zip"
    file.write_bytes(brought())
    key = api.upload("colours", file)
    assert api.run("/model_training", {"model": "colours", "import": {"key": key}})["promoted"]
    image = noise(0, width=60, height=40)
    image.paste((0, 204, 0), (0, 0, 60, 40))
    first, *others = answers(api, "colours", encoded(image), tmp_path)
    assert first["label"] == "green"
    (found,) = first["objects"]
    assert found["score"] == pytest.approx(0.8)
    assert (found["label"], found["box"]) == (
        "green",
        {"x": 30.0, "y": 20.0, "width": 30.0, "height": 20.0},
    )
    assert others == [first, first]
