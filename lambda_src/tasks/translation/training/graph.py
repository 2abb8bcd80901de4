"""The network as two ONNX graphs: an encoder, and one step of the decoder.

encoder   source (S, B) int64, lengths (B,) int32 -> annotations (B, S, N), keys (B, N, S),
          padding (B, 1, S), first (B, N), second (B, N)
decoder   token (B, K) int64, first and second (B, K, N), annotations, keys, padding,
          width (1,) int64 -> scores and ids (B, K, width) of the likeliest next pieces, best
          first, and the new first and second

B sentences are translated at once, K hypotheses of each.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tasks.framework.training.graphs import serialized
from tasks.translation.subwords import PAD
from tasks.translation.training.network import NEVER, Parameters

_node = helper.make_node
_info = helper.make_tensor_value_info
_FLOAT, _LONG = TensorProto.FLOAT, TensorProto.INT64


def export(parameters: Parameters) -> tuple[bytes, bytes]:
    """The encoder and the decoder."""
    return _encoder(parameters), _decoder(parameters)


def _encoder(parameters: Parameters) -> bytes:
    p, n = parameters, parameters.sizes.state
    units = p.gru("encoder")
    none = np.zeros_like(units.bias)
    none[:, -units.inner_bias.shape[1] :] = units.inner_bias
    constants: dict[str, np.ndarray] = {
        "embedding": p["source_embedding"],
        "W": units.inputs.swapaxes(1, 2),
        "R": units.recurrent.swapaxes(1, 2),
        "biases": np.concatenate([units.bias, none], axis=1),
        "bridge": p["bridge"],
        "bridge_bias": p["bridge_bias"],
        "keys_weights": p["keys"] * np.float32(n**-0.5),
        "joined": np.array([0, 0, -1]),
        "joined_ends": np.array([0, -1]),
        "pad": np.array(PAD),
        "masked": np.array(NEVER),
        "seen": np.array(0, np.float32),
        "middle": np.array([1]),
    }
    nodes = [
        _node("Gather", ["embedding", "source"], ["embedded"]),
        _node(
            "GRU",
            ["embedded", "W", "R", "biases", "lengths"],
            ["states", "last"],
            direction="bidirectional",
            hidden_size=n // 2,
            linear_before_reset=1,
        ),
        _node("Transpose", ["states"], ["by_sentence"], perm=[2, 0, 1, 3]),
        _node("Reshape", ["by_sentence", "joined"], ["annotations"]),
        _node("MatMul", ["annotations", "keys_weights"], ["rows"]),
        _node("Transpose", ["rows"], ["keys"], perm=[0, 2, 1]),
        _node("Equal", ["source", "pad"], ["is_padding"]),
        _node("Where", ["is_padding", "masked", "seen"], ["mask"]),
        _node("Transpose", ["mask"], ["mask_by_sentence"], perm=[1, 0]),
        _node("Unsqueeze", ["mask_by_sentence", "middle"], ["padding"]),
        _node("Transpose", ["last"], ["last_by_sentence"], perm=[1, 0, 2]),
        _node("Reshape", ["last_by_sentence", "joined_ends"], ["ends"]),
        _node("Gemm", ["ends", "bridge", "bridge_bias"], ["bridge_sums"]),
        _node("Tanh", ["bridge_sums"], ["bridged"]),
        _node("Split", ["bridged"], ["first", "second"], axis=1, num_outputs=2),
    ]
    inputs = [_info("source", _LONG, ["S", "B"]), _info("lengths", TensorProto.INT32, ["B"])]
    outputs = [
        _info("annotations", _FLOAT, ["B", "S", n]),
        _info("keys", _FLOAT, ["B", n, "S"]),
        _info("padding", _FLOAT, ["B", 1, "S"]),
        _info("first", _FLOAT, ["B", n]),
        _info("second", _FLOAT, ["B", n]),
    ]
    return _serialized("encoder", nodes, inputs, outputs, constants)


def _decoder(parameters: Parameters) -> bytes:
    p, n = parameters, parameters.sizes.state
    constants = {
        "embedding": p["target_embedding"],
        "output": p["output"],
        "output_bias": p["output_bias"],
        "target_bias": p["target_bias"],
    }
    first, first_weights = _step(p, "first", "embedded", "first", "new_first")
    second, second_weights = _step(p, "second", "seen", "second", "new_second")
    nodes = [
        _node("Gather", ["embedding", "token"], ["embedded"]),
        *first,
        _node("MatMul", ["new_first", "keys"], ["products"]),
        _node("Add", ["products", "padding"], ["masked"]),
        _node("Softmax", ["masked"], ["weights"], axis=-1),
        _node("MatMul", ["weights", "annotations"], ["context"]),
        _node("Concat", ["new_first", "context"], ["seen"], axis=-1),
        *second,
        _node("Concat", ["new_second", "context"], ["both"], axis=-1),
        _node("MatMul", ["both", "output"], ["output_products"]),
        _node("Add", ["output_products", "output_bias"], ["output_sums"]),
        _node("Tanh", ["output_sums"], ["hidden"]),
        _node("Transpose", ["embedding"], ["columns"], perm=[1, 0]),
        _node("MatMul", ["hidden", "columns"], ["logit_products"]),
        _node("Add", ["logit_products", "target_bias"], ["logits"]),
        _node("LogSoftmax", ["logits"], ["log_probabilities"], axis=-1),
        _node("TopK", ["log_probabilities", "width"], ["scores", "ids"], axis=-1),
    ]
    inputs = [
        _info("token", _LONG, ["B", "K"]),
        _info("first", _FLOAT, ["B", "K", n]),
        _info("second", _FLOAT, ["B", "K", n]),
        _info("annotations", _FLOAT, ["B", "S", n]),
        _info("keys", _FLOAT, ["B", n, "S"]),
        _info("padding", _FLOAT, ["B", 1, "S"]),
        _info("width", _LONG, [1]),
    ]
    outputs = [
        _info("scores", _FLOAT, ["B", "K", "W"]),
        _info("ids", _LONG, ["B", "K", "W"]),
        _info("new_first", _FLOAT, ["B", "K", n]),
        _info("new_second", _FLOAT, ["B", "K", n]),
    ]
    return _serialized(
        "decoder", nodes, inputs, outputs, constants | first_weights | second_weights
    )


def _step(
    parameters: Parameters, name: str, x: str, state: str, after: str
) -> tuple[list[onnx.NodeProto], dict[str, np.ndarray]]:
    """One step of units as layers.gru computes it: its nodes, and their constants."""
    units = parameters.gru(name)
    weights = {
        f"{name}_inputs": units.inputs[0],
        f"{name}_recurrent": units.recurrent[0],
        f"{name}_bias": units.bias[0],
        f"{name}_inner_bias": units.inner_bias[0],
    }

    def own(*parts: str) -> list[str]:
        return [f"{name}_{part}" for part in parts]

    nodes = [
        _node("MatMul", [x, f"{name}_inputs"], own("input_products")),
        _node("Add", own("input_products", "bias"), own("sums")),
        _node("MatMul", [state, f"{name}_recurrent"], own("products")),
        _node("Split", own("sums"), own("z_x", "r_x", "n_x"), axis=-1, num_outputs=3),
        _node("Split", own("products"), own("z_h", "r_h", "n_h"), axis=-1, num_outputs=3),
        _node("Add", own("z_x", "z_h"), own("z_sum")),
        _node("Sigmoid", own("z_sum"), own("update")),
        _node("Add", own("r_x", "r_h"), own("r_sum")),
        _node("Sigmoid", own("r_sum"), own("reset")),
        _node("Add", own("n_h", "inner_bias"), own("inner")),
        _node("Mul", own("reset", "inner"), own("let_through")),
        _node("Add", own("n_x", "let_through"), own("n_sum")),
        _node("Tanh", own("n_sum"), own("candidate")),
        _node("Sub", [state, f"{name}_candidate"], own("distance")),
        _node("Mul", own("update", "distance"), own("kept")),
        _node("Add", own("candidate", "kept"), [after]),
    ]
    return nodes, weights


def _serialized(
    name: str,
    nodes: list[onnx.NodeProto],
    inputs: list[onnx.ValueInfoProto],
    outputs: list[onnx.ValueInfoProto],
    constants: dict[str, np.ndarray],
) -> bytes:
    tensors = [
        numpy_helper.from_array(np.ascontiguousarray(value), name)
        for name, value in constants.items()
    ]
    graph = helper.make_graph(nodes, name, inputs, outputs, tensors)
    return serialized(graph)
