"""A model's signature: the typed fields of instances and of predictions, in a stable order."""

from typing import Any, Literal

import msgspec

type Shape = list[int | None]
"""The lengths of the axes: null for one that varies, an empty list for a single value."""


class Input(msgspec.Struct, frozen=True, omit_defaults=True):
    """A field of an instance.

    A nullable field can be null or left out. categories are the known values of a category. form
    describes how dates and numbers are written, where that is unusual. dtype is the type of the
    graph's input, for models that were trained elsewhere.
    """

    name: str
    type: Literal["number", "boolean", "category", "datetime", "text", "identifier", "image"]
    nullable: bool = False
    shape: Shape = []
    categories: list[str] | None = None
    form: dict[str, Any] | None = None
    dtype: str | None = None


class Output(msgspec.Struct, frozen=True, omit_defaults=True):
    """A field of a prediction. If it has labels, it is an object with a value for each label."""

    name: str
    type: Literal["number", "boolean", "text", "object"]
    shape: Shape = []
    labels: list[str] | None = None
    nullable: bool = False


class Signature(msgspec.Struct, frozen=True):
    """The fields of a model's instances and predictions."""

    inputs: list[Input]
    outputs: list[Output]
