"""A fitted linear classifier as the last nodes of the graph that made its features."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from sklearn.pipeline import Pipeline


def append_softmax(graph: bytes, head: Pipeline) -> bytes:
    """The graph with a StandardScaler and a LogisticRegression after its output "features".

    Its one output is "probabilities", float32, shape (n_images, n_classes).
    """
    scaler, regression = (step for _, step in head.steps)
    coefficients, intercept = regression.coef_, regression.intercept_
    if len(regression.classes_) == 2:  # the sigmoid of z is the softmax of 0 and z
        coefficients = np.vstack([np.zeros_like(coefficients), coefficients])
        intercept = np.concatenate([np.zeros_like(intercept), intercept])
    constants = {
        "head_mean": scaler.mean_,
        "head_scale": scaler.scale_,
        "head_coefficients": coefficients.T,
        "head_intercept": intercept,
    }
    node = helper.make_node
    nodes = [
        node("Sub", ["features", "head_mean"], ["head_centred"]),
        node("Div", ["head_centred", "head_scale"], ["head_scaled"]),
        node("Gemm", ["head_scaled", "head_coefficients", "head_intercept"], ["head_logits"]),
        node("Softmax", ["head_logits"], ["probabilities"], axis=1),
    ]
    return appended(graph, nodes, constants, {"probabilities": ["n", len(intercept)]})


def appended(
    graph: bytes,
    nodes: list[onnx.NodeProto],
    constants: dict[str, np.ndarray],
    outputs: dict[str, list[int | str | None]],
) -> bytes:
    """A graph with more nodes and constants, whose outputs are only those of the given shapes.

    Constants of floats become float32; outputs are float32.
    """
    model = onnx.load_model_from_string(graph)
    model.graph.node.extend(nodes)
    for name, value in constants.items():
        cast = value.astype(np.float32) if value.dtype.kind == "f" else value
        model.graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(cast), name))
    del model.graph.output[:]
    model.graph.output.extend(
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in outputs.items()
    )
    _drop_unused(model.graph)
    onnx.checker.check_model(model)
    serialized: bytes = model.SerializeToString()
    return serialized


def _drop_unused(graph: onnx.GraphProto) -> None:
    """Removes the nodes and constants that no output needs."""
    needed = {output.name for output in graph.output}
    kept = []
    for node in reversed(graph.node):
        if needed.intersection(node.output):
            needed.update(node.input)
            kept.append(node)
    constants = [constant for constant in graph.initializer if constant.name in needed]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(reversed(kept))
    graph.initializer.extend(constants)
