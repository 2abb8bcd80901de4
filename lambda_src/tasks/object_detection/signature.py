"""What a detector takes and gives."""

from collections.abc import Mapping, Sequence
from typing import Any

from common.signature import Input, Signature
from tasks.framework.signatures import IMAGE, detected
from tasks.images.boxes import MIN_SCORE


def signature(inputs: Mapping[str, Any], labels: Sequence[str] | None) -> Signature:
    return Signature([IMAGE, Input(MIN_SCORE, "number", nullable=True)], detected())
