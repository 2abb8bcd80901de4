"""Models that are brought to do harm: each of these attacks has got through once."""

import json
import math
import re
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import AttributeProto, TensorProto, helper, numpy_helper

from common import problems
from common.problems import Unprocessable
from inference.models import resident_bytes
from tasks import InvalidInstances
from tasks.onnx import serving
from tasks.onnx.serving import Imported
from tasks.onnx.training import inspection, trial
from tasks.onnx.training.inspection import Refused
from tasks.onnx.training.trial import tried
from tests.unit.tasks.brought import (
    WEIGHTS,
    echo,
    graph,
    loaded,
    manifest,
    model,
    spec,
    try_out,
)
from tests.unit.tasks.polyglot import polyglot

OPSET = helper.make_opsetid("", 18)
MINE = helper.make_opsetid("mine", 1)
CALL = helper.make_node("F", ["x"], ["y"], domain="mine")


def refused(of: onnx.ModelProto | None = None, **changes: Any) -> str:
    with pytest.raises(Refused) as caught:
        try_out(of, **changes)
    return str(caught.value)


def function(*nodes: onnx.NodeProto, **more: Any) -> onnx.FunctionProto:
    return helper.make_function("mine", "F", ["a"], ["b"], nodes, [OPSET], **more)


def calling(*functions: onnx.FunctionProto, call: onnx.NodeProto = CALL) -> onnx.ModelProto:
    return model(graph([call]), functions=functions, domains=[MINE])


# A file that is two models


def test_what_is_inspected_is_what_is_run(tmp_path: Path) -> None:
    other = model(graph([helper.make_node("Neg", ["x"], ["y"])], constants={}))
    content = polyglot(model(), other, tmp_path)
    assert [node.op_type for node in onnx.load_model_from_string(content).graph.node] == ["MatMul"]
    guessed = onnxruntime.InferenceSession(content)
    assert guessed.run(None, {"x": np.array([[1, 2]], np.float32)})[0].tolist() == [[-1, -2]]
    assert tried({"model.onnx": content}, spec()).operators == {"MatMul": 1}
    inputs = {"inputs": manifest()["inputs"], "outputs": manifest()["outputs"], "batched": True}
    answers, _ = serving.load(inputs, None, {"model.onnx": content}).predict([{"x": [1, 2]}])
    assert answers == [{"outputs": {"y": [5.0, 0.0]}}]


# Files that a model reads


def external(name: str = "w") -> TensorProto:
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=[2, 2])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/proc/self/environ")
    return tensor


def in_default_of_a_function() -> onnx.ModelProto:
    constant = helper.make_node("Constant", [], ["c"])
    constant.attribute.add(name="value", ref_attr_name="v", type=AttributeProto.TENSOR)
    default = helper.make_attribute("v", external())
    body = [constant, helper.make_node("MatMul", ["a", "c"], ["b"])]
    return calling(function(*body, attribute_protos=[default]))


def in_call_of_a_function() -> onnx.ModelProto:
    call = helper.make_node("F", ["x"], ["y"], domain="mine", v=external())
    return calling(function(helper.make_node("Neg", ["a"], ["b"])), call=call)


def in_body_of_a_function() -> onnx.ModelProto:
    body = [
        helper.make_node("Constant", [], ["c"], value=external()),
        helper.make_node("MatMul", ["a", "c"], ["b"]),
    ]
    return calling(function(*body))


def in_sparse_tensors() -> onnx.ModelProto:
    whole = model()
    whole.graph.node[0].attribute.add(name="s").sparse_tensors.add().values.CopyFrom(external())
    return whole


def in_sparse_constant() -> onnx.ModelProto:
    whole = model()
    whole.graph.sparse_initializer.add(dims=[2, 2]).indices.CopyFrom(external())
    return whole


def in_training() -> onnx.ModelProto:
    whole = model()
    whole.training_info.add().algorithm.initializer.append(external())
    return whole


def in_graph_of_a_default() -> onnx.ModelProto:
    whole = calling(function(helper.make_node("Neg", ["a"], ["b"])))
    whole.functions[0].attribute_proto.append(helper.make_attribute("g", model().graph))
    whole.functions[0].attribute_proto[0].g.initializer.append(external())
    return whole


@pytest.mark.parametrize(
    "hidden",
    [
        in_default_of_a_function,
        in_call_of_a_function,
        in_body_of_a_function,
        in_sparse_tensors,
        in_sparse_constant,
        in_training,
        in_graph_of_a_default,
    ],
)
def test_weights_in_other_files_are_found_wherever_they_are(hidden: Any) -> None:
    with pytest.raises(Refused, match=r"in another file|takes a graph"):
        inspection.inspect(hidden(), spec())


def test_operators_that_read_files_are_refused_under_the_name_of_a_function() -> None:
    reader = helper.make_node("EPContext", ["x"], ["y"], domain="com.microsoft")
    shadow = helper.make_function(
        "com.microsoft", "EPContext", ["a"], ["b"], [helper.make_node("Neg", ["a"], ["b"])], [OPSET]
    )
    domains = [helper.make_opsetid("com.microsoft", 1)]
    assert "not served" in refused(model(graph([reader]), functions=[shadow], domains=domains))


# Graphs that grow


def test_functions_that_repeat_a_graph_are_refused() -> None:
    """A graph with which a function is called counts once, and is there as often as it says."""
    inner = helper.make_graph(
        [helper.make_node("Neg", ["x"], ["n"])], "inner", [],
        [helper.make_tensor_value_info("n", TensorProto.FLOAT, None)],
    )  # fmt: skip
    body = helper.make_node("If", ["a"], ["b"])
    for branch in ("then_branch", "else_branch"):
        body.attribute.add(name=branch, ref_attr_name="g", type=AttributeProto.GRAPH)
    call = helper.make_node("F", ["x"], ["y"], domain="mine", g=inner)
    assert "takes a graph" in refused(calling(function(body, attributes=["g"]), call=call))


def test_functions_that_multiply_by_their_overloads_are_refused() -> None:
    """The last one of a name is harmless."""
    names = [f"F{level}" for level in range(12)]
    functions = []
    for level, name in enumerate(names):
        inner = [
            helper.make_node(
                names[level - 1] if level else "Neg",
                [f"b{step - 1}" if step else "a"],
                [f"b{step}"],
                domain="mine" if level else "",
                overload="many" if level else None,
            )
            for step in range(10)
        ]
        for overload, nodes in (("many", inner), ("one", inner[:1])):
            one = helper.make_function(
                "mine", name, ["a"], [nodes[-1].output[0]], nodes, [OPSET, MINE]
            )
            one.overload = overload
            functions.append(one)
    call = helper.make_node("F11", ["x"], ["y"], domain="mine", overload="many")
    assert "nodes" in refused(calling(*functions, call=call))


def test_sparse_tensors_of_a_few_bytes_that_become_terabytes_are_refused() -> None:
    whole = model()
    sparse = whole.graph.sparse_initializer.add(dims=[1 << 20, 1 << 20])
    sparse.values.CopyFrom(numpy_helper.from_array(np.ones(1, np.float32), "s"))
    sparse.indices.CopyFrom(numpy_helper.from_array(np.zeros(1, np.int64), "i"))
    assert "tensor of shape" in refused(whole)


# Quotients that end the process


def dividing(kind: int) -> onnx.ModelProto:
    x, z, y = (helper.make_tensor_value_info(name, kind, ["batch", 2]) for name in "xzy")
    return model(graph([helper.make_node("Div", ["x", "z"], ["y"])], [x, z], [y], {}))


def dividing_in_a_branch() -> onnx.ModelProto:
    """The same quotient, in a function within a branch."""
    quotient = helper.make_function(
        "mine", "Q", ["a", "b"], ["c"], [helper.make_node("Div", ["a", "b"], ["c"])], [OPSET]
    )
    whole = dividing(TensorProto.INT64)
    out = helper.make_tensor_value_info("q", TensorProto.INT64, None)
    call = helper.make_node("Q", ["x", "z"], ["q"], domain="mine")
    branch = helper.make_graph([call], "branch", [], [out])
    nodes = [helper.make_node("If", ["yes"], ["y"], then_branch=branch, else_branch=branch)]
    io = whole.graph.input, whole.graph.output
    constants = {"yes": np.array(True)}
    return model(graph(nodes, *io, constants), functions=[quotient], domains=[MINE])


def test_a_division_by_zero_is_told_without_places_in_code() -> None:
    inputs = [{"name": name, "shape": [2], "dtype": "int64"} for name in "xz"]
    brought = loaded(dividing(TensorProto.INT64), inputs=inputs)
    (detail,) = errors(brought, [{"x": [1, 2], "z": [0, 1]}]).values()
    assert detail.endswith("Status Message: Integer division by zero")


@pytest.mark.parametrize(
    ("of", "dtype"),
    [
        (dividing(TensorProto.INT32), "int32"),
        (dividing(TensorProto.INT64), "int64"),
        (dividing_in_a_branch(), "int64"),
    ],
)
def test_the_least_number_is_not_divided(of: onnx.ModelProto, dtype: str) -> None:
    """By -1 it has no quotient in its type, and the processor ends the process."""
    changes: dict[str, Any] = {
        "inputs": [{"name": name, "shape": [2], "dtype": dtype} for name in "xz"],
        "examples": [{"instance": {"x": [7, 8], "z": [2, 3]}, "outputs": {"y": [3, 2]}}],
    }
    divides = try_out(of, **changes).divides
    assert divides
    brought = loaded(of, divides=divides, **changes)
    least = int(np.iinfo(dtype).min)
    (found,) = errors(brought, [{"x": [least, 2], "z": [-1, 1]}]).items()
    assert found[0] == "/instances/0/x"
    assert f"Expected numbers above {least}" in found[1]
    answers, _ = brought.predict([{"x": [least + 1, -7], "z": [-1, 2]}])
    assert answers == [{"outputs": {"y": [-(least + 1), -3]}}]


def test_the_least_number_is_taken_where_nothing_is_divided() -> None:
    of, least = echo([1], TensorProto.INT64), -(2**63)
    inputs = [{"name": "x", "shape": [1], "dtype": "int64"}]
    example = {"instance": {"x": [least]}, "outputs": {"y": [least]}}
    assert not try_out(of, inputs=inputs, examples=[example]).divides
    answers, _ = loaded(of, inputs=inputs).predict([{"x": [least]}])
    assert answers == [{"outputs": {"y": [least]}}]


# Graphs that take as much as their input says


def counted(*nodes: onnx.NodeProto, **constants: Any) -> onnx.ModelProto:
    """A graph with the greatest value of its input as n, a whole number."""
    first = [
        helper.make_node("ReduceMax", ["x"], ["m"], keepdims=0),
        helper.make_node("Cast", ["m"], ["n"], to=TensorProto.INT64),
    ]
    arrays = {name: np.array(value) for name, value in constants.items()}
    return model(graph([*first, *nodes], constants=arrays))


def test_a_graph_that_computes_for_long_while_it_is_loaded_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What depends on no input is computed then, where no deadline of a request ends it."""
    monkeypatch.setattr(trial, "LOADING_SECONDS", 0.1)
    steps = 8
    ones = numpy_helper.from_array(np.array([1e-3], np.float32))
    nodes = [
        helper.make_node("ConstantOfShape", ["shape"], ["c0"], value=ones),
        *(helper.make_node("MatMul", [f"c{at}", "c0"], [f"c{at + 1}"]) for at in range(steps)),
        helper.make_node("ReduceMin", [f"c{steps}"], ["least"], keepdims=0),
        helper.make_node("Add", ["x", "least"], ["y"]),
    ]
    message = refused(model(graph(nodes, constants={"shape": np.array([1000, 1000])})))
    assert re.search(r"takes \d+\.\d s to load, and 0\.1 s is the most", message)


def looping(body: list[onnx.NodeProto]) -> onnx.ModelProto:
    """A graph that makes w of v as often as its input says."""
    info = helper.make_tensor_value_info
    state = [info("i", TensorProto.INT64, []), info("go", TensorProto.BOOL, [])]
    v, w = (info(name, TensorProto.FLOAT, None) for name in "vw")
    on = info("on", TensorProto.BOOL, [])
    nodes = [helper.make_node("Identity", ["go"], ["on"]), *body]
    loop = helper.make_node(
        "Loop", ["n", "yes", "x"], ["z"], body=helper.make_graph(nodes, "b", [*state, v], [on, w])
    )
    last = [
        helper.make_node("ReduceSum", ["z"], ["s"], keepdims=0),
        helper.make_node("Add", ["x", "s"], ["y"]),
    ]
    return counted(loop, *last, yes=True)


def in_terabytes() -> onnx.ModelProto:
    return counted(
        helper.make_node("Unsqueeze", ["n", "zero"], ["n1"]),
        helper.make_node("Concat", ["n1", "n1", "two"], ["shape"], axis=0),
        helper.make_node("Expand", ["x", "shape"], ["huge"]),
        helper.make_node("ReduceSum", ["huge"], ["s"], keepdims=0),
        helper.make_node("Add", ["x", "s"], ["y"]),
        zero=[0],
        two=[2],
    )


def doubling() -> onnx.ModelProto:
    return looping([helper.make_node("Concat", ["v", "v"], ["w"], axis=0)])


def memory_in_lambda(monkeypatch: pytest.MonkeyPatch, room_mb: int) -> None:
    """The function has so much more memory than this process takes now."""
    megabytes = int((resident_bytes() / 2**20 + room_mb) / 0.9)
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", str(megabytes))


def in_small_pieces() -> onnx.ModelProto:
    """Strings with memory of their own: nothing is left for what an exception takes."""
    return counted(
        helper.make_node("Unsqueeze", ["n", "zero"], ["times"]),
        helper.make_node("Tile", ["text", "times"], ["texts"]),
        helper.make_node("Shape", ["texts"], ["count"]),
        helper.make_node("Cast", ["count"], ["c"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["x", "c"], ["y"]),
        zero=[0],
        text=np.array(["x" * 600], object),
    )


HARMLESS, HOSTILE = {"x": [1, 2]}, {"x": [1, 1e6]}


def errors(of: Imported, instances: list[Any], deadline: float = math.inf) -> dict[str, str]:
    with pytest.raises(InvalidInstances) as caught:
        of.infer(instances, deadline)
    return {one.pointer: one.detail for one in caught.value.errors}


@pytest.mark.parametrize("hostile", [in_terabytes, doubling, in_small_pieces])
def test_memory_that_an_input_asks_for_is_bounded(
    hostile: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    brought = loaded(hostile())
    memory_in_lambda(monkeypatch, 200)
    before, _ = brought.predict([HARMLESS])
    assert errors(brought, [HARMLESS, HOSTILE]) == {
        "/instances/1": "The model cannot be run on this: it takes more memory than there is"
    }
    assert brought.predict([HARMLESS])[0] == before


def test_memory_of_a_run_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    brought = loaded(in_terabytes())
    brought.predict([HARMLESS])
    before = resident_bytes()
    brought.predict([{"x": [1, 4000]}])  # 128 MB
    assert resident_bytes() - before < 64 * 2**20


def test_memory_is_bounded_for_predictions_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    memory_in_lambda(monkeypatch, 100)
    loaded().predict([HARMLESS])
    assert len(bytearray(400 * 2**20)) > 0


def test_a_model_that_no_memory_is_left_for_is_not_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = model(graph(constants={"w": WEIGHTS, "v": np.ones(40_000_000, np.float32)}))
    memory_in_lambda(monkeypatch, 0)
    with pytest.raises(Unprocessable, match="more memory than the function has"):
        loaded(whole)


def test_a_loop_as_long_as_its_input_says_ends_at_the_deadline() -> None:
    brought = loaded(looping([helper.make_node("Identity", ["v"], ["w"])]))
    before = brought.infer([HARMLESS], time.monotonic() + 60).predictions.rows()
    started = time.monotonic()
    found = errors(brought, [HARMLESS, {"x": [1, 1e15]}], started + 0.05)
    assert list(found) == ["/instances/0"]  # both are run together
    assert "did not answer this in time" in found["/instances/0"]
    assert brought.infer([HARMLESS], time.monotonic() + 60).predictions.rows() == before


def test_after_the_deadline_nothing_is_run() -> None:
    assert list(errors(loaded(), [HARMLESS] * 40, time.monotonic())) == ["/instances/0"]


# Answers that are too large


def test_outputs_too_large_for_an_answer_are_not_made_json() -> None:
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 1, 4_000_000])
    nodes = [
        helper.make_node("ReduceSum", ["x"], ["s"], keepdims=1),
        helper.make_node("Unsqueeze", ["s", "one"], ["u"]),
        helper.make_node("Expand", ["u", "shape"], ["y"]),
    ]
    constants = {"one": np.array([1]), "shape": np.array([1, 1, 4_000_000])}
    brought = loaded(model(graph(nodes, outputs=[y], constants=constants)), batched=False)
    (found,) = errors(brought, [HARMLESS]).items()
    assert found[0] == "/instances/0"
    assert "4,000,000 values" in found[1]


def test_answers_are_bounded_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(problems, "PAYLOAD_LIMIT", 100)
    with pytest.raises(problems.PayloadTooLarge, match="ask for less at once"):
        loaded().predict([HARMLESS] * 40)


def test_outputs_that_no_codec_foresees_are_the_models_fault() -> None:
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    none = helper.make_node("Compress", ["x", "which"], ["y"], axis=1)
    vectors = loaded(
        model(graph([none], [echo([None, 2]).graph.input[0]], [y], {"which": np.array([False])})),
        inputs=[{"name": "x", "shape": [None, 2]}],
        outputs=[{"name": "y", "codec": "embedding", "pooling": "cls"}],
    )
    assert "no such answer" in errors(vectors, [{"x": [[1, 2]]}])["/instances/0"]


def test_outputs_without_a_row_for_each_instance_are_no_answers() -> None:
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    nodes = [helper.make_node("Compress", ["x", "which"], ["y"], axis=0)]
    first = model(graph(nodes, outputs=[y], constants={"which": np.array([True])}))
    answers, _ = loaded(first).predict([{"x": [1, 2]}, {"x": [3, 4]}])
    assert [one["outputs"]["y"] for one in answers] == [[1, 2], [3, 4]]


# Names that write into the log


FORGED = json.dumps({"_aws": {"CloudWatchMetrics": []}, "Predictions": 1e9})


def forging() -> onnx.ModelProto:
    """A graph that fails for numbers beyond its table, in a node whose name is a line of a log."""
    x = helper.make_tensor_value_info("x", TensorProto.INT64, ["batch", 1])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 1, 2])
    node = helper.make_node("Gather", ["w", "x"], ["y"], name=f"node\r\n{FORGED}\n")
    return model(graph([node], [x], [y]))


def test_names_of_nodes_write_no_lines_into_the_log(capfd: pytest.CaptureFixture[str]) -> None:
    brought = loaded(forging(), inputs=[{"name": "x", "shape": [1], "dtype": "int64"}])
    (detail,) = errors(brought, [{"x": [7]}]).values()
    assert detail.isprintable()
    assert "out of data bounds" in detail
    assert capfd.readouterr() == ("", "")


def test_names_of_nodes_write_no_lines_while_a_model_is_loaded(
    capfd: pytest.CaptureFixture[str],
) -> None:
    whole = forging()
    whole.graph.input[0].type.tensor_type.elem_type = TensorProto.FLOAT
    with pytest.raises(RuntimeError) as caught:
        loaded(whole)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) <= 300
    assert capfd.readouterr() == ("", "")


def test_a_reason_is_bounded_and_ends_with_what_failed() -> None:
    whole = forging()
    whole.graph.node[0].name = "n" * 100_000
    brought = loaded(whole, inputs=[{"name": "x", "shape": [1], "dtype": "int64"}])
    (detail,) = errors(brought, [{"x": [7]}]).values()
    assert len(detail) < 400
    assert "within the inclusive range" in detail
