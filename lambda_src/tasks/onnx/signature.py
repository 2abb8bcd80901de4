"""What a model that was trained elsewhere takes and gives, by the codecs of its manifest."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from common.signature import Input, Output, Signature
from tasks.framework.signatures import IMAGE, detected, labelled
from tasks.images.boxes import MIN_SCORE
from tasks.onnx import spec
from tasks.onnx.spec import Served


def signature(inputs: Mapping[str, Any], labels: Sequence[str] | None) -> Signature:
    served = msgspec.convert(inputs, Served)
    # Several inputs of a graph may be of one field.
    fields = {one.field: _input(one) for one in served.inputs if one.codec != "constant"}
    outputs = [field for one in served.outputs for field in _outputs(one, labels)]
    tensors = [one.name for one in served.outputs if one.codec == "tensor"]
    if tensors:
        outputs.append(Output("outputs", "object", [len(tensors)], tensors))
    if any(one.codec == "detection" for one in served.outputs):
        fields[MIN_SCORE] = Input(MIN_SCORE, "number", nullable=True)
    return Signature(list(fields.values()), outputs)


def _input(one: spec.Input) -> Input:
    match one.codec:
        case "image":
            return IMAGE
        case "text" | "characters":
            return Input(one.field, "text")
    return Input(one.field, _type(one.dtype), shape=one.shape, dtype=one.dtype)


def _type(dtype: spec.DType) -> Literal["number", "boolean", "text"]:
    match dtype:
        case "bool":
            return "boolean"
        case "string":
            return "text"
    return "number"


def _outputs(one: spec.Output, labels: Sequence[str] | None) -> list[Output]:
    match one.codec:
        case "labels":
            return labelled(labels)
        case "detection":
            return detected()
        case "embedding":
            return [Output("embedding", "number", [None])]
        case "ctc":
            return [Output("text", "text"), Output("score", "number")]
    return []
