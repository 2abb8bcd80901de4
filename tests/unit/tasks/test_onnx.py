"""Models that were trained elsewhere: what is taken, what is refused, how they answer."""

import errno
import io
import json
import math
import sys
import zipfile
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from common.problems import Unprocessable
from tasks import InvalidInstances
from tasks.framework.answers import Report
from tasks.onnx import serving
from tasks.onnx.codecs.form import Encoded
from tasks.onnx.codecs.unfit import Unfit
from tasks.onnx.training import archive, batching
from tasks.onnx.training import manifest as manifests
from tasks.onnx.training.archive import unpack
from tasks.onnx.training.inspection import MAX_DEPTH, Refused
from tasks.onnx.training.trial import tried
from tests.unit.plain import assert_plain
from tests.unit.tasks.brought import (
    NODE,
    WEIGHTS,
    X,
    echo,
    graph,
    loaded,
    manifest,
    model,
    spec,
    try_out,
)
from tests.unit.tasks.images.making import unflagged


def zipped(**files: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in files.items():
            opened.writestr(name.replace("__", "/").replace("_json", ".json"), content)
    return file.getvalue()


# What is taken


def test_a_model_that_answers_its_examples_is_taken() -> None:
    verdict = try_out()
    assert verdict.refused is None
    assert verdict.batched
    assert verdict.operators == {"MatMul": 1}
    assert (verdict.examples, verdict.opset) == (1, 18)
    assert verdict.max_difference <= 1e-6


def test_a_graph_for_one_instance_at_a_time_is_run_so() -> None:
    one = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 2])
    assert not try_out(model(graph(inputs=[one]))).batched


def mapping(classes: list[int] | list[str]) -> onnx.ModelProto:
    """A graph that answers with a map of probabilities, as scikit-learn's converter writes it."""
    which = "strings" if isinstance(classes[0], str) else "int64s"
    labels: dict[str, Any] = {f"classlabels_{which}": classes}
    nodes = [
        helper.make_node("Softmax", ["x"], ["p"], axis=1),
        helper.make_node("ZipMap", ["p"], ["y"], domain="ai.onnx.ml", **labels),
    ]
    key = TensorProto.STRING if which == "strings" else TensorProto.INT64
    value = helper.make_tensor_type_proto(TensorProto.FLOAT, [])
    maps = helper.make_sequence_type_proto(helper.make_map_type_proto(key, value))
    output = helper.make_value_info("y", maps)
    domains = [helper.make_opsetid("ai.onnx.ml", 3)]
    return model(graph(nodes, outputs=[output], constants={}), domains=domains)


MAPS: list[list[Any]] = [["no", "yes"], [0, 1], [10, 9]]


@pytest.mark.parametrize("classes", MAPS)
def test_maps_agree_by_key_within_the_tolerance(classes: list[Any]) -> None:
    shares = {str(classes[1]): 0.73106, str(classes[0]): 0.26894}
    examples = [{"instance": {"x": [1, 2]}, "outputs": {"y": shares}}]
    verdict = try_out(mapping(classes), examples=examples)
    assert verdict.batched
    assert 0 < verdict.max_difference < 1e-5
    answers, _ = loaded(mapping(classes), examples=examples).predict([{"x": [1, 2]}])
    (found,) = (one["outputs"]["y"] for one in msgspec.json.decode(msgspec.json.encode(answers)))
    assert found == pytest.approx(shares, abs=1e-5)


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ({"0": 0.26894, "1": 0.73206}, "differs by 0.001"),
        ({"0": 0.26894, "2": 0.73106}, "a map of other keys"),
        ({"0": 0.26894}, "a map of other keys"),
        ({"0": 0.26894, "1": [0.73106]}, "unequal lengths"),
        ({"0": "0.26894", "1": "0.73106"}, "answers otherwise"),
        (0.26894, "a map of other keys"),
        ([{"0": 0.26894, "1": 0.73106}], "expected shape"),
    ],
)
def test_maps_that_differ_are_told(shares: Any, message: str) -> None:
    examples = [{"instance": {"x": [1, 2]}, "outputs": {"y": shares}}]
    assert message in refused(mapping([0, 1]), examples=examples)


def test_lengths_that_vary_may_be_written_as_minus_one() -> None:
    any_batch = helper.make_tensor_value_info("x", TensorProto.FLOAT, [-1, 2])
    assert try_out(model(graph(inputs=[any_batch]))).batched


def test_a_graph_whose_answers_depend_on_the_batch_is_run_alone() -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["z"]),
        helper.make_node("ReduceMean", ["z"], ["m"], keepdims=0),
        helper.make_node("Sub", ["z", "m"], ["y"]),
    ]
    examples = [
        {"instance": {"x": [1, 2]}, "outputs": {"y": [2.5, -2.5]}},
        {"instance": {"x": [0, 1]}, "outputs": {"y": [0.75, -0.75]}},
    ]
    assert not try_out(model(graph(nodes)), examples=examples).batched


def mixing(kind: int, *nodes: onnx.NodeProto, width: int | None = 2) -> onnx.ModelProto:
    """A graph that makes z of x, and its answer y of z, of another type. It has x as u, too."""
    y = helper.make_tensor_value_info("y", kind, ["batch", width])
    u = helper.make_tensor_value_info("u", TensorProto.FLOAT, ["batch", 2])
    constants = {"axis": np.array(0), "axes": np.array([0])}
    last = [
        helper.make_node("Cast", ["z"], ["y"], to=kind),
        helper.make_node("Identity", ["x"], ["u"]),
    ]
    return model(graph([*nodes, *last], outputs=[y, u], constants=constants))


SUMS = helper.make_node("CumSum", ["x", "axis"], ["z"])
SHARES = [
    helper.make_node("ReduceMax", ["x", "axes"], ["m"]),
    helper.make_node("Div", ["x", "m"], ["z"]),
]
CENTRED = [
    helper.make_node("ReduceMean", ["x"], ["m"], keepdims=0),
    helper.make_node("Sub", ["x", "m"], ["z"]),
]
ABOVE_ALL = [
    helper.make_node("ReduceMean", ["x"], ["m"], keepdims=0),
    helper.make_node("Greater", ["x", "m"], ["z"]),
]
WITH_EACH = [
    helper.make_node("Transpose", ["x"], ["t"]),
    helper.make_node("MatMul", ["x", "t"], ["g"]),
    helper.make_node("Concat", ["x", "g"], ["z"], axis=1),
]
SAME = helper.make_node("Identity", ["x"], ["z"])


@pytest.mark.parametrize(
    ("of", "answers"),
    [
        (mixing(TensorProto.INT64, SUMS), [[1, 2], [7, 5]]),
        (mixing(TensorProto.STRING, SUMS), [["1", "2"], ["7", "5"]]),
        (mixing(TensorProto.BOOL, *ABOVE_ALL), [[False, True], [True, False]]),
        (mixing(TensorProto.INT32, SUMS), [[1, 2]]),
        (mixing(TensorProto.FLOAT, *SHARES), [[1.0, 1.0]]),
        (mixing(TensorProto.FLOAT, *CENTRED), [[-0.5, 0.5]]),
        (mixing(TensorProto.FLOAT, *WITH_EACH, width=None), [[1.0, 2.0, 5.0]]),
    ],
    ids=[
        *("whole numbers", "strings", "booleans"),
        *("one example", "shares of the greatest", "centred", "wider with more"),
    ],
)
def test_rows_that_influence_each_other_are_run_alone(of: onnx.ModelProto, answers: Any) -> None:
    instances = ([1, 2], [7, 5])
    examples = [
        {"instance": {"x": one}, "outputs": {"y": answer}}
        for one, answer in zip(instances, answers, strict=False)
    ]
    verdict = try_out(of, examples=examples)
    assert (verdict.refused, verdict.batched) == (None, False)
    brought = loaded(of, verdict.batched, examples=examples)
    apart = [brought.predict([{"x": one}])[0][0] for one in instances]
    assert brought.predict([{"x": one} for one in instances])[0] == apart


@pytest.mark.parametrize("kind", [TensorProto.INT64, TensorProto.STRING, TensorProto.BOOL])
def test_rows_of_any_type_are_run_together(kind: int) -> None:
    of = mixing(kind, SAME)
    answer = loaded(of).predict([{"x": [1, 1]}])[0][0]["outputs"]["y"]
    examples = [{"instance": {"x": [1, 1]}, "outputs": {"y": answer}}]
    assert try_out(of, examples=examples).batched


A_NUMBER = helper.make_node("Cast", ["x"], ["u"], to=TensorProto.FLOAT)
A_WORD = helper.make_node(
    "LabelEncoder", ["x"], ["u"], domain="ai.onnx.ml", keys_strings=["a"], values_floats=[1.0]
)


@pytest.mark.parametrize(
    ("value", "kind", "dtype", "score"),
    [
        (["a"], TensorProto.STRING, "string", A_WORD),
        ([True], TensorProto.BOOL, "bool", A_NUMBER),
        ([255], TensorProto.UINT8, "uint8", A_NUMBER),
        ([0], TensorProto.INT32, "int32", A_NUMBER),
    ],
)
def test_one_example_of_any_type_is_tried_beside_another(
    value: Any, kind: int, dtype: str, score: onnx.NodeProto
) -> None:
    of = echo([1], kind)
    of.opset_import.add(domain="ai.onnx.ml", version=3)
    of.graph.node.append(score)
    of.graph.output.append(helper.make_tensor_value_info("u", TensorProto.FLOAT, ["batch", 1]))
    changes: dict[str, Any] = {
        "inputs": [{"name": "x", "shape": [1], "dtype": dtype}],
        "examples": [{"instance": {"x": value}, "outputs": {"y": value}}],
    }
    assert try_out(of, **changes).batched


def test_an_example_that_cannot_be_changed_is_no_proof() -> None:
    """Its table has one row, and so there is one instance."""
    x = helper.make_tensor_value_info("x", TensorProto.INT64, ["batch"])
    table = {"w": np.array([7.0], np.float32)}
    node = helper.make_node("Gather", ["w", "x"], ["y"])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch"])
    verdict = try_out(
        model(graph([node], [x], [y], table)),
        inputs=[{"name": "x", "shape": [], "dtype": "int64"}],
        examples=[{"instance": {"x": 0}, "outputs": {"y": 7.0}}],
    )
    assert (verdict.refused, verdict.batched) == (None, False)


def test_changed_examples_have_their_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "CHANGED_SECONDS", -1.0)
    assert not try_out().batched


def test_functions_within_the_model_are_taken() -> None:
    double = helper.make_function(
        "mine", "Double", ["a"], ["b"], [helper.make_node("Add", ["a", "a"], ["b"])],
        [helper.make_opsetid("", 18)],
    )  # fmt: skip
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["z"]),
        helper.make_node("Double", ["z"], ["y"], domain="mine"),
    ]
    whole = model(graph(nodes), functions=[double], domains=[helper.make_opsetid("mine", 1)])
    examples = [{"instance": {"x": [1, 2]}, "outputs": {"y": [10, 0]}}]
    assert try_out(whole, examples=examples).refused is None


# What is refused


def refused(of: onnx.ModelProto | None = None, **changes: Any) -> str:
    with pytest.raises(Refused) as caught:
        try_out(of, **changes)
    return str(caught.value)


@pytest.mark.parametrize("location", ["weights.bin", "../../etc/passwd", "/etc/passwd"])
def test_weights_in_other_files_are_refused(location: str) -> None:
    whole = model()
    (tensor,) = whole.graph.initializer
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    assert "in another file" in refused(whole)


def test_weights_in_other_files_are_refused_within_nodes_and_inner_graphs() -> None:
    tensor = numpy_helper.from_array(WEIGHTS, "hidden")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../secret")
    inner = helper.make_graph(
        [helper.make_node("Constant", [], ["out"], value=tensor)], "inner", [],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, [2, 2])],
    )  # fmt: skip
    nodes = [
        helper.make_node("If", ["yes"], ["w"], then_branch=inner, else_branch=inner),
        NODE,
    ]
    assert "in another file" in refused(model(graph(nodes, constants={"yes": np.array(True)})))


@pytest.mark.parametrize(
    ("domain", "operator", "message"),
    [
        ("my.company", "Secret", "Secret of 'my.company'"),
        ("com.microsoft", "EPContext", "EPContext of 'com.microsoft'"),
        ("ai.onnx.training", "Adam", "Adam of 'ai.onnx.training'"),
        ("com.microsoft.nchwc", "Conv", "Conv of 'com.microsoft.nchwc'"),
    ],
)
def test_operators_that_are_not_served_are_refused(
    domain: str, operator: str, message: str
) -> None:
    nodes = [helper.make_node(operator, ["x"], ["y"], domain=domain)]
    whole = model(graph(nodes), domains=[helper.make_opsetid(domain, 1)])
    assert message in refused(whole)


def test_domains_that_no_operator_is_of_are_no_matter(tmp_path: Path) -> None:
    """onnxruntime imports all that it knows into a model that it saves, and torch its own."""
    (tmp_path / "model.onnx").write_bytes(model().SerializeToString())
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "saved.onnx")
    onnxruntime.InferenceSession(tmp_path / "model.onnx", options)
    saved = onnx.load(tmp_path / "saved.onnx")
    assert "ai.onnx.training" in {one.domain for one in saved.opset_import}
    assert try_out(saved).refused is None
    torch = helper.make_opsetid("pkg.onnxscript.torch_lib.common", 1)
    assert try_out(model(domains=[torch])).refused is None


@pytest.mark.parametrize("opset", [3, 99])
def test_opsets_that_are_not_served_are_refused(opset: int) -> None:
    assert f"opset {opset}" in refused(model(opset=opset))


def test_an_operator_that_does_not_exist_is_refused() -> None:
    assert "cannot be loaded" in refused(model(graph([helper.make_node("Nonsense", ["x"], ["y"])])))


def test_functions_that_multiply_are_refused() -> None:
    """Each calls the one before ten times: 10^20 nodes in a file of a few kilobytes."""
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("mine", 1)]
    functions = [
        helper.make_function(
            "mine",
            f"F{level}",
            ["a"],
            ["b9"],
            [
                helper.make_node(
                    f"F{level - 1}" if level else "Identity",
                    [f"b{step - 1}" if step else "a"],
                    [f"b{step}"],
                    domain="mine" if level else "",
                )
                for step in range(10)
            ],
            opsets,
        )
        for level in range(20)
    ]
    nodes = [helper.make_node("F19", ["x"], ["y"], domain="mine")]
    whole = model(graph(nodes), functions=functions, domains=opsets[1:])
    assert "nodes" in refused(whole)


def test_a_function_that_calls_itself_is_refused() -> None:
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("mine", 1)]
    call = helper.make_node("F", ["a"], ["b"], domain="mine")
    function = helper.make_function("mine", "F", ["a"], ["b"], [call], opsets)
    nodes = [helper.make_node("F", ["x"], ["y"], domain="mine")]
    whole = model(graph(nodes), functions=[function], domains=opsets[1:])
    assert "calls itself" in refused(whole)


def test_too_many_nodes_are_refused() -> None:
    nodes = [helper.make_node("Identity", ["x"], [f"n{number}"]) for number in range(50_001)]
    assert "nodes" in refused(model(graph([*nodes, NODE])))


def test_graphs_within_graphs_within_graphs_are_refused() -> None:
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 2])
    inner = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "i", [], [out])
    for _ in range(MAX_DEPTH + 1):
        node = helper.make_node("If", ["yes"], ["y"], then_branch=inner, else_branch=inner)
        inner = helper.make_graph([node], "i", [], [out])
    whole = model(graph(inner.node, constants={"yes": np.array(True)}))
    assert "deep" in refused(whole)


@pytest.mark.parametrize("dims", [[-1, 2], [1 << 40, 1 << 20], [1 << 31]])
def test_absurd_tensors_are_refused(dims: list[int]) -> None:
    whole = model()
    del whole.graph.initializer[0].dims[:]
    whole.graph.initializer[0].dims.extend(dims)
    assert "tensor of shape" in refused(whole)


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x80\x02csklearn\n.", b"\x08" * 1000])
def test_what_is_no_model_is_refused(content: bytes) -> None:
    with pytest.raises(Refused):
        tried({"model.onnx": content}, spec())


@pytest.mark.parametrize(
    ("shape", "given", "message"),
    [
        ([7, 2], [2], "first axis"),
        (["batch", 3], [2], "not a batch of"),
        (["batch", 2], [2, 1], "not a batch of"),
        (["batch", "n"], [20_000_000], None),
        (["batch", "n", "m"], [20_000_000, 20_000_000], "elements"),
    ],
)
def test_shapes_have_to_agree(shape: list[Any], given: list[int], message: str | None) -> None:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    found = refused(model(graph(inputs=[x])), inputs=[{"name": "x", "shape": given}])
    assert message is None or message in found


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"inputs": [{"name": "z", "shape": [2]}]}, "names the inputs ['z']"),
        ({"inputs": [{"name": "x", "shape": [2], "dtype": "int64"}]}, "float32 in model.onnx"),
        ({"outputs": [{"name": "z"}]}, "names outputs ['z']"),
        ({"examples": [{"instance": {}, "outputs": {"y": [5, 0]}}]}, "/examples/0/x: Required"),
        (
            {"examples": [{"instance": {"x": [1, 2]}, "outputs": {"y": [5, 1]}}]},
            "differs by 1, and 0.0001 is the tolerance",
        ),
        ({"examples": [{"instance": {"x": [1, 2]}, "outputs": {"y": [5]}}]}, "expected shape [1]"),
        ({"examples": [{"instance": {"x": [1, 2]}, "outputs": {"z": [5]}}]}, "no such output"),
        (
            {"outputs": [{"name": "y", "codec": "labels"}], "labels": ["a", "b", "c"]},
            "2 values, and labels has 3",
        ),
        ({"outputs": [{"name": "y", "codec": "ctc"}], "labels": ["", "a"]}, "a row per step"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(changes: dict[str, Any], message: str) -> None:
    assert message in refused(**changes)


@pytest.mark.parametrize(
    "large",
    [
        {
            "inputs": [
                {"name": "x", "codec": "constant", "shape": [400_000], "value": [0.1] * 900_000}
            ]
        },
        {"inputs": [{"name": "x", "shape": [100_000], "std": [0.123456] * 100_000}] * 3},
        {"labels": ['"' * 100] * 20_000},
    ],
)
def test_a_manifest_that_no_answer_could_hold_is_refused(large: dict[str, Any]) -> None:
    """The version's manifest has it, too, and would be a 413 for good."""
    with pytest.raises(Unprocessable, match=r"bytes of inputs, outputs and labels, and 2,500,000"):
        spec(**large)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "manifest.json is not JSON: it ends at line 1, column 2."),
        (json.dumps(manifest(examples=1)).replace("1", "1e999").encode(), "out of range"),
        (json.dumps(manifest(examples=1)).replace("1", "1" * 5000).encode(), "too many digits"),
        (json.dumps(manifest(labels=["\ud800"])).encode(), "/labels/0 has half a surrogate"),
        (b"[]", "Expected `object`"),
        (b'{"inputs": []}', "/inputs"),
        (json.dumps(manifest(surprise=1)).encode(), "/surprise"),
        (json.dumps(manifest(examples=[])).encode(), "/examples"),
        (json.dumps(manifest(tolerance=5)).encode(), "/tolerance"),
        (json.dumps(manifest(outputs=[{"name": "y", "codec": "labels"}])).encode(), "labels"),
        (json.dumps(manifest(inputs=[{"name": "x", "shape": [0]}])).encode(), "/inputs"),
        (
            json.dumps(
                manifest(outputs=[{"name": "y", "codec": "ctc"}], labels=["a", "b"])
            ).encode(),
            "the blank",
        ),
        (
            json.dumps(
                manifest(outputs=[{"name": "y", "codec": "labels"}], labels=["a", "b", "a"])
            ).encode(),
            "/outputs/0/codec: each label has a probability, and 'a' is there 2 times",
        ),
        (
            json.dumps(
                manifest(outputs=[{"name": name, "codec": "embedding"} for name in "yz"])
            ).encode(),
            "/outputs/1/codec: one output may have the codec embedding",
        ),
        (
            json.dumps(manifest(inputs=[{"name": "x", "shape": [2]}] * 2)).encode(),
            "/inputs/1/name: an input before it has this name",
        ),
        (
            json.dumps(
                manifest(inputs=[{"name": "x", "shape": [2], "dtype": "string", "scale": 2}])
            ).encode(),
            "/inputs/0/dtype: string takes values as they are",
        ),
        (
            json.dumps(
                manifest(inputs=[{"name": "x", "shape": [2], "dtype": "bool", "std": [2, 2]}])
            ).encode(),
            "/inputs/0/dtype: bool takes values as they are",
        ),
    ],
)
def test_bad_manifests_are_told_where(content: bytes, message: str) -> None:
    with pytest.raises(Unprocessable) as caught:
        manifests.read(content)
    assert message in caught.value.detail
    assert "$" not in caught.value.detail  # as msgspec names paths
    assert_plain(caught.value.detail)


# The zip


def unpacked(content: bytes, tmp_path: Path) -> set[str]:
    (tmp_path / "zip").write_bytes(content)
    (tmp_path / "out").mkdir()
    unpack(tmp_path / "zip", tmp_path / "out")
    return {path.name for path in (tmp_path / "out").iterdir()}


@pytest.mark.parametrize("folder", ["", "model__"])
def test_a_zip_is_unpacked(folder: str, tmp_path: Path) -> None:
    content = zipped(**{f"{folder}model.onnx": b"m", f"{folder}manifest_json": b"{}"})
    assert unpacked(content, tmp_path) == {"model.onnx", "manifest.json"}


def test_a_zip_with_a_folder_in_an_old_code_page_is_unpacked_without_a_detector(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "chardetng_py", None)  # model_training does not have it
    files = {"Müller/model.onnx": b"m", "Müller/manifest.json": b"{}"}
    content = unflagged({name.encode("windows-1252"): data for name, data in files.items()})
    assert unpacked(content, tmp_path) == {"model.onnx", "manifest.json"}


def test_what_systems_add_to_a_zip_is_passed_over(tmp_path: Path) -> None:
    """macOS' Finder packs a second file for each, with what its own file system knows of it."""
    files = {"m/model.onnx": b"m", "m/manifest.json": b"{}", "m/.DS_Store": b"d"}
    added = {f"__MACOSX/{name[:2]}._{name[2:]}": b"a" for name in files}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as opened:
        for name, content in {**files, **added, "__MACOSX/._m": b"a"}.items():
            opened.writestr(name, content)
    assert unpacked(file.getvalue(), tmp_path) == {"model.onnx", "manifest.json"}
    assert (tmp_path / "out" / "model.onnx").read_bytes() == b"m"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no zip", "no zip"),
        (zipped(**{"model.onnx": b"m"})[:-30], "no zip"),
        (zipped(**{"model.onnx": b"m"}), "lacks manifest.json"),
        (zipped(**{"..__model.onnx": b"m", "manifest_json": b"{}"}), "'../model.onnx'"),
        (zipped(**{"a__..__..__model.onnx": b"m", "manifest_json": b"{}"}), "must hold"),
        (zipped(**{"__etc__model.onnx": b"m", "manifest_json": b"{}"}), "must hold"),
        (zipped(**{"model.onnx": b"m", "manifest_json": b"{}", "w.bin": b""}), "'w.bin'"),
        (zipped(**{"model.onnx": b"", "manifest_json": b"", "a__model.onnx": b""}), "must hold"),
        (zipped(**{f"f{number}": b"" for number in range(101)}), "101 files"),
    ],
    ids=[
        *("no zip", "cut short", "incomplete", "parent", "inner parent", "absolute", "weights"),
        *("two models", "many files"),
    ],
)
def test_other_zips_are_refused(content: bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(Unprocessable) as caught:
        unpacked(content, tmp_path)
    assert message in caught.value.detail
    assert {path.name for path in tmp_path.iterdir()} == {"zip", "out"}


def packed(method: int) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as opened:
        opened.writestr("model.onnx", bytes(range(256)) * 8)
        opened.writestr("manifest.json", "{}")
    return file.getvalue()


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_with_damaged_bytes_is_refused(method: int, tmp_path: Path) -> None:
    content = bytearray(packed(method))
    for at in range(45, 80):
        content[at] ^= 0xFF
    with pytest.raises(Unprocessable, match="no zip that can be read"):
        unpacked(bytes(content), tmp_path)


def test_a_zip_whose_list_is_elsewhere_than_it_says_is_refused(tmp_path: Path) -> None:
    content = bytearray(packed(zipfile.ZIP_STORED))
    at = content.index(b"PK\5\6") + 16
    content[at : at + 4] = b"\xff\xff\xff\x7f"
    with pytest.raises(Unprocessable, match="no zip that can be read"):
        unpacked(bytes(content), tmp_path)


def test_a_full_disk_is_no_damage_of_a_zip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(archive, "_extract", full)
    with pytest.raises(OSError, match="No space left"):
        unpacked(packed(zipfile.ZIP_STORED), tmp_path)


def test_a_zip_bomb_is_stopped_while_it_unpacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(archive.LIMITS, "model.onnx", 1_000_000)
    with pytest.raises(Unprocessable, match="more than 1,000,000 bytes"):
        unpacked(zipped(**{"model.onnx": bytes(9_000_000), "manifest_json": b"{}"}), tmp_path)
    assert (tmp_path / "out" / "model.onnx").stat().st_size <= 1_000_000


# Serving


def test_tensors_are_answered_with_tensors() -> None:
    answers, warnings = loaded().predict([{"x": [1, 2]}, {"x": [0.5, 0]}])
    assert answers == [{"outputs": {"y": [5.0, 0.0]}}, {"outputs": {"y": [0.5, -0.5]}}]
    assert warnings == []


def test_outputs_become_labels() -> None:
    outputs = [{"name": "y", "codec": "labels", "activation": "softmax"}]
    ((answer,), _) = loaded(outputs=outputs, labels=["no", "yes"]).predict([{"x": [1, 2]}])
    assert answer["label"] == "no"
    assert answer["probability"] == pytest.approx(1 / (1 + np.exp(-5)))
    assert sum(answer["probabilities"].values()) == pytest.approx(1)


def binary() -> onnx.ModelProto:
    """A graph with one score, that of the second of two labels, as Keras' binary classifiers."""
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 1])
    return model(graph(outputs=[y], constants={"w": np.array([[1], [1]], np.float32)}))


@pytest.mark.parametrize(("x", "label"), [([1, 2], "dog"), ([-1, -2], "cat"), ([0, 0], "cat")])
def test_one_score_is_that_of_the_second_of_two_labels(x: list[float], label: str) -> None:
    changes: dict[str, Any] = {
        "outputs": [{"name": "y", "codec": "labels", "activation": "sigmoid"}],
        "labels": ["cat", "dog"],
        "examples": [{"instance": {"x": [1, 2]}, "outputs": {"y": [3.0]}}],
    }
    assert try_out(binary(), **changes).refused is None
    ((answer,), _) = loaded(binary(), **changes).predict([{"x": x}])
    share = 1 / (1 + math.exp(-sum(x)))
    assert answer["label"] == label
    assert answer["probabilities"] == pytest.approx({"cat": 1 - share, "dog": share})
    assert answer["probability"] == answer["probabilities"][label]


@pytest.mark.parametrize(
    ("labels", "activation", "message"),
    [
        (["dog"], "sigmoid", "/outputs/0/codec: it chooses between labels, and there is one"),
        (["cat", "dog"], "softmax", "it has 1 values, and labels has 2"),
        (["cat", "dog", "cow"], "sigmoid", "it has 1 values, and labels has 3"),
    ],
)
def test_one_score_chooses_between_two_labels_only(
    labels: list[str], activation: str, message: str
) -> None:
    """The one of one label would be the answer whatever the score is."""
    outputs = [{"name": "y", "codec": "labels", "activation": activation}]
    examples = [{"instance": {"x": [1, 2]}, "outputs": {"y": [3.0]}}]
    with pytest.raises((Refused, Unprocessable)) as caught:
        try_out(binary(), outputs=outputs, labels=labels, examples=examples)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("x", "activation", "shown"),
    [
        ([float("nan"), 1], "softmax", "nan"),
        ([float("nan"), 1], "sigmoid", "nan"),
        ([float("inf"), 1], "softmax", "nan"),
        ([float("-inf"), 0.5], "none", "-inf"),
        ([87.5, 0.5], "none", "87.5"),
        ([-0.25, 1], "none", "-0.25"),
    ],
)
def test_what_is_no_probability_is_no_answer(x: list[float], activation: str, shown: str) -> None:
    outputs = [{"name": "y", "codec": "labels", "activation": activation}]
    brought = loaded(echo([2]), outputs=outputs, labels=["no", "yes"])
    found = brought.decode({"y": np.array([0.25, 0.75])}, Encoded())
    assert 0 <= found["probability"] <= 1
    with pytest.raises(Unfit) as caught:
        brought.decode({"y": np.array(x)}, Encoded())
    assert str(caught.value) == (
        f"y has {shown} with the activation {activation}, and a number from 0 to 1 is expected"
    )


def test_an_answer_that_is_no_number_is_told_of_its_instance() -> None:
    outputs = [{"name": "y", "codec": "labels", "activation": "softmax"}]
    logarithms = model(graph([helper.make_node("Log", ["x"], ["y"])], constants={}))
    brought = loaded(logarithms, outputs=outputs, labels=["no", "yes"])
    with pytest.raises(InvalidInstances) as caught:
        brought.predict([{"x": [1, 2]}, {"x": [-1, 5]}])
    ((pointer, detail),) = [(one.pointer, one.detail) for one in caught.value.errors]
    assert pointer == "/instances/1"
    assert detail.startswith("The model has no such answer to this: y has nan")


def test_a_null_for_what_is_no_number_is_told_of_its_instance() -> None:
    logarithms = model(graph([helper.make_node("Log", ["x"], ["y"])], constants={}))
    answers, warnings = loaded(logarithms).predict([{"x": [1, 2]}, {"x": [-1, 0]}])
    assert msgspec.json.encode(answers[1]) == b'{"outputs":{"y":[null,null]}}'
    assert [(one.pointer, one.code) for one in warnings] == [("/instances/1", "not_finite")]
    assert "'y' has NaN or infinity" in warnings[0].detail


def test_probabilities_may_be_rounded() -> None:
    outputs = [{"name": "y", "codec": "labels"}]
    brought = loaded(echo([2]), outputs=outputs, labels=["no", "yes"])
    ((answer,), _) = brought.predict([{"x": [1.0001, -0.0001]}])
    assert answer["probabilities"] == {"no": 1.0, "yes": 0.0}


@pytest.mark.parametrize(
    ("output", "labels"),
    [
        ({"codec": "embedding", "pooling": "mean"}, None),
        ({"codec": "embedding", "pooling": "mean", "normalise": True}, None),
        ({"codec": "ctc"}, ["", "a"]),
        ({"codec": "ctc", "activation": "softmax"}, ["", "a"]),
    ],
)
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_is_no_answer(
    output: dict[str, Any], labels: list[str] | None, value: float
) -> None:
    brought = loaded(
        echo([None, 2]),
        inputs=[{"name": "x", "shape": [None, 2]}],
        outputs=[{"name": "y", **output}],
        labels=labels,
    )
    with pytest.raises(Unfit, match="no numbers"):
        brought.decode({"y": np.array([[0, value], [1, 0]])}, Encoded())


def test_steps_of_a_recogniser_become_text() -> None:
    steps = np.array([[0, 9, 0], [0, 8, 0], [5, 0, 0], [0, 7, 0], [0, 0, 6], [4, 0, 0]], np.float32)
    outputs = [{"name": "y", "codec": "ctc", "activation": "softmax"}]
    inputs = [{"name": "x", "shape": [None, 3]}]
    reader = loaded(echo([None, 3]), inputs=inputs, outputs=outputs, labels=["", "a", "b"])
    ((answer, nothing), _) = reader.predict([{"x": steps.tolist()}, {"x": [[1, 0, 0]]}])
    assert answer["text"] == "aab"
    assert answer["score"] == pytest.approx(
        np.mean([np.exp(n) / (np.exp(n) + 2) for n in (9, 7, 6)])
    )
    assert nothing == {"text": "", "score": 0.0}


def test_what_every_instance_has_is_in_the_manifest() -> None:
    inputs: list[dict[str, Any]] = [
        {"name": "x", "shape": [2]},
        {"name": "least", "codec": "constant", "shape": [], "value": 0.5},
    ]
    least = helper.make_tensor_value_info("least", TensorProto.FLOAT, [1])
    nodes = [NODE, helper.make_node("Add", ["y", "least"], ["z"])]
    z = helper.make_tensor_value_info("z", TensorProto.FLOAT, ["batch", 2])
    whole = model(graph(nodes, [X, least], [z]))
    changes: dict[str, Any] = {
        "inputs": inputs,
        "outputs": [{"name": "z"}],
        "examples": [{"instance": {"x": [1, 2]}, "outputs": {"z": [5.5, 0.5]}}],
    }
    verdict = try_out(whole, **changes)
    assert (verdict.refused, verdict.batched) == (None, False)
    answers, warnings = loaded(whole, False, **changes).predict([{"x": [1, 2]}, {"x": [0, 0]}])
    assert [answer["outputs"]["z"] for answer in answers] == [[5.5, 0.5], [0.5, 0.5]]
    assert warnings == []
    with pytest.raises(Refused, match=r"Input 'least'.*Expected a number"):
        try_out(whole, **{**changes, "inputs": [inputs[0], {**inputs[1], "value": "low"}]})


def test_values_are_standardised_by_place() -> None:
    inputs = [{"name": "x", "shape": [2], "mean": [1, 2], "std": [2, 4]}]
    ((answer,), _) = loaded(inputs=inputs).predict([{"x": [3, 6]}])
    assert answer == {"outputs": {"y": [3.0, -0.5]}}


def test_there_is_a_mean_for_each_place() -> None:
    with pytest.raises(Unprocessable, match=r"/inputs/0/mean: give a number, or 2: one for each"):
        loaded(inputs=[{"name": "x", "shape": [2], "mean": [1, 2, 3]}])
    brought = loaded(echo([None]), inputs=[{"name": "x", "shape": [None], "mean": [1, 2]}])
    with pytest.raises(InvalidInstances) as caught:
        brought.predict([{"x": [1, 2, 3]}])
    assert [error.pointer for error in caught.value.errors] == ["/instances/0/x"]


def test_instances_of_different_lengths_are_answered_in_their_order() -> None:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", "n"])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch"])
    total = helper.make_node("ReduceSum", ["x", "axes"], ["y"], keepdims=0)
    sums = model(graph([total], [x], [y], {"axes": np.array([1], np.int64)}))
    inputs = [{"name": "x", "shape": [None]}]
    answers, _ = loaded(sums, inputs=inputs).predict([{"x": [1, 2]}, {"x": [3]}, {"x": [4, 5]}])
    assert [answer["outputs"]["y"] for answer in answers] == [3.0, 3.0, 9.0]


def test_text_becomes_the_numbers_of_its_characters() -> None:
    inputs = [
        {"name": "x", "shape": [4], "dtype": "int64", "codec": "characters", "vocabulary": "ab好"}
    ]
    answers, _ = loaded(echo([4], TensorProto.INT64), inputs=inputs).predict(
        [{"x": "b好?"}, {"x": "aaaaaa"}, {"x": ""}]
    )
    assert [answer["outputs"]["y"] for answer in answers] == [
        [3, 4, 1, 0],
        [2, 2, 2, 2],
        [0, 0, 0, 0],
    ]


@pytest.mark.parametrize(
    ("instance", "pointer"),
    [
        ({}, "/instances/0/x"),
        ({"x": [1]}, "/instances/0/x"),
        ({"x": [1, "2"]}, "/instances/0/x"),
        ({"x": [[1], [2, 3]]}, "/instances/0/x"),
        ({"x": None}, "/instances/0/x"),
        ({"x": {"a": 1}}, "/instances/0/x"),
        ("x", "/instances/0"),
    ],
)
def test_bad_instances_are_refused_with_a_pointer(instance: Any, pointer: str) -> None:
    with pytest.raises(InvalidInstances) as caught:
        loaded().predict([instance])
    assert [error.pointer for error in caught.value.errors] == [pointer]


@pytest.mark.parametrize("value", [[1.5, 2], [300, 1], [-1, 1], ["a", "b"], [True, "x"]])
def test_whole_numbers_have_to_fit_their_type(value: Any) -> None:
    bytes_in = loaded(
        echo([2], TensorProto.UINT8), inputs=[{"name": "x", "shape": [2], "dtype": "uint8"}]
    )
    with pytest.raises(InvalidInstances):
        bytes_in.predict([{"x": value}])
    ((answer,), _) = bytes_in.predict([{"x": [255, 0]}])
    assert answer == {"outputs": {"y": [255, 0]}}


@pytest.mark.parametrize(
    ("dtype", "scale", "value"),
    [
        ("uint8", 2, [255, 2]),
        ("uint8", -1, [255, 2]),
        ("int32", 1000, [2**30, 2]),
        ("int64", 1e6, [2**60, 2]),
        ("int64", 1e30, [1, 2]),
    ],
)
def test_whole_numbers_have_to_fit_their_type_once_they_are_scaled(
    dtype: str, scale: float, value: list[int]
) -> None:
    kind = getattr(TensorProto, dtype.upper())
    scaled = [{"name": "x", "shape": [2], "dtype": dtype, "scale": scale}]
    with pytest.raises(InvalidInstances) as caught:
        loaded(echo([2], kind), inputs=scaled).predict([{"x": value}])
    ((pointer, detail),) = [(one.pointer, one.detail) for one in caught.value.errors]
    assert (pointer, detail) == ("/instances/0/x", f"Expected numbers that {dtype} can hold.")


def test_the_greatest_and_least_numbers_of_a_type_fit() -> None:
    for dtype, kind in (("int64", TensorProto.INT64), ("int32", TensorProto.INT32)):
        bounds = np.iinfo(dtype)
        whole = loaded(echo([2], kind), inputs=[{"name": "x", "shape": [2], "dtype": dtype}])
        ((answer,), _) = whole.predict([{"x": [int(bounds.min), int(bounds.max)]}])
        assert answer["outputs"]["y"] == [bounds.min, bounds.max]
    halves = [{"name": "x", "shape": [2], "dtype": "uint8", "scale": 0.5}]
    ((answer,), _) = loaded(echo([2], TensorProto.UINT8), inputs=halves).predict([{"x": [255, 1]}])
    assert answer["outputs"]["y"] == [127, 0]


@pytest.mark.parametrize("dtype", ["float32", "float16", "int64", "uint8"])
@pytest.mark.parametrize("value", [[[True, 2]], [[2, 3], [False, 2]], [[True, False]]])
def test_booleans_are_no_numbers(dtype: str, value: Any) -> None:
    kind = {"float32": TensorProto.FLOAT, "float16": TensorProto.FLOAT16}.get(dtype)
    numbers = loaded(
        echo([None, 2], kind or getattr(TensorProto, dtype.upper())),
        inputs=[{"name": "x", "shape": [None, 2], "dtype": dtype}],
    )
    with pytest.raises(InvalidInstances) as caught:
        numbers.predict([{"x": value}])
    ((pointer, detail),) = [(one.pointer, one.detail) for one in caught.value.errors]
    assert pointer == "/instances/0/x"
    assert detail.startswith("Expected a")
    assert "number, or arrays of such" in detail


@pytest.mark.parametrize("value", [True, False])
def test_a_boolean_is_no_number(value: bool) -> None:
    number = loaded(echo([]), inputs=[{"name": "x", "shape": []}])
    with pytest.raises(InvalidInstances):
        number.predict([{"x": value}])
    truth = loaded(echo([], TensorProto.BOOL), inputs=[{"name": "x", "shape": [], "dtype": "bool"}])
    assert truth.predict([{"x": value}])[0] == [{"outputs": {"y": value}}]


def test_a_text_that_is_not_utf8_is_told_so() -> None:
    x, y = (helper.make_tensor_value_info(name, TensorProto.STRING, ["batch", 2]) for name in "xy")
    constant = TensorProto(
        dims=[1, 2], data_type=TensorProto.STRING, string_data=[b"\xff\xfe", b"ok"]
    )
    nodes = [
        helper.make_node("Constant", [], ["k"], value=constant),
        helper.make_node("StringConcat", ["x", "k"], ["y"]),
    ]
    found = refused(
        model(graph(nodes, [x], [y], {}), opset=20),
        inputs=[{"name": "x", "shape": [2], "dtype": "string"}],
        examples=[{"instance": {"x": ["a", "b"]}, "outputs": {"y": ["a", "b"]}}],
    )
    assert found == "model.onnx cannot run its examples: a text that it makes is not UTF-8"


@pytest.mark.parametrize("x", [[10**20, 1], [10**20, 0.5], [-(10**20), 2**64 - 1]])
def test_whole_numbers_of_more_than_64_bits_are_floats(x: list[float]) -> None:
    """JavaScript writes 1e20 so."""
    inputs = [{"name": "x", "shape": [2]}]
    ((answer,), _) = loaded(echo([2]), inputs=inputs).predict([{"x": x}])
    assert answer["outputs"]["y"] == pytest.approx(x, rel=1e-6)


@pytest.mark.parametrize(
    ("dtype", "kind"), [("float64", TensorProto.DOUBLE), ("int64", TensorProto.INT64)]
)
@pytest.mark.parametrize("x", [[10**400, 1], [-(10**400), 1]])
def test_whole_numbers_beyond_a_type_are_told_so(dtype: str, kind: int, x: list[int]) -> None:
    inputs = [{"name": "x", "shape": [2], "dtype": dtype}]
    for value in [x] if dtype == "float64" else [x, [10**20, 1]]:
        with pytest.raises(InvalidInstances) as caught:
            loaded(echo([2], kind), inputs=inputs).predict([{"x": value}])
        (detail,) = [one.detail for one in caught.value.errors]
        assert detail == f"Expected numbers that {dtype} can hold."


def test_what_is_mixed_with_them_has_to_be_a_number() -> None:
    for other in (True, None, "1", [1]):
        with pytest.raises(InvalidInstances) as caught:
            loaded().predict([{"x": [10**20, other]}])
        assert [one.pointer for one in caught.value.errors] == ["/instances/0/x"]


@pytest.mark.parametrize("more", [{}, {"scale": 1e30}, {"dtype": "float32", "std": 1e-30}])
def test_numbers_have_to_fit_their_type(more: dict[str, Any]) -> None:
    brought = loaded(inputs=[{"name": "x", "shape": [2], **more}])
    for value in ([1e308, 2], [-1e39, 2]) if not more else ([1e10, 2],):
        with pytest.raises(InvalidInstances) as caught:
            brought.predict([{"x": value}])
        ((pointer, detail),) = [(one.pointer, one.detail) for one in caught.value.errors]
        assert (pointer, detail) == ("/instances/0/x", "Expected numbers that float32 can hold.")


def test_what_the_graph_stumbles_over_is_told_of_each_instance() -> None:
    """Numbers that point beside a table are the caller's mistake, and nobody else's."""
    x = helper.make_tensor_value_info("x", TensorProto.INT64, ["batch", 1])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 1, 2])
    table = model(graph([helper.make_node("Gather", ["w", "x"], ["y"])], [x], [y]))
    lookup = loaded(table, inputs=[{"name": "x", "shape": [1], "dtype": "int64"}])
    with pytest.raises(InvalidInstances) as caught:
        lookup.predict([{"x": [0]}, {"x": [7]}, {"x": [1]}])
    ((pointer, detail),) = [(one.pointer, one.detail) for one in caught.value.errors]
    assert pointer == "/instances/1"
    assert "out of" in detail


def test_what_the_graph_answers_otherwise_than_its_examples_is_told() -> None:
    outputs = [{"name": "y", "codec": "labels"}]
    inputs = [{"name": "x", "shape": [None]}]
    brought = loaded(echo([None]), inputs=inputs, outputs=outputs, labels=["a", "b"])
    with pytest.raises(InvalidInstances) as caught:
        brought.predict([{"x": [1, 0]}, {"x": [1, 0, 2]}])
    ((pointer, detail),) = [(one.pointer, one.detail) for one in caught.value.errors]
    assert pointer == "/instances/1"
    assert "3 values, and labels has 2" in detail


def test_large_instances_are_not_in_memory_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "VALUES_AT_ONCE", 5)
    brought = loaded()
    report = Report()
    instances = [{"x": [float(number), 1.0]} for number in range(7)]
    parts = [rows for rows, _ in brought._parts(instances, report, math.inf)]
    assert parts == [[0, 1], [2, 3], [4, 5], [6]]
    answers, _ = brought.predict(instances)
    assert [answer["outputs"]["y"][0] for answer in answers] == [number + 2 for number in range(7)]


def test_many_instances_are_answered_in_their_order() -> None:
    answers, _ = loaded().predict([{"x": [number, 0]} for number in range(100)])
    assert [answer["outputs"]["y"][0] for answer in answers] == list(range(100))


def test_unknown_fields_are_told_of() -> None:
    _, warnings = loaded().predict([{"x": [1, 2], "z": 3}])
    assert [(one.pointer, one.code) for one in warnings] == [("/instances/0/z", "unknown_field")]
