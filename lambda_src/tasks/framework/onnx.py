"""ONNX models in memory: the one place that loads onnxruntime."""

import os
from typing import Any

# Else it starts threads that write a file and send reports of its use to its makers. It looks at
# this while it is loaded.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime

SILENT = 4
"""Fatal errors only. What fails is raised as well, and messages hold names of a graph's nodes: one
with a line break would write lines of its own into the log, metrics among them."""

onnxruntime.set_default_logger_severity(SILENT)


def session(model: bytes, threads: int = 1, keeps_memory: bool = True) -> Any:
    """An inference session of a serialized model, which is read as ONNX and as nothing else.

    A file can be an ONNX model and begin like one in onnxruntime's own format, in which it holds
    another graph than was inspected. One thread is enough for the small models of one vCPU: a
    second one costs more to wake than it computes. keeps_memory is whether what a run took stays
    with the session for the next one.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = SILENT
    options.enable_cpu_mem_arena = keeps_memory
    options.add_session_config_entry("session.load_model_format", "ONNX")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def run_options() -> Any:
    """Options of one run, which their terminate ends while it is under way."""
    return onnxruntime.RunOptions()
