"""The images that callers send among their instances."""

import base64
import binascii
from collections.abc import Callable, Iterable
from typing import Any

from PIL import Image

from tasks.framework.answers import Report, short
from tasks.images.budget import PixelBudget
from tasks.images.decoding import BadImage, Decoded, decode, decode_near


def read_images(
    rows: Iterable[tuple[int, Any]],
    field: str,
    side: int,
    report: Report,
    budget: PixelBudget,
    white: int | None,
) -> list[Image.Image]:
    """The images of numbered instances, as decode_near has them.

    Reports an error for every instance that has no image, and fields beside it.
    """
    found: list[Image.Image] = []
    for row, instance in rows:
        if not check_fields(report, row, instance, field, frozenset()):
            continue
        try:
            found.append(read_near(instance.get(field), side, budget, white).image)
        except BadImage as error:
            report.error(row, field, f"The image {error}.")
    return found


def check_fields(
    report: Report, row: int, instance: Any, field: str, others: frozenset[str]
) -> bool:
    """Whether an instance is an object; reports when not, and fields that are none of these."""
    if isinstance(instance, dict):
        report.unknown(row, instance, {field, *others})
        return True
    report.error(row, None, f"Expected an object with the field {field!r}, got {short(instance)}.")
    return False


def read_image(
    value: Any, max_side: int, budget: PixelBudget | None = None, white: int | None = None
) -> Decoded:
    """What an instance holds as an image: base64, bytes, or what reads them. Raises BadImage."""
    return _decoded(value, lambda data: decode(data, max_side, budget, white))


def read_near(
    value: Any, side: int, budget: PixelBudget | None = None, white: int | None = None
) -> Decoded:
    """As read_image, decoded by decode_near. Raises BadImage."""
    return _decoded(value, lambda data: decode_near(data, side, budget, white))


def _decoded(value: Any, decoder: Callable[[bytes], Decoded]) -> Decoded:
    data = _bytes(value)
    try:
        return decoder(data)
    except BadImage as error:
        if not isinstance(value, str):
            raise
        from tasks.images.base64_text import explained  # only errors need it

        raise explained(value, data, error) from None


def _bytes(value: Any) -> bytes:
    if callable(value):
        value = value()
    if isinstance(value, bytes):
        return value
    if isinstance(value, str) and value:
        try:
            return base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            pass
    from tasks.images.base64_text import read_other  # plain base64 does not need it

    return read_other(value)
