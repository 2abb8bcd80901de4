"""Columns of many categories, each encoded by what the target is for it.

A code says nothing of a category to a tree, and a column of ten thousand categories is too wide
for a network. The mean of the target, drawn towards that of all rows where a category has few
(Micci-Barreca, 2001), says most of what can be learned. Rows are encoded by others than
themselves while a model is fitted, so that none sees its own target.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, compose, helper, numpy_helper
from sklearn.compose import ColumnTransformer
from sklearn.model_selection import KFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import TargetEncoder

FOLDS = 5

STEP = "targets"
"""The pipeline's first step, where there is one: an encoder made here."""


def encoder(many: Sequence[int], others: Sequence[int], classifier: bool, seed: int) -> Any:
    """Keeps some columns, and adds what the target is for the codes of many categories."""
    encode = TargetEncoder(
        target_type="auto" if classifier else "continuous",
        cv=KFold(FOLDS, shuffle=True, random_state=seed),
    )
    return ColumnTransformer(
        [("others", "passthrough", list(others)), ("many", encode, list(many))]
    )


def parted(fitted: Any) -> tuple[Any, Any]:
    """A pipeline's encoder, or None, and the rest of it."""
    if isinstance(fitted, Pipeline) and fitted.steps[0][0] == STEP:
        steps = fitted.steps[1:]
        return fitted.steps[0][1], Pipeline(steps) if len(steps) > 1 else steps[0][1]
    return None, fitted


def width(encoder: Any) -> int:
    """How many columns a fitted encoder makes."""
    return sum(part.stop - part.start for part in encoder.output_indices_.values())


def round_encodings(encoder: Any) -> None:
    """Makes encodings float32 values, which graphs hold without loss."""
    encode = encoder.named_transformers_["many"]
    encode.encodings_ = [values.astype(np.float32).astype(float) for values in encode.encodings_]
    encode.target_mean_ = np.asarray(encode.target_mean_, np.float32).astype(float)


def prefixed(encoder: Any, graph: bytes, columns: int, sizes: Sequence[int]) -> bytes:
    """The graph of a pipeline from that of all but its encoder.

    sizes says how many codes each column of many categories has; X has so many columns.
    """
    (_, _, others), (_, encode, many) = encoder.transformers_
    tables = _tables(encode, sizes)
    nodes, parts, constants = [], [], {}
    if len(others):
        constants["others"] = np.array(others, dtype=np.int64)
        nodes.append(helper.make_node("Gather", ["X", "others"], ["rest"], axis=1))
        parts.append("rest")
    for number, (at, table) in enumerate(zip(many, tables, strict=True)):
        constants |= {f"at_{number}": np.array(at), f"table_{number}": table}
        nodes += [
            helper.make_node("Gather", ["X", f"at_{number}"], [f"float_{number}"], axis=1),
            helper.make_node("Cast", [f"float_{number}"], [f"code_{number}"], to=TensorProto.INT64),
            helper.make_node("Gather", [f"table_{number}", f"code_{number}"], [f"part_{number}"]),
        ]
        parts.append(f"part_{number}")
    nodes.append(helper.make_node("Concat", parts, ["encoded"], axis=1))
    model = onnx.load_model_from_string(graph)
    made = width(encoder)
    before = helper.make_model(
        helper.make_graph(
            nodes,
            "targets",
            [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, columns])],
            [helper.make_tensor_value_info("encoded", TensorProto.FLOAT, [None, made])],
            [numpy_helper.from_array(value, name) for name, value in constants.items()],
        ),
        opset_imports=[opset for opset in model.opset_import if opset.domain == ""],
        ir_version=model.ir_version,
    )
    before = compose.add_prefix(before, "targets_", rename_inputs=False, rename_outputs=False)
    model = compose.add_prefix(model, "model_", rename_outputs=False)
    merged = compose.merge_models(before, model, [("encoded", "model_X")])
    onnx.checker.check_model(merged)
    content: bytes = merged.SerializeToString()
    return content


def _tables(encode: Any, sizes: Sequence[int]) -> list[np.ndarray]:
    """Of each column the encodings of its codes, shape (n_codes, n_encodings), float32.

    A code that no training row has is encoded as the mean of all.
    """
    columns = np.column_stack([np.arange(max(sizes)) % size for size in sizes])
    encoded = encode.transform(columns.astype(np.float32))
    each = encoded.shape[1] // len(sizes)
    return [
        encoded[:size, number * each : (number + 1) * each].astype(np.float32)
        for number, size in enumerate(sizes)
    ]
