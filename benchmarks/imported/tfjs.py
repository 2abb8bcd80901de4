"""A graph model of TensorFlow.js as ONNX, for the operators that the models tried here have.

Maps stay as TensorFlow has them, channels last: each convolution is put between two transpositions,
which onnxruntime takes out again where they meet.
"""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from scripts.backbones.tfjs_weights import read

type Node = Mapping[str, Any]

OPSET = helper.make_opsetid("", 18)
IR_VERSION = 10

SAME_NAMED = {
    "Add": "Add", "Equal": "Equal", "Identity": "Identity", "Mul": "Mul", "Relu": "Relu",
    "Sigmoid": "Sigmoid", "Sub": "Sub",
}  # fmt: skip
ACTIVATIONS = {"Relu": "Relu", "Relu6": "Clip"}
TYPES = {"DT_FLOAT": TensorProto.FLOAT, "DT_INT32": TensorProto.INT32}


def converted(model: bytes, weights: bytes, output: str) -> bytes:
    """The graph from its one input to an output. Raises KeyError for an operator that is not known.

    Inputs and outputs keep their names and shapes.
    """
    return _Graph(json.loads(model), weights).upto(output)


class _Graph:
    """A graph model, and the nodes of ONNX that its own have become so far."""

    def __init__(self, model: Mapping[str, Any], weights: bytes) -> None:
        self._signature = model["signature"]
        self._from = {node["name"]: node for node in model["modelTopology"]["node"]}
        manifest = json.dumps(model["weightsManifest"]).encode()
        self._values = {
            name: one.stored if one.stored.dtype.kind == "i" else one.floats()
            for name, one in read(manifest, weights).items()
        }
        self._made: set[str] = set()
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, np.ndarray] = {}

    def upto(self, output: str) -> bytes:
        self._make(output)
        used = {name for node in self._nodes for name in node.input}
        constants = {name: value for name, value in self._values.items() if name in used}
        tensors = {**constants, **self._constants}
        graph = helper.make_graph(
            self._nodes,
            "tfjs",
            [_described(one) for one in self._signature["inputs"].values()],
            [_described(self._signature["outputs"][output])],
            [numpy_helper.from_array(np.array(value), name) for name, value in tensors.items()],
        )
        made = helper.make_model(graph, opset_imports=[OPSET], ir_version=IR_VERSION)
        onnx.checker.check_model(made, full_check=True)
        content: bytes = made.SerializeToString()
        return content

    def _make(self, name: str) -> None:
        """Adds a node after all those that it is made of."""
        waiting = [name]
        while waiting:
            node = self._from[waiting[-1]]
            missing = [
                one
                for one in (given.split(":")[0] for given in node.get("input", ()))
                if one not in self._made
            ]
            if missing:
                waiting += missing
                continue
            waiting.pop()
            if node["name"] not in self._made:
                self._made.add(node["name"])
                self._convert(node)

    def _convert(self, node: Node) -> None:
        operator, name, inputs = node["op"], node["name"], list(node.get("input", ()))
        if operator in ("Const", "Placeholder"):
            return
        if operator in SAME_NAMED:
            self._add(SAME_NAMED[operator], inputs, name)
        elif operator in CONVERSIONS:
            CONVERSIONS[operator](self, node, inputs)
        else:
            raise KeyError(f"{operator} of {name} is not converted")

    def _add(self, operator: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        self._nodes.append(helper.make_node(operator, list(inputs), [output], **attributes))
        return output

    def _constant(self, name: str, value: Any, dtype: Any = np.int64) -> str:
        self._constants[name] = np.array(value, dtype)
        return name

    def _channels_first(self, name: str, inner: Callable[[str, str], None], given: str) -> None:
        """Between transpositions: inner adds what makes its second argument of its first."""
        self._add("Transpose", [given], f"{name}.planes", perm=[0, 3, 1, 2])
        inner(f"{name}.planes", f"{name}.made")
        self._add("Transpose", [f"{name}.made"], name, perm=[0, 2, 3, 1])

    def _convolution(self, node: Node, inputs: list[str]) -> None:
        name, (given, kernel, *bias) = node["name"], inputs
        weights = self._values[kernel]
        groups = 1
        if "Depthwise" in node["op"]:
            height, width, groups, times = weights.shape
            weights = weights.reshape(height, width, 1, groups * times)
        planes = self._constant(f"{name}.kernel", weights.transpose(3, 2, 0, 1), np.float32)
        fused = [base64.b64decode(one).decode() for one in _listed(node, "fused_ops", "s")]

        def inner(of: str, made: str) -> None:
            self._add(
                "Conv", [of, planes, *bias], f"{made}.linear" if fused[1:] else made,
                strides=_numbers(node, "strides"), dilations=_numbers(node, "dilations"),
                group=groups, auto_pad=_padding(node),
            )  # fmt: skip
            for one in fused[1:]:
                bounds = self._six() if one == "Relu6" else []
                self._add(ACTIVATIONS[one], [f"{made}.linear", *bounds], made)

        self._channels_first(name, inner, given)

    def _max_pool(self, node: Node, inputs: list[str]) -> None:
        def inner(of: str, made: str) -> None:
            self._add(
                "MaxPool", [of], made, kernel_shape=_numbers(node, "ksize"),
                strides=_numbers(node, "strides"), auto_pad=_padding(node),
            )  # fmt: skip

        self._channels_first(node["name"], inner, inputs[0])

    def _resize(self, node: Node, inputs: list[str]) -> None:
        """TensorFlow's first bilinear resizing, in which corners and not middles are aligned."""
        assert not any(_flag(node, one) for one in ("align_corners", "half_pixel_centers"))
        name = node["name"]
        sizes = self._constant(f"{name}.size", self._values[inputs[1]])
        batch = self._constant(f"{name}.batch", [0, 1])

        def inner(of: str, made: str) -> None:
            self._add("Shape", [of], f"{made}.shape")
            self._add("Gather", [f"{made}.shape", batch], f"{made}.kept")
            self._add("Concat", [f"{made}.kept", sizes], f"{made}.sizes", axis=0)
            self._add(
                "Resize", [of, "", "", f"{made}.sizes"], made,
                mode="linear", coordinate_transformation_mode="asymmetric",
            )  # fmt: skip

        self._channels_first(name, inner, inputs[0])

    def _six(self) -> list[str]:
        return [self._constant("zero", 0, np.float32), self._constant("six", 6, np.float32)]

    def _relu6(self, node: Node, inputs: list[str]) -> None:
        self._add("Clip", [*inputs, *self._six()], node["name"])

    def _mean(self, node: Node, inputs: list[str]) -> None:
        axes = self._constant(f"{node['name']}.axes", self._values[inputs[1]].reshape(-1))
        kept = int(_flag(node, "keep_dims"))
        self._add("ReduceMean", [inputs[0], axes], node["name"], keepdims=kept)

    def _concat(self, node: Node, inputs: list[str]) -> None:
        *parts, axis = inputs
        self._add("Concat", parts, node["name"], axis=int(self._values[axis]))

    def _reshape(self, node: Node, inputs: list[str]) -> None:
        shape = self._constant(f"{node['name']}.shape", self._values[inputs[1]])
        self._add("Reshape", [inputs[0], shape], node["name"])

    def _expand(self, node: Node, inputs: list[str]) -> None:
        axes = self._constant(f"{node['name']}.axes", self._values[inputs[1]].reshape(-1))
        self._add("Unsqueeze", [inputs[0], axes], node["name"])

    def _cast(self, node: Node, inputs: list[str]) -> None:
        self._add("Cast", inputs, node["name"], to=TYPES[node["attr"]["DstT"]["type"]])

    def _gather(self, node: Node, inputs: list[str]) -> None:
        values, places, axis = inputs
        self._add("Gather", [values, places], node["name"], axis=int(self._values[axis]))

    def _divide(self, node: Node, inputs: list[str]) -> None:
        """Of whole numbers, none of which is negative in these graphs."""
        self._add("Div", inputs, node["name"])

    def _remainder(self, node: Node, inputs: list[str]) -> None:
        self._add("Mod", inputs, node["name"])

    def _largest(self, node: Node, inputs: list[str]) -> None:
        name = node["name"]
        count = self._constant(f"{name}.count", self._values[inputs[1]].reshape(-1))
        self._nodes.append(
            helper.make_node("TopK", [inputs[0], count], [name, f"{name}.places"], axis=-1)
        )
        self._add("Cast", [f"{name}.places"], f"{name}:1", to=TensorProto.INT32)

    def _slice(self, node: Node, inputs: list[str]) -> None:
        """With masks for axes that are taken whole."""
        whole = [int(node["attr"][one]["i"]) for one in ("begin_mask", "end_mask")]
        assert not any(
            int(node["attr"][f"{one}_mask"]["i"]) for one in ("ellipsis", "new_axis", "shrink_axis")
        )
        begin, end, step = (self._values[one].astype(np.int64).copy() for one in inputs[1:])
        for axis in range(len(begin)):
            begin[axis] = 0 if whole[0] >> axis & 1 else begin[axis]
            end[axis] = np.iinfo(np.int64).max if whole[1] >> axis & 1 else end[axis]
        parts = {"begin": begin, "end": end, "axes": np.arange(len(begin)), "step": step}
        names = [self._constant(f"{node['name']}.{one}", value) for one, value in parts.items()]
        self._add("Slice", [inputs[0], *names], node["name"])


CONVERSIONS: Mapping[str, Callable[[_Graph, Node, list[str]], None]] = {
    "Cast": _Graph._cast,
    "ConcatV2": _Graph._concat,
    "Conv2D": _Graph._convolution,
    "DepthwiseConv2dNative": _Graph._convolution,
    "ExpandDims": _Graph._expand,
    "FloorDiv": _Graph._divide,
    "FloorMod": _Graph._remainder,
    "FusedDepthwiseConv2dNative": _Graph._convolution,
    "GatherV2": _Graph._gather,
    "MaxPool": _Graph._max_pool,
    "Mean": _Graph._mean,
    "Relu6": _Graph._relu6,
    "Reshape": _Graph._reshape,
    "ResizeBilinear": _Graph._resize,
    "StridedSlice": _Graph._slice,
    "TopKV2": _Graph._largest,
    "_FusedConv2D": _Graph._convolution,
}


def _described(tensor: Mapping[str, Any]) -> onnx.ValueInfoProto:
    shape = [int(one["size"]) for one in tensor["tensorShape"]["dim"]]
    return helper.make_tensor_value_info(tensor["name"], TYPES[tensor["dtype"]], shape)


def _listed(node: Node, name: str, kind: str) -> list[Any]:
    return list(node["attr"].get(name, {}).get("list", {}).get(kind, ()))


def _numbers(node: Node, name: str) -> list[int]:
    """Of height and width, in the middle of four."""
    return [int(one) for one in _listed(node, name, "i")[1:3]]


def _flag(node: Node, name: str) -> bool:
    return bool(node["attr"].get(name, {}).get("b", False))


def _padding(node: Node) -> str:
    padding = base64.b64decode(node["attr"]["padding"]["s"]).decode()
    return {"SAME": "SAME_UPPER", "VALID": "VALID"}[padding]
