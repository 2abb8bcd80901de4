"""Models that would eat the function's memory or time are stopped while they are tried."""

import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from common.problems import Unprocessable
from tasks import Trained
from tasks.onnx.training import import_model

pytestmark = pytest.mark.system

X = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 2])
Y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 2])


def imported(
    nodes: list[onnx.NodeProto], constants: dict[str, Any], folder: Path, seconds: float = 60
) -> Trained:
    tensors = [numpy_helper.from_array(np.array(v), name) for name, v in constants.items()]
    graph = helper.make_graph(nodes, "g", [X], [Y], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    manifest = {
        "inputs": [{"name": "x", "shape": [2]}],
        "outputs": [{"name": "y"}],
        "examples": [{"instance": {"x": [1, 2]}, "outputs": {"y": [2, 4]}}],
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("model.onnx", model.SerializeToString())
        archive.writestr("manifest.json", json.dumps(manifest))
    (folder / "zip").write_bytes(file.getvalue())
    (folder / "model").mkdir()
    return import_model(folder / "zip", folder / "model", memory_mb=3008, seconds=seconds)


def test_a_harmless_model_is_taken(tmp_path: Path) -> None:
    made = imported([helper.make_node("Add", ["x", "x"], ["y"])], {}, tmp_path)
    assert made.parity["rows"] == 1
    assert made.inputs["batched"]
    assert not made.inputs["divides"]
    assert set(made.files) == {"model.onnx"}


def test_a_model_that_divides_is_known_by_its_manifest(tmp_path: Path) -> None:
    half = np.array(0.5, np.float32)
    made = imported([helper.make_node("Div", ["x", "half"], ["y"])], {"half": half}, tmp_path)
    assert made.inputs["divides"]


def test_a_few_bytes_that_become_terabytes_are_stopped(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Expand", ["x", "shape"], ["huge"]),
        helper.make_node("ReduceSum", ["huge"], ["sum"]),
        helper.make_node("Add", ["x", "sum"], ["y"]),
    ]
    with pytest.raises(Unprocessable, match=r"memory|allocat|cannot run|ended the process"):
        imported(nodes, {"shape": np.array([1 << 20, 1 << 20, 1, 2], np.int64)}, tmp_path)


def test_a_loop_without_end_is_stopped(tmp_path: Path) -> None:
    i = helper.make_tensor_value_info("i", TensorProto.INT64, [])
    go, on = (helper.make_tensor_value_info(name, TensorProto.BOOL, []) for name in ("go", "on"))
    v, w = (helper.make_tensor_value_info(n, TensorProto.FLOAT, ["batch", 2]) for n in ("v", "w"))
    again = [helper.make_node("Identity", [a], [b]) for a, b in (("go", "on"), ("v", "w"))]
    body = helper.make_graph(again, "b", [i, go, v], [on, w])
    nodes = [
        helper.make_node("Loop", ["forever", "yes", "x"], ["z"], body=body),
        helper.make_node("Add", ["z", "z"], ["y"]),
    ]
    constants = {"forever": np.array(1 << 62, np.int64), "yes": np.array(True)}
    with pytest.raises(Unprocessable, match="within 5 s"):
        imported(nodes, constants, tmp_path, seconds=5)


def test_the_process_that_tries_has_no_credentials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import subprocess

    seen: list[dict[str, str]] = []
    run: Any = subprocess.run

    def spied(*arguments: Any, env: dict[str, str], **more: Any) -> Any:
        seen.append(env)
        return run(*arguments, env=env, **more)

    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setattr(subprocess, "run", spied)
    imported([helper.make_node("Add", ["x", "x"], ["y"])], {}, tmp_path)
    (environment,) = seen
    assert not [name for name in environment if name.startswith("AWS_")]
    assert os.environ["AWS_SECRET_ACCESS_KEY"] == "secret"


def test_a_reason_is_bounded_whatever_names_are_in_it(tmp_path: Path) -> None:
    constant = numpy_helper.from_array(np.zeros(2, np.float32), "n" * 1_000_000)
    constant.data_location = TensorProto.EXTERNAL
    nodes = [
        helper.make_node("Constant", [], ["c"], value=constant),
        helper.make_node("Add", ["x", "c"], ["y"]),
    ]
    with pytest.raises(Unprocessable) as caught:
        imported(nodes, {}, tmp_path)
    assert len(caught.value.detail) <= 1000
