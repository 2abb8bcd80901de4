"""manifest.json of a model that is brought: what goes in, what comes out, and examples of both."""

from typing import Annotated, Any, Literal

import msgspec

from common.decoding import MAX_TEXT

DType = Literal["float32", "float64", "float16", "int64", "int32", "uint8", "bool", "string"]

Length = Annotated[int, msgspec.Meta(ge=1, le=20_000_000)]
Position = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
Share = Annotated[float, msgspec.Meta(gt=0, le=1)]
Byte = Annotated[int, msgspec.Meta(ge=0, le=255)]
Name = Annotated[str, msgspec.Meta(max_length=MAX_TEXT)]
"""Of an input, an output, a label, or a field of an instance."""

Number = Annotated[float, msgspec.Meta(ge=-1e30, le=1e30)]
"""Which a float32 holds."""

Numbers = Annotated[list[Number], msgspec.Meta(max_length=100_000)]

IMAGE, TEXT = "image", "text"
"""Fields of an instance that hold its image, in whose place there may be a key, and its text."""

TOKENIZER = "tokenizer.json"


class Picture(
    msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, omit_defaults=True
):
    """How the codec image makes an image fit its input.

    stretch ignores proportions, letterbox keeps them and fills what is left with a grey, or with a
    value for each of channels, crop cuts the middle out after the image was made so large that it
    covers 1 / keep of the input.
    Without antialias images are made smaller as OpenCV does it, else as pillow does.
    """

    layout: Literal["NCHW", "NHWC"] = "NCHW"
    channels: Literal["RGB", "BGR", "L"] = "RGB"
    resize: Literal["stretch", "letterbox", "crop"] = "stretch"
    interpolation: Literal["nearest", "bilinear", "bicubic", "lanczos"] = "bilinear"
    antialias: bool = True
    align: Literal["centre", "upper_left"] = "centre"
    fill: Byte | Annotated[list[Byte], msgspec.Meta(max_length=3)] = 0
    keep: Share = 1.0


class Input(
    msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, omit_defaults=True
):
    """One input of the graph, and the codec that makes it of a field of an instance.

    The field has the input's name, but for the codecs image (IMAGE) and text (TEXT). shape is
    that of one instance, without the batch's axis; null where it varies. Values become
    (value * scale - mean) / std; mean and std are numbers, or one for each place of the first
    axis, for each channel of an image. vocabulary is for the codec characters, part for text, and
    value for constant, which reads no field.
    """

    name: Name
    codec: Literal["tensor", "characters", "image", "text", "constant"] = "tensor"
    dtype: DType = "float32"
    shape: Annotated[list[Length | None], msgspec.Meta(max_length=10)]
    scale: Number = 1.0
    mean: Number | Numbers = 0.0
    std: Number | Numbers = 1.0
    vocabulary: Annotated[str, msgspec.Meta(max_length=200_000)] = ""
    value: Any = None
    part: Literal["token_ids", "attention_mask", "token_type_ids"] = "token_ids"
    image: Picture = Picture()

    @property
    def field(self) -> str:
        return {"image": IMAGE, "text": TEXT}.get(self.codec, self.name)

    @property
    def scaled(self) -> bool:
        return (self.scale, self.mean, self.std) != (1.0, 0.0, 1.0)


class Columns(
    msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, omit_defaults=True
):
    """Where a part of what is detected stands: columns of an output, from first to before end.

    The output is that of the boxes when left out.
    """

    output: Name | None = None
    first: Position = 0
    end: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] | None = None


class Detection(
    msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, omit_defaults=True
):
    """How the codec detection makes labelled boxes of outputs with a row per box.

    boxes are in the output that has this codec, in the given form and unit: pixels or shares of
    the network's input, or pixels of the image as it was sent. scores has one column where
    classes has the class's number, else a column per label, each multiplied with objectness.
    transposed outputs have boxes as columns. background is the class that is no object; count,
    an output, says how many rows are meant. Boxes below min_score are left out, and, with
    overlap, those that share that much (IoU) with a better one, of their label if by_label.
    """

    boxes: Columns = Columns(end=4)
    scores: Columns
    classes: Columns | None = None
    objectness: Columns | None = None
    count: Name | None = None
    form: Literal["xyxy", "yxyx", "xywh", "cxcywh"] = "xyxy"
    unit: Literal["pixels", "shares", "image_pixels"] = "pixels"
    transposed: bool = False
    background: Position | None = None
    min_score: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.5
    overlap: Share | None = None
    by_label: bool = True
    most: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 100

    def outputs(self) -> set[str]:
        """The outputs that it names."""
        parts = (self.boxes, self.scores, self.classes, self.objectness)
        named = {part.output for part in parts if part is not None} | {self.count}
        return {name for name in named if name is not None}


class Output(
    msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, omit_defaults=True
):
    """One output of the graph, and the codec that makes an answer of it.

    activation is what is still to be done to scores. Of the codec ctc, the label "" is the blank.
    pooling tells how the codec embedding makes
    one vector of one for each token, and normalise whether its length becomes 1. An output
    without batch_axis is that of the one instance which the graph takes.
    """

    name: Name
    codec: Literal["tensor", "labels", "detection", "embedding", "ctc"] = "tensor"
    activation: Literal["none", "softmax", "sigmoid"] = "none"
    pooling: Literal["none", "cls", "mean"] = "none"
    normalise: bool = False
    batch_axis: bool = True
    detection: Detection | None = None

    def outputs(self) -> set[str]:
        """The graph's outputs that its answer is made of."""
        return {self.name} | (set() if self.detection is None else self.detection.outputs())


class Example(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An instance as callers send it, and what the graph must make of it, by output."""

    instance: Annotated[dict[Name, Any], msgspec.Meta(max_length=1000)]
    outputs: Annotated[dict[Name, Any], msgspec.Meta(min_length=1, max_length=100)]


class Spec(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """All of manifest.json; tolerance is of the examples' numbers, relative where above 1."""

    inputs: Annotated[list[Input], msgspec.Meta(min_length=1, max_length=100)]
    outputs: Annotated[list[Output], msgspec.Meta(min_length=1, max_length=100)]
    labels: Annotated[list[Name], msgspec.Meta(max_length=100_000)] | None = None
    examples: Annotated[list[Example], msgspec.Meta(min_length=1, max_length=100)]
    tolerance: Annotated[float, msgspec.Meta(ge=0, le=0.1)] = 1e-4


class Served(msgspec.Struct, kw_only=True, frozen=True):
    """The part that serving needs.

    batched tells whether instances may be run together, and divides whether the graph may divide
    whole numbers.
    """

    inputs: list[Input]
    outputs: list[Output]
    batched: bool
    divides: bool = False
