"""Tiny models as callers bring them, and their manifests."""

import json
from typing import Any

import msgspec
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tasks.onnx import serving
from tasks.onnx.serving import Imported
from tasks.onnx.spec import Spec
from tasks.onnx.training import Verdict
from tasks.onnx.training import manifest as manifests
from tasks.onnx.training.trial import tried

WEIGHTS = np.array([[1.0, -1.0], [2.0, 0.5]], np.float32)
X = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 2])
Y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 2])
NODE = helper.make_node("MatMul", ["x", "w"], ["y"])


def graph(
    nodes: Any = (NODE,),
    inputs: Any = (X,),
    outputs: Any = (Y,),
    constants: dict[str, np.ndarray] | None = None,
) -> onnx.GraphProto:
    found = {"w": WEIGHTS} if constants is None else constants
    tensors = [numpy_helper.from_array(value, name) for name, value in found.items()]
    return helper.make_graph(list(nodes), "g", list(inputs), list(outputs), tensors)


def model(of: onnx.GraphProto | None = None, opset: int = 18, **more: Any) -> onnx.ModelProto:
    imports = [helper.make_opsetid("", opset), *more.pop("domains", [])]
    return helper.make_model(of or graph(), opset_imports=imports, ir_version=10, **more)


def manifest(**changes: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "inputs": [{"name": "x", "shape": [2]}],
        "outputs": [{"name": "y"}],
        "examples": [{"instance": {"x": [1, 2]}, "outputs": {"y": [5.0, 0.0]}}],
    }
    return {**fields, **changes}


def spec(**changes: Any) -> Spec:
    return manifests.read(json.dumps(manifest(**changes)).encode())


type Files = dict[str, bytes]


def files(of: onnx.ModelProto | None, more: Files | None) -> Files:
    return {"model.onnx": (of or model()).SerializeToString(), **(more or {})}


def try_out(
    of: onnx.ModelProto | None = None, more: Files | None = None, **changes: Any
) -> Verdict:
    return tried(files(of, more), spec(**changes))


def loaded(
    of: onnx.ModelProto | None = None,
    batched: bool = True,
    divides: bool = False,
    more: Files | None = None,
    **changes: Any,
) -> Imported:
    one = spec(**changes)
    plain = msgspec.to_builtins(one)
    parts = {"inputs": plain["inputs"], "outputs": plain["outputs"]}
    inputs = {**parts, "batched": batched, "divides": divides}
    return serving.load(inputs, one.labels, files(of, more))


def echo(shape: list[int | None], of: int = TensorProto.FLOAT) -> onnx.ModelProto:
    """A model that answers with its input x, each instance of a shape."""
    x, y = (helper.make_tensor_value_info(name, of, ["batch", *shape]) for name in "xy")
    return model(graph([helper.make_node("Identity", ["x"], ["y"])], [x], [y], {}))
