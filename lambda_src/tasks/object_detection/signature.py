"""What a detector takes and gives."""

from collections.abc import Mapping, Sequence
from typing import Any

from common.signature import Input, Signature
from tasks.framework.signatures import IMAGE, detected
from tasks.images.boxes import MIN_SCORE


def signature(inputs: Mapping[str, Any], labels: Sequence[str] | None) -> Signature:
    return Signature([IMAGE, Input(MIN_SCORE, "number", nullable=True)], detected())


def encoding(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """How pictures become the graph's images, and what its detections are."""
    side = inputs["side"]
    return {
        "inputs": {
            "images": f"uint8 of shape (images, {side}, {side}, 3): RGB, resized in their shape "
            f"until the longer side has {side} pixels, bilinear, in the upper left of a square of "
            "the grey 127"
        },
        "outputs": {
            "detections": "float32 of shape (objects, 7): number of the image, number of the "
            "label, score, and left, top, right, bottom as shares of the longer side"
        },
    }
