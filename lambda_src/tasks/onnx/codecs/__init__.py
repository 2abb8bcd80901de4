"""What a field of an instance becomes, and what an output of the graph becomes, by codec's name."""

import importlib
from collections.abc import Sequence
from typing import Any, cast

from tasks.onnx.codecs.form import Decode, Encode
from tasks.onnx.codecs.wordpiece import WordPiece
from tasks.onnx.spec import Input, Output

_ENCODERS = {
    "tensor": ("tensors", "tensor"),
    "characters": ("tensors", "characters"),
    "constant": ("tensors", "constant"),
    "image": ("images", "image"),
    "text": ("texts", "text"),
}
_DECODERS = {
    "tensor": ("tensors", "plain"),
    "labels": ("tensors", "label"),
    "detection": ("detection", "detection"),
    "embedding": ("embedding", "embedding"),
    "ctc": ("ctc", "ctc"),
}
"""Module and function of each codec: one that a model does not name is not loaded."""


def encoder(spec: Input, tokenizer: WordPiece | None = None) -> Encode:
    """The codec text needs a tokenizer. Raises Unfit where that does not suit it."""
    more = (tokenizer,) if spec.codec == "text" else ()
    return cast(Encode, _function(*_ENCODERS[spec.codec])(spec, *more))


def decoder(spec: Output, labels: Sequence[str] | None) -> Decode:
    return cast(Decode, _function(*_DECODERS[spec.codec])(spec, labels or ()))


def _function(module: str, name: str) -> Any:
    return getattr(importlib.import_module(f"{__name__}.{module}"), name)
