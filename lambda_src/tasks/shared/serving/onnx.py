"""ONNX models in memory."""

from typing import Any

import onnxruntime


def session(model: bytes, threads: int = 1) -> Any:
    """An inference session of a serialized model.

    One thread is enough for the small models of one vCPU: a second one costs more to wake than
    it computes.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors only: warnings are about operators that are absent
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
