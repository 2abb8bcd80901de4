"""A model that was trained elsewhere, from its zip to predictions, promotion and rollback."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from local.client import ApiError, Client
from local.cloud import LocalCloud


def zipped(factor: float, expected: float) -> bytes:
    """A model that multiplies by factor, and an example of what 2 becomes."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 1])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 1])
    weight = numpy_helper.from_array(np.array([factor], np.float32), "w")
    node = helper.make_node("Mul", ["x", "w"], ["y"])
    graph = helper.make_graph([node], "g", [x], [y], [weight])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    manifest = {
        "inputs": [{"name": "x", "shape": [1]}],
        "outputs": [{"name": "y"}],
        "examples": [{"instance": {"x": [2]}, "outputs": {"y": [expected]}}],
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("model.onnx", model.SerializeToString())
        archive.writestr("manifest.json", json.dumps(manifest))
    return file.getvalue()


def bring(client: Client, content: bytes, folder: Path, **more: Any) -> dict[str, Any]:
    file = folder / "model.zip"
    file.write_bytes(content)
    key = client.upload("brought", file)
    return client.run("/model_training", {"model": "brought", "import": {"key": key}, **more})


def answer(client: Client) -> Any:
    body = {"model": "brought", "instances": [{"x": [3]}]}
    return client.post("/inference", body)["predictions"][0]["outputs"]["y"]


def test_a_model_is_brought_promoted_and_rolled_back(cloud: LocalCloud, tmp_path: Path) -> None:
    client = cloud.client()
    first = bring(client, zipped(2, 4), tmp_path)
    assert first["promoted"]
    assert answer(client) == [6.0]
    manifest = client.get(f"/models/brought/versions/{first['version']}")
    assert (manifest["task"], manifest["selected"]) == ("onnx", "imported")
    assert manifest["parity"]["rows"] == 1
    assert manifest["graph"]["operators"] == {"Mul": 1}

    second = bring(client, zipped(10, 20), tmp_path)
    assert not second["promoted"]
    assert "no test rows" in second["promotion"]["reason"]
    moved = client.put("/models/brought/aliases/live", {"version": second["version"]})
    assert moved["version"] == second["version"]
    body = {"model": "brought", "version": second["version"], "instances": [{"x": [3]}]}
    assert client.post("/inference", body)["predictions"][0]["outputs"]["y"] == [30.0]

    client.put("/models/brought/aliases/live", {"version": first["version"], "reason": "back"})
    third = bring(client, zipped(4, 8), tmp_path, promote="always")
    assert third["promoted"]


def test_a_model_that_does_not_answer_its_examples_fails_with_the_reason(
    cloud: LocalCloud, tmp_path: Path
) -> None:
    with pytest.raises(ApiError, match="/examples/0/outputs/y: the model's answer differs"):
        bring(cloud.client(), zipped(2, 5), tmp_path)
