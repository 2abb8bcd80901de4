"""Models of which a row depends on others: they are run on one instance at a time."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from onnxruntime.quantization import quantize_dynamic

from tasks.onnx import serving
from tasks.onnx.training import batching
from tests.unit.tasks.brought import X, graph, loaded, model, try_out

make = helper.make_node

CLASSES = np.array([[1.0, -1.0, 0.5], [-0.5, 1.5, 1.0]], np.float32)
CONSTANTS: dict[str, np.ndarray] = {
    "classes": CLASSES,
    "rows": np.array([0]),
    "axis": np.array(0),
    "ones": np.ones(2, np.float32),
    "zeros": np.zeros(2, np.float32),
}


def over(how: str, *inputs: str, by: str = "Div", **attributes: Any) -> list[onnx.NodeProto]:
    """x and what an operator makes of all rows, as z."""
    return [make(how, ["x", *inputs], ["m"], **attributes), make(by, ["x", "m"], ["z"])]


STATISTICS = ["ones", "zeros", "zeros", "ones"]

SPANNING = {
    "maximum of all": over("ReduceMax"),
    "maxima of columns": over("ReduceMax", "rows"),
    "mean of all": over("ReduceMean", by="Sub"),
    "means of columns": over("ReduceMean", "rows", by="Sub"),
    "minima of columns": over("ReduceMin", "rows", by="Sub"),
    "length of all": over("ReduceL2"),
    "first row": over("Gather", "rows", by="Add"),
    "shares of columns": [make("Softmax", ["x"], ["z"], axis=0)],
    "lengths of columns": [make("LpNormalization", ["x"], ["z"], axis=0)],
    "statistics of a training": [
        make("BatchNormalization", ["x", *STATISTICS], ["z", "r", "v"], training_mode=1)
    ],
    "sums of rows before": [make("CumSum", ["x", "axis"], ["z"])],
    "greatest first": [
        make("TopK", ["x", "count"], ["z", "order"], axis=0),
        make("Shape", ["x"], ["count"], end=1),
    ][::-1],
    "number of rows": [
        make("Shape", ["x"], ["count"], end=1),
        make("Cast", ["count"], ["number"], to=TensorProto.FLOAT),
        make("Mul", ["x", "number"], ["z"]),
    ],
}

OUTPUTS = {
    "p": helper.make_tensor_value_info("p", TensorProto.FLOAT, ["batch", 3]),
    "label": helper.make_tensor_value_info("label", TensorProto.INT64, ["batch"]),
}


def classifier(nodes: list[onnx.NodeProto], *outputs: str) -> onnx.ModelProto:
    """Probabilities p, and the label, of z that nodes make of x."""
    last = [
        make("MatMul", ["z", "classes"], ["scores"]),
        make("Softmax", ["scores"], ["p"], axis=1),
        make("ArgMax", ["p"], ["label"], axis=1, keepdims=0),
    ]
    return model(graph([*nodes, *last], [X], [OUTPUTS[one] for one in outputs], CONSTANTS))


def is_batched(of: onnx.ModelProto, output: str, *instances: list[float]) -> bool:
    """As the trial finds of examples that are the model's own answers, by a wide tolerance."""
    outputs = [{"name": output}]
    alone = loaded(of, batched=False, outputs=outputs)
    examples = [
        {"instance": {"x": one}, "outputs": alone.predict([{"x": one}])[0][0]["outputs"]}
        for one in instances
    ]
    return try_out(of, outputs=outputs, examples=examples, tolerance=0.1).batched


@pytest.mark.parametrize("spanning", SPANNING.values(), ids=SPANNING)
@pytest.mark.parametrize("output", ["p", "label"])
def test_what_spans_the_batch_is_run_alone(output: str, spanning: list[onnx.NodeProto]) -> None:
    """However small the influence is on the examples, and whatever is named."""
    of = classifier(spanning, "p", "label")
    assert not is_batched(of, output, [1.0, 2.0])
    assert not is_batched(of, output, [1.0, 2.0], [2.0, 0.5], [0.4, 3.0])


ROW_BY_ROW = {
    "as it is": [make("Identity", ["x"], ["z"])],
    "mean of a row": over("ReduceMean", "columns", by="Sub"),
    "shares of a row": [make("Softmax", ["x"], ["z"], axis=1)],
}


@pytest.mark.parametrize("nodes", ROW_BY_ROW.values(), ids=ROW_BY_ROW)
@pytest.mark.parametrize("output", ["p", "label"])
def test_what_is_of_a_row_is_run_together(output: str, nodes: list[onnx.NodeProto]) -> None:
    of = classifier(nodes, "p", "label")
    of.graph.initializer.append(onnx.numpy_helper.from_array(np.array([1]), "columns"))
    assert is_batched(of, output, [1.0, 2.0])
    assert is_batched(of, output, [1.0, 2.0], [2.0, 0.5], [0.4, 3.0])


def test_labels_alone_are_no_proof() -> None:
    """They stay the same while the scores that they are made of do not."""
    assert not is_batched(classifier(ROW_BY_ROW["as it is"], "label"), "label", [1.0, 2.0])


@pytest.mark.parametrize("output", ["p", "label"])
def test_quantised_models_take_their_scale_from_one_instance(output: str, tmp_path: Path) -> None:
    """onnxruntime's quantize_dynamic: one instance in another unit made all others alike."""
    onnx.save(classifier(ROW_BY_ROW["as it is"], "p", "label"), tmp_path / "whole.onnx")
    quantize_dynamic(tmp_path / "whole.onnx", tmp_path / "quantised.onnx")
    of = onnx.load(tmp_path / "quantised.onnx")
    batched = is_batched(of, output, [1.0, 2.0])
    brought = loaded(of, batched, outputs=[{"name": output}])
    instances = [{"x": x} for x in ([1.0, 2.0], [2.0, 0.5], [5100.0, 3500.0])]
    apart = [brought.predict([one])[0][0] for one in instances]
    assert brought.predict(instances)[0] == apart


def test_a_scale_of_all_is_known_by_its_operator() -> None:
    """No change of the example has a greater range than it, and another row of the table has."""
    x = helper.make_tensor_value_info("x", TensorProto.INT64, ["batch"])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 2])
    nodes = [
        make("Gather", ["table", "x"], ["z"]),
        make("DynamicQuantizeLinear", ["z"], ["q", "scale", "zero"]),
        make("DequantizeLinear", ["q", "scale", "zero"], ["y"]),
    ]
    table = np.array([[1, -1], [-1, 1], [900, 0]], np.float32)
    of = model(graph(nodes, [x], [y], {"table": table}))
    changes: dict[str, Any] = {
        "inputs": [{"name": "x", "shape": [], "dtype": "int64"}],
        "examples": [{"instance": {"x": 0}, "outputs": {"y": [1, -1]}}],
        "tolerance": 0.1,
    }
    assert not try_out(of, **changes).batched


def test_instances_too_large_to_be_run_together_are_no_proof(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Smaller ones may be, where a length varies."""
    monkeypatch.setattr(serving, "VALUES_AT_ONCE", 1)
    of = classifier(SPANNING["means of columns"], "p")
    assert not is_batched(of, "p", [1.0, 2.0], [2.0, 0.5])


def test_whole_numbers_are_tried_beside_large_ones() -> None:
    x = helper.make_tensor_value_info("x", TensorProto.INT64, ["batch", 2])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 2])
    nodes = [
        make("Cast", ["x"], ["f"], to=TensorProto.FLOAT),
        make("ReduceMax", ["f"], ["m"]),
        make("Max", ["m", "limit"], ["n"]),
        make("Div", ["f", "n"], ["y"]),
    ]
    of = model(graph(nodes, [x], [y], {"limit": np.array(100, np.float32)}))
    inputs = [{"name": "x", "shape": [2], "dtype": "int64"}]
    examples = [{"instance": {"x": [1, 2]}, "outputs": {"y": [0.01, 0.02]}}]
    assert not try_out(of, inputs=inputs, examples=examples).batched


def test_comparing_has_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "COMPARING_SECONDS", -1.0)
    verdict = try_out()
    assert (verdict.refused, verdict.batched) == (None, False)
