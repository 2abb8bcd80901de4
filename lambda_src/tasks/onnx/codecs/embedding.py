"""One vector for an instance, of what the graph says of it or of each of its tokens."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tasks.onnx.codecs.form import Arrays, Decode, Encoded
from tasks.onnx.codecs.unfit import Unfit
from tasks.onnx.spec import Output


def embedding(spec: Output, labels: Sequence[str]) -> Decode:
    wanted = 1 if spec.pooling == "none" else 2

    def decode(outputs: Arrays, encoded: Encoded) -> dict[str, Any]:
        states = outputs[spec.name].astype(np.float64)
        if states.ndim != wanted:
            raise Unfit(
                f"{spec.name} has the shape {list(states.shape)}, and the pooling {spec.pooling} "
                f"takes {'one vector' if wanted == 1 else 'a vector for each token'}"
            )
        if spec.pooling == "cls":
            states = states[0]
        elif spec.pooling == "mean":
            if encoded.tokens is not None:
                states = states[np.array(encoded.tokens.attention_mask, bool)]
            states = states.mean(axis=0)
        if not np.isfinite(states).all():
            raise Unfit(f"{spec.name} has values that are no numbers")
        if spec.normalise:
            states = states / max(np.linalg.norm(states), 1e-12)
        return {"embedding": states.tolist()}

    return decode
