"""A network written down node by node, as an ONNX graph of images."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = helper.make_opsetid("", 18)
IR_VERSION = 10

type Shape = Sequence[int | str | None]


class Graph:
    """Nodes and constants in the order in which they are added; names are the caller's."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, np.ndarray] = {}

    def add(self, operator: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        """Adds a node of one output; answers the output's name."""
        self._nodes.append(helper.make_node(operator, list(inputs), [output], **attributes))
        return output

    def constant(self, name: str, value: Any) -> str:
        """Adds a constant, floats as float32; answers its name."""
        array = np.asarray(value)
        cast = array.astype(np.float32) if array.dtype.kind == "f" else array
        self._constants[name] = np.ascontiguousarray(cast)
        return name

    def pixels(self, mean: Any, scale: float) -> str:
        """The input "images", uint8 (n, height, width, 3), as planes of (value - mean) / scale."""
        self.add("Cast", ["images"], "floats", to=TensorProto.FLOAT)
        self.add("Sub", ["floats", self.constant("mean", mean)], "centred")
        self.add("Div", ["centred", self.constant("scale", np.array([scale]))], "scaled")
        return self.add("Transpose", ["scaled"], "planes", perm=[0, 3, 1, 2])

    def serialized(
        self, images: Shape, outputs: Mapping[str, Shape], properties: Mapping[str, str]
    ) -> bytes:
        """A checked model; outputs are float32, properties its custom metadata."""
        graph = helper.make_graph(
            self._nodes,
            self._name,
            [helper.make_tensor_value_info("images", TensorProto.UINT8, list(images))],
            [
                helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape))
                for name, shape in outputs.items()
            ],
            [numpy_helper.from_array(value, name) for name, value in self._constants.items()],
        )
        model = helper.make_model(graph, opset_imports=[OPSET], ir_version=IR_VERSION)
        helper.set_model_props(model, dict(properties))
        onnx.checker.check_model(model)
        content: bytes = model.SerializeToString()
        return content
