"""The images that callers send among their instances."""

import base64
import binascii
from collections.abc import Iterable
from typing import Any

from PIL import Image

from tasks.shared.images.decoding import BadImage, Decoded, decode, decode_near
from tasks.shared.serving.answers import Report, short


def read_images(
    rows: Iterable[tuple[int, Any]], field: str, side: int, report: Report
) -> list[Image.Image]:
    """The images of numbered instances, as decode_near has them.

    Reports an error for every instance that has no image, and fields beside it.
    """
    found: list[Image.Image] = []
    for row, instance in rows:
        if not check_fields(report, row, instance, field, frozenset()):
            continue
        try:
            found.append(read_near(instance.get(field), side).image)
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


def read_image(value: Any, max_side: int) -> Decoded:
    """What an instance holds as an image: base64, bytes, or what reads them. Raises BadImage."""
    return decode(_bytes(value), max_side)


def read_near(value: Any, side: int) -> Decoded:
    """As read_image, decoded by decode_near. Raises BadImage."""
    return decode_near(_bytes(value), side)


def _bytes(value: Any) -> bytes:
    if callable(value):
        value = value()
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str) or not value:
        raise BadImage(f"is expected as base64, got {short(value)}")
    text = value.partition(",")[2] if value.startswith("data:") else value
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadImage(f"is not base64: {short(value)}") from None
