"""What a field of an instance becomes, and what an output of the graph becomes, by codec's name."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tasks.onnx.spec import Input, Output
from tasks.shared.serving.answers import labelled, short

PADDING, UNKNOWN, FIRST_CHARACTER = 0, 1, 2
"""Numbers of the codec characters: those of the vocabulary follow in its order."""

type Encode = Callable[[Any], np.ndarray]
"""A field's value as an array without the batch's axis. Raises Unfit."""

type Decode = Callable[[np.ndarray], dict[str, Any]]
"""One instance's output as the fields of its prediction."""

_KINDS = {"f": "a number", "i": "a whole number", "u": "a whole number", "b": "true or false"}


class Unfit(ValueError):
    """A value that an input cannot take; its text says what would do."""


def encoder(spec: Input) -> Encode:
    return _ENCODERS[spec.codec](spec)


def decoder(spec: Output, labels: Sequence[str] | None) -> Decode:
    return _DECODERS[spec.codec](spec, labels)


def _tensor(spec: Input) -> Encode:
    scaled = spec.mean != 0.0 or spec.std != 1.0

    def encode(value: Any) -> np.ndarray:
        array = _string_array(value) if spec.dtype == "string" else _array(value, spec.dtype)
        _check_shape(array, spec.shape)
        if not scaled:
            return array
        places = (-1,) + (1,) * (array.ndim - 1)
        mean, std = (np.reshape(one, places if array.ndim else ()) for one in (spec.mean, spec.std))
        standardised: np.ndarray = ((array - mean) / std).astype(spec.dtype)
        return standardised

    return encode


def _array(value: Any, dtype: str) -> np.ndarray:
    wanted = np.dtype(dtype)
    try:
        array = np.asarray(value)
    except ValueError:
        raise Unfit("Expected arrays of equal lengths") from None
    fits = {"f": "iuf", "i": "iu", "u": "iu", "b": "b"}[wanted.kind]
    if array.dtype.kind not in fits and array.size:
        raise Unfit(f"Expected {_KINDS[wanted.kind]}, or arrays of such, got {short(value)}")
    converted = array.astype(wanted)
    if wanted.kind in "iu" and (converted != array).any():
        raise Unfit(f"Expected numbers that {dtype} can hold")
    return converted


def _string_array(value: Any) -> np.ndarray:
    array = np.asarray(value, dtype=object)
    if not all(isinstance(one, str) for one in array.ravel().tolist()):
        raise Unfit(f"Expected a string, or arrays of such, got {short(value)}")
    return array


def _check_shape(array: np.ndarray, shape: Sequence[int | None]) -> None:
    fits = len(shape) == array.ndim and all(
        length in (None, found) for length, found in zip(shape, array.shape, strict=True)
    )
    if not fits:
        wanted = [length if length is not None else "any" for length in shape]
        raise Unfit(f"Expected the shape {wanted}, got {list(array.shape)}")


def _characters(spec: Input) -> Encode:
    """Text as the numbers of its characters, cut or padded to the input's length."""
    numbers = {one: at for at, one in enumerate(spec.vocabulary, FIRST_CHARACTER)}
    (length,) = spec.shape

    def encode(value: Any) -> np.ndarray:
        if not isinstance(value, str):
            raise Unfit(f"Expected a text, got {short(value)}")
        found = [numbers.get(one, UNKNOWN) for one in value]
        if length is not None:
            found = (found + [PADDING] * length)[:length]
        return np.array(found or [PADDING], dtype=spec.dtype)

    return encode


def _plain(spec: Output, labels: Sequence[str] | None) -> Decode:
    return lambda output: {"outputs": {spec.name: output.tolist()}}


def _labels(spec: Output, labels: Sequence[str] | None) -> Decode:
    assert labels is not None  # a manifest with this codec has them

    def decode(output: np.ndarray) -> dict[str, Any]:
        scores = output.reshape(1, -1).astype(np.float64)
        if spec.activation == "softmax":
            scores = np.exp(scores - scores.max())
            scores /= scores.sum()
        (prediction,) = labelled(scores, labels)
        return prediction

    return decode


_ENCODERS: Mapping[str, Callable[[Input], Encode]] = {"tensor": _tensor, "characters": _characters}
_DECODERS: Mapping[str, Callable[[Output, Sequence[str] | None], Decode]] = {
    "tensor": _plain,
    "labels": _labels,
}
