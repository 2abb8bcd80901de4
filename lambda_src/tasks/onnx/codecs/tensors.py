"""Arrays, labels and characters: what needs nothing but numbers."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from common.problems import PAYLOAD_LIMIT
from tasks.framework.answers import short
from tasks.framework.predictions import Classes
from tasks.onnx.codecs.form import Arrays, Decode, Encode, Encoded
from tasks.onnx.codecs.unfit import Unfit
from tasks.onnx.spec import Input, Output

PADDING, UNKNOWN, FIRST_CHARACTER = 0, 1, 2
"""Numbers of the codec characters: those of the vocabulary follow in its order."""

ROUNDING = 1e-3
"""By which a probability may be beyond 0 or 1: as much as float16 tells apart there."""

_KINDS = {"f": "a number", "i": "a whole number", "u": "a whole number", "b": "true or false"}


def tensor(spec: Input) -> Encode:
    def encode(value: Any, into: Encoded) -> np.ndarray:
        with np.errstate(over="ignore", invalid="ignore"):  # which is reported below
            array = _string_array(value) if spec.dtype == "string" else _array(value, spec.dtype)
            _check_shape(array, spec.shape)
            if spec.scaled:
                _check_places(array, spec)
                array = standardised(array, spec, 0)
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise Unfit(f"Expected numbers that {spec.dtype} can hold")
        return array

    return encode


def constant(spec: Input) -> Encode:
    """What every instance has. Raises Unfit."""
    try:
        value = tensor(spec)(spec.value, Encoded())
    except Unfit as reason:
        raise Unfit(f"Input {spec.name!r}: {reason}") from None
    return lambda _, into: value


def standardised(array: np.ndarray, spec: Input, axis: int) -> np.ndarray:
    """(array * scale - mean) / std; means and deviations are of the places of an axis.

    Raises Unfit for what the type cannot hold; whole numbers are cut.
    """
    places = [1] * array.ndim
    if array.ndim:
        places[axis] = -1
    precision = np.result_type(spec.dtype, np.float32)
    mean, std = (np.reshape(np.array(one, precision), places) for one in (spec.mean, spec.std))
    values = array.astype(precision)
    values *= spec.scale
    values -= mean
    values /= std
    return _converted(values, spec.dtype)


def _array(value: Any, dtype: str) -> np.ndarray:
    wanted = np.dtype(dtype)
    try:
        array = np.asarray(value)
    except ValueError:
        raise Unfit("Expected arrays of equal lengths") from None
    if array.dtype.kind == "O" and wanted.kind != "b":
        array = _beyond_64_bits(array, dtype)
    fits = {"f": "iuf", "i": "iu", "u": "iu", "b": "b"}[wanted.kind]
    unfit = array.dtype.kind not in fits and array.size
    # Among numbers booleans are 0 and 1; to look at the type of every value takes its time.
    if unfit or (
        wanted.kind != "b" and np.any((array == 0) | (array == 1)) and _has_booleans(value)
    ):
        raise Unfit(f"Expected {_KINDS[wanted.kind]}, or arrays of such, got {short(value)}")
    return _converted(array, dtype)


def _beyond_64_bits(array: np.ndarray, dtype: str) -> np.ndarray:
    """Floats of numbers among which are longer whole ones, as JavaScript writes 1e20.

    What is none of numbers stays as it is. Raises Unfit for what the type cannot hold.
    """
    kinds = set(map(type, array.ravel().tolist()))
    if not kinds <= {int, float}:
        return array
    if np.dtype(dtype).kind != "f" and kinds == {int}:
        raise Unfit(f"Expected numbers that {dtype} can hold")
    try:
        return array.astype(np.float64)
    except OverflowError:
        raise Unfit(f"Expected numbers that {dtype} can hold") from None


def _has_booleans(value: Any) -> bool:
    """Whether they are in a value that numpy has made numbers of."""
    if not isinstance(value, list):
        return isinstance(value, bool)
    if value and isinstance(value[0], list):
        return any(map(_has_booleans, value))
    return bool in set(map(type, value))


def _converted(array: np.ndarray, dtype: str) -> np.ndarray:
    """Numbers as another type. Raises Unfit where it is of whole ones, and cannot hold them."""
    converted = array.astype(dtype, copy=False)
    if converted.dtype.kind in "iu":
        bounds = np.iinfo(dtype)
        # What is cut may be less than 1 beyond them; and they may be no floats themselves.
        if not ((array > int(bounds.min) - 1) & (array < int(bounds.max) + 1)).all():
            raise Unfit(f"Expected numbers that {dtype} can hold")
    return converted


def _check_places(array: np.ndarray, spec: Input) -> None:
    """Raises Unfit where there is not a mean or a deviation for each place of the first axis."""
    places = array.shape[0] if array.ndim else 1
    for name, numbers in (("mean", spec.mean), ("std", spec.std)):
        if isinstance(numbers, list) and len(numbers) not in (1, places):
            raise Unfit(f"Expected {len(numbers)} places on the first axis, as {name} has")


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


def characters(spec: Input) -> Encode:
    """Text as the numbers of its characters, cut or padded to the input's length."""
    numbers = {one: at for at, one in enumerate(spec.vocabulary, FIRST_CHARACTER)}
    (length,) = spec.shape

    def encode(value: Any, into: Encoded) -> np.ndarray:
        if not isinstance(value, str):
            raise Unfit(f"Expected a text, got {short(value)}")
        found = [numbers.get(one, UNKNOWN) for one in value]
        if length is not None:
            found = (found + [PADDING] * length)[:length]
        return np.array(found or [PADDING], dtype=spec.dtype)

    return encode


def plain(spec: Output, labels: Sequence[str]) -> Decode:
    def decode(outputs: Arrays, encoded: Encoded) -> dict[str, Any]:
        array = outputs[spec.name]
        if 2 * array.size > PAYLOAD_LIMIT:
            raise Unfit(f"{spec.name} has {array.size:,} values, for which no answer has room")
        return {"outputs": {spec.name: array.tolist()}}

    return decode


def is_finite(value: Any) -> bool:
    """Whether JSON has all numbers of an output, which may hold maps."""
    if isinstance(value, np.ndarray) and value.dtype.kind != "O":
        return value.dtype.kind != "f" or bool(np.isfinite(value).all())
    if isinstance(value, np.ndarray):
        return all(map(is_finite, value.flat))
    if isinstance(value, dict):
        return all(map(is_finite, value.values()))
    return not isinstance(value, float) or math.isfinite(value)


def label(spec: Output, labels: Sequence[str]) -> Decode:
    def decode(outputs: Arrays, encoded: Encoded) -> dict[str, Any]:
        scores = outputs[spec.name].reshape(1, -1)
        is_binary = scores.size == 1 and len(labels) == 2 and spec.activation != "softmax"
        if scores.size != len(labels) and not is_binary:
            raise Unfit(f"it has {scores.size} values, and labels has {len(labels)}")
        shares = probabilities(scores, spec)
        of_classes = np.hstack([1 - shares, shares]) if is_binary else shares
        return Classes(of_classes, labels).rows()[0]

    return decode


def probabilities(scores: np.ndarray, spec: Output) -> np.ndarray:
    """What activated makes of scores. Raises Unfit for what is no probability."""
    found = activated(scores, spec.activation)
    rounded: np.ndarray = np.clip(found, 0, 1)
    wrong = found[~(np.abs(found - rounded) <= ROUNDING)]
    if wrong.size:
        raise Unfit(
            f"{spec.name} has {wrong[0]:g} with the activation {spec.activation}, and a number "
            "from 0 to 1 is expected"
        )
    return rounded


def activated(scores: np.ndarray, activation: str) -> np.ndarray:
    """Scores, classes along the last axis, after what is still to be done to them."""
    scores = scores.astype(np.float64)
    if activation == "softmax":
        with np.errstate(invalid="ignore"):  # what is no number is found where it is used
            raised = np.exp(scores - scores.max(axis=-1, keepdims=True, initial=-np.inf))
            shares: np.ndarray = raised / raised.sum(axis=-1, keepdims=True)
        return shares
    if activation == "sigmoid":
        # The same as 1 / (1 + exp(-x)), which overflows.
        halves: np.ndarray = 0.5 * (1 + np.tanh(0.5 * scores))
        return halves
    return scores
