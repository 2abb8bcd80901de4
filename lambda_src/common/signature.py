"""What a model takes and gives: typed fields of instances and of predictions, in a stable order."""

from typing import Any, Literal

import msgspec

type Shape = list[int | None]
"""Lengths of the axes; null where one varies, empty for a single value."""


class Input(msgspec.Struct, frozen=True, omit_defaults=True):
    """A field of an instance.

    A nullable one can be null or left out. categories are the values that a category is known to
    have. form is how dates and numbers are written where that is not the usual way. dtype is that
    of the graph's input, for models that were trained elsewhere.
    """

    name: str
    type: Literal["number", "boolean", "category", "datetime", "text", "identifier", "image"]
    nullable: bool = False
    shape: Shape = []
    categories: list[str] | None = None
    form: dict[str, Any] | None = None
    dtype: str | None = None


class Output(msgspec.Struct, frozen=True, omit_defaults=True):
    """A field of a prediction; one with labels is an object with a value for each label."""

    name: str
    type: Literal["number", "boolean", "text", "object"]
    shape: Shape = []
    labels: list[str] | None = None
    nullable: bool = False


class Signature(msgspec.Struct, frozen=True):
    """The fields of a model's instances and predictions."""

    inputs: list[Input]
    outputs: list[Output]
