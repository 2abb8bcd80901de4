"""What a recogniser of faces takes and gives, for one image or for two."""

from collections.abc import Mapping, Sequence
from typing import Any

from common.signature import Input, Output, Signature
from tasks.face_recognition.serving import OTHER, THRESHOLD
from tasks.framework.signatures import IMAGE


def signature(inputs: Mapping[str, Any], labels: Sequence[str] | None) -> Signature:
    return Signature(
        [
            IMAGE,
            Input(OTHER, "image", nullable=True),
            Input(THRESHOLD, "number", nullable=True),
        ],
        [
            Output("label", "text", nullable=True),
            Output("same", "boolean", nullable=True),
            Output("similarity", "number", nullable=True),
            Output("threshold", "number"),
            Output("box", "object", nullable=True),
            Output("other_box", "object", nullable=True),
        ],
    )


def encoding(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Empty: graphs are one part of several here."""
    return {}
