"""Texts as the numbers of their tokens."""

from typing import Any

import numpy as np

from tasks.framework.answers import short
from tasks.onnx.codecs.form import Encode, Encoded
from tasks.onnx.codecs.unfit import Unfit
from tasks.onnx.codecs.wordpiece import WordPiece
from tasks.onnx.spec import Input


def text(spec: Input, tokenizer: WordPiece) -> Encode:
    (length,) = spec.shape
    if length is None and tokenizer.max_length is None:
        raise Unfit(
            "tokenizer.json has no truncation: give it one with the max_length of the network, or "
            f"the shape of {spec.name!r} a length"
        )

    def encode(value: Any, into: Encoded) -> np.ndarray:
        if not isinstance(value, str):
            raise Unfit(f"Expected a text, got {short(value)}")
        if into.tokens is None:
            into.tokens = tokenizer.encode(value, length, into.deadline)
        if not any(into.tokens.attention_mask):
            raise Unfit("Expected a text with at least one token")
        return np.array(getattr(into.tokens, spec.part), dtype=spec.dtype)

    return encode
