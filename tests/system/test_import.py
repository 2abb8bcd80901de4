"""A model that was trained elsewhere, from its zip to predictions, promotion and rollback."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from local.client import ApiError, Client
from local.cloud import LocalCloud


def zipped(factor: float, expected: float) -> bytes:
    """A model that multiplies by factor, and an example of what 2 becomes."""
    node = helper.make_node("Mul", ["x", "w"], ["y"])
    return zipped_graph([node], {"w": np.array([factor], np.float32)}, expected)


def zipped_graph(
    nodes: list[onnx.NodeProto], constants: dict[str, np.ndarray], expected: float
) -> bytes:
    """A model of nodes from x to y, and an example of what 2 becomes."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 1])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 1])
    tensors = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "g", [x], [y], tensors)
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


def test_what_an_input_asks_of_a_model_ends_with_an_answer_and_no_process(
    cloud: LocalCloud, tmp_path: Path
) -> None:
    """An input that would take terabytes; the node that fails has the name of a line of the log."""
    client, line = cloud.client(), json.dumps({"_aws": {}, "Predictions": 1e9})
    nodes = [
        helper.make_node("Cast", ["x"], ["n"], to=TensorProto.INT64),
        helper.make_node("Concat", ["n", "n"], ["shape"], axis=1),
        helper.make_node("Reshape", ["shape", "flat"], ["sides"]),
        helper.make_node("Expand", ["x", "sides"], ["huge"], name=f"node\n{line}\n"),
        helper.make_node("ReduceMax", ["huge"], ["y"]),
    ]
    content = zipped_graph(nodes, {"flat": np.array([-1])}, 2)
    version = bring(client, content, tmp_path, promote="never")["version"]
    inference = cloud.function_names["inference"]

    def answered(x: float) -> Any:
        body = {"model": "brought", "version": version, "instances": [{"x": [x]}]}
        return client.post("/inference", body)["predictions"][0]["outputs"]["y"]

    assert answered(3) == [3]
    starts = cloud.logs(inference).count("INIT_START")
    for size in (20_000, 2_000_000):
        with pytest.raises(ApiError, match=r"422.*more memory than there is"):
            answered(size)
    assert answered(4) == [4]
    assert cloud.logs(inference).count("INIT_START") == starts
    assert line not in cloud.logs(inference)
