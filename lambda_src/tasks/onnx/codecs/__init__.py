"""What a field of an instance becomes, and what an output of the graph becomes, by codec's name.

The module of a codec that a model does not name is not loaded.
"""

from collections.abc import Sequence

from tasks.onnx.codecs.form import Decode, Encode
from tasks.onnx.codecs.wordpiece import WordPiece
from tasks.onnx.spec import Input, Output


def encoder(spec: Input, tokenizer: WordPiece | None = None) -> Encode:
    """The codec text needs a tokenizer. Raises Unfit where that does not suit it."""
    match spec.codec:
        case "tensor":
            from tasks.onnx.codecs.tensors import tensor

            return tensor(spec)
        case "characters":
            from tasks.onnx.codecs.tensors import characters

            return characters(spec)
        case "constant":
            from tasks.onnx.codecs.tensors import constant

            return constant(spec)
        case "image":
            from tasks.onnx.codecs.images import image

            return image(spec)
        case "text":
            from tasks.onnx.codecs.texts import text

            assert tokenizer is not None  # a model with this codec has one
            return text(spec, tokenizer)


def decoder(spec: Output, labels: Sequence[str] | None) -> Decode:
    """The codec of an output, which may need the model's labels."""
    match spec.codec:
        case "tensor":
            from tasks.onnx.codecs.tensors import plain

            return plain(spec, labels or ())
        case "labels":
            from tasks.onnx.codecs.tensors import label

            return label(spec, labels or ())
        case "detection":
            from tasks.onnx.codecs.detection import detection

            return detection(spec, labels or ())
        case "embedding":
            from tasks.onnx.codecs.embedding import embedding

            return embedding(spec, labels or ())
        case "ctc":
            from tasks.onnx.codecs.ctc import ctc

            return ctc(spec, labels or ())
