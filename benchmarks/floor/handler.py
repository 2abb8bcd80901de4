"""The least that any server of ONNX models does: import, load a local file, run it once."""

import os
from typing import Any

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # as inference has it

import numpy as np
import onnxruntime

_TYPES = {"tensor(float)": np.float32, "tensor(int64)": np.int64}
_ZERO = {"ids", "segments"}
"""Inputs that are positions, of which the first is 0."""


def _load() -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(os.environ["MODEL_FILE"], options)


SESSION = _load()


def handler(event: dict[str, Any], context: Any) -> str:
    feeds = {
        given.name: np.full(
            [size if isinstance(size, int) else 1 for size in given.shape],
            given.name not in _ZERO,
            dtype=_TYPES[given.type],
        )
        for given in SESSION.get_inputs()
    }
    return str(SESSION.run(["probabilities"], feeds)[0].shape)
