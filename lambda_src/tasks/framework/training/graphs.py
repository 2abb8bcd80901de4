"""Graphs written by hand become models, all for the same operators."""

from collections.abc import Mapping, Sequence

import onnx
from onnx import helper

OPSETS = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 5)]
IR_VERSION = 10


def serialized(
    graph: onnx.GraphProto,
    properties: Mapping[str, str] | None = None,
    opsets: Sequence[onnx.OperatorSetIdProto] = OPSETS,
) -> bytes:
    """A checked model of the graph; properties become its custom metadata."""
    model = helper.make_model(graph, opset_imports=list(opsets), ir_version=IR_VERSION)
    if properties:
        helper.set_model_props(model, dict(properties))
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content
