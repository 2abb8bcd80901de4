"""What an image classifier takes and gives."""

from collections.abc import Mapping, Sequence
from typing import Any

from common.signature import Signature
from tasks.framework.signatures import IMAGE, labelled


def signature(inputs: Mapping[str, Any], labels: Sequence[str] | None) -> Signature:
    return Signature([IMAGE], labelled(labels))


def encoding(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """How pictures become the graph's images."""
    side, channels = inputs["side"], inputs["channels"]
    return {
        "inputs": {
            "images": f"uint8 of shape (images, {side}, {side}, {channels}): "
            f"{'grey' if channels == 1 else 'RGB'}, resized to a square whatever their shape, "
            "bilinear"
        },
        "outputs": {"probabilities": "float32 of shape (images, labels)"},
    }
