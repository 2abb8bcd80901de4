"""manifest.json of a model that is brought: what goes in, what comes out, and examples of both."""

from typing import Annotated, Any, Literal

import msgspec

DType = Literal["float32", "float64", "float16", "int64", "int32", "uint8", "bool", "string"]

Length = Annotated[int, msgspec.Meta(ge=1, le=20_000_000)]


class Input(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """One input of the graph, and the codec that makes it of a field of the same name.

    shape is that of one instance, without the batch's axis; null where it varies. mean and std
    are numbers, or one for each place of the first axis: values become (value - mean) / std.
    vocabulary is for the codec characters.
    """

    name: str
    codec: Literal["tensor", "characters"] = "tensor"
    dtype: DType = "float32"
    shape: list[Length | None]
    mean: float | list[float] = 0.0
    std: float | list[float] = 1.0
    vocabulary: str = ""


class Output(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """One output of the graph, and the codec that makes an answer of it."""

    name: str
    codec: Literal["tensor", "labels"] = "tensor"
    activation: Literal["none", "softmax"] = "none"


class Example(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An instance as callers send it, and what the graph must make of it, by output."""

    instance: dict[str, Any]
    outputs: Annotated[dict[str, Any], msgspec.Meta(min_length=1)]


class Spec(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """All of manifest.json; tolerance is of the examples' numbers, relative where above 1."""

    inputs: Annotated[list[Input], msgspec.Meta(min_length=1, max_length=100)]
    outputs: Annotated[list[Output], msgspec.Meta(min_length=1, max_length=100)]
    labels: list[str] | None = None
    examples: Annotated[list[Example], msgspec.Meta(min_length=1, max_length=100)]
    tolerance: Annotated[float, msgspec.Meta(ge=0, le=0.1)] = 1e-4


class Served(msgspec.Struct, kw_only=True, frozen=True):
    """The part that serving needs; batched tells whether instances may be run together."""

    inputs: list[Input]
    outputs: list[Output]
    batched: bool
