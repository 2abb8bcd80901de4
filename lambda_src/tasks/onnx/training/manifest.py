"""manifest.json of a model that is brought: read, and checked as far as the graph is not needed."""

from collections import Counter
from collections.abc import Iterator

import msgspec

from common.decoding import convert
from common.problems import Unprocessable, invalid
from tasks.framework.answers import short
from tasks.onnx.spec import TOKENIZER, Input, Output, Spec

MAX_DESCRIPTION = 2_500_000
"""Bytes of inputs, outputs and labels as JSON.

The version's manifest has them, too, which is an answer: it may have 6 MB once escapes have doubled
what is in it.
"""


def read(content: bytes) -> Spec:
    """Raises Unprocessable with the place that does not fit."""
    try:
        spec = convert(msgspec.json.decode(content), Spec)
        _check(spec)
    except RecursionError as error:
        raise Unprocessable("manifest.json is nested too deep.") from error
    except UnicodeDecodeError as error:
        raise Unprocessable("manifest.json is not UTF-8.") from error
    except msgspec.DecodeError as error:
        from common.malformed import fault  # what is JSON has no need of it

        raise Unprocessable(f"manifest.json {fault(content)}.") from error
    except Unprocessable as problem:
        raise Unprocessable(f"manifest.json {problem.detail}") from None
    return spec


def check_tokenizer(spec: Spec, there: bool) -> None:
    """Raises Unprocessable where tokenizer.json is missing, or of no use."""
    wanted = any(one.codec == "text" for one in spec.inputs)
    if wanted and not there:
        raise Unprocessable(f"An input has the codec text, and the zip lacks {TOKENIZER}.")
    if there and not wanted:
        raise Unprocessable(f"The zip has {TOKENIZER}, and no input has the codec text.")


def _check(spec: Spec) -> None:
    """Raises Unprocessable where parts do not fit each other, or are too large together."""
    size = len(msgspec.json.encode([spec.inputs, spec.outputs, spec.labels]))
    if size > MAX_DESCRIPTION:
        raise Unprocessable(
            f"has {size:,} bytes of inputs, outputs and labels, and {MAX_DESCRIPTION:,} is the "
            "most: put large constants, means and stds into model.onnx, and shorten labels."
        )
    for at, one in enumerate(spec.inputs):
        for field, reason in _input_faults(one):
            raise invalid(["inputs", at, *field.split("/")], reason)
        if one.name in [other.name for other in spec.inputs[:at]]:
            raise invalid(["inputs", at, "name"], "an input before it has this name")
    images = sum(one.codec == "image" for one in spec.inputs)
    if images > 1:
        raise invalid(["inputs"], f"{images} inputs have the codec image: one may")
    shapes = [one.shape for one in spec.inputs if one.codec == "text"]
    if any(one != shapes[0] for one in shapes):
        raise invalid(["inputs"], "those with the codec text must have the same shape")
    for at, output in enumerate(spec.outputs):
        for field, reason in _output_faults(output, spec, images == 1):
            raise invalid(["outputs", at, *field.split("/")], reason)
        if output.codec != "tensor" and output.codec in [one.codec for one in spec.outputs[:at]]:
            raise invalid(["outputs", at, "codec"], f"one output may have the codec {output.codec}")


type Faults = Iterator[tuple[str, str]]
"""A field, or its path, and what is wrong with it."""


def _input_faults(one: Input) -> Faults:
    stds = one.std if isinstance(one.std, list) else [one.std]
    if any(abs(one) < 1e-30 for one in stds):
        yield "std", "values are divided by it: it may not be 0, nor within 1e-30 of it"
    match one.codec:
        case "tensor" | "constant":
            if one.dtype in ("string", "bool") and one.scaled:
                yield (
                    "dtype",
                    f"{one.dtype} takes values as they are: leave out scale, mean and std",
                )
            yield from _place_faults(one)
        case "characters" | "text":
            if len(one.shape) != 1:
                yield "shape", f"the codec {one.codec} takes one length, or null"
            if one.dtype not in ("int64", "int32"):
                yield "dtype", f"the codec {one.codec} makes int64 or int32"
        case "image":
            yield from _image_faults(one)


def _place_faults(one: Input) -> Faults:
    places = one.shape[0] if one.shape else 1
    for field, value in (("mean", one.mean), ("std", one.std)):
        if isinstance(value, list) and places and len(value) not in (1, places):
            yield field, f"give a number, or {places}: one for each place of the first axis"


def _image_faults(one: Input) -> Faults:
    how = one.image
    channels = 1 if how.channels == "L" else 3
    place = 0 if how.layout == "NCHW" else -1
    if len(one.shape) != 3 or one.shape[place] != channels:
        order = "channels, height, width" if place == 0 else "height, width, channels"
        yield "shape", f"of an image it is {order}, and channels are {channels}"
    if one.dtype not in ("uint8", "float32", "float16", "float64"):
        yield "dtype", "the codec image makes uint8, float32, float16 or float64"
    if one.dtype == "uint8" and one.scaled:
        yield "dtype", "uint8 takes pixels as they are: leave out scale, mean and std"
    for field, value in (("mean", one.mean), ("std", one.std), ("image/fill", how.fill)):
        if isinstance(value, list) and len(value) != channels:
            yield field, f"give a number, or {channels}: one for each channel"
    if how.resize != "stretch" and None in one.shape:
        yield "shape", f"{how.resize} needs a height and a width"
    if how.interpolation == "lanczos" and not how.antialias:
        yield "image", "lanczos is there with antialias only"


def _output_faults(one: Output, spec: Spec, has_image: bool) -> Faults:
    if one.codec in ("labels", "detection", "ctc") and spec.labels is None:
        yield "codec", f"the codec {one.codec} needs labels"
    if one.codec == "labels" and spec.labels:
        ((label, times),) = Counter(spec.labels).most_common(1)
        if times > 1:
            yield (
                "codec",
                f"each label has a probability, and {short(label)} is there {times} times",
            )
    if one.codec == "labels" and len(spec.labels or ()) == 1:
        yield (
            "codec",
            "it chooses between labels, and there is one: give two where the output has one "
            "number, the probability of the second",
        )
    if one.codec == "ctc" and (spec.labels or []).count("") != 1:
        yield "codec", 'of the codec ctc one of labels is "", the blank'
    if (one.codec == "detection") != (one.detection is not None):
        yield "detection", "it belongs to the codec detection, which needs it"
    how = one.detection
    if how and how.classes is None and (how.background or 0) >= len(spec.labels or ()):
        yield "detection/background", "without classes it is the place of one of labels, from 0"
    if one.codec == "detection" and not has_image:
        yield "codec", "the codec detection needs an input with the codec image"
