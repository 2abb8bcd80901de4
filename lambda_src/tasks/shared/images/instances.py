"""The images that callers send among their instances."""

import base64
import binascii
from collections.abc import Sequence
from typing import Any

from tasks import InvalidInstances
from tasks.shared.images.decoding import BadImage, Decoded, decode
from tasks.shared.serving.answers import Report, short


def read_images(
    instances: Sequence[Any], field: str, max_side: int, known: frozenset[str] = frozenset()
) -> tuple[list[Decoded], Report]:
    """The image of every instance, no side longer than max_side.

    An image is base64 text, as JSON has to have it, or bytes. Fields beside it that are not
    known are warned of. Raises InvalidInstances with an error per instance that has no image.
    """
    report = Report()
    found: list[Decoded] = []
    for row, instance in enumerate(instances):
        if not check_fields(report, row, instance, field, known):
            continue
        try:
            found.append(read_image(instance.get(field), max_side))
        except BadImage as error:
            report.error(row, field, f"The image {error}.")
    if report.errors:
        raise InvalidInstances(report.errors)
    return found, report


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
    """What was sent as an image, base64 text or bytes. Raises BadImage."""
    return decode(_bytes(value), max_side)


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str) or not value:
        raise BadImage(f"is expected as base64, got {short(value)}")
    text = value.partition(",")[2] if value.startswith("data:") else value
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadImage(f"is not base64: {short(value)}") from None
