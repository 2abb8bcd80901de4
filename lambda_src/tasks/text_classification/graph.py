"""A fitted text pipeline as an ONNX graph that never makes a dense TF-IDF matrix.

The graph takes counted n-grams, weighs them, and sums each row's share of the weights, as an
embedding bag does:

    weight  = (1 + log count) * idf[id]
    length  = sqrt(sum of weight^2 over the n-gram's row and block)
    logits  = sum over the row of weight / length * coefficients[id] + intercept

onnxruntime's own TF-IDF operator makes a row of the whole vocabulary for every text, and cuts
words wrongly in scripts other than ASCII's.
"""

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from sklearn.calibration import CalibratedClassifierCV
from sklearn.pipeline import Pipeline

from tasks.framework.training.graphs import serialized


def export(fitted: Pipeline) -> bytes:
    """The graph of a pipeline: a union "grams" of TF-IDF vectorizers, then a linear "model".

    Inputs are those of Vocabulary.count and the number of rows; output is the probabilities,
    shape (rows, n_classes). The n-grams are metadata, a line each, under the block's name.
    """
    blocks = fitted["grams"].transformer_list
    idf = np.concatenate([vectorizer.idf_ for _, vectorizer in blocks])
    weights, bias, multinomial = _linear(fitted["model"])
    constants: dict[str, np.ndarray] = {
        "idf": idf.astype(np.float32),
        "coefficients": weights.astype(np.float32),
        "intercept": bias.astype(np.float32),
        "one": np.array(1, np.float32),
        "blocks": np.array([len(blocks)], np.int64),
        "classes": np.array([weights.shape[1]], np.int64),
        "last": np.array([-1], np.int64),
    }
    graph = helper.make_graph(
        [*_weighing(), *_summing(), *_normalising(weights.shape[1], multinomial)],
        "text_classification",
        [
            helper.make_tensor_value_info("ids", TensorProto.INT64, ["grams"]),
            helper.make_tensor_value_info("counts", TensorProto.FLOAT, ["grams"]),
            helper.make_tensor_value_info("segments", TensorProto.INT64, ["grams"]),
            helper.make_tensor_value_info("rows", TensorProto.INT64, [1]),
        ],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, None])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return serialized(
        graph,
        {name: "\n".join(vectorizer.get_feature_names_out()) for name, vectorizer in blocks},
    )


def _linear(model: Any) -> tuple[np.ndarray, np.ndarray, bool]:
    """Coefficients (n_features, n_logits), intercepts, and whether a softmax joins the logits.

    A calibrated model's sigmoid (Platt, 1999) of a logit, 1 / (1 + exp(a * logit + b)), is the
    plain one of -(a * logit + b), so that it folds into the coefficients.
    """
    if not isinstance(model, CalibratedClassifierCV):
        return model.coef_.T, model.intercept_, len(model.classes_) > 2
    (calibrated,) = model.calibrated_classifiers_
    linear = calibrated.estimator
    slopes = np.array([sigmoid.a_ for sigmoid in calibrated.calibrators])
    offsets = np.array([sigmoid.b_ for sigmoid in calibrated.calibrators])
    return -linear.coef_.T * slopes, -(linear.intercept_ * slopes + offsets), False


def _weighing() -> list[onnx.NodeProto]:
    """From counts to weights of unit length in each block of each row."""
    node = helper.make_node
    return [
        node("Log", ["counts"], ["log_counts"]),
        node("Add", ["log_counts", "one"], ["sublinear"]),
        node("Gather", ["idf", "ids"], ["idf_of"]),
        node("Mul", ["sublinear", "idf_of"], ["weight"]),
        node("Mul", ["weight", "weight"], ["square"]),
        node("Mul", ["rows", "blocks"], ["n_segments"]),
        node("ConstantOfShape", ["n_segments"], ["no_length"]),
        node("Unsqueeze", ["segments", "last"], ["segment_index"]),
        node("ScatterND", ["no_length", "segment_index", "square"], ["squares"], reduction="add"),
        node("Gather", ["squares", "segments"], ["square_of"]),
        node("Sqrt", ["square_of"], ["length"]),
        node("Div", ["weight", "length"], ["unit"]),
    ]


def _summing() -> list[onnx.NodeProto]:
    """From unit weights to the logits of each row."""
    node = helper.make_node
    return [
        node("Gather", ["coefficients", "ids"], ["coefficients_of"]),
        node("Unsqueeze", ["unit", "last"], ["unit_column"]),
        node("Mul", ["coefficients_of", "unit_column"], ["share"]),
        node("Concat", ["rows", "classes"], ["logits_shape"], axis=0),
        node("ConstantOfShape", ["logits_shape"], ["no_logits"]),
        node("Div", ["segments", "blocks"], ["row"]),
        node("Unsqueeze", ["row", "last"], ["row_index"]),
        node("ScatterND", ["no_logits", "row_index", "share"], ["sums"], reduction="add"),
        node("Add", ["sums", "intercept"], ["logits"]),
    ]


def _normalising(logits: int, multinomial: bool) -> list[onnx.NodeProto]:
    """From logits to probabilities that sum to one."""
    node = helper.make_node
    if multinomial:
        return [node("Softmax", ["logits"], ["probabilities"], axis=1)]
    if logits == 1:
        return [
            node("Sigmoid", ["logits"], ["positive"]),
            node("Sub", ["one", "positive"], ["negative"]),
            node("Concat", ["negative", "positive"], ["probabilities"], axis=1),
        ]
    return [
        node("Sigmoid", ["logits"], ["single"]),
        node("ReduceSum", ["single", "last"], ["total"], keepdims=1),
        node("Div", ["single", "total"], ["probabilities"]),
    ]
