"""Whether a stranger's graph may be run at all: its size, depth, operators, tensors and inputs."""

import math
from collections import Counter
from collections.abc import Container, Iterator, Sequence

import onnx
from google.protobuf.message import Message  # type: ignore[import-untyped]
from onnx import TensorProto

from tasks.onnx.spec import Spec

MAX_NODES = 50_000
MAX_DEPTH = 8
"""Graphs within graphs: the bodies of If, Loop and Scan."""

MAX_ELEMENTS = 20_000_000
"""Of a constant's declared shape beyond what is stored, and of one instance of an input."""

MIN_OPSET = 7

DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml", "com.microsoft"})
"""Operators that onnxruntime brings for every processor; others would need a library."""

FORBIDDEN = frozenset({"EPContext"})
"""Operators that read files."""

SPANNING = frozenset({"DynamicQuantizeLinear", "DynamicQuantizeMatMul", "DynamicQuantizeLSTM"})
"""Operators that take a scale from all that they are given, and so from all of a batch.

What others make of a batch depends on their axes, and shows when they are run.
"""

DIVISION = "Div"
"""The operator whose quotient of whole numbers can end the process: Mod and others look first."""

DTYPES = {
    TensorProto.FLOAT: "float32",
    TensorProto.DOUBLE: "float64",
    TensorProto.FLOAT16: "float16",
    TensorProto.INT64: "int64",
    TensorProto.INT32: "int32",
    TensorProto.UINT8: "uint8",
    TensorProto.BOOL: "bool",
    TensorProto.STRING: "string",
}


type Functions = dict[tuple[str, str], list[onnx.FunctionProto]]
"""By domain and name, of which there may be several that are told apart by their overload."""


class Refused(Exception):
    """The graph is not taken; the text says why, and what would do."""


def inspect(model: onnx.ModelProto, spec: Spec) -> Counter[str]:
    """How often each operator is used. Raises Refused."""
    functions: Functions = {}
    for one in model.functions:
        functions.setdefault((one.domain, one.name), []).append(one)
    _check_opset(model)
    operators = _check_messages(model, functions)
    _check_expansion(model.graph.node, functions)
    _check_inputs(model.graph, spec)
    _check_outputs(model.graph, spec)
    return operators


def _check_messages(model: onnx.ModelProto, functions: Functions) -> Counter[str]:
    """How often each operator is used. Raises Refused.

    Whatever is checked is looked for everywhere: what an inspection does not look at is where a
    hostile file has it.
    """
    operators: Counter[str] = Counter()
    for message in _messages(model):
        match message:
            case onnx.NodeProto():
                _check_node(message, functions)
                if (message.domain, message.op_type) not in functions:
                    operators[message.op_type] += 1
                if operators.total() > MAX_NODES:
                    raise Refused(f"model.onnx has more than {MAX_NODES:,} nodes.")
            case onnx.FunctionProto():
                _check_no_graphs(message.attribute_proto, message.name)
            case onnx.TensorProto():
                _check_tensor(message)
            case onnx.SparseTensorProto() if math.prod(message.dims) > MAX_ELEMENTS:
                raise Refused(f"model.onnx has a tensor of shape {list(message.dims)}.")
    return operators


def _messages(model: onnx.ModelProto) -> Iterator[Message]:
    """All parts of the model, of whatever kind, wherever they are."""
    waiting: list[Message] = [model]
    while waiting:
        message = waiting.pop()
        yield message
        if isinstance(message, TensorProto):
            continue  # it has no part that matters, and to list its fields would copy its data
        for field, value in message.ListFields():
            if field.message_type is not None:
                waiting.extend(value if field.is_repeated else [value])


def _check_node(node: onnx.NodeProto, functions: Functions) -> None:
    known = (node.domain, node.op_type) in functions
    # A function may have the name of an operator: it is not known which of them is meant.
    if node.op_type in FORBIDDEN or not (known or node.domain in DOMAINS):
        raise Refused(
            f"model.onnx uses {node.op_type} of {node.domain or 'ai.onnx'!r}, which is not served: "
            "export it with operators of ONNX, 'ai.onnx.ml' and 'com.microsoft' alone."
        )
    if known:
        _check_no_graphs(node.attribute, node.op_type)


def _check_no_graphs(attributes: Sequence[onnx.AttributeProto], function: str) -> None:
    """Refuses graphs that a function is given: it can repeat each, in functions that repeat it."""
    if any(one.HasField("g") or one.graphs for one in attributes):
        raise Refused(f"model.onnx has a function that takes a graph: {function!r}.")


def _check_opset(model: onnx.ModelProto) -> None:
    """Of other domains onnxruntime and torch import more than a model uses."""
    newest = onnx.defs.onnx_opset_version()
    for one in model.opset_import:
        if one.domain in ("", "ai.onnx") and not MIN_OPSET <= one.version <= newest:
            raise Refused(
                f"model.onnx is of opset {one.version}: {MIN_OPSET} to {newest} are served."
            )


def _nodes(nodes: Sequence[onnx.NodeProto], depth: int) -> Iterator[onnx.NodeProto]:
    """All nodes, those of graphs within graphs too."""
    if depth > MAX_DEPTH:
        raise Refused(f"model.onnx nests graphs more than {MAX_DEPTH} deep.")
    for node in nodes:
        yield node
        for attribute in node.attribute:
            for graph in (*([attribute.g] if attribute.HasField("g") else ()), *attribute.graphs):
                yield from _nodes(graph.node, depth + 1)


def _check_expansion(nodes: Sequence[onnx.NodeProto], functions: Functions) -> None:
    """Refuses functions that call functions that ... until there are too many nodes."""
    sizes: dict[tuple[str, str], int | None] = {}

    def size(nodes: Sequence[onnx.NodeProto]) -> int:
        total = 0
        for node in _nodes(nodes, 0):
            key = (node.domain, node.op_type)
            total += 1
            if key in functions:
                total += expanded(key)
            if total > MAX_NODES:
                raise Refused(f"model.onnx has more than {MAX_NODES:,} nodes.")
        return total

    def expanded(key: tuple[str, str]) -> int:
        if key not in sizes:
            if len(sizes) > MAX_DEPTH * MAX_DEPTH:
                raise Refused("model.onnx has too many functions that call each other.")
            sizes[key] = None
            sizes[key] = max(size(one.node) for one in functions[key])
        found = sizes[key]
        if found is None:
            raise Refused(f"model.onnx has a function that calls itself ({key[1]}).")
        return found

    size(nodes)


def _check_tensor(tensor: TensorProto) -> None:
    if tensor.data_location == TensorProto.EXTERNAL or tensor.external_data:
        raise Refused(
            f"model.onnx keeps {tensor.name!r} in another file: save it in one file "
            "(onnx.save_model(model, path, save_as_external_data=False))."
        )
    elements = math.prod(tensor.dims)
    if any(length < 0 for length in tensor.dims) or (
        elements > MAX_ELEMENTS and elements > 8 * tensor.ByteSize()
    ):
        raise Refused(f"model.onnx has a tensor of shape {list(tensor.dims)}: {tensor.name!r}.")


def _check_inputs(graph: onnx.GraphProto, spec: Spec) -> None:
    constants = {one.name for one in graph.initializer}
    inputs = {one.name: one for one in graph.input if one.name not in constants}
    if set(inputs) != {one.name for one in spec.inputs}:
        raise Refused(
            f"manifest.json names the inputs {sorted(one.name for one in spec.inputs)}, "
            f"model.onnx has {sorted(inputs)}."
        )
    for one in spec.inputs:
        tensor = inputs[one.name].type.tensor_type
        found = DTYPES.get(tensor.elem_type)
        if found != one.dtype:
            raise Refused(f"Input {one.name!r} is {found} in model.onnx, {one.dtype} by manifest.")
        shape = _shape(inputs[one.name])
        if shape is None or not shape or shape[0] not in (None, 1):
            raise Refused(
                f"Input {one.name!r} has the shape {shape}: its first axis must be the batch's, "
                "of any length or 1."
            )
        fits = len(shape) == len(one.shape) + 1 and all(
            given is None or length in (None, given)
            for length, given in zip(shape[1:], one.shape, strict=True)
        )
        if not fits:
            raise Refused(
                f"Input {one.name!r} has the shape {shape} in model.onnx, which is not a batch of "
                f"{one.shape} as manifest.json says."
            )
        if math.prod(length or 1 for length in one.shape) > MAX_ELEMENTS:
            raise Refused(f"Input {one.name!r} has more than {MAX_ELEMENTS:,} elements.")


def _check_outputs(graph: onnx.GraphProto, spec: Spec) -> None:
    outputs = {one.name for one in graph.output}
    named = set().union(*(one.outputs() for one in spec.outputs))
    if missing := sorted(named - outputs):
        raise Refused(f"manifest.json names outputs {missing}, model.onnx has {sorted(outputs)}.")


def batchable(graph: onnx.GraphProto, operators: Container[str], spec: Spec) -> bool:
    """Whether every input says that its first axis may have any length, and outputs have one.

    No operator may compute one number of all that it is given.
    """
    if not all(one.batch_axis for one in spec.outputs) or any(one in operators for one in SPANNING):
        return False
    shapes = {one.name: _shape(one) for one in graph.input}
    return all((shape := shapes[one.name]) is not None and shape[0] is None for one in spec.inputs)


def _shape(value: onnx.ValueInfoProto) -> list[int | None] | None:
    tensor = value.type.tensor_type
    if not tensor.HasField("shape"):
        return None
    # Paddle writes -1 for a length that varies.
    return [one.dim_value if one.dim_value > 0 else None for one in tensor.shape.dim]
