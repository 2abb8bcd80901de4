"""What a picture shows, as the column objects of a dataset holds it."""

from collections.abc import Iterable

import msgspec

DIGITS = 5
"""Decimals of a share: a hundredth of a pixel of the largest image that is stored."""


class Object(msgspec.Struct, frozen=True, order=True):
    """A label and its box, in shares of the image's width and height from its upper left."""

    label: str
    x: float
    y: float
    width: float
    height: float


def encode(objects: Iterable[Object]) -> str:
    """Objects as JSON, whatever order they come in."""
    return msgspec.json.encode(sorted(objects)).decode()


def decode(text: str) -> list[Object]:
    return msgspec.json.decode(text, type=list[Object])
