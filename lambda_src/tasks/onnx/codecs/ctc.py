"""Text that a recogniser reads: connectionist temporal classification, its best path.

Graves et al. 2006: the likeliest sign at each step, repeated ones once, blanks left out.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tasks.onnx.codecs.form import Arrays, Decode, Encoded
from tasks.onnx.codecs.tensors import activated
from tasks.onnx.codecs.unfit import Unfit
from tasks.onnx.spec import Output


def ctc(spec: Output, labels: Sequence[str]) -> Decode:
    blank = labels.index("")  # a manifest with this codec has it

    def decode(outputs: Arrays, encoded: Encoded) -> dict[str, Any]:
        steps = outputs[spec.name]
        if steps.ndim != 2 or steps.shape[1] != len(labels):
            raise Unfit(
                f"{spec.name} has the shape {list(steps.shape)}: a row per step with "
                f"{len(labels)} columns, as labels has, is expected"
            )
        scores = activated(steps, spec.activation)
        best = scores.argmax(axis=1)
        read = np.flatnonzero((best != blank) & (best != np.insert(best[:-1], 0, -1)))
        score = float(scores.max(axis=1)[read].mean()) if len(read) else 0.0
        if np.isnan(scores).any() or not math.isfinite(score):
            raise Unfit(f"{spec.name} has scores that are no numbers")
        return {"text": "".join(labels[one] for one in best[read].tolist()), "score": score}

    return decode
